"""The tree of all nodes, compactly: what makes every move of the head exact, at about 40 bytes a node.

Nodes are messages and compactions. They are held by index in the order of the log, so that a parent always stands
before its children. Each node knows what the path to it counts, so a move of the head costs no walk.
"""

from __future__ import annotations

import copy
from array import array
from bisect import bisect_right
from typing import Final, TypeAlias

import msgspec

PLAIN: Final = 0
"""Role code of a node that shows nothing: an erased message, a compaction that says nothing."""
OTHER: Final = 1
USER: Final = 2
ASSISTANT: Final = 3
CODES: Final = {"user": USER, "assistant": ASSISTANT}

_WAITING: Final = 8

Counts: TypeAlias = tuple[int, int, int, bool]
"""Messages, user messages, exchanges of a path, and whether a user message at its end waits for an answer."""

NOTHING: Final[Counts] = (0, 0, 0, False)

Ranges: TypeAlias = tuple[tuple[int, int], ...]


class Cut(msgspec.Struct, frozen=True):
    """What a compaction does to the path: it starts there, with what was visible from `keep` on."""

    keep: int
    summary: str | None = None
    archive: str | None = None


class Route(msgspec.Struct, frozen=True):
    """The visible path to a node, as indexes in the order of the log."""

    nodes: list[int]
    """Without the compaction that it starts at."""
    base: int
    """That compaction; -1 if there is none."""
    keep: int
    """The first seq that this compaction, and all that it covers, has kept; 0 without one."""


def step(counts: Counts, code: int) -> Counts:
    """The counts of a path that is longer by a node with this role code."""
    messages, users, exchanges, waiting = counts
    if code == USER:
        return messages + 1, users + 1, exchanges, True
    if code == ASSISTANT:
        return messages + 1, users, exchanges + waiting, False
    return (messages + 1, users, exchanges, waiting) if code == OTHER else counts


class Tree:
    """All nodes of a log. Index -1 stands for the place before the first."""

    __slots__ = ("_bases", "_codes", "_exchanges", "_messages", "_users", "ats", "cuts", "parents", "seqs")

    def __init__(self) -> None:
        self.seqs = array("q")
        self.parents = array("q")
        self.ats: list[str] = []
        self.cuts: dict[int, Cut] = {}
        """The compactions by index."""
        self._bases = array("q")
        self._codes = bytearray()
        self._messages = array("q")
        self._users = array("q")
        self._exchanges = array("q")

    def copy(self) -> Tree:
        """An equal tree; a change of one does not show in the other."""
        other = Tree.__new__(Tree)
        for name in Tree.__slots__:
            setattr(other, name, copy.copy(getattr(self, name)))
        return other

    def __len__(self) -> int:
        return len(self.seqs)

    def before(self, seq: int) -> int:
        """Index of the last node with at most this seq."""
        return bisect_right(self.seqs, seq) - 1

    def seq(self, index: int) -> int:
        """The seq of a node; 0 before the first."""
        return self.seqs[index] if index >= 0 else 0

    def code(self, index: int) -> int:
        """The role code of a node."""
        return self._codes[index] & ~_WAITING

    def base(self, index: int) -> int:
        """Index of the compaction that the path to a node starts at, -1 without one."""
        return self._bases[index] if index >= 0 else -1

    def counts(self, index: int) -> Counts:
        """What the visible path to a node counts."""
        if index < 0:
            return NOTHING
        waiting = bool(self._codes[index] & _WAITING)
        return self._messages[index], self._users[index], self._exchanges[index], waiting

    def add(self, seq: int, parent: int, code: int, at: str, cut: Cut | None) -> Counts:
        """Add a node behind the node at index `parent`; the counts of the path to it."""
        index = len(self.seqs)
        if cut is None:
            counts = step(self.counts(parent), code)
            base = self.base(parent)
        else:
            counts, base = NOTHING, index
            for kept in self._kept(parent, cut.keep)[0]:
                counts = step(counts, self.code(kept))
            self.cuts[index] = cut
        self.seqs.append(seq)
        self.parents.append(parent)
        self.ats.append(at)
        self._bases.append(base)
        self._messages.append(counts[0])
        self._users.append(counts[1])
        self._exchanges.append(counts[2])
        self._codes.append(code | (_WAITING if counts[3] else 0))
        return counts

    def upwards(self, index: int, seq: int) -> int:
        """The first node with at most this seq on the way from a node to the root, itself included."""
        while index >= 0 and self.seqs[index] > seq:
            index = self.parents[index]
        return index

    def route(self, index: int) -> Route:
        """The visible path to a node."""
        base = self.base(index)
        nodes: list[int] = []
        while index != base:
            nodes.append(index)
            index = self.parents[index]
        nodes.reverse()
        if base < 0:
            return Route(nodes, -1, 0)
        kept, keep = self._kept(self.parents[base], self.cuts[base].keep)
        return Route(kept + nodes, base, keep)

    def _kept(self, index: int, keep: int) -> tuple[list[int], int]:
        """The nodes that a compaction behind `index` keeps, and from which seq on, those before it included."""
        nodes: list[int] = []
        while index >= 0 and self.seqs[index] >= keep:
            cut = self.cuts.get(index)
            if cut is None:
                nodes.append(index)
            else:
                keep = max(keep, cut.keep)
            index = self.parents[index]
        # A covered compaction further up narrows nothing that is kept, but it may lie right before the walk's end.
        nodes.reverse()
        return nodes, keep

    def ranges(self, route: Route) -> tuple[Ranges, int, bool]:
        """The closed ranges of a route, where its open range begins, and whether that one holds a place of it.

        A range reaches from behind the last node that is not on the path to before the next one, so the entries that
        are no nodes are in the range of the node that they belong to.
        """
        seqs, last = self.seqs, len(self.seqs) - 1
        runs = _runs(route.nodes)
        if route.base >= 0:
            place = next((n for n, (first, _) in enumerate(runs) if first > route.base), len(runs))
            if place == len(runs) or runs[place][0] != route.base + 1:
                runs.insert(place, (route.base + 1, route.base))
        closed: list[tuple[int, int]] = []
        for first, end in runs:
            start = max(seqs[first - 1] + 1 if first else 1, route.keep if first <= route.base else 0)
            if end == last:
                return tuple(closed), start, True
            stop = seqs[end + 1] - 1
            if start <= stop:
                closed.append((start, stop))
        return tuple(closed), (seqs[last] + 1 if last >= 0 else 1), False


def _runs(nodes: list[int]) -> list[tuple[int, int]]:
    """The stretches of indexes without a gap, as (first, last)."""
    runs: list[tuple[int, int]] = []
    first = previous = -2
    for index in nodes:
        if index != previous + 1:
            if first >= 0:
                runs.append((first, previous))
            first = index
        previous = index
    if first >= 0:
        runs.append((first, previous))
    return runs
