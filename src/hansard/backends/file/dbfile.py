"""Files of derived databases: making, naming and replacing them whole, under one lock for all processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final, TypeAlias

import apsw

from ...errors import Unavailable
from . import disk, locks

Identity: TypeAlias = tuple[int, int]
"""Device and inode of a file."""

WAIT_MS: Final = 5_000
"""How long a reader, or an opener, waits for others before it gives up."""

BESIDE: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file."""


def identity(path: Path) -> Identity | None:
    """Device and inode of a regular file; None for anything else."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def check_can_open(path: Path) -> None:
    """Return if this process can open a file here, so that one that SQLite can't open is a wrong one.

    Raises:
        Unavailable: it can't open any, as where it has too many open, or may not open this one.
    """
    try:
        for name in (path, path.parent):
            os.close(os.open(name, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        msg = f"{path}: {error.strerror}. Allow this process more open files (ulimit -n), or to read and write this one"
        raise Unavailable(msg) from error


def unanswered(path: Path, error: apsw.Error) -> Unavailable:
    """What to say where the medium takes or gives nothing."""
    return Unavailable(f"{path}: {error}. Free space or restore access to this file; it can be deleted, it is rebuilt")


def remove(path: Path) -> None:
    """Remove a file if it is there."""
    with contextlib.suppress(FileNotFoundError):
        disk.unlink(path)


def remove_all(path: Path) -> None:
    """Remove a database file and what SQLite keeps beside it."""
    for name in (path, *_beside(path)):
        remove(name)


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in BESIDE]


def sweep(path: Path, mark: str) -> None:
    """Remove what builders that were killed have left. The caller is the only builder of that mark."""
    for leftover in path.parent.glob(f"{path.name}{mark}*"):
        remove(leftover)


@contextlib.contextmanager
def guard(path: Path, *, alone: bool) -> Generator[None]:
    """Hold the lock file of a database: alone to replace the database, with others to open it.

    Raises:
        Unavailable: the lock file can't be made, or somebody keeps it locked.
    """
    try:
        file = locks.open_held(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        msg = f"{path}: {error.strerror}. The index lives in this folder; give it write access"
        raise Unavailable(msg) from error
    with file:
        _lock(file.fileno(), fcntl.LOCK_EX if alone else fcntl.LOCK_SH, path)
        yield


def _lock(fd: int, how: int, path: Path) -> None:
    end = time.monotonic() + WAIT_MS / 1000
    while True:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                msg = f"{path}: another process has held this lock for {WAIT_MS / 1000:g} s; see which with `lsof`"
                raise Unavailable(msg) from None
            time.sleep(0.001)
        else:
            return


def make(path: Path, schema: str, *, application: int, version: int) -> None:
    """Put an empty database at a path, over whatever is there. The caller holds the lock alone.

    Raises:
        Unavailable: the folder does not take a new file.
    """
    sweep(path, ".new-")
    beside = path.with_name(f"{path.name}.new-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        os.close(os.open(beside, flags, disk.FILE_MODE))
        _fill(beside, schema, application=application, version=version)
        # Not synced: if a crash of the system leaves it damaged, it is made anew from the logs like any damaged index.
        put_in_place(beside, path)
    except (OSError, apsw.Error) as error:
        remove_all(beside)
        msg = f"{path}: an empty index can't be made ({error}); free space, or give write access to its folder"
        raise Unavailable(msg) from error
    except BaseException:
        remove_all(beside)
        raise


def _fill(path: Path, schema: str, *, application: int, version: int) -> None:
    con = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        # Nobody knows the file yet: no journal for each statement.
        con.pragma("synchronous", "OFF")
        con.pragma("journal_mode", "OFF")
        con.execute("BEGIN")
        con.execute(schema)
        con.execute("COMMIT")
        con.pragma("application_id", application)
        con.pragma("user_version", version)
        con.pragma("journal_mode", "WAL")
    finally:
        con.close()


def put_in_place(beside: Path, path: Path) -> None:
    """Rename a database to its place, over what is there. The caller holds the lock alone."""
    if path.is_dir() and not path.is_symlink():
        msg = f"{path}: is a folder where a file belongs; move it away"
        raise Unavailable(msg)
    # A write-ahead log that outlives its file would be played into the next one of that name.
    for name in _beside(path):
        remove(name)
    disk.rename(beside, path)
