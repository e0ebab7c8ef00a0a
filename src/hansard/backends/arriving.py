"""A log on its way in from another store: verified line by line while it passes through, and never held as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from ..codec.line import GENESIS, decode_line, end_of, verify_line
from ..errors import Corrupt, Invalid
from ..model.entry import Entry
from ..model.info import Attachment
from .memory_log import segments_of


class Arriving:
    """The lines that a session inherits, if they come along, and then its own. Both must be taken, in this order."""

    first: Entry
    """Of its own lines. Known once one was taken, as is all else."""
    last: Entry

    def __init__(self, session: str, lines: Iterable[bytes]) -> None:
        """Look at the first line.

        Raises:
            Corrupt: it is not the line of an entry.
            Invalid: there is none, or it begins the log of another session.
        """
        self._session = session
        self._coming = iter(lines)
        self.number = 0
        """Of the line that was taken last, from 1."""
        self.erased: set[int] = set()
        """What its erase entries name."""
        self.links: dict[int, str] = {}
        """The hash of each commit line by its seq."""
        self._inherited = (0, GENESIS)
        begin = next(self._coming, None)
        if begin is None:
            msg = f"session {session!r}: what arrived holds no line that begins its log"
            raise Invalid(msg)
        self._begin = begin
        self.inherits = not _begins(begin, session)
        if self.inherits:
            entry = _decoded(begin)
            if entry.kind == "created" and entry.seq > 1:
                raise self._other(entry)

    def inherited(self) -> Iterator[bytes]:
        """The lines before its own, each checked before it is passed on.

        Raises:
            Corrupt: one does not verify.
            Invalid: its own do not come.
        """
        if not self.inherits:
            return
        first, (seq, previous) = _decoded(self._begin), self._inherited
        line: bytes | None = self._begin
        while line is not None and not _begins(line, self._session):
            seq += 1
            self.number += 1
            previous = bytes.fromhex(self._verified(line, previous, seq).hash)
            yield line
            line = next(self._coming, None)
        if line is None:
            raise self._other(first)
        self._begin, self._inherited = line, (seq, previous)

    def own(self) -> Iterator[bytes]:
        """Its own lines, each checked before it is passed on.

        Raises:
            Corrupt: one does not verify or is missing, or the last one ends no group.
        """
        seq, previous = _before(_decoded(self._begin))
        if self.inherits and (seq, previous) != self._inherited:
            msg = "the inherited lines before the log are not those that it was forked from"
            raise Corrupt(msg, line=self.number + 1)
        begins, group, line = True, seq + 1, self._begin
        entry: Entry | None = None
        while line is not None:
            seq += 1
            self.number += 1
            entry = self._verified(line, previous, seq)
            if entry.commit is not None and entry.commit[0] != group:
                msg = f"line {self.number} of what arrived: entry {seq} closes a group that begins elsewhere"
                raise Corrupt(msg, line=self.number)
            if begins:
                self.first, begins = entry, False
            self._note(entry)
            group = group if entry.commit is None else seq + 1
            previous = bytes.fromhex(entry.hash)
            yield line
            line = next(self._coming, None)
        if entry is None or entry.commit is None:
            msg = f"session {self._session!r}: what arrived is no whole log: it does not end with a whole group"
            raise Corrupt(msg, line=self.number)
        self.last = entry

    def _verified(self, line: bytes, previous: bytes, seq: int) -> Entry:
        if not line.endswith(b"\n"):
            msg = f"line {self.number} of what arrived has no end"
            raise Corrupt(msg, line=self.number)
        try:
            return verify_line(line, previous, seq)
        except Corrupt as error:
            msg = f"line {self.number} of what arrived: {error}"
            raise Corrupt(msg, line=self.number) from None

    def _note(self, entry: Entry) -> None:
        if entry.commit is not None:
            self.links[entry.seq] = entry.hash
        self.erased |= erased_by(entry)

    def _other(self, first: Entry) -> Invalid:
        other = first.body.get("session")
        msg = f"this is the log of session {other!r}, not of {self._session!r}; copy it under that id"
        return Invalid(msg)


def erased_by(entry: Entry) -> set[int]:
    """What an erase entry names; nothing for any other."""
    if entry.kind != "erase" or not isinstance(entry.body, dict):
        return set()
    return {seq for seq in entry.body.get("seqs", ()) if type(seq) is int}


def verified(attachments: Iterable[tuple[Attachment, bytes]]) -> Iterator[tuple[Attachment, bytes]]:
    """The attachments, each checked before it is passed on.

    Raises:
        Corrupt: one does not have its hash.
    """
    for attachment, data in attachments:
        if sha256(data).hexdigest() != attachment.sha256:
            msg = f"attachment {attachment.sha256}: the bytes that arrived do not have this hash"
            raise Corrupt(msg)
        yield attachment, data


def _before(first: Entry) -> tuple[int, bytes]:
    """The seq and hash behind which a log stands that begins with this entry."""
    try:
        return end_of(segments_of(first))
    except ValueError as error:
        msg = f"the first line of the log does not say where the entries before it lie: {error}"
        raise Corrupt(msg, line=1) from None


def _decoded(line: bytes) -> Entry:
    try:
        entry = decode_line(line)
    except ValueError as error:
        msg = f"line 1: not the line of an entry: {error}"
        raise Corrupt(msg, line=1) from None
    if not isinstance(entry.body, dict):
        msg = "line 1: a log begins with its `created` entry"
        raise Corrupt(msg, line=1)
    return entry


def _begins(line: bytes, session: str) -> bool:
    if b'"kind":"created"' not in line[:1500]:
        return False
    entry = _decoded(line)
    return entry.kind == "created" and entry.body.get("session") == session
