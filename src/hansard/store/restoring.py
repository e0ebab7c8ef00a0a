"""The way back from a backup: what is missing comes, what is more stays, and what differs is told."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ..backend import Backend, Progress
from ..codec import values
from ..errors import Conflict, HansardError, Invalid, NotFound
from ..model.documents import Document
from ..model.requests import Clock, Finding
from .backing import MANIFEST, VERSION, copy_versions, name_of, verify
from .backups import Restored
from .copying import Copier
from .resolving import is_there
from .unpacking import unpack


def restore(
    source: Path, target: Backend, clock: Clock, *, overwrite: bool, dry_run: bool, progress: Progress | None
) -> Restored:
    """As Store.restore says."""
    from ..backends.file import FileReader

    place = source.absolute()
    if not place.exists():
        msg = f"{place}: there is no backup"
        raise NotFound(msg)
    with tempfile.TemporaryDirectory(prefix="hansard-restore-") as scratch:
        folder = place
        if place.is_file():
            folder = Path(scratch) / "backup"
            unpack(place, folder)
        sessions = _heads_of(folder, place)
        backend = FileReader(folder, clock=clock)
        try:
            verify(backend, sessions)
            return _Restore(backend, target, overwrite=overwrite, dry_run=dry_run).all(sessions, progress)
        finally:
            backend.close()


class _Restore:
    """One restore at work."""

    def __init__(self, source: Backend, target: Backend, *, overwrite: bool, dry_run: bool) -> None:
        self._source = source
        self._target = target
        self._overwrite = overwrite
        self._dry_run = dry_run
        self._copier = Copier(source, target)
        self._gone: set[str] = set()
        self._done: dict[str, list[Any]] = {
            name: [] for name in ("new", "grown", "unchanged", "replaced", "conflicts", "failed")
        }

    def all(self, sessions: dict[str, tuple[int, str]], progress: Progress | None) -> Restored:
        """Bring back every session, then the documents."""
        # All is decided before anything is copied: a fork brings its origin along.
        plan = {session: self._verdict(session, *sessions[session]) for session in self._parents_first(sessions)}
        for number, (session, verdict) in enumerate(plan.items()):
            if progress is not None:
                progress("sessions", number, len(sessions))
            if verdict:
                self._apply(session, verdict)
        if progress is not None:
            progress("sessions", len(sessions), len(sessions))
        self._done["replaced"] += sorted(self._gone - plan.keys())
        count = self._documents()
        return Restored(
            **{name: tuple(found) for name, found in self._done.items()}, documents=count, dry_run=self._dry_run
        )

    def _parents_first(self, sessions: dict[str, tuple[int, str]]) -> list[str]:
        return sorted(sessions, key=lambda session: (self._source.info(session).depth, session))

    def _verdict(self, session: str, seq: int, link: str) -> str:
        """What is to be done with a session: the name of a list of the result; "" if it can't be said."""
        try:
            if not is_there(self._target, session):
                return "new"
            now = self._target.info(session)
            if now.seq >= seq and self._has(self._target, session, seq, link):
                return "unchanged"
            if now.seq < seq and self._has(self._source, session, now.seq, now.hash):
                return "grown"
        except HansardError as error:
            self._done["failed"].append(Finding(session, error.code, str(error)))
            return ""
        if self._overwrite:
            return "replaced"
        msg = f"it is there with other entries ({now.seq}, the backup has {seq}); left as it is"
        self._done["conflicts"].append(Finding(session, "conflict", msg))
        return ""

    def _apply(self, session: str, verdict: str) -> None:
        if session in self._gone:
            # It went with a parent that was replaced.
            verdict = "replaced"
        try:
            if not self._dry_run and verdict != "unchanged":
                if verdict == "replaced" and session not in self._gone | self._copier.done.keys():
                    self._gone.update(self._target.delete(session))
                self._copier.copy(session)
        except HansardError as error:
            self._done["failed"].append(Finding(session, error.code, str(error)))
        else:
            self._done[verdict].append(session)

    @staticmethod
    def _has(backend: Backend, session: str, seq: int, link: str) -> bool:
        entry = next(backend.entries(session, after=seq - 1, before=seq + 1), None)
        return entry is not None and entry.hash == link

    def _documents(self) -> int:
        if not {"documents"} <= self._source.capabilities & self._target.capabilities:
            return 0
        count = 0
        for document in self._source.documents():
            try:
                count += self._document(document)
            except Conflict as error:
                self._done["conflicts"].append(Finding("", "conflict", f"{name_of(document.key)}: {error}"))
            except HansardError as error:
                self._done["failed"].append(Finding("", error.code, f"{name_of(document.key)}: {error}"))
        return count

    def _document(self, document: Document) -> int:
        key = document.key
        known = self._target.document_versions(key)
        if not known:
            return 1 if self._dry_run else copy_versions(self._source, self._target, key, None)
        if document.sha256 in {version.sha256 for version in known}:
            return 0
        if not self._overwrite:
            msg = f"{name_of(key)} is there with other content; left as it is"
            self._done["conflicts"].append(Finding("", "conflict", msg))
            return 0
        found = self._source.document(key)
        if found is not None and not self._dry_run:
            self._target.put_document(key, found[1])
        return 1


def _heads_of(folder: Path, place: Path) -> dict[str, tuple[int, str]]:
    """The heads that a backup says it has.

    Raises:
        Invalid: it is no backup, or one of a newer version.
    """
    try:
        said = values.decode((folder / MANIFEST).read_bytes())
        version = int(said["version"]) if said["format"] == "hansard-backup" else int(said["format"])
        if version <= VERSION:
            return {session: (int(seq), str(link)) for session, (seq, link) in said["sessions"].items()}
    except FileNotFoundError:
        msg = f"{place} holds no {MANIFEST}, so it is no backup; a store is copied with copy_store() or `hansard copy`"
        raise Invalid(msg) from None
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{place}: {MANIFEST} can't be understood ({error}); was the backup changed?"
        raise Invalid(msg) from None
    msg = f"{place} is a backup of version {version}; this Hansard reads up to {VERSION}. Use a newer one"
    raise Invalid(msg)
