"""A log read once, from its beginning, with nothing kept: what a look at every log of a store costs for each of them."""

from __future__ import annotations

import os
import stat

from ...errors import Corrupt
from ...fold import FOLD_VERSION, Fold
from . import scan
from .layout import LOG, Layout
from .rows import Row


def glance(layout: Layout, place: str) -> Row | None:
    """The row of the session at a place, if its log is whole and stands by itself; None if it takes a closer look.

    It does if it is a fork's, is damaged, has a tail, grows at the moment, is not there, or is not in its own place.
    """
    name = f"{layout.root}/{place}/{LOG}"
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return None
        fold, mark = _folded(fd, name)
        info = fold.info()
        if mark.offset != found.st_size or info.segments or fold.needs_tree or not info.id:
            return None
        if layout.find(info.id) != place:
            return None
    except (Corrupt, OSError):
        return None
    finally:
        os.close(fd)
    inode, size, mtime_ns = found.st_ino, found.st_size, found.st_mtime_ns
    return Row(place, inode, mtime_ns, size, mark.offset, mark.hash.hex(), FOLD_VERSION, fold.dump(), info)


def _folded(fd: int, name: str) -> tuple[Fold, scan.Mark]:
    """The fold of the whole groups of a log that begins with entry 1, and where they end."""
    scanner = scan.Scanner(fd, scan.Mark(), name)
    fold = Fold.of(entry_size for group in scanner.groups() for entry_size in group)
    return fold, scanner.mark
