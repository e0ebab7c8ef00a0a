"""What is known of a log's file without reading it: which one it is, how it stands, and what was read of it before."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import msgspec

from ...errors import NotFound, Unavailable
from . import scan


class Start(msgspec.Struct, frozen=True):
    """What the catalogue remembers of a log: the fold up to a commit line, when the file was so."""

    inode: int
    size: int
    mtime_ns: int
    mark: scan.Mark
    fold: bytes

    def is_of(self, now: tuple[int, ...]) -> bool:
        """Whether a file in this `state` is the one that is remembered, unchanged or with more behind it."""
        if self.inode != now[1] or not self.mark.offset:
            # Another file may have the same lines and show less: what was erased elsewhere.
            return False
        return now[2] > self.size or now[2:] == (self.size, self.mtime_ns)


def identity(fd: int) -> tuple[int, ...]:
    """(device, inode) of an open file."""
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


def state(fd: int) -> tuple[int, ...]:
    """(device, inode, size, mtime in ns) of an open file."""
    found = os.fstat(fd)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class os_errors:  # noqa: N801 - used like a function, and written as a class because it stands around each commit
    """Turn what the system says into what the contract says."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        """Name the file that the calls are about."""
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, FileNotFoundError) and not os.path.lexists(self._path):
            msg = f"{self._path}: the session was deleted meanwhile. Nothing of this call was acknowledged"
            raise NotFound(msg) from error
        if isinstance(error, OSError):
            why = error.strerror or error
            msg = f"{self._path}: {why}. Nothing of this call was acknowledged; see to the disk and repeat it"
            raise Unavailable(msg) from error
