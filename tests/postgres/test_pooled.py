"""The contract through pgbouncer in transaction mode, where no two transactions need share a connection to the server."""

from __future__ import annotations

import contextlib

import pytest

from hansard.testing import BackendContract, PostgresBackdoor
from support import pgbouncer, stores

pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def pooled():
    """Makes connection parameters go through pgbouncer; whether it passes prepared statements on."""
    with pgbouncer.running() as found:
        yield found


class TestPooledPostgres(BackendContract):
    @pytest.fixture
    def make_backend(self, pooled):
        from hansard.backends.postgres import PostgresBackend, Settings

        through, keeps = pooled
        url = through(stores.empty_database())
        return lambda clock: PostgresBackend(Settings(url, prepare=keeps), clock=clock)

    @pytest.fixture
    def backdoor(self, backend):
        with contextlib.closing(PostgresBackdoor(backend)) as door:
            yield door
