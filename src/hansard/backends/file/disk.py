"""The calls that change files, in one place: each does the whole of what it says or raises, and tests make each fail.

Callers look the functions up in this module at each call (`disk.datasync(fd)`), so that a test can replace one.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from . import sidebyside

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_FULL_SYNC: Final = 51  # F_FULLFSYNC: on macOS, fsync alone leaves the bytes in the drive's cache.


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte; a short write goes on where it stopped."""
    done = os.write(fd, data)
    if done == len(data):
        return
    if done <= 0:
        raise OSError(errno.EIO, "the system wrote nothing and gave no error")
    view = memoryview(data)[done:]
    while view:
        done = os.write(fd, view)
        if done <= 0:
            raise OSError(errno.EIO, "the system wrote nothing and gave no error")
        view = view[done:]


if sys.platform == "darwin":
    import fcntl

    def datasync(fd: int) -> None:
        """Return once the file's bytes and size are on the medium."""
        fcntl.fcntl(fd, _FULL_SYNC)

else:

    def datasync(fd: int) -> None:
        """Return once the file's bytes and size are on the medium."""
        os.fdatasync(fd)


def datasync_each(fds: Sequence[int]) -> list[OSError | None]:
    """What came of syncing each file as `datasync` does: None, or its error. Side by side where the system can."""
    found = sidebyside.sync(fds) if len(fds) > 1 else []
    for fd in fds[len(found) :]:
        try:
            datasync(fd)
        except OSError as error:
            found.append(error)
        else:
            found.append(None)
    return found


def sync_folder(path: str | Path) -> None:
    """Return once the names in a folder are on the medium."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_together(*paths: Path) -> None:
    """Return once the names in these folders, and the bytes of these files, are on the medium. Side by side if possible."""
    fds: list[int] = []
    try:
        for path in paths:
            fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))  # noqa: PERF401 - closed if one fails
        found = sidebyside.sync(fds, names=True)
        for error in found:
            if error is not None:
                raise error
        for fd in fds[len(found) :]:
            os.fsync(fd)
    finally:
        for fd in fds:
            os.close(fd)


def make_folder(path: Path, *, synced: bool = True) -> bool:
    """Make one folder; False if it was there. Its name is durable, unless the caller says that it syncs the parent."""
    made = True
    try:
        path.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        # Whoever made it may have died, or failed, before the sync. Nobody puts anything into it before that.
        made = False
        synced = synced and _is_empty(path)
    if synced:
        sync_folder(path.parent)
    return made


def _is_empty(path: Path) -> bool:
    try:
        with os.scandir(path) as inside:
            return next(inside, None) is None
    except NotADirectoryError:
        return False


def rename(old: Path, new: Path) -> None:
    """Rename, replacing what `new` named. Durable once the folders are synced."""
    os.rename(old, new)  # noqa: PTH104 - one call, one system call


def truncate(fd: int, size: int) -> None:
    """Cut the file to `size` bytes."""
    os.ftruncate(fd, size)


def unlink(path: Path) -> None:
    """Remove a file's name."""
    os.unlink(path)  # noqa: PTH108 - one call, one system call


class NotAFile(OSError):
    """In the place of a file stands something else: a folder, a link, a pipe, a device."""


def read_file(path: Path) -> bytes:
    """All bytes of a file itself. A pipe that nobody writes to is not waited for, and a device without an end not read.

    Raises:
        NotAFile: it is none.
        OSError: it is not there, or can't be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotAFile(error.errno, "not a file", str(path)) from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise NotAFile(errno.EINVAL, "not a file", str(path))
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(fd)


def write_file(path: Path, data: bytes) -> None:
    """A file that holds `data`, whole or not at all, durable with its name: written beside, synced, renamed."""
    beside = path.with_name(f"{path.name}.new-{os.getpid()}-{os.urandom(4).hex()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            write_all(fd, data)
            datasync(fd)
        finally:
            os.close(fd)
        rename(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
