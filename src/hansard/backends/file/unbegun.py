"""What is put beside a log before its first commit: the log says so meanwhile, so that nobody takes it for a session's rest.

A prefix or attachments without a whole first commit show that a session was there, as nothing else makes them. A copy that
brings its own, or a fork that gets a copy of what it inherits, has them there first. Until its log is put in place whole,
by rename, the log holds one line that is no entry; who died in between leaves that, and the next one begins anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

from ...errors import Corrupt
from . import disk, sources
from .layout import ATTACHMENTS, LOG, PREFIX

SAID: Final = b"nothing was acknowledged here yet\n"


def is_said(folder: Path) -> bool:
    """Whether the log in a folder says that what stands beside it belongs to no session yet."""
    with contextlib.suppress(OSError, Corrupt), sources.opened(folder / LOG) as fd:
        return os.pread(fd, len(SAID) + 1, 0) == SAID
    return False


def remove(folder: Path) -> None:
    """Take away what stands beside a log that says so. Its lock is held."""
    with contextlib.suppress(FileNotFoundError):
        disk.unlink(folder / PREFIX)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder / ATTACHMENTS)
    disk.sync_folder(folder)
