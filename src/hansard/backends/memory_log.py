"""One session as the memory backend holds it, and what a list of lines is worth: the reading rules, in their plainest form.

The log ends at its last verifying commit line. What follows is a tail that was never acknowledged, unless a whole group
comes after it: then something in between was damaged.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from ..codec.line import GENESIS, decode_line, digest_of, hash_cut, verify_line
from ..errors import Corrupt
from ..fold import Fold
from ..model.entry import Entry
from ..model.info import Segment

GAP: Final = "x-hansard.gap"
"""Kind of the entry that stands for lines that can't be read."""


class MemoryLog(msgspec.Struct):
    """All that is stored of one session. Its owner's lock guards it."""

    lines: list[bytes] = []
    prefix: list[bytes] = []
    """Of a fork whose origin is gone: every line before its own first."""
    files: dict[str, bytes] = {}
    """Attachments by their SHA-256."""
    attached: dict[str, int] = {}
    """When each was last handed in, by the store's clock."""
    renewed: tuple[int, int] = (0, 0)
    """Fence and time of the last renewal of a lease."""
    fold: Fold | None = None
    """Up to the last line, all of which were verified then; None: not yet. It follows from the lines and is no truth."""

    @property
    def first(self) -> Entry:
        """The first entry, which says what the session is.

        Raises:
            Corrupt: it can't be read.
        """
        try:
            return decode_line(self.lines[0])
        except (ValueError, IndexError):
            msg = "the first line of the log can't be read"
            raise Corrupt(msg, line=1) from None

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Of a fork: where the entries before its first lie."""
        return segments_of(self.first)


def segments_of(first: Entry) -> tuple[Segment, ...]:
    """The segments that a `created` entry names."""
    try:
        return msgspec.convert(first.body.get("segments", ()), tuple[Segment, ...])
    except (msgspec.ValidationError, AttributeError):
        msg = "the first line of the log does not say where the entries before it lie"
        raise Corrupt(msg, line=1) from None


class Reading(msgspec.Struct):
    """What a list of lines holds."""

    entries: list[Entry]
    """Of the whole groups, in order."""
    damage: Corrupt | None = None
    """Why the next line does not count, where a whole group follows it."""
    tail: list[bytes] = []
    """The lines after the last whole group, where none follows."""
    broken: bool = False
    """The tail has a line with an end that does not verify."""


class Reader:
    """Reads a log as its lines come: gives the whole groups, every digest and hash checked, and knows then how it ends."""

    def __init__(self, session: str) -> None:
        """Of this session."""
        self._session = session
        self.count = self.size = 0
        """Of the lines in whole groups, and their bytes."""
        self.last: Entry | None = None
        """Of the last whole group."""
        self.damage: Corrupt | None = None
        """Why the next line does not count, where a whole group follows it."""
        self.tail = 0
        """Bytes after the last whole group, where none follows."""
        self.broken = False
        """The tail has a line with an end that does not verify."""

    def groups(self, lines: Iterable[bytes]) -> Iterator[list[tuple[Entry, bytes]]]:
        """The entries of each whole group, each with its line."""
        coming = iter(lines)
        group: list[tuple[Entry, bytes]] = []
        for line in coming:
            try:
                entry = self._next(line, group)
            except Corrupt as error:
                self._end(error, group, itertools.chain((line,), coming))
                return
            group.append((entry, line))
            if entry.commit is not None:
                self.last = entry
                self.count += len(group)
                self.size += sum(len(one) for _, one in group)
                yield group
                group = []
        self.tail = sum(len(line) for _, line in group)

    def _next(self, line: bytes, group: Sequence[tuple[Entry, bytes]]) -> Entry:
        if not line.endswith(b"\n"):
            msg = "the line has no end"
            raise Corrupt(msg)
        before = group[-1][0] if group else self.last
        entry = verify_first(line) if before is None else verify_line(line, bytes.fromhex(before.hash), before.seq + 1)
        if entry.commit is not None and entry.commit[0] != (group[0][0] if group else entry).seq:
            msg = f"entry {entry.seq} closes a group that begins elsewhere"
            raise Corrupt(msg)
        return entry

    def _end(self, why: Corrupt, group: Sequence[tuple[Entry, bytes]], rest: Iterable[bytes]) -> None:
        """A line does not verify: whether that is damage, or a tail, shows behind it."""
        place, offset = self.count + len(group), self.size + sum(len(line) for _, line in group)
        self.tail = offset - self.size

        def counted() -> Iterator[bytes]:
            for line in rest:
                self.tail += len(line)
                self.broken = self.broken or line.endswith(b"\n")
                yield line

        if _has_whole_group(counted()):
            msg = f"session {self._session!r}: line {place + 1} at byte {offset}: {why}"
            self.damage = Corrupt(msg, line=place + 1, offset=offset)


def read(lines: Sequence[bytes], session: str) -> Reading:
    """The entries of a log's lines, every digest and hash checked, as far as they count."""
    reader = Reader(session)
    entries = [entry for group in reader.groups(lines) for entry, _ in group]
    if reader.damage is not None:
        return Reading(entries, reader.damage)
    return Reading(entries, tail=list(lines[len(entries) :]), broken=reader.broken)


def verify_first(line: bytes) -> Entry:
    """The first entry of a log, checked against the place in the chain that it claims itself.

    Raises:
        Corrupt: it does not verify, or is not one that begins a log.
    """
    try:
        first = decode_line(line)
    except ValueError as error:
        msg = f"not the line of an entry: {error}"
        raise Corrupt(msg) from None
    segments = segments_of(first) if isinstance(first.body, dict) else ()
    previous = bytes.fromhex(segments[-1].hash) if segments else GENESIS
    entry = verify_line(line, previous, segments[-1].last + 1 if segments else 1)
    if entry.kind != "created":
        msg = f"a log begins with its `created` entry, not with {entry.kind!r}"
        raise Corrupt(msg)
    return entry


def _has_whole_group(lines: Iterable[bytes]) -> bool:
    """Whether among the lines there is a group that is complete and holds together in itself."""
    first, previous = 0, None
    for line in lines:
        entry = _readable(line)
        if entry is not None and previous is not None and not _follows(line, previous):
            previous = None
        if entry is not None and previous is None:
            first = entry.seq
        if entry is not None and entry.commit is not None and first <= entry.commit[0] <= entry.seq:
            return True
        previous = entry
    return False


def _follows(line: bytes, previous: Entry) -> bool:
    try:
        verify_line(line, bytes.fromhex(previous.hash), previous.seq + 1)
    except Corrupt:
        return False
    return True


def salvage(lines: Sequence[bytes]) -> Iterator[Entry]:
    """The readable entries; each stretch of lines that can't be read becomes one entry of kind GAP."""
    last, offset, gap = 0, 0, 0
    for line in lines:
        entry = _readable(line)
        if entry is None:
            gap += len(line)
        else:
            if gap:
                yield _gap(last, offset - gap, gap)
            gap, last = 0, entry.seq
            yield entry
        offset += len(line)
    if gap:
        yield _gap(last, offset - gap, gap)


def _readable(line: bytes) -> Entry | None:
    """The entry of a line whose body has its digest; the chain may be broken around it."""
    try:
        entry = decode_line(line)
        body = line[hash_cut(line) + len(b',"hash":"","salt":"","body":') + len(entry.hash) + len(entry.salt) : -2]
    except ValueError:
        return None
    intact = body == b"null" if entry.erased else digest_of(entry.salt, body) == entry.digest
    return entry if intact else None


def _gap(after: int, offset: int, size: int) -> Entry:
    return Entry(after + 1, f"gap:{offset}", "", GAP, {"offset": offset, "bytes": size, "after": after})
