"""Looking at every version of every document of the store."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from ...errors import Corrupt
from ...model.documents import Document
from ...model.requests import Finding
from ..versions import live, shown
from . import disk, documents, locks
from .core import Core

_DAMAGE: Final = "damage"
_NOTE: Final = "note"


def check(core: Core, *, repair: bool) -> Iterator[Finding]:
    """What is wrong with the documents. With `repair`, contents that are damaged are moved to quarantine."""
    for folder, name in list(documents.every_history(core)):
        history = folder / documents.VERSIONS / name / documents.HISTORY
        try:
            versions = documents.read_history(history)
        except Corrupt as error:
            yield Finding("", _DAMAGE, str(error), error.path, error.line)
            continue
        if next(_contents(core, history.parent, versions, repair=False), None) is not None:
            # Somebody may be taking the history away at this moment: only under the lock is it damage. A reset takes that, too.
            lock = folder / documents.VERSIONS / documents.LOCK
            held = contextlib.nullcontext() if core.layout.read_only else locks.locked_file(lock)
            with contextlib.suppress(FileNotFoundError), held:
                versions = documents.read_history(history)
                yield from list(_contents(core, history.parent, versions, repair=repair))
        yield from _plain(folder / name, versions)
    if os.path.lexists(core.layout.documents):
        yield from _strangers(core.layout.documents)


def _contents(core: Core, box: Path, versions: list[Document], *, repair: bool) -> Iterator[Finding]:
    for version in versions:
        if not version.sha256:
            continue
        path = box / f"{version.sha256}.{version.key.kind}"
        found = _hash_of(path)
        if found == version.sha256:
            continue
        why = "is gone" if found is None else "does not have its hash"
        what = f"document {shown(version.key)}: the content of version {version.version} {why}"
        yield Finding("", _DAMAGE, f"{what}. Restore it from a backup", str(path))
        if repair:
            _mend(core, path, version)


def _hash_of(path: Path) -> str | None:
    if path.is_symlink() or not path.is_file():
        return None
    try:
        return sha256(disk.read_file(path)).hexdigest()
    except FileNotFoundError:
        return None


def _mend(core: Core, path: Path, version: Document) -> None:
    """Set a damaged content aside; the plain file takes its place, if that has the right one."""
    if os.path.lexists(path):
        disk.make_folder(core.layout.quarantine)
        disk.rename(path, core.layout.quarantine / f"{path.name}-{os.urandom(4).hex()}")
        disk.sync_folder(core.layout.quarantine)
        disk.sync_folder(path.parent)
    plain = path.parents[2] / path.parent.name
    if _hash_of(plain) == version.sha256:
        disk.write_file(path, disk.read_file(plain))


def _plain(path: Path, versions: list[Document]) -> Iterator[Finding]:
    """What the plain file has that its history has not: said, as the next look at the document takes it in."""
    now = live(versions)
    found = _hash_of(path)
    if found is None:
        history = path.parent / documents.VERSIONS / path.name / documents.HISTORY
        if now is not None and not os.path.lexists(path) and os.path.lexists(history):
            yield Finding(
                "", _NOTE, f"{path}: not there, though the document is; it comes back when it is read", str(path)
            )
        return
    if found not in {version.sha256 for version in versions}:
        yield Finding(
            "", _NOTE, f"{path}: was edited by hand; that becomes the next version when it is read", str(path)
        )
    elif now is None or found != now.sha256:
        yield Finding("", _NOTE, f"{path}: is an earlier version's; it is mended when the document is read", str(path))


def _strangers(folder: Path) -> Iterator[Finding]:
    if folder.is_symlink():
        yield Finding(
            "", _DAMAGE, f"{folder}: a link, which a store does not hold; move what it names here", str(folder)
        )
        return
    inside: list[Path] = []
    # A reset takes the folder away whole.
    with contextlib.suppress(FileNotFoundError):
        inside += sorted(folder.iterdir())
    for path in inside:
        if path.is_symlink():
            yield Finding(
                "", _DAMAGE, f"{path}: a link, which a store does not hold; move what it names here", str(path)
            )
        elif path.is_dir() and "." not in path.name:
            yield from _strangers(path)
