"""Renewals of a lease: a small file beside the log, so that staying alive writes no entry and moves no seq."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...model.info import SessionInfo
from .. import admitting
from ..beside import renewed
from . import disk, locks
from .layout import RENEWED

if TYPE_CHECKING:
    from .core import Core

_LINE: Final = re.compile(rb"(\d{20}) (\d{20})\n")


def renew(core: Core, session: str, fence: int) -> None:
    """As the contract says."""
    with core.held(session) as log:
        admitting.check_fence(log.fold, fence)
        fd = locks.open_file(core.layout.folder(log.place) / RENEWED, os.O_WRONLY | os.O_CREAT)
        try:
            # One write of a fixed length in place: a reader sees the old renewal or the new one.
            disk.write_all(fd, b"%020d %020d\n" % (fence, core.clock()))
        finally:
            locks.close(fd)


def overlaid(folder: Path, info: SessionInfo) -> SessionInfo:
    """The info of the session in a folder, with the last renewal laid over its lease."""
    if info.lease is None or info.lease.released:
        return info
    try:
        found = _LINE.fullmatch(disk.read_file(folder / RENEWED))
    except (FileNotFoundError, NotADirectoryError, disk.NotAFile):
        return info
    return info if found is None else renewed(info, int(found.group(1)), int(found.group(2)))
