"""Stores in a database of this process's own, empty before each test."""

from __future__ import annotations

import contextlib
import importlib.util
import os

import pytest

import hansard
from support import postgres, stores
from support.proxy import Proxy

collect_ignore_glob = []
if importlib.util.find_spec("psycopg") is None and not os.environ.get(postgres.NEEDED):
    # The head of the report says so.
    collect_ignore_glob.append("test_*.py")

WARNS = """
    CREATE FUNCTION hansard.warns() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE WARNING SQLSTATE '01000' USING MESSAGE = 'canceling wait for synchronous replication';
        RETURN NULL;
    END $$
"""


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
def proxy(conninfo):
    """Stands before the server."""
    from psycopg.conninfo import conninfo_to_dict

    said = conninfo_to_dict(conninfo)
    with contextlib.closing(Proxy(said["host"], int(said["port"]))) as one:
        yield one


@pytest.fixture
def proxied(proxy, conninfo):
    """The URL of the store through the proxy, nothing of which is encrypted."""
    from psycopg.conninfo import conninfo_to_dict

    said = conninfo_to_dict(conninfo)
    return f"postgresql://{said['user']}@127.0.0.1:{proxy.port}/{said['dbname']}?sslmode=disable&gssencmode=disable"


@pytest.fixture
def warn_at(conninfo):
    """Has the server say at each such change what it says when a wait for a standby was cancelled."""
    import psycopg

    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute(WARNS)
        yield lambda change: con.execute(f"CREATE TRIGGER warns AFTER {change} EXECUTE FUNCTION hansard.warns()")
        con.execute("DROP FUNCTION hansard.warns() CASCADE")


@pytest.fixture
def fresh_database():
    """Makes databases that hold nothing, by a name; they are gone afterwards."""
    with stores.fresh_databases() as make:
        yield make
