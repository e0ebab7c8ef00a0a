"""Databases and stores in PostgreSQL, for the tests."""

from __future__ import annotations

import contextlib
import os
import uuid

import pytest

from support import postgres


def reason_to_do_without() -> str:
    """Why there can be no store in PostgreSQL; "" if there can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed"
    return "" if postgres.server() else "no PostgreSQL 15 to 18 was found; `make test` gets one"


def need_server() -> str:
    """Connection parameters of a server, or the test is skipped; in `make test` it fails."""
    reason = reason_to_do_without()
    if reason and os.environ.get(postgres.NEEDED):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    return postgres.server() or ""


_databases: dict[str, str] = {}


def database() -> str:
    """Connection parameters of this process's own database, made when it is asked for first."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    server = need_server()
    if server not in _databases:
        name = f"hansard_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as con:
            con.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        _databases[server] = make_conninfo(server, dbname=name)
    return _databases[server]


def drop_databases() -> None:
    """Remove the databases of this process from a server that stays."""
    if not os.environ.get("HANSARD_TEST_POSTGRES") or not _databases:
        return
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    for server, own in _databases.items():
        with psycopg.connect(server, autocommit=True) as con:
            con.execute(f'DROP DATABASE IF EXISTS "{conninfo_to_dict(own)["dbname"]}" WITH (FORCE)')


def url_of(conninfo: str) -> str:
    """The URL of a store at these connection parameters."""
    from psycopg.conninfo import conninfo_to_dict

    said = conninfo_to_dict(conninfo)
    return f"postgresql://{said['user']}@{said['host']}:{said['port']}/{said['dbname']}"


def empty_database() -> str:
    """This process's database, all of its stores emptied."""
    import psycopg

    own = database()
    with psycopg.connect(own, autocommit=True) as con, contextlib.suppress(psycopg.errors.UndefinedTable):
        con.execute(";".join(f"DELETE FROM hansard.{table}" for table in postgres.TABLES))
    return own


@contextlib.contextmanager
def fresh_databases():
    """A function that makes a database which holds nothing, and says how to reach it."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    server = need_server()
    made: list[str] = []

    def make() -> str:
        name = f"hansard_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as con:
            con.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        made.append(name)
        return make_conninfo(server, dbname=name)

    try:
        yield make
    finally:
        with psycopg.connect(server, autocommit=True) as con:
            for name in made:
                con.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
