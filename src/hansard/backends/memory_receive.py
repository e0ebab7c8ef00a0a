"""How the memory backend takes over the log of another store: verified first, compared next, and only then there."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from ..codec.line import decode_line, verify_line
from ..errors import Conflict, Corrupt, Invalid, NotFound
from ..model.entry import Entry
from ..model.info import Attachment
from ..model.requests import Created
from .memory_log import MemoryLog, read, segments_of
from .memory_shelf import Shelf


class Arrived(msgspec.Struct):
    """A log that came in, every line of it verified."""

    log: MemoryLog
    entries: list[Entry]


def arrived(session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]) -> Arrived:
    """The lines and attachments as a log of this session.

    Raises:
        Corrupt: a line or an attachment does not verify, or the last line ends no group.
        Invalid: the log is another session's.
    """
    given = list(lines)
    start = next((number for number, line in enumerate(given) if _begins(line, session)), 0)
    prefix, own = given[:start], given[start:]
    reading = read(own, session)
    if reading.damage is not None or reading.tail or not reading.entries:
        msg = f"session {session!r}: what arrived is no whole log: {reading.damage or 'it does not end with a whole group'}"
        raise Corrupt(msg, line=start + len(reading.entries) + 1)
    body = reading.entries[0].body
    if body.get("session") != session:
        msg = f"this is the log of session {body.get('session')!r}, not of {session!r}; to rename it, re-chain it"
        raise Invalid(msg)
    _verify_prefix(prefix, reading.entries[0])
    files = dict(_verified(attachment, data) for attachment, data in attachments)
    return Arrived(MemoryLog(own, prefix, files), reading.entries)


def _begins(line: bytes, session: str) -> bool:
    try:
        entry = decode_line(line)
    except ValueError:
        return False
    return entry.kind == "created" and isinstance(entry.body, dict) and entry.body.get("session") == session


def _verify_prefix(prefix: list[bytes], first: Entry) -> None:
    if not prefix:
        return
    previous = bytes(32)
    for number, line in enumerate(prefix, 1):
        previous = bytes.fromhex(verify_line(line, previous, number).hash)
    segments = segments_of(first)
    if not segments or (segments[-1].last, segments[-1].hash) != (len(prefix), previous.hex()):
        msg = "the inherited lines before the log are not those that it was forked from"
        raise Corrupt(msg, line=len(prefix) + 1)


def _verified(attachment: Attachment, data: bytes) -> tuple[str, bytes]:
    if sha256(data).hexdigest() != attachment.sha256:
        msg = f"attachment {attachment.sha256}: the bytes that arrived do not have this hash"
        raise Corrupt(msg)
    return attachment.sha256, data


def take_over(shelf: Shelf, session: str, new: Arrived) -> Created:
    """Make what arrived a session, or the rest of one whose beginning is here.

    Raises:
        Conflict: the log that is here is neither equal to nor a beginning of what arrived.
        NotFound: the parent, or the origin of a fork that came without the lines it inherits, is not here.
    """
    seq = new.entries[-1].seq
    if session not in shelf.logs:
        _check_surroundings(shelf, session, new)
        shelf.logs[session] = new.log
        _carry_out_erasures(shelf, new.entries)
        _count(shelf, new.entries[0])
        return Created(session, seq, new=True)
    here = shelf.own(session)
    shelf.set_tail_aside(session)
    if [entry.hash for entry in here] != [entry.hash for entry in new.entries[: len(here)]]:
        msg = f"session {session!r} is here with another log (or a longer one). Copy it under a new id"
        raise Conflict(msg, seq=here[-1].seq)
    log = shelf.log(session)
    log.files = new.log.files | log.files
    log.lines += new.log.lines[len(here) :]
    log.fold = None
    _carry_out_erasures(shelf, new.entries[len(here) :], everything=[*shelf.inherited(session), *new.entries])
    return Created(session, seq, new=False)


def _check_surroundings(shelf: Shelf, session: str, new: Arrived) -> None:
    body = new.entries[0].body
    parent = body.get("parent")
    if parent is not None and parent not in shelf.logs:
        msg = f"session {session!r} is a child of {parent!r}, which is not here; copy that one first"
        raise NotFound(msg)
    if new.log.prefix:
        return
    for segment in new.log.segments:
        if shelf.owner(segment) is None:
            msg = f"session {session!r} is a fork of {segment.session!r}, which is not here up to entry {segment.last}; copy that one first"
            raise NotFound(msg)


def _carry_out_erasures(shelf: Shelf, entries: list[Entry], *, everything: list[Entry] | None = None) -> None:
    known = {entry.seq: entry.hash for entry in everything or entries}
    seqs = [
        seq for entry in entries if entry.kind == "erase" and isinstance(entry.body, dict) for seq in entry.body["seqs"]
    ]
    hashes = frozenset(known[seq] for seq in seqs if seq in known)
    if hashes:
        shelf.clear(hashes)


def _count(shelf: Shelf, first: Entry) -> None:
    number = first.body.get("number")
    if type(number) is int:
        pair = (first.body.get("agent"), first.body.get("user"))
        shelf.numbers[pair] = max(number, shelf.numbers.get(pair, 0))
