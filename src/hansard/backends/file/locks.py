"""Operating-system locks on files, and what happens to them in a forked child.

`flock` belongs to the open file description: two opens of one file exclude each other also within one process, and
closing one of them does not drop the other's lock. A forked child shares the descriptions of its parent, so it closes
its copies at once: that releases nothing of the parent's and keeps nothing beyond it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Final

from . import disk

_inherited: Final[set[int]] = set()
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
        _inherited.discard(fd)
        os.close(fd)


def _close_in_child() -> None:
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


def release(fd: int) -> None:
    """Give the lock back."""
    fcntl.flock(fd, fcntl.LOCK_UN)


@contextlib.contextmanager
def locked_file(path: Path) -> Generator[int]:
    """The descriptor of a file, made if absent, that this thread alone holds locked; the path still names it."""
    while True:
        fd = open_file(path, os.O_RDWR | os.O_CREAT)
        try:
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
        finally:
            close(fd)
