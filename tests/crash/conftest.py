from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from hansard.backends.file import database, sidebyside

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def no_syncs(monkeypatch):
    """Nothing in such a test is about power cuts."""
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda fd: None)
    monkeypatch.setattr(sidebyside, "sync", lambda fds, *, names=False: [None] * len(fds))
    monkeypatch.setitem(database._SETTINGS, "synchronous", "OFF")


MEMORY = Path("/dev/shm")
ROOM_MIN = 1 << 30


@pytest.fixture
def quick_path(tmp_path):
    """An empty folder, in memory where there is room: for tests that make thousands of stores and cut no real power."""
    if not (os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_MIN):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="hansard-", dir=MEMORY) as folder:
        yield Path(folder)
