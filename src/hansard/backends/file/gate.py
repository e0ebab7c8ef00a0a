"""The lock around a whole store: whoever makes something new in it passes a gate, and a reset shuts it.

Appends do not pass here. They find out by themselves that their session's folder was taken away, as after a deletion.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

from . import disk, locks

_LOCK: Final = "store.lock"


@contextlib.contextmanager
def entered(root: Path) -> Generator[None]:
    """Keep the store from being reset meanwhile; any number of threads and processes at a time."""
    with locks.open_held(root / _LOCK, os.O_RDWR | os.O_CREAT) as file:
        locks.acquire_shared(file.fileno())
        if not (root / "sessions").is_dir():
            disk.make_folder(root / "sessions")
        yield


@contextlib.contextmanager
def alone(root: Path) -> Generator[None]:
    """Wait until nobody is inside, and keep all others out."""
    with locks.open_held(root / _LOCK, os.O_RDWR | os.O_CREAT) as file:
        locks.acquire(file.fileno())
        yield
