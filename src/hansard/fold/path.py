"""The visible path while a log is read: its ranges and what it counts, in constant time a node.

The path is the way from the root to the head. It is kept as ranges of seq; a range reaches from behind the last node
that is not on the path to before the next such node. A seq in a range stands for the last node of the path that is not
after it; any other seq for the last node before it in the log.

Without the tree, a step back is exact as far as the last nodes are remembered. What can't be known then is said by
`lost`, and a path with the tree, made from the whole log, knows it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final, TypeAlias

import msgspec

from .tree import NOTHING, Counts, Cut, Ranges, Tree, step

WINDOW: Final = 256
"""Nodes of the path that are remembered with what was counted before each."""

_Step: TypeAlias = tuple[int, int, Counts, int]
"""A node of the path: its seq, that of the node before it on the path, the counts before it, its role code."""


class Trail(msgspec.Struct, omit_defaults=True):
    """The path as it is dumped: small, whatever the length of the log."""

    head: int = 0
    first: int = 0
    """The first node of the log, on the path or not; 0 before there is one."""
    last: int = 0
    """The last node of the log."""
    base: int = 0
    """The compaction that the path starts at; 0 without one."""
    closed: Ranges = ()
    """The ranges but the one at `base` and the last."""
    open_from: int = 1
    """Where the last range begins; it has no end."""
    anchored: bool = False
    """The last range holds a node of the path, or begins right behind `base`."""
    counts: Counts = NOTHING
    summary: str | None = None
    archive: str | None = None
    lost: bool = False
    """Something happened that can't be known without the tree; what is said here may not hold."""


class Path:
    """The visible path after each entry. With `tree` all of it is exact."""

    __slots__ = ("_dirty", "_shared", "_tree", "_window", "trail")

    def __init__(self, trail: Trail | None = None, *, tree: bool = False) -> None:
        self.trail: Trail = trail or Trail()
        self._window: list[_Step] = []
        self._tree: Tree | None = Tree() if tree else None
        self._shared = False
        self._dirty = False

    def copy(self) -> Path:
        """An equal path; a change of one does not show in the other."""
        other = Path.__new__(Path)
        other.trail = msgspec.structs.replace(self.trail)
        # The table is copied by whichever of the two first adds a node.
        self._shared = self._tree is not None
        other._window, other._shared = self._window.copy(), self._shared  # noqa: SLF001 - of its own class
        other._tree, other._dirty = self._tree, self._dirty  # noqa: SLF001 - the same
        return other

    @property
    def tree(self) -> Tree | None:
        """The table of all nodes, to be read only; None without it."""
        return self._tree

    def light(self) -> Path:
        """The same path without the table, as exact for the last nodes."""
        if self._tree is None:
            return self.copy()
        self._refresh()
        other = Path(msgspec.structs.replace(self.trail))
        window: list[_Step] = []
        route = self._tree.route(self._tree.before(self.trail.head))
        counts, previous = NOTHING, 0
        for index in route.nodes:
            if previous < self.trail.base < self._tree.seqs[index]:
                previous = self.trail.base
            window.append((self._tree.seqs[index], previous, counts, self._tree.code(index)))
            counts, previous = step(counts, self._tree.code(index)), self._tree.seqs[index]
        other._window = window[-WINDOW:]
        return other

    def add(self, seq: int, parent: int | None, code: int, at: str, cut: Cut | None) -> None:
        """A node: behind the head, or aside if it names another parent."""
        trail = self.trail
        follows = parent is None or parent == trail.head or self._is_head(parent)
        trail.first = trail.first or seq
        trail.last = seq
        tree = self._tree
        if tree is not None:
            if self._shared:
                tree = self._tree = tree.copy()
                self._shared = False
            behind = trail.head if follows or parent is None else parent
            counts = tree.add(seq, self._index(behind), code, at, cut)
            if follows:
                self._follow_in_tree(seq, counts, cut)
            else:
                self._close(seq)
        elif not follows:
            self._close(seq)
        elif cut is not None:
            self._cut(seq, cut)
        else:
            self._window.append((seq, trail.head, trail.counts, code))
            if len(self._window) >= 2 * WINDOW:
                del self._window[:-WINDOW]
            trail.counts = step(trail.counts, code)
            trail.head = seq
            trail.anchored = True

    def move(self, to: int) -> None:
        """Move the head: the path ends at the node that `to` stands for; 0 is before the first."""
        trail = self.trail
        if self._tree is not None:
            index = self._index(to)
            trail.head, trail.counts = self._tree.seq(index), self._tree.counts(index)
            base = self._tree.base(index)
            trail.base = self._tree.seq(base)
            cut = self._tree.cuts.get(base)
            trail.summary, trail.archive = (None, None) if cut is None else (cut.summary, cut.archive)
            self._dirty = True
        elif to < max(trail.first, 1):
            self._window.clear()
            self.trail = Trail(first=trail.first, last=trail.last, open_from=trail.last + 1, lost=trail.lost)
        elif to == trail.head or self._is_head(to):
            return
        elif to < trail.base or not self.holds(to) or not self._step_back(to):
            trail.lost = True
            trail.head = to

    def holds(self, seq: int) -> bool:
        """Whether a seq is on the path."""
        self._refresh()
        trail = self.trail
        if seq >= trail.open_from or (seq == trail.base and seq > 0):
            return True
        place = bisect_right(trail.closed, seq, key=_first)
        return place > 0 and seq <= trail.closed[place - 1][1]

    def ranges(self) -> tuple[tuple[int, int | None], ...]:
        """The ranges in the order of reading."""
        self._refresh()
        trail = self.trail
        start = ((trail.base, trail.base),) if trail.base else ()
        return (*start, *trail.closed, (trail.open_from, None))

    def _is_head(self, seq: int) -> bool:
        """Whether a seq that is not the head's own stands for the head."""
        trail = self.trail
        if seq < max(trail.first, 1):
            return trail.head == 0
        return seq > trail.head and self.holds(seq)

    def _index(self, seq: int) -> int:
        """Index in the tree of the node that a seq stands for."""
        tree = self._tree or Tree()
        if seq < 1:
            return -1
        index = tree.before(seq)
        if index < 0 or tree.seqs[index] == seq:
            return index
        return tree.upwards(tree.before(self.trail.head), seq) if self.holds(seq) else index

    def _follow_in_tree(self, seq: int, counts: Counts, cut: Cut | None) -> None:
        trail = self.trail
        trail.head, trail.counts = seq, counts
        if cut is None:
            trail.anchored = True
        else:
            trail.base, trail.summary, trail.archive = seq, cut.summary, cut.archive
            self._dirty = True

    def _refresh(self) -> None:
        """Have the ranges follow the tree after a move."""
        if self._dirty and self._tree is not None:
            self._dirty = False
            trail = self.trail
            route = self._tree.route(self._tree.before(trail.head))
            trail.closed, trail.open_from, trail.anchored = self._tree.ranges(route)

    def _close(self, seq: int) -> None:
        """A node beside the path ends the last range before it and begins a new one behind it."""
        if self._dirty:
            return
        trail = self.trail
        if trail.anchored and trail.open_from < seq:
            trail.closed = (*trail.closed, (trail.open_from, seq - 1))
        trail.open_from, trail.anchored = seq + 1, False

    def _cut(self, seq: int, cut: Cut) -> None:
        """A compaction on the path, which begins there anew, with what is kept."""
        trail = self.trail
        kept = self._since(cut.keep)
        trail.lost |= kept is None
        closed: list[tuple[int, int]] = []
        window: list[_Step] = []
        counts, previous = NOTHING, 0
        for place, _, _, code in kept or ():
            window.append((place, previous, counts, code))
            counts, previous = step(counts, code), place
        last = ((trail.open_from, seq - 1),) if trail.anchored else ()
        for first, end in (*trail.closed, *last):
            start = max(first, cut.keep)
            place = bisect_left(window, start, key=_first)
            if place < len(window) and window[place][0] <= end:
                closed.append((start, end))
        self._window = window
        self.trail = Trail(
            head=seq,
            first=trail.first,
            last=trail.last,
            base=seq,
            closed=tuple(closed),
            open_from=seq + 1,
            anchored=True,
            counts=counts,
            summary=cut.summary,
            archive=cut.archive,
            lost=trail.lost,
        )

    def _since(self, keep: int) -> list[_Step] | None:
        """The nodes of the path from `keep` on; None if they are not all remembered."""
        trail, window = self.trail, self._window
        if trail.head < keep:
            return []
        place = bisect_left(window, keep, key=_first)
        if place > 0 or (window and window[0][1] < keep):
            return window[place:]
        starts_behind_base = (window[0][1] if window else trail.head) == trail.base
        has_kept = bool(trail.closed) and trail.closed[0][0] < trail.base
        return window if starts_behind_base and not has_kept else None

    def _step_back(self, to: int) -> bool:
        """End the path at what `to` stands for, if the nodes behind it are remembered; False if not."""
        trail, window = self.trail, self._window
        place = bisect_right(window, to, key=_first)
        if place == len(window) or window[place][1] > to:
            return False
        gone, head, counts, _ = window[place]
        closed: list[tuple[int, int]] = []
        for first, end in (*trail.closed, (trail.open_from, trail.last)):
            stop = min(end, gone - 1) if first > trail.base else end
            if first <= stop and (stop == end < gone or first <= head or first == trail.base + 1 > 1):
                closed.append((first, stop))
        del window[place:]
        trail.closed, trail.open_from, trail.anchored = tuple(closed), trail.last + 1, False
        trail.head, trail.counts = head, counts
        return True


def _first(item: tuple[int, ...] | _Step) -> int:
    return item[0]
