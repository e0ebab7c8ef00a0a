"""Garbage: what nothing refers to and nobody can be about to refer to, because it has lain there for an hour.

The age of an attachment is told by its file's time, which is set to the store's clock whenever the bytes are handed in.
A session's lock is held while its attachments are looked through, so that no append names one meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ...errors import Corrupt, NotFound
from ...limits import GARBAGE_AGE_S
from ...model.requests import Garbage
from . import attaching, checking, deleting, disk, documents, forking, locks, scan, sources
from .core import Core
from .layout import ATTACHMENTS, LOG, PREFIX
from .log import Log

_LEFTOVER: Final = re.compile(r".+\.new-[0-9]*-?[0-9a-f]{8}")


def collect(core: Core, *, dry_run: bool) -> Iterator[Garbage]:
    """As the contract says."""
    before = core.clock() - GARBAGE_AGE_S * 1_000_000
    for place in list(checking.every_place(core)):
        yield from _in_session(core, place, before, dry_run=dry_run)
    for folder in (core.layout.root, core.layout.pairs, core.layout.sessions):
        yield from _leftovers(folder, "", before, dry_run=dry_run)
    yield from _in_documents(core, before, dry_run=dry_run)


def _in_session(core: Core, place: str, before: int, *, dry_run: bool) -> Iterator[Garbage]:
    folder = core.layout.folder(place)
    session = deleting.id_at(core, place)
    candidates = [path for path in attaching.files(folder).values() if _is_old(path, before)]
    old = any(_is_leftover(path, before) for part in (folder, folder / ATTACHMENTS) for path in _inside(part))
    if session is None or not (candidates or old):
        return
    # Of a damaged session nothing is taken: what can't be read may name anything.
    with contextlib.suppress(NotFound, Corrupt), core.held(session) as log:
        named = _named(core, log, {path.stem for path in candidates})
        for path in candidates:
            if path.stem not in named and _is_old(path, before):
                yield _taken(path, session, "attachment", path.stem, dry_run=dry_run)
        for part in (folder, folder / ATTACHMENTS):
            yield from _leftovers(part, session, before, dry_run=dry_run)


def _named(core: Core, log: Log, names: set[str]) -> set[str]:
    """Those of the names that a line of the session, or of a fork that reads its attachments, holds.

    Raises:
        Corrupt: a fork is damaged, so that it can't be told.
    """
    wanted = [(name, name.encode()) for name in names]
    found: set[str] = set()
    seen = {log.session}
    folders = [core.layout.folder(log.place)]
    while folders:
        folder = folders.pop()
        for path in (folder / LOG, folder / PREFIX):
            with contextlib.suppress(FileNotFoundError), sources.opened(path) as fd:
                for _, line in scan.raw_lines(fd, 0):
                    found |= {name for name, spelled in wanted if spelled in line}
        for fork in forking.markers(folder):
            place = core.layout.find(fork)
            if place is not None and fork not in seen:
                seen.add(fork)
                folders.append(core.layout.folder(place))
    return found


def _in_documents(core: Core, before: int, *, dry_run: bool) -> Iterator[Garbage]:
    """Contents of versions that were never acknowledged or are gone, and half-written files."""
    for folder, name in list(documents.every_history(core)):
        box = folder / documents.VERSIONS / name
        if not box.is_dir():
            continue
        with locks.locked_file(folder / documents.VERSIONS / documents.LOCK):
            try:
                kept = {version.sha256 for version in documents.read_history(box / documents.HISTORY)}
            except Corrupt:
                continue
            for path in _inside(box):
                if path.name != documents.HISTORY and path.stem not in kept and _is_old(path, before):
                    yield _taken(path, "", "document", path.name, dry_run=dry_run)
            yield from _leftovers(folder, "", before, dry_run=dry_run)


def _leftovers(folder: Path, session: str, before: int, *, dry_run: bool) -> Iterator[Garbage]:
    for path in _inside(folder):
        if _is_leftover(path, before):
            yield _taken(path, session, "leftover", path.name, dry_run=dry_run)


def _is_leftover(path: Path, before: int) -> bool:
    return _LEFTOVER.fullmatch(path.name) is not None and _is_old(path, before)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_old(path: Path, before: int) -> bool:
    try:
        return os.lstat(path).st_mtime_ns // 1000 <= before
    except FileNotFoundError:
        return False


def _taken(path: Path, session: str, what: str, name: str, *, dry_run: bool) -> Garbage:
    size = os.lstat(path).st_size
    if not dry_run:
        disk.unlink(path)
        disk.sync_folder(path.parent)
    return Garbage(session, what, name, size)
