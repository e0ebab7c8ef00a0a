"""Where the entries before a fork's own lie: in the logs of the sessions it was forked from, or in a copy of them.

A fork's first line names its segments. A segment is read from its session's log while that lives; once it is gone, from
the `prefix.jsonl` that the deletion left beside the log of the next one in line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...codec.line import decode_line
from ...errors import Corrupt
from ...model.info import Segment
from . import scan, sources
from .layout import PREFIX, Layout


def inherited(layout: Layout, place: str, segments: Sequence[Segment], *, around: bool = False) -> list[sources.Source]:
    """The sources of all entries before the first line of the fork at `place`, oldest first.

    Whoever was left a copy of what is before its own lines shows the copy: something may have been erased in it since.
    To read `around` damage, a source of which it hides the end is given with it, to be salvaged.

    Raises:
        Corrupt: a segment's session is gone and left no prefix, or damage hides where its lines end.
    """
    found: list[sources.Source] = []
    owner = place
    for index in range(len(segments) - 1, -1, -1):
        segment = segments[index]
        copied = _prefix(layout, owner, segment)
        if copied is None:
            first = segments[index - 1].last + 1 if index else 1
            origin = layout.find(segment.session)
            source = None if origin is None else _holding(layout.log(origin), segment, first, around=around)
            if origin is not None and source is not None:
                found.append(source)
                owner = origin
                continue
            # It may have been deleted a moment ago, and have left a copy before.
            copied = _prefix(layout, owner, segment)
        if copied is None:
            path = layout.folder(owner) / PREFIX
            msg = (
                f"{path}: entries 1 to {segment.last} belong to session {segment.session!r}, which is gone, and their "
                "copy is missing. Restore the file from a backup"
            )
            raise Corrupt(msg, path=str(path))
        return [copied, *reversed(found)]
    return found[::-1]


def holders(layout: Layout, segments: Sequence[Segment]) -> Iterator[tuple[Path, Segment]]:
    """(folder, segment) of each segment whose session still has its last line in its own log."""
    for segment in segments:
        place = layout.find(segment.session)
        if place is not None and _holding(layout.log(place), segment, 1) is not None:
            yield layout.folder(place), segment


def _holding(path: Path, segment: Segment, first: int, *, around: bool = False) -> sources.Source | None:
    """The source for a segment if that log still holds its last line, under the same hash.

    Raises:
        Corrupt: damage hides whether it does.
    """
    try:
        with sources.opened(path) as fd:
            now = os.fstat(fd)
            start = scan.offset_of(fd, segment.last, now.st_size)
            _, line = next(scan.raw_lines(fd, start), (0, b""))
            if not line:
                return None
            entry = decode_line(line)
            if entry.seq != segment.last or entry.hash != segment.hash:
                return None
            _, begins = next(scan.raw_lines(fd, 0), (0, b""))
            hash_ = decode_line(begins).hash
            return sources.Source(path, first, segment.last, start + len(line), first, inode=now.st_ino, begins=hash_)
    except FileNotFoundError:
        return None
    except (Corrupt, ValueError) as error:
        msg = (
            f"{path}: {error}. Entries up to {segment.last} of session {segment.session!r} are read there. "
            "Run `hansard check`, and restore the file from a backup; read on with on_damage='skip'"
        )
        damage = Corrupt(msg, path=str(path))
        if around:
            return sources.Source(path, first, segment.last, 0, first, damage, limit=segment.last + 1)
        raise damage from None


def _prefix(layout: Layout, owner: str, segment: Segment) -> sources.Source | None:
    path = layout.folder(owner) / PREFIX
    try:
        with sources.opened(path) as fd:
            now = os.fstat(fd)
            end = scan.offset_of(fd, segment.last + 1, now.st_size)
    except FileNotFoundError:
        return None
    return sources.Source(path, 1, segment.last, end, inode=now.st_ino)
