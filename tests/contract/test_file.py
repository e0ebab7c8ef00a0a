from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest

from hansard.backends.file import FileBackend
from hansard.testing import BackendContract, FileBackdoor, machine_for


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


class TestFile(BackendContract):
    @pytest.fixture
    def make_backend(self, root):
        return lambda clock: FileBackend(root, clock=clock)

    @pytest.fixture
    def backdoor(self, root):
        return FileBackdoor(root)


@contextlib.contextmanager
def fresh():
    with tempfile.TemporaryDirectory() as folder:
        yield lambda clock: FileBackend(Path(folder) / "store", clock=clock)


TestFileBesideMemory = machine_for(fresh, examples=15)
TestFileBesideMemoryAtRandom = pytest.mark.torture(machine_for(fresh, examples=200, explore=True))
