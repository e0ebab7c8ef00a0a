"""Putting another file in the place of a log: written beside, synced, locked, renamed. The old one stays locked too."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

from . import disk, locks, scan, sources
from .log import Log

Change: TypeAlias = Callable[[bytes], bytes]

_BATCH: Final = 1 << 20


def rewrite(log: Log, change: Change, more: Iterable[bytes] = ()) -> None:
    """Replace the lines of a log by what `change` makes of them, with `more` behind them. Its lock is held.

    Afterwards the new file is durable under the log's name, locked, and folded. Whoever waited for the lock of the old
    one finds that the name leads elsewhere. On an error the log is as it was.
    """
    with sources.opened(log.path) as fd:
        lines = (change(line) for _, line in scan.raw_lines(fd, 0, log.mark.offset))
        replace(log, chain(lines, more))


def replace(log: Log, lines: Iterable[bytes]) -> None:
    """Have a log whose lock is held consist of these lines."""
    beside = log.path.with_name(f"{log.path.name}.new-{os.getpid()}-{os.urandom(4).hex()}")
    fd = locks.open_file(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        locks.acquire(fd)
        write_lines(fd, lines)
        disk.datasync(fd)
        disk.rename(beside, log.path)
    except BaseException:
        locks.close(fd)
        beside.unlink(missing_ok=True)
        raise
    log.replaced(fd)
    _make_sure_of_name(log)


def _make_sure_of_name(log: Log) -> None:
    """What is appended to a file whose name is not certain may be gone after a power cut: so it is, or none may append."""
    folder = log.path.parent
    try:
        disk.sync_folder(folder)
    except OSError:
        log.poison()
        raise
    except BaseException:
        # An interrupt says nothing of the medium.
        try:
            disk.sync_folder(folder)
        except OSError:
            log.poison()
        raise


def rewrite_file(path: Path, change: Change) -> None:
    """Replace the lines of a file that nobody writes to, such as a prefix, durable with its name."""
    beside = path.with_name(f"{path.name}.new-{os.getpid()}-{os.urandom(4).hex()}")
    to = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, disk.FILE_MODE)
    try:
        try:
            with sources.opened(path) as fd:
                write_lines(to, (change(line) for _, line in scan.raw_lines(fd, 0)))
            disk.datasync(to)
        finally:
            os.close(to)
        disk.rename(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    disk.sync_folder(path.parent)


def write_lines(fd: int, lines: Iterable[bytes]) -> None:
    """Write lines in large pieces."""
    pieces: list[bytes] = []
    size = 0
    for line in lines:
        pieces.append(line)
        size += len(line)
        if size >= _BATCH:
            disk.write_all(fd, b"".join(pieces))
            pieces, size = [], 0
    if pieces:
        disk.write_all(fd, b"".join(pieces))


def remove_leftovers(folder: Path) -> None:
    """Remove torn tails and files that a dead process left half written, for good: they may hold what was erased."""
    found = [path for path in folder.iterdir() if ".torn-" in path.name or ".new-" in path.name]
    for path in found:
        with contextlib.suppress(FileNotFoundError):
            disk.unlink(path)
    if found:
        disk.sync_folder(folder)
