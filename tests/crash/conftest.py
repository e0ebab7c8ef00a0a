from __future__ import annotations

import os
import sys
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
