"""Operating-system locks on files, and what happens to them in a forked child.

`flock` belongs to the open file description: two opens of one file exclude each other also within one process, and
closing one of them does not drop the other's lock. A forked child shares the descriptions of its parent, so it closes
its copies at once: that releases nothing of the parent's and keeps nothing beyond it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import struct
import sys
import threading
import weakref
from collections.abc import Generator
from pathlib import Path
from typing import Final

from . import disk

_FIRST_BYTE: Final = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
_NO_BYTE: Final = struct.pack("hhqqi4x", fcntl.F_UNLCK, os.SEEK_SET, 0, 1, 0)
"""What Linux calls struct flock; locks of this kind belong to the open file description, as those of flock do."""
_NO_BYTE_LOCKS: Final = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)

_inherited: Final[set[int]] = set()
_held: Final[weakref.WeakSet[io.FileIO]] = weakref.WeakSet()
_opening: Final = threading.Lock()
"""Held while a descriptor is opened and noted, and across each fork: no child inherits one that it does not know of."""


def open_file(path: str | Path, flags: int) -> int:
    """A descriptor of a file itself, never of what a link names, which a forked child closes at once."""
    with _opening:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, disk.FILE_MODE)
        _inherited.add(fd)
    return fd


def close(fd: int) -> None:
    """Close a descriptor that `open_file` gave, and with it release its lock."""
    with _opening:
        try:
            _inherited.discard(fd)
        finally:
            os.close(fd)


def open_held(path: str | Path, flags: int) -> io.FileIO:
    """As `open_file`, for a lock that is held within a `with`: whatever interrupts that, the file does not stay open.

    Leaving it is one call into C, where no signal is handled, and an object that nobody knows of any more closes it.
    """
    with _opening:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, disk.FILE_MODE)
        file = io.FileIO(fd, "r+")
        _held.add(file)
    return file


def _close_in_child() -> None:
    for file in list(_held):
        with contextlib.suppress(OSError):
            file.close()
    _held.clear()
    for fd in list(_inherited):
        with contextlib.suppress(OSError):
            os.close(fd)
    _inherited.clear()
    _opening.release()


os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_close_in_child)


def acquire(fd: int) -> None:
    """Wait for the exclusive lock of an open file."""
    fcntl.flock(fd, fcntl.LOCK_EX)


def acquire_shared(fd: int) -> None:
    """Wait until nobody has the exclusive lock of an open file, and keep others from taking it."""
    fcntl.flock(fd, fcntl.LOCK_SH)


def try_acquire(fd: int) -> bool:
    """Take the exclusive lock if nobody has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def acquire_at_once(fd: int) -> None:
    """Take the exclusive lock if nobody has it, whoever waits; else as `acquire_in_turn`."""
    if not try_acquire(fd):
        acquire_in_turn(fd)


def acquire_in_turn(fd: int) -> None:
    """As `acquire`, behind those who wait already: who has just given the lock back does not overtake them.

    Whoever waits for the lock holds the first byte of the file meanwhile, and who comes next waits for that. Where files
    have no such locks, nobody keeps to an order.
    """
    if not _lock_byte("F_OFD_SETLKW", fd):
        acquire(fd)
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    finally:
        _free_byte(fd)


def try_in_turn(fd: int) -> bool:
    """Take the exclusive lock if nobody has it, and nobody waits for it in turn."""
    try:
        locked = _lock_byte("F_OFD_SETLK", fd)
    except BlockingIOError:
        return False
    try:
        return try_acquire(fd)
    finally:
        if locked:
            _free_byte(fd)


def _lock_byte(command: str, fd: int) -> bool:
    """Lock the first byte for this open file description; False if the system or the file system has no such locks."""
    number = getattr(fcntl, command, None)
    if number is None or sys.maxsize < 2**32:
        return False
    try:
        fcntl.fcntl(fd, number, _FIRST_BYTE)
    except OSError as error:
        if error.errno in _NO_BYTE_LOCKS:
            return False
        raise
    return True


def _free_byte(fd: int) -> None:
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _NO_BYTE)


def release(fd: int) -> None:
    """Give the lock back."""
    fcntl.flock(fd, fcntl.LOCK_UN)


@contextlib.contextmanager
def locked_file(path: Path) -> Generator[int]:
    """The descriptor of a file, made if absent, that this thread alone holds locked; the path still names it."""
    while True:
        with open_held(path, os.O_RDWR | os.O_CREAT) as file:
            fd = file.fileno()
            acquire(fd)
            try:
                here = os.lstat(path)
            except FileNotFoundError:
                continue
            mine = os.fstat(fd)
            if (here.st_dev, here.st_ino) != (mine.st_dev, mine.st_ino):
                continue
            yield fd
            return
