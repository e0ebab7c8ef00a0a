"""Sessions from one store to another: the same bytes, so that the same hashes verify there."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator

import msgspec

from ..backend import Backend, Progress
from ..backends.versions import shown
from ..codec.names import check_id
from ..errors import Conflict, Corrupt, HansardError, Invalid, NotFound
from ..model.documents import Document
from ..model.entry import Entry
from ..model.info import Attachment, SessionInfo
from ..model.references import attachments_in
from ..model.requests import Finding
from ..query import EVERYTHING, where
from .queries import sessions_of
from .relining import relined, renamed
from .resolving import is_there


class Copied(msgspec.Struct, frozen=True):
    """What a copy did for one session."""

    id: str
    """The id that it has in the other store."""
    seq: int
    added: int
    """Entries that were not there before; 0: it was there as it is."""
    new: bool
    """The session was not there before."""


class CopyReport(msgspec.Struct, frozen=True):
    """What a copy of a whole store did."""

    copied: tuple[Copied, ...]
    failed: tuple[Finding, ...] = ()
    """Sessions and documents that could not be copied, and why."""
    documents: tuple[Document, ...] = ()
    """Documents of the store that got a new version in the other one."""


class _Erased(Exception):
    """An entry was erased after it had been read, and what it named with it."""


class Copier:
    """One copy at work: remembers what it has done, since sessions need one another."""

    def __init__(self, source: Backend, target: Backend) -> None:
        """Copy from one backend to another, which must not be the same store."""
        if source is target:
            msg = "copy: a store can't be copied to itself; open the other one, or use fork() within a store"
            raise Invalid(msg)
        self._source = source
        self._target = target
        self.done: dict[str, Copied] = {}
        """What was done, in its order, by the id here."""

    def copy(self, session: str) -> None:
        """Copy a session, and before it what it can't be without: its parents, and the sessions it was forked from."""
        if session in self.done:
            return
        info = self._source.info(session)
        if info.parent is not None and not is_there(self._target, info.parent):
            self.copy(info.parent)
        inherits = False
        for segment in info.segments:
            if self._has_entry(segment.session, segment.last, segment.hash):
                continue
            try:
                self.copy(segment.session)
            except NotFound:
                inherits = True
            else:
                # It may have been copied before it had this entry: a fork that was made meanwhile brings its own.
                inherits = inherits or not self._has_entry(segment.session, segment.last, segment.hash)
        self.done[session] = self._receive(info, session, inherits=inherits)

    def copy_as(self, session: str, name: str) -> Copied:
        """Copy one session under another id, chained anew."""
        info = self._source.info(session)
        if info.parent is not None and not is_there(self._target, info.parent):
            msg = f"session {session!r} is a child of {info.parent!r}, which the other store does not have; copy that one first"
            raise NotFound(msg)
        inherits = False
        for segment in info.segments:
            if not self._has_entry(segment.session, segment.last, segment.hash):
                inherits = True
        return self._receive(info, check_id(name), inherits=inherits)

    def _has_entry(self, session: str, seq: int, link: str) -> bool:
        """Whether the other store has the entry that a segment ends with."""
        try:
            entry = next(self._target.entries(session, after=seq - 1, before=seq + 1), None)
        except NotFound:
            return False
        return entry is not None and entry.hash == link

    def _receive(self, info: SessionInfo, name: str, *, inherits: bool) -> Copied:
        session = info.id
        there = self._target.info(name) if is_there(self._target, name) else None
        if there is not None and there.hash == info.hash and there.seq == info.seq:
            return Copied(name, there.seq, added=0, new=False)
        own = info.segments[-1].last if info.segments else 0
        created = None
        while created is None:
            lines = self._lines(session, name, inherited=own if inherits else 0)
            with contextlib.suppress(_Erased):
                created = self._target.receive(name, lines, self._attachments(session, after=0 if inherits else own))
        before = own if there is None else there.seq
        return Copied(name, created.seq, added=max(0, created.seq - before), new=there is None)

    def _lines(self, session: str, name: str, *, inherited: int) -> Iterator[bytes]:
        """The lines under an id, behind so many inherited ones."""
        lines = self._source.lines(session)
        if name != session:
            lines = renamed(lines, name)
        if inherited:
            lines = itertools.chain(relined(self._source.entries(session, before=inherited + 1)), lines)
        return iter(lines)

    def _attachments(self, session: str, *, after: int) -> Iterator[tuple[Attachment, bytes]]:
        seen: set[str] = set()
        for entry in self._source.entries(session, after=after):
            for sha256, attachment in attachments_in(entry.body).items():
                if sha256 in seen:
                    continue
                seen.add(sha256)
                try:
                    data = self._source.attachment(session, sha256)
                except NotFound:
                    # Whatever looks like a reference is asked for: foreign data may, without being one.
                    self._check_stays(session, entry)
                else:
                    yield msgspec.structs.replace(attachment, size=len(data)), data

    def _check_stays(self, session: str, entry: Entry) -> None:
        """Return if an entry is there as it was read.

        Raises:
            NotFound: its session was deleted meanwhile.
            _Erased: it was erased.
        """
        now = next(self._source.entries(session, after=entry.seq - 1, before=entry.seq + 1), None)
        if now is None or now.hash != entry.hash:
            msg = f"session {session!r} was deleted meanwhile; nothing of it was copied"
            raise NotFound(msg)
        if now.erased:
            raise _Erased


def copy_sessions(source: Backend, target: Backend, sessions: Iterable[str], progress: Progress | None) -> list[Copied]:
    """Copy sessions with their descendants and what they need; what was done, in its order.

    Raises:
        Conflict: the other store has a session with one of the ids and other content.
        NotFound: a session is not there.
        Corrupt: a line does not verify.
    """
    copier = Copier(source, target)
    given = list(dict.fromkeys(sessions))
    for number, session in enumerate(given):
        if progress is not None:
            progress("sessions", number, len(given))
        copier.copy(session)
        for child in _descendants(source, session):
            try:
                copier.copy(child)
            except NotFound:
                # One that was deleted meanwhile is left out.
                if is_there(source, child):
                    raise
    if progress is not None:
        progress("sessions", len(given), len(given))
    return list(copier.done.values())


def copy_everything(source: Backend, target: Backend, progress: Progress | None) -> CopyReport:
    """Copy every session and document. What can't be copied is reported, and the others are copied all the same."""
    report = copy_every_session(source, target, progress)
    failed = list(report.failed)
    documents = _copy_documents(source, target, failed)
    return CopyReport(report.copied, tuple(failed), documents)


def copy_every_session(source: Backend, target: Backend, progress: Progress | None) -> CopyReport:
    """Copy every session, and no documents of the store."""
    copier = Copier(source, target)
    failed: list[Finding] = []
    number = 0
    for info in sessions_of(source, EVERYTHING, order="id", complete=True):
        if progress is not None:
            progress("sessions", number, 0)
        number += 1
        try:
            copier.copy(info.id)
        except Corrupt as error:
            failed.append(Finding(info.id, "damage", str(error), error.path, error.line, error.offset))
        except HansardError as error:
            failed.append(Finding(info.id, error.code, str(error)))
    if progress is not None:
        progress("sessions", number, number)
    return CopyReport(tuple(copier.done.values()), tuple(failed))


def _copy_documents(source: Backend, target: Backend, failed: list[Finding]) -> tuple[Document, ...]:
    """Copy the newest version of each document of the store. Earlier ones, and their numbers, stay where they are."""
    if "documents" not in source.capabilities & target.capabilities:
        return ()
    copied: list[Document] = []
    for document in source.documents():
        try:
            new = _copy_document(source, target, document)
        except Corrupt as error:
            failed.append(Finding("", "damage", str(error), error.path, error.line, error.offset))
        except HansardError as error:
            failed.append(Finding("", error.code, str(error)))
        else:
            copied += [] if new is None else [new]
    return tuple(copied)


def _copy_document(source: Backend, target: Backend, document: Document) -> Document | None:
    """The version that a document got in the other store; None if it has this content, or a later one, already.

    Raises:
        Conflict: it was changed there, too.
    """
    key = document.key
    found = source.document(key)
    if found is None:
        return None
    there = target.document_versions(key)
    now = there[-1] if there else None
    if any(one.sha256 == found[0].sha256 for one in there):
        return None
    if now is not None and now.sha256 and all(now.sha256 != one.sha256 for one in source.document_versions(key)):
        msg = f"document {shown(key)} was changed in both stores; merge it by hand, and save it in both"
        raise Conflict(msg, seq=now.version)
    return target.put_document(key, found[1], expect=None if now is None or not now.sha256 else now.version)


def _descendants(source: Backend, session: str) -> list[str]:
    found = [session]
    for one in found:
        found += [info.id for info in sessions_of(source, where(parent=one), order="created", complete=True)]
    return found[1:]
