"""The tables: what the migrations make, once, whoever starts them."""

from __future__ import annotations

import subprocess
import sys
import threading
from importlib.resources import files

import psycopg
import pytest
from click.testing import CliRunner

import hansard
from hansard.backends.postgres import Settings, Tables
from hansard.backends.postgres.migrating import migrations
from hansard.cli.root import hansard as program
from support import stores

DESCRIPTION = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage::text || a.attcompression::text, co.collname,
        pg_get_expr(d.adbin, d.adrelid), c.reloptions::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_collation co ON co.oid = a.attcollation
    WHERE n.nspname = 'hansard' AND c.relkind = 'r'
    UNION ALL
    SELECT tablename, indexname, indexdef, true, '', '', '', '' FROM pg_indexes WHERE schemaname = 'hansard'
    ORDER BY 1, 2
"""


def described(conninfo):
    with psycopg.connect(conninfo) as con:
        return con.execute(DESCRIPTION).fetchall()


def run(*args, code=0):
    result = CliRunner().invoke(program, args)
    assert result.exit_code == code, f"{result.stdout}\n{result.stderr}"
    return result.stdout


def test_all_migrations_make_what_the_schema_says(fresh_database):
    migrated, said = fresh_database(), fresh_database()
    with Tables(Settings(migrated)) as tables:
        assert tables.migrate() == migrations()
    text = (files("hansard.backends.postgres") / "schema.sql").read_text(encoding="utf-8")
    with psycopg.connect(said, autocommit=True) as con:
        con.execute(text)
    assert described(migrated) == described(said)
    assert len(described(migrated)) > 100


def test_migrations_are_numbered_without_gaps():
    assert [one.number for one in migrations()] == list(range(1, len(migrations()) + 1))


def test_processes_that_start_together_make_the_tables_once(fresh_database):
    url = stores.url_of(fresh_database())
    code = "import sys, hansard; hansard.open(sys.argv[1]).create(id=sys.argv[2]); print('ok')"
    started = [
        subprocess.Popen([sys.executable, "-c", code, url, f"s{n}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for n in range(4)
    ]
    assert [(one.communicate(timeout=60)[0], one.returncode) for one in started] == [(b"ok\n", 0)] * 4
    with hansard.open(url) as store:
        assert len(store.find(limit=9)) == 4


def test_threads_that_start_together_each_migration_once(fresh_database):
    conninfo = fresh_database()
    done = []

    def work():
        with Tables(Settings(conninfo)) as tables:
            done.extend(tables.migrate())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(done) == sorted(migrations())


def test_a_reader_makes_no_tables(fresh_database):
    conninfo = fresh_database()
    with pytest.raises(hansard.NotFound, match="store init"):
        hansard.open(stores.url_of(conninfo), create=False)
    assert described(conninfo) == []


def test_a_store_of_a_newer_version_is_refused(fresh_database):
    conninfo = fresh_database()
    url = stores.url_of(conninfo)
    hansard.open(url).close()
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("INSERT INTO hansard.migrations VALUES (9999, 'later')")
    with pytest.raises(hansard.Unsupported, match="9999"):
        hansard.open(url)


def test_a_store_that_lacks_a_migration_says_what_to_run(fresh_database):
    conninfo = fresh_database()
    url = stores.url_of(conninfo)
    hansard.open(url).close()
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("DELETE FROM hansard.migrations")
        con.execute("INSERT INTO hansard.migrations VALUES (0, 'older')")
    with pytest.raises(hansard.Unavailable, match="hansard store migrate"):
        hansard.open(url)


def test_the_command_line_plans_migrates_and_says_where_it_stands(fresh_database):
    url = stores.url_of(fresh_database())
    assert '"there": false' in run("-S", url, "store", "status", "-o", "json")
    assert "CREATE TABLE hansard.sessions" in run("-S", url, "store", "migrate", "--plan")
    assert '"there": false' in run("-S", url, "store", "status", "-o", "json")
    assert "0001" in run("-S", url, "store", "migrate")
    assert run("-S", url, "store", "migrate", "--plan") == ""
    assert '"pending": []' in run("-S", url, "store", "status", "-o", "json")
    assert run("-S", url, "store", "init").strip() == url


def test_no_password_is_shown(fresh_database):
    url = stores.url_of(fresh_database()).replace("@", ":secret@", 1)
    assert "secret" not in run("-S", url, "store", "where")
