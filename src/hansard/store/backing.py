"""Backups: a whole store as of one moment, as a folder or a zip file, verified; and the way back.

A backup is a store of its own, so that any Hansard can open it, with a manifest that names the head of every session and
the hash of every document. It is made beside its place, synced, and renamed into it: it is there whole, or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import msgspec

from ..backend import Backend, Progress
from ..codec import times, values
from ..errors import AlreadyExists, Corrupt, HansardError, NotFound, Unavailable
from ..model.documents import DocumentKey
from ..model.requests import Clock, Finding
from . import heads
from .backups import Backup
from .copying import copy_every_session
from .folders import make_folders, sync_folder
from .resolving import is_there

MANIFEST: Final = "backup.json"
VERSION: Final = 1

_DERIVED: Final = ("index.db", "search.db")
_SUFFIX: Final = ".zip"
_CHUNK: Final = 1 << 20


class _At:
    """A clock that says when what is being copied was written."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.now_us: int | None = None

    def __call__(self) -> int:
        return self._clock() if self.now_us is None else self.now_us


def backup(source: Backend, clock: Clock, to: Path, progress: Progress | None) -> Backup:
    """As Store.backup says."""
    place = to.absolute()
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        msg = f"{place} is there already; a backup overwrites nothing. Name another place"
        raise AlreadyExists(msg)
    made_at = times.stamp(clock())
    with _beside(place) as folder:
        made = _filled(source, clock, folder, made_at, progress)
        if place.suffix == _SUFFIX:
            packed = folder.with_name(folder.name + _SUFFIX)
            try:
                _pack(folder, packed)
                packed.replace(place)
            finally:
                packed.unlink(missing_ok=True)
        else:
            folder.replace(place)
        sync_folder(place.parent)
    return msgspec.structs.replace(made, path=str(place))


@contextlib.contextmanager
def _beside(place: Path) -> Generator[Path]:
    """A folder beside a place, gone afterwards if it is still there."""
    try:
        make_folders(place.parent)
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".partial", dir=place.parent))
    except OSError as error:
        msg = f"{place}: no backup can be written there: {error.strerror or error}"
        raise Unavailable(msg) from error
    try:
        yield folder
    except OSError as error:
        msg = f"{place}: the backup could not be written: {error.strerror or error}. Nothing is left of it"
        raise Unavailable(msg) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _filled(source: Backend, clock: Clock, folder: Path, made_at: str, progress: Progress | None) -> Backup:
    """Copy everything into a folder, verify it, and write its manifest."""
    from ..backends.file import FileBackend

    at = _At(clock)
    target = FileBackend(folder, clock=at)
    try:
        report = copy_every_session(source, target, progress)
        failed = [one for one in report.failed if one.severity != NotFound.code or is_there(source, one.session)]
        documents, troubles = _copy_documents(source, target, at)
        sessions = {info: (seq, link) for info, (seq, link) in _heads(target).items()}
        verify(target, sessions)
    finally:
        target.close()
    for path in folder.iterdir():
        if path.name.startswith(_DERIVED):
            path.unlink()
    made = Backup("", made_at, sessions, documents, (*failed, *troubles))
    _write_synced(folder / MANIFEST, _manifest(made))
    return made


def _heads(target: Backend) -> dict[str, tuple[int, str]]:
    return {session: (int(seq), str(link)) for session, (seq, link) in heads.heads_of(target).items()}


def verify(target: Backend, sessions: dict[str, tuple[int, str]]) -> None:
    """Read back every line, attachment and document.

    Raises:
        Corrupt: something is not as it was written.
    """
    kept = {session: list(head) for session, head in sessions.items()}
    for finding in (*target.check(), *heads.compare(target, kept)):
        if finding.severity == "damage":
            msg = f"the backup does not verify: session {finding.session!r}: {finding.message}"
            raise Corrupt(msg, path=finding.path, line=finding.line, offset=finding.offset)


def _manifest(made: Backup) -> bytes:
    said: dict[str, Any] = {
        "format": "hansard-backup",
        "version": VERSION,
        "made_at": made.made_at,
        "sessions": {session: list(head) for session, head in sorted(made.sessions.items())},
        "documents": made.documents,
        "failed": [[one.session, one.message] for one in made.failed],
    }
    return values.encode(said) + b"\n"


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


# -- documents ---------------------------------------------------------------------------------------------------------


def _copy_documents(source: Backend, target: Backend, at: _At | None) -> tuple[int, list[Finding]]:
    """Write every version of every document of the store again, in order; how many, and what could not be."""
    if not {"documents"} <= source.capabilities & target.capabilities:
        return 0, []
    count = 0
    failed: list[Finding] = []
    for found in source.documents():
        try:
            count += copy_versions(source, target, found.key, at)
        except HansardError as error:
            failed.append(
                Finding("", "damage" if isinstance(error, Corrupt) else error.code, f"{name_of(found.key)}: {error}")
            )
        finally:
            if at is not None:
                at.now_us = None
    return count, failed


def copy_versions(source: Backend, target: Backend, key: DocumentKey, at: _At | None) -> int:
    """Write every version of a document again, in order; how many there were."""
    count = 0
    for version in source.document_versions(key):
        if at is not None:
            at.now_us = times.microseconds(version.at)
        if not version.sha256:
            target.delete_document(key)
            continue
        found = source.document(key, version=version.version)
        if found is not None:
            target.put_document(key, found[1])
            count += 1
    return count


def name_of(key: DocumentKey) -> str:
    """What a person is told of a document."""
    return f"document {key.category}/{key.name}.{key.kind}".replace(" /", " ")


# -- files -------------------------------------------------------------------------------------------------------------


def _pack(folder: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "x", compression=zipfile.ZIP_DEFLATED, allowZip64=True) as out:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                out.write(path, path.relative_to(folder).as_posix())
    with packed.open("rb") as file:
        os.fsync(file.fileno())
