from __future__ import annotations

import contextlib

import pytest

from hansard.backends.memory import MemoryBackend
from hansard.testing import BackendContract, MemoryBackdoor, machine_for


def open_memory(clock):
    return MemoryBackend(clock=clock)


class TestMemory(BackendContract):
    @pytest.fixture
    def make_backend(self):
        return open_memory

    @pytest.fixture
    def backdoor(self, backend):
        return MemoryBackdoor(backend)


@contextlib.contextmanager
def fresh():
    yield open_memory


TestMemoryBesideMemory = machine_for(fresh)
TestMemoryBesideMemoryAtRandom = pytest.mark.torture(machine_for(fresh, examples=200, explore=True))
