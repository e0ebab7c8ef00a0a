"""Whether everything in a store stands where its name says: folders of sessions, pointers to children, numbers of pairs."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ...errors import AlreadyExists, Corrupt
from ...model.requests import Finding
from . import creating, disk, locks, sources
from .core import Core
from .layout import is_child, is_real_folder

_DAMAGE: Final = "damage"


def strangers(core: Core) -> Iterator[Finding]:
    """What stands among the sessions and is none."""
    for path in sorted(core.layout.sessions.iterdir()):
        mode = _mode_of(path)
        if mode is not None and not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            msg = f"{path}: neither a folder nor a file. A store holds no links; move what it names here, or remove it"
            yield Finding("", _DAMAGE, msg, path=str(path))


def _mode_of(path: Path) -> int | None:
    """What stands there; None if it was taken away meanwhile."""
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None


def way_to(core: Core, session: str, place: str, *, repair: bool) -> Iterator[Finding]:
    """Whether who asks for the session's id gets to its place. With `repair`, a child's pointer is written anew."""
    folder = core.layout.folder(place)
    named = core.layout.named(session)
    try:
        found = core.layout.find(session)
    except Corrupt:
        found = None
    if found == place or not is_real_folder(folder):
        return
    if folder.name != named.name:
        msg = f"{folder}: holds session {session!r}, which belongs to {named}; move it to its own place"
        yield Finding(session, _DAMAGE, msg, path=str(folder))
        return
    msg = f"session {session!r}: {named} does not lead to {folder}, so that it is not found under its id"
    if not is_child(place) or named.is_symlink() or (named.exists() and not named.is_file()):
        yield Finding(session, _DAMAGE, f"{msg}. Move what stands there away", path=str(named))
        return
    yield Finding(session, _DAMAGE, f"{msg}. `hansard check --repair` writes it anew", path=str(named))
    if repair:
        with contextlib.suppress(AlreadyExists), creating.pointer(session, core, place.split("/")[1]):
            return


def pairs(core: Core, *, repair: bool) -> Iterator[Finding]:
    """Whether the files with the numbers of the sessions of a pair can be read. With `repair`, the lines that can stay."""
    try:
        files = sorted(core.layout.pairs.iterdir())
    except FileNotFoundError:
        return
    for path in files:
        mode = _mode_of(path)
        if mode is not None and not stat.S_ISREG(mode):
            yield Finding("", _DAMAGE, f"{path}: this is no file; move it away", path=str(path))
        if mode is None or not stat.S_ISREG(mode):
            continue
        # The folder goes when the store is reset meanwhile.
        held = sources.opened(path) if core.layout.read_only else locks.locked_file(path)
        with contextlib.suppress(FileNotFoundError), held as fd:
            data = os.pread(fd, os.fstat(fd).st_size, 0)
            # What has no newline was never acknowledged.
            lines = [line + b"\n" for line in data.split(b"\n")[:-1]]
            bad = [number for number, line in enumerate(lines, 1) if not _is_number(line)]
            if not bad:
                continue
            msg = f"{path}: line {bad[0]} is damaged; the number of a session can't be read. Restore the file from a backup"
            yield Finding("", _DAMAGE, msg, path=str(path), line=bad[0])
            if repair:
                _keep_readable(core, path, data, [line for line in lines if _is_number(line)], fd)


def _is_number(line: bytes) -> bool:
    try:
        creating.pair_line(line)
    except Corrupt:
        return False
    return True


def _keep_readable(core: Core, path: Path, data: bytes, lines: list[bytes], fd: int) -> None:
    disk.make_folder(core.layout.quarantine)
    disk.write_file(core.layout.quarantine / f"{path.name[:100]}-{os.urandom(4).hex()}", data)
    disk.truncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)
    disk.write_all(fd, b"".join(lines))
    disk.datasync(fd)
