"""Operating-system locks on files, and what happens to them in a forked child.

`flock` belongs to the open file description: two opens of one file exclude each other also within one process, and
closing one of them does not drop the other's lock. A forked child shares the descriptions of its parent, so it closes
its copies at once: that releases nothing of the parent's and keeps nothing beyond it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from . import disk

_inherited: Final[set[int]] = set()


def remember(fd: int) -> int:
    """Have a forked child close this descriptor; returns it."""
    _inherited.add(fd)
    return fd


def close(fd: int) -> None:
    """Close a remembered descriptor, and with it release its lock."""
    _inherited.discard(fd)
    os.close(fd)


def _close_in_child() -> None:
    for fd in list(_inherited):
        with contextlib.suppress(OSError):
            os.close(fd)
    _inherited.clear()


os.register_at_fork(after_in_child=_close_in_child)


def acquire(fd: int) -> None:
    """Wait for the exclusive lock of an open file."""
    fcntl.flock(fd, fcntl.LOCK_EX)


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
def locked_file(path: Path) -> Iterator[int]:
    """The descriptor of a file, made if absent, that this thread alone holds locked; the path still names it."""
    while True:
        fd = remember(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, disk.FILE_MODE))
        try:
            acquire(fd)
            try:
                here = os.stat(path, follow_symlinks=False)
            except FileNotFoundError:
                continue
            mine = os.fstat(fd)
            if (here.st_dev, here.st_ino) != (mine.st_dev, mine.st_ino):
                continue
            yield fd
            return
        finally:
            close(fd)
