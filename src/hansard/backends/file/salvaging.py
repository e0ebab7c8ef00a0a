"""What can still be read of a damaged log: its whole lines, and a word for each stretch between them that can't be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...codec.line import decode_line
from ...errors import Corrupt
from ...model.entry import Entry
from . import scan, sources

GAP: Final = "x-hansard.gap"
"""Kind of the entry that stands for what could not be read."""


def salvage(source: sources.Source, after: int, before: int | None) -> Iterator[Entry]:
    """The readable entries of a source in order; each damaged stretch becomes one entry of kind `x-hansard.gap`."""
    # Of the log of an origin, damaged or not, only the lines up to the fork's own count.
    if source.limit is not None:
        before = source.limit if before is None else min(before, source.limit)
    last = after
    gap: tuple[int, int] | None = None
    with sources.opened_as_found(source) as fd:
        for offset, line in scan.raw_lines(fd, 0, source.end if source.damage is None else None):
            entry = _readable(line)
            if entry is None:
                gap = (offset, len(line)) if gap is None else (gap[0], offset + len(line) - gap[0])
                continue
            if entry.seq <= after or (before is not None and entry.seq >= before):
                gap = None
                continue
            if gap is not None:
                yield _gap(source, last, gap)
                gap = None
            last = entry.seq
            yield entry
    if gap is not None:
        yield _gap(source, last, gap)


def _readable(line: bytes) -> Entry | None:
    try:
        entry = decode_line(line)
        scan.verify_body(line, entry)
    except (ValueError, Corrupt):
        return None
    return entry


def _gap(source: sources.Source, after: int, gap: tuple[int, int]) -> Entry:
    body = {"path": str(source.path), "offset": gap[0], "bytes": gap[1], "after": after}
    return Entry(after + 1, f"gap:{gap[0]}", "", GAP, body)
