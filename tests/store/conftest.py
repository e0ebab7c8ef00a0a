"""Each test of this folder runs on every backend that there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import hansard
from support import places


class Ticking:
    """A clock that a test moves."""

    def __init__(self):
        self.now = datetime(2026, 11, 21, 8, tzinfo=UTC)

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Ticking()


@pytest.fixture(params=places.KINDS)
def open_store(request, tmp_path, clock):
    """Opens a store of the kind under test by a name; the same name twice is the same folder or the same tenant."""
    opened, empty = [], {}

    def open_named(name="store"):
        if request.param != "postgres":
            url = "memory:" if request.param == "memory" else tmp_path / name
            opened.append(hansard.open(url, clock=clock))
            return opened[-1]
        url = empty.get("url") or empty.setdefault("url", places.place_of("postgres", tmp_path))
        # Tenants of one database stand for databases: those would take seconds to be made.
        opened.append(hansard.open(url, clock=clock, tenant=None if name == "store" else name))
        return opened[-1]

    yield open_named
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store):
    return open_store()


@pytest.fixture
def session(store):
    return store.create(id="s")


def said(messages):
    """What a history says, as (role, text)."""
    return [(message.role, message.text) for message in messages]


@pytest.fixture(name="said")
def said_fixture():
    return said
