"""What the memory backend finds when it is asked to check a session, and how it repairs one."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from ..codec.line import decode_line, verify_line
from ..errors import Corrupt
from ..model.requests import Finding
from .derive import attachments_of
from .memory_shelf import Shelf


def check(shelf: Shelf, session: str, *, repair: bool) -> Iterator[Finding]:
    """What is wrong with a session. With `repair`, lines that do not count are set aside afterwards."""
    log = shelf.log(session)
    log.fold = None  # What was verified before counts for nothing here.
    reading = shelf.reading(session)
    whole = len(reading.entries)
    offset = sum(map(len, log.lines[:whole]))
    if reading.damage is not None:
        found = reading.damage
        yield Finding(session, "damage", str(found), line=found.line, offset=found.offset)
    elif reading.tail:
        size = sum(map(len, reading.tail))
        msg = f"session {session!r}: {size} bytes at byte {offset} belong to no whole group; the next append sets them aside"
        yield Finding(session, "damage" if reading.broken else "note", msg, line=whole + 1, offset=offset)
    if repair and whole and (reading.damage is not None or reading.tail):
        shelf.quarantine.append((session, log.lines[whole:]))
        del log.lines[whole:]
        log.fold = None
    yield from _check_prefix(session, log.prefix)
    yield from _check_attachments(shelf, session)


def _check_prefix(session: str, prefix: list[bytes]) -> Iterator[Finding]:
    previous = bytes(32)
    for number, line in enumerate(prefix, 1):
        try:
            previous = bytes.fromhex(verify_line(line, previous, number).hash)
        except Corrupt as error:
            yield Finding(session, "damage", f"session {session!r}: inherited line {number}: {error}", line=number)
            return


def _check_attachments(shelf: Shelf, session: str) -> Iterator[Finding]:
    files = shelf.files(session)
    for line in shelf.log(session).lines[: len(shelf.reading(session).entries)]:
        entry = decode_line(line)
        for name in sorted(attachments_of(entry.kind, entry.body)):
            if name not in files:
                msg = f"session {session!r}: entry {entry.seq} names attachment {name}, which is not there"
            elif sha256(files[name]).hexdigest() != name:
                msg = f"session {session!r}: the content of attachment {name} does not have this hash"
            else:
                continue
            yield Finding(session, "damage", msg)
