"""Files of other programs, opened so that nothing in their place can hold an import up: no pipe, no device, no folder."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from ..codec import times

_BUFFER_BYTES: Final = 1 << 18
"""Each read hands the interpreter over, and other threads are at work beside an import: so there are few of them."""

_LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999."""


def opened(path: Path) -> BinaryIO:
    """A regular file, open for reading.

    Raises:
        OSError: it can't be opened, or is something else; a pipe that nobody writes to is not waited for.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return os.fdopen(fd, "rb", _BUFFER_BYTES)
    os.close(fd)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def contents(path: Path) -> bytes:
    """All bytes of a regular file. Errors as for `opened`."""
    with opened(path) as file:
        return file.read()


def beginning(path: Path, size: int = 4096) -> bytes:
    """The first bytes of a regular file. Errors as for `opened`."""
    with opened(path) as file:
        return file.read(size)


def changed_at(path: Path) -> str:
    """When a file or folder was changed last; the nearest time of 1970 to 9999 where it bears another one."""
    seconds = min(max(path.stat().st_mtime, 0), _LAST_SECOND)
    return times.normal(datetime.fromtimestamp(seconds, UTC))
