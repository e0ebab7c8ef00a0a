"""Stores in a database of this process's own, empty before each test."""

from __future__ import annotations

import contextlib
import importlib.util
import os

import pytest

import hansard
from support import postgres, stores

collect_ignore_glob = []
if importlib.util.find_spec("psycopg") is None and not os.environ.get(postgres.NEEDED):
    # The head of the report says so.
    collect_ignore_glob.append("test_*.py")


@pytest.fixture
def conninfo():
    """Connection parameters of an empty database with the tables of a store."""
    stores.need_server()
    with hansard.open(stores.url_of(stores.database())):
        pass
    return stores.empty_database()


@pytest.fixture
def url(conninfo):
    return stores.url_of(conninfo)


@pytest.fixture
def open_store(url):
    """Opens a store in the database; options of the URL as keywords."""
    with contextlib.ExitStack() as stack:

        def open_one(**options):
            query = "&".join(f"{name}={value}" for name, value in options.items())
            return stack.enter_context(hansard.open(f"{url}?{query}" if query else url))

        yield open_one


@pytest.fixture
def store(open_store):
    return open_store()


@pytest.fixture
def fresh_database():
    """Makes databases that hold nothing, by a name; they are gone afterwards."""
    with stores.fresh_databases() as make:
        yield make
