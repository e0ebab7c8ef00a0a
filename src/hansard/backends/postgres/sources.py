"""Where a session's entries lie, and how they are read: a few at a time, each time by one statement.

A fork's lines before its own are read from the sessions it was forked from, as its first line says; once one of those is
gone, from the copy that its deletion left under the key of the next one in line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from ...codec.line import GENESIS, decode_line, end_of, verify_line
from ...errors import Corrupt
from ...limits import MIB
from ...model.entry import Entry
from ...model.info import Segment
from ..memory_log import GAP, salvage
from .packing import keys_of, line_at, lines_in
from .rows import Head, raw
from .statements import statements

if TYPE_CHECKING:
    from .core import Core, Rows

ENTRIES: Final = statements("entries")
_FEW: Final = 64
_MANY: Final = 1_000
_SOME: Final = 250
_BYTES: Final = 8 * MIB
LAST: Final = 2**63 - 2
"""Behind the last line of any log."""


class Stretch(msgspec.Struct, frozen=True):
    """Entries `first` to `last` under one key."""

    root: bytes
    session: bytes
    first: int
    last: int
    copied: bool = False
    """Some of them are another session's, which is gone."""


def stretches(rows: Rows, core: Core, head: Head, segments: tuple[Segment, ...] | None = None) -> list[Stretch]:
    """Where all entries of a session lie, oldest first.

    Raises:
        Corrupt: a part is gone.
    """
    own = Stretch(head.root, head.session, head.first_seq, head.seq)
    if head.first_seq == 1:
        return [own]
    if head.has_prefix:
        return [Stretch(head.root, head.session, 1, head.seq, copied=True)]
    segments = core.segments(rows, head) if segments is None else segments
    holders = _holders(rows, core, segments)
    found = [own]
    for number in range(len(segments) - 1, -1, -1):
        segment = segments[number]
        holder = holders.get(number)
        if holder is None:
            now = core.head(head.id, rows)
            if head.has_prefix or not now.has_prefix:
                _gone(head, segment)
            # It was deleted since, and left this session a copy.
            return [Stretch(now.root, now.session, 1, head.seq, copied=True)]
        root, has_prefix = holder
        first = segments[number - 1].last + 1 if number and not has_prefix else 1
        found.append(Stretch(root, raw(segment.session), first, segment.last, copied=has_prefix))
        if first == 1:
            break
    return found[::-1]


def _gone(head: Head, segment: Segment) -> NoReturn:
    msg = (
        f"session {head.id!r}: the entries up to {segment.last} that it shows of {segment.session!r} are gone. "
        "Restore them from a backup"
    )
    raise Corrupt(msg)


def _holders(rows: Rows, core: Core, segments: tuple[Segment, ...]) -> dict[int, tuple[bytes, bool]]:
    """For each segment whose session is here with that very line: its root, whether it has a prefix."""
    asked = {
        "tenant": core.tenant,
        "numbers": list(range(len(segments))),
        "sessions": [raw(segment.session) for segment in segments],
        "lasts": [segment.last for segment in segments],
    }
    found: dict[int, tuple[bytes, bool]] = {}
    for number, root, seq, first, data, has_prefix in rows(ENTRIES["holders"], asked):
        link = segments[number].hash.encode()
        if b',"hash":"%b",' % link in (line_at(seq, first, data) or b""):
            found[number] = (root, has_prefix)
    return found


def entries(
    rows: Rows, core: Core, head: Head, *, after: int = 0, before: int | None = None, newest_first: bool = False
) -> Iterator[Entry]:
    """The entries of a session with `after < seq < before`, as they are asked for.

    Raises:
        Corrupt: an entry can't be read or is missing.
        NotFound: the session was deleted meanwhile.
    """
    end = head.seq + 1 if before is None else min(before, head.seq + 1)
    if after + 1 >= end:
        return
    if after + 1 >= head.first_seq:
        parts = [Stretch(head.root, head.session, head.first_seq, head.seq)]
    else:
        parts = stretches(rows, core, head)
    for part in reversed(parts) if newest_first else parts:
        first, last = max(part.first, after + 1), min(part.last, end - 1)
        if first > last:
            continue
        expected = last if newest_first else first
        for seq, line in raw_lines(
            rows, core, Stretch(part.root, part.session, first, last), newest_first=newest_first
        ):
            if seq != expected:
                break
            yield decoded(line, seq, head)
            expected += -1 if newest_first else 1
        if (expected >= first) if newest_first else (expected <= last):
            now = core.head(head.id, rows)
            if head.has_prefix or not now.has_prefix:
                _missing(head, expected)
            # The session that these lines were read from was deleted meanwhile, and left this one a copy.
            after, end = (after, expected + 1) if newest_first else (expected - 1, end)
            yield from entries(rows, core, now, after=after, before=end, newest_first=newest_first)
            return


def decoded(line: bytes, seq: int, head: Head) -> Entry:
    """The entry of a line that a session shows as the one with this number.

    Raises:
        Corrupt: it is not.
    """
    inherited = seq < head.first_seq
    place = seq if inherited else seq - head.first_seq + 1
    try:
        entry = decode_line(line)
    except ValueError as error:
        msg = f"session {head.id!r}: {'inherited ' if inherited else ''}line {place}: {error}. Run `hansard check`; read on with on_damage='skip'"
        raise Corrupt(msg, line=place) from None
    if entry.seq != seq:
        msg = f"session {head.id!r}: line {place}: entry {entry.seq} stands where entry {seq} belongs"
        raise Corrupt(msg, line=place)
    return entry


def readable(line: bytes | None) -> Entry | None:
    """The entry of a line as it stands there; None if it can't be read."""
    try:
        return None if line is None else decode_line(line)
    except (ValueError, Corrupt):
        return None


def _missing(head: Head, seq: int) -> NoReturn:
    msg = f"session {head.id!r}: entry {seq} is missing. Run `hansard check`; read on with on_damage='skip'"
    raise Corrupt(msg, line=max(seq - head.first_seq + 1, 1))


def raw_lines(rows: Rows, core: Core, part: Stretch, *, newest_first: bool = False) -> Iterator[tuple[int, bytes]]:
    """(seq, line) of a stretch: few rows at first, then more, and at most a few megabytes at a time unless one has more."""
    first, last, most = part.first, part.last, _FEW
    near = _FEW if last < LAST else 0
    while first <= last:
        low, high = first, last
        if near and newest_first:
            low = max(first, last - near + 1)
        elif near:
            high = min(last, first + near - 1)
        here = {"tenant": core.tenant, "root": part.root, "session": part.session}
        asked = {**here, "first": low, "last": high, "most": most, "bytes": _BYTES}
        found = rows(ENTRIES["before" if newest_first else "after"], asked)
        size = 0
        for begins, data in found:
            # The row before is not what was asked for, and never counts: that it is large says nothing of what is behind.
            size += len(data) if begins >= first else 0
            lines = [(seq, line) for seq, line in enumerate(lines_in(data), begins) if first <= seq <= last]
            yield from reversed(lines) if newest_first else lines
        if (low, high) == (first, last) and len(found) < most and size < _BYTES:
            return
        if found and newest_first:
            last = found[-1][0] - 1
        elif found:
            # It may be nothing but the row before, in which the first would be.
            first = max(first, found[-1][0] + len(lines_in(found[-1][1])))
        near, most = 0, min(_MANY, most * 4)


def own_lines(rows: Rows, core: Core, head: Head) -> Iterator[bytes]:
    """All lines of a session's own log, and what stands behind it, unchecked; read as they are asked for."""
    return (line for _, line in raw_lines(rows, core, Stretch(head.root, head.session, head.first_seq, LAST)))


def lines(rows: Rows, core: Core, head: Head, *, after: int = 0) -> Iterator[bytes]:
    """The lines of a session's own log behind entry `after`, all of them checked.

    Raises:
        Corrupt: at the first that does not verify.
        NotFound: the session was deleted meanwhile.
    """
    previous = GENESIS if head.first_seq == 1 else end_of(core.segments(rows, head))[1]
    expected, offset = head.first_seq, 0
    for _, line in raw_lines(rows, core, Stretch(head.root, head.session, head.first_seq, head.seq)):
        try:
            previous = bytes.fromhex(verify_line(line, previous, expected).hash)
        except Corrupt as error:
            place = expected - head.first_seq + 1
            msg = f"session {head.id!r}: line {place} at byte {offset}: {error}"
            raise Corrupt(msg, line=place, offset=offset) from None
        if expected > after:
            yield line
        expected += 1
        offset += len(line)
    if expected <= head.seq:
        core.head(head.id, rows)
        _missing(head, expected)


def some(rows: Rows, core: Core, head: Head, seqs: Collection[int]) -> dict[int, bytes]:
    """The lines with these numbers that stand under a session's key, unchecked, in order."""
    found = {
        seq: line_at(seq, first, data) for part in _few(seqs) for seq, first, data in _rows_of(rows, core, head, part)
    }
    return {seq: line for seq in sorted(found) if (line := found[seq]) is not None}


def _few(seqs: Collection[int]) -> Iterator[list[int]]:
    """The numbers in order, few at a time: for each of them its whole row is fetched."""
    wanted = sorted(seqs)
    for first in range(0, len(wanted), _SOME):
        yield wanted[first : first + _SOME]


def _rows_of(rows: Rows, core: Core, head: Head, seqs: list[int]) -> list[tuple[int, int, bytes]]:
    return rows(ENTRIES["some"], core.at(head.session, head.root, seqs=seqs))


def holds(rows: Rows, core: Core, head: Head, entry: Entry) -> bool:
    """Whether this very entry stands under a session's key, erased or not."""
    found = readable(some(rows, core, head, [entry.seq]).get(entry.seq))
    return found is not None and found.hash == entry.hash


def write(rows: Rows, core: Core, head: Head, lines: Mapping[int, bytes]) -> None:
    """Put other lines in the place of those with these numbers, under a session's key."""
    for part in _few(lines):
        changed: dict[int, list[bytes]] = {}
        for seq, first, data in _rows_of(rows, core, head, part):
            row = changed.setdefault(first, lines_in(data))
            row[seq - first] = lines[seq]
        new = {"seqs": list(changed), "lines": [b"".join(row) for row in changed.values()]}
        rows(ENTRIES["write"], core.at(head.session, head.root, **new))


def entry_at(rows: Rows, core: Core, head: Head, seq: int) -> Entry | None:
    """The entry of a session with a number, inherited ones included; None if there is none."""
    return next(entries(rows, core, head, after=seq - 1, before=seq + 1), None) if seq >= 1 else None


def by_ids(rows: Rows, core: Core, head: Head, ids: list[str], *, inherited_only: bool = False) -> dict[str, Entry]:
    """The entries of a session that have one of these ids."""
    parts = stretches(rows, core, head)
    if inherited_only and not head.has_prefix:
        parts = parts[:-1]
    asked = {
        "tenant": core.tenant,
        "roots": [part.root for part in parts],
        "sessions": [part.session for part in parts],
        "lasts": [part.last for part in parts],
        "keys": keys_of(ids),
    }
    wanted, found = set(ids), dict[str, Entry]()
    for last, first, data in rows(ENTRIES["by_key"], asked) if ids else ():
        for seq, line in enumerate(lines_in(data)[: last - first + 1], first):
            entry = decoded(line, seq, head)
            if entry.id in wanted:
                found[entry.id] = entry
    return found


def salvaged(rows: Rows, core: Core, head: Head, after: int, before: int | None) -> list[Entry]:
    """The readable entries of a session in order; each stretch that can't be read is one entry."""
    found: list[Entry] = []
    if after + 1 < head.first_seq:
        try:
            parts = stretches(rows, core, head)
        except Corrupt:
            found.append(Entry(after + 1, "gap:0", "", GAP, {"offset": 0, "bytes": 0, "after": after}))
        else:
            cut = [Stretch(one.root, one.session, one.first, min(one.last, head.first_seq - 1)) for one in parts]
            found += salvage([line for part in cut for _, line in raw_lines(rows, core, part)])
    found += salvage(list(own_lines(rows, core, head)))
    return [entry for entry in found if entry.seq > after and (before is None or entry.seq < before)]
