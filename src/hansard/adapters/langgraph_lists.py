"""Lists that grow: each version is written as what it takes from an earlier one, and what is new. Pure.

A piece is a slice of the list in another record, `[seq, start, stop]`, or what is new: `{"i": [item, …]}`. An item is
the number of the entry that holds it, or a description of the value itself. A list of 10,000 messages to which one was
added is one slice and one number.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
Piece: TypeAlias = "list[int] | dict[str, list[Json]]"
"""As it is written."""

Element: TypeAlias = "int | tuple[int, int]"
"""Of a list: the number of the entry that holds it, or (number of a record, which of its new items)."""

_RUN_MIN: Final = 4
"""A slice shorter than this costs more bytes than the numbers of its elements."""


def pieces_of(
    old: Sequence[Hashable], new: Sequence[Hashable], items: Sequence[Json], source: int, same: int
) -> list[Piece]:
    """The pieces of a list whose elements have the keys `new`, on the ground of the list `old` in record `source`.

    The first `same` elements are known to be those of `old`; `items` describes the others.
    """
    pieces: list[Piece] = [[source, 0, same]] if same else []
    fresh: list[Json] = []
    where: dict[Hashable, int] = {} if same == len(old) else {key: place for place, key in enumerate(old)}
    place = same
    while place < len(new):
        start = where.get(new[place])
        run = 0 if start is None else _run(old, new, start, place)
        if start is not None and run >= (_RUN_MIN if isinstance(items[place - same], int) else 1):
            if fresh:
                pieces.append({"i": fresh})
                fresh = []
            pieces.append([source, start, start + run])
            place += run
        else:
            fresh.append(items[place - same])
            place += 1
    if fresh:
        pieces.append({"i": fresh})
    return pieces


def _run(old: Sequence[Hashable], new: Sequence[Hashable], start: int, place: int) -> int:
    run = 0
    while start + run < len(old) and place + run < len(new) and old[start + run] == new[place + run]:
        run += 1
    return run


def items_of(pieces: Sequence[Piece]) -> list[Json]:
    """The new items of a record, in their order."""
    return [item for piece in pieces if isinstance(piece, dict) for item in piece["i"]]


def lightened(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with None in place of each new item that is no number: all that must be known to find elements."""
    return [
        {"i": [item if type(item) is int else None for item in piece["i"]]} if isinstance(piece, dict) else piece
        for piece in pieces
    ]


def elements_of(seq: int, record: Callable[[int], Sequence[Piece]]) -> list[Element]:
    """The elements of the list in record `seq`; `record` gives the pieces of any. Costs the records and the elements."""
    found: list[Element] = []
    waiting: list[tuple[int, int, int | None]] = [(seq, 0, None)]
    """Slices that are still to be looked up, the first one last; a negative number means new items of that record."""
    while waiting:
        at, start, stop = waiting.pop()
        if at > 0:
            waiting += reversed(_parts(at, record(at), start, stop))
            continue
        items = items_of(record(-at))
        found += [item if type(item) is int else (-at, place) for place, item in enumerate(items[start:stop], start)]
    return found


def _parts(seq: int, pieces: Sequence[Piece], start: int, stop: int | None) -> list[tuple[int, int, int | None]]:
    """Where the elements `start` to `stop` of a list come from, in their order."""
    parts: list[tuple[int, int, int | None]] = []
    place = new = 0
    for piece in pieces:
        fresh = isinstance(piece, dict)
        size = len(piece["i"]) if fresh else piece[2] - piece[1]
        first, last = max(start - place, 0), size if stop is None else min(stop - place, size)
        if first < last:
            source, base = (-seq, new) if fresh else (piece[0], piece[1])
            parts.append((source, base + first, base + last))
        new += size if fresh else 0
        place += size
    return parts
