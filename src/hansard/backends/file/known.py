"""What is known of a log's file without reading it: which one it is, how it stands, and what was read of it before."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ...errors import HansardError, NotFound, Unavailable
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


def unacknowledged(path: Path, error: OSError) -> HansardError:
    """What the contract says where the system has refused a call about a log, before anything was acknowledged."""
    if isinstance(error, FileNotFoundError) and not os.path.lexists(path):
        return NotFound(f"{path}: the session was deleted meanwhile. Nothing of this call was acknowledged")
    why = error.strerror or error
    return Unavailable(f"{path}: {why}. Nothing of this call was acknowledged; see to the disk and repeat it")
