from __future__ import annotations

import contextlib

import pytest

from hansard.testing import BackendContract, PostgresBackdoor, machine_for
from support import stores


def opener():
    """Opens the same empty database each time."""
    stores.need_server()
    from hansard.backends.postgres import PostgresBackend, Settings

    own = stores.empty_database()
    return lambda clock: PostgresBackend(Settings(own), clock=clock)


class TestPostgres(BackendContract):
    @pytest.fixture
    def make_backend(self):
        return opener()

    @pytest.fixture
    def backdoor(self, backend):
        with contextlib.closing(PostgresBackdoor(backend)) as door:
            yield door


@contextlib.contextmanager
def fresh():
    yield opener()


TestPostgresBesideMemory = machine_for(fresh, examples=15)
TestPostgresBesideMemoryAtRandom = pytest.mark.torture(machine_for(fresh, examples=200, explore=True))
