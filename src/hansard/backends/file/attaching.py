"""Attachments: files beside a session, named by the hash of their content."""

from __future__ import annotations

import contextlib
import os
import re
from hashlib import sha256 as hash_of
from pathlib import Path
from typing import Final

from ...errors import Corrupt, NotFound
from ...model.info import Attachment
from . import disk, inheriting
from .core import Core
from .layout import ATTACHMENTS

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_EXTENSIONS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "text/plain": "txt",
    "text/markdown": "md",
    "application/json": "json",
    "application/pdf": "pdf",
}


def extension(mime: str) -> str:
    """The file extension for a MIME type, any case, trimmed; `bin` for those not listed."""
    return _EXTENSIONS.get(mime.strip().lower(), "bin")


def attach(core: Core, session: str, data: bytes, *, mime: str, name: str | None) -> Attachment:
    """As the contract says."""
    digest = hash_of(data).hexdigest()
    kept = Attachment(digest, len(data), mime, name)
    with core.current(session) as log:
        folder = core.layout.folder(log.place) / ATTACHMENTS
        # Under the lock, so that it is not made for a session of the same id that is just begun: it would seem to have been
        # one before. And what has lain there for long may be collected as garbage, but only by whoever has the lock.
        with log.held():
            path = _file(folder.parent, digest)
            if path is not None:
                _found(path, core.clock())
                return kept
            core.announce(log)
            disk.make_folder(folder)
        path = folder / f"{digest}.{extension(mime)}"
        disk.write_file(path, data)
        _stamp(path, core.clock())
    return kept


def _found(path: Path, now_us: int) -> None:
    """Have a file that is there count as handed in now. Who put it there may not have come to sync its name."""
    disk.sync_folder(path.parent)
    _stamp(path, now_us)


def _stamp(path: Path, now_us: int) -> None:
    """Have the file say when its bytes were handed in last, by the store's clock: what is young is no garbage."""
    os.utime(path, ns=(now_us * 1000, now_us * 1000))


def attachment(core: Core, session: str, sha256: str) -> bytes:
    """As the contract says."""
    folders: list[Path] = []
    while (there := _folders(core, session)) != folders:
        # Once more if an origin went meanwhile: what the session needs of it lies beside its own log then.
        folders = there
        for folder in folders if _SHA256.fullmatch(sha256) else ():
            with contextlib.suppress(FileNotFoundError):
                path = _file(folder, sha256)
                if path is not None:
                    return read(path)
    msg = f"session {session!r} has no attachment {sha256[:80]!r}; its entries name those it has, by their SHA-256"
    raise NotFound(msg)


def _folders(core: Core, session: str) -> list[Path]:
    """The folders in which the attachments of a session may lie."""
    with core.current(session) as log:
        found = inheriting.inherited(core.layout, log.place, log.segments)
        return [core.layout.folder(log.place), *(source.path.parent for source in found)]


def read(path: Path) -> bytes:
    """The bytes of an attachment's file.

    Raises:
        Corrupt: they do not have the hash that the name says.
    """
    data = disk.read_file(path)
    if hash_of(data).hexdigest() != path.stem:
        msg = f"{path}: the content does not have the hash in its name. Restore the file from a backup"
        raise Corrupt(msg, path=str(path))
    return data


def _file(folder: Path, digest: str) -> Path | None:
    for suffix in ("bin", "png", "jpg"):
        path = folder / ATTACHMENTS / f"{digest}.{suffix}"
        if path.is_file() and not path.is_symlink():
            return path
    # A writer that died may have left `<digest>.<ext>.new-…`, which is not the file.
    return next((path for path in sorted((folder / ATTACHMENTS).glob(f"{digest}.*")) if path.stem == digest), None)


def files(folder: Path) -> dict[str, Path]:
    """The attachments in a session's folder by their hash."""
    try:
        found = [path for path in (folder / ATTACHMENTS).iterdir() if _SHA256.fullmatch(path.stem)]
    except FileNotFoundError:
        return {}
    return {path.stem: path for path in found if path.is_file() and not path.is_symlink()}
