"""How lines become rows: those of one append share a row where their ids were drawn together.

A row costs the server more than a line: one place in the table and one in each of its two indexes. Ids that are drawn
together differ only in what counts on, so what they share finds all of them. A row has the number of its first line, and
holds the lines as they are, one behind the other, each with its end. It never holds lines of two commits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from ...model.entry import Entry
from .rows import raw

_LINES_MAX: Final = 16
_BYTES_MAX: Final = 65_536
"""Who wants one line gets the row, and who erases one writes it anew."""
_TAIL: Final = 19
_DRAWN: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SHARED: Final = b"\xff"
"""Begins the key of a row of several lines; no id has such a byte."""


class Rows(msgspec.Struct, frozen=True):
    """Lines as they are stored."""

    seqs: list[int]
    """Of the first line of each."""
    keys: list[bytes]
    """What an entry is found by: its id, or what the ids of all entries in the row share."""
    lines: list[bytes]


def one_by_one(entries: Sequence[Entry], lines: Sequence[bytes]) -> Rows:
    """A row for each line."""
    return Rows([entry.seq for entry in entries], [raw(entry.id) for entry in entries], list(lines))


def packed(entries: Sequence[Entry], lines: Sequence[bytes]) -> Rows:
    """Rows for the lines of one commit: few, where the lines are small.

    The ids must have been drawn by `new_ids` for this commit; only then a row's key finds all that is in it.
    """
    seqs: list[int] = []
    keys: list[bytes] = []
    data: list[bytes] = []
    start, count = 0, len(entries)
    while start < count:
        first, end = entries[start], start + 1
        tail = first.id[_TAIL:] if _DRAWN.fullmatch(first.id) is not None else None
        while tail is not None and end < count and entries[end].id.endswith(tail):
            end += 1
        together = b"".join(lines[start:end])
        if tail is not None and 1 < end - start <= _LINES_MAX and len(together) <= _BYTES_MAX:
            seqs.append(first.seq)
            keys.append(_SHARED + tail.encode())
            data.append(together)
        else:
            single = one_by_one(entries[start:end], lines[start:end])
            seqs += single.seqs
            keys += single.keys
            data += single.lines
        start = end
    return Rows(seqs, keys, data)


def _shared(identity: str) -> bytes:
    """What an id shares with those that were drawn together with it; nothing if it was not drawn."""
    return _SHARED + identity[_TAIL:].encode() if _DRAWN.fullmatch(identity) is not None else b""


def keys_of(ids: Iterable[str]) -> list[bytes]:
    """The keys of the rows that may hold entries with these ids."""
    found = {raw(one): None for one in ids}
    found.update({shared: None for one in ids if (shared := _shared(one))})
    return list(found)


def lines_in(data: bytes) -> list[bytes]:
    """The lines of one row; its last one may lack an end, as after damage."""
    data = bytes(data)
    if data.find(b"\n") + 1 in (0, len(data)):
        return [data]
    pieces = data.split(b"\n")
    lines = [piece + b"\n" for piece in pieces[:-1]]
    return [*lines, pieces[-1]] if pieces[-1] else lines


def line_at(seq: int, first: int, data: bytes) -> bytes | None:
    """The line with a number, of the row that begins with `first`; None if it is not there."""
    lines = lines_in(data)
    return lines[seq - first] if 0 <= seq - first < len(lines) else None
