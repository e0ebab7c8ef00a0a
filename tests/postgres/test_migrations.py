"""The tables: what the migrations make, once, whoever starts them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from importlib.resources import files

import msgspec
import psycopg
import pytest
from click.testing import CliRunner

import hansard
from hansard.backends.postgres import Settings, Tables, migrating
from hansard.backends.postgres.migrating import Migration, migrations
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
    with psycopg.connect(migrated) as con:
        assert con.execute("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal").fetchone() == (0,)


def test_migrations_are_numbered_without_gaps():
    assert [one.number for one in migrations()] == list(range(1, len(migrations()) + 1))


def test_processes_that_start_together_make_the_tables_once(fresh_database):
    url = stores.url_of(fresh_database())
    code = "import sys, hansard; hansard.open(sys.argv[1]).create(id=sys.argv[2]); print('ok')"
    started = [
        subprocess.Popen([sys.executable, "-c", code, url, f"s{n}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for n in range(4)
    ]
    assert [(one.communicate(timeout=300)[0], one.returncode) for one in started] == [(b"ok\n", 0)] * 4
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


INDEX = """-- concurrently
-- By title.
DROP INDEX CONCURRENTLY IF EXISTS hansard.sessions_title;
CREATE INDEX CONCURRENTLY sessions_title ON hansard.sessions (tenant, title)
    WHERE title IS NOT NULL;
"""
LATER = (
    Migration(2, "by_title", "pre", INDEX),
    Migration(3, "colour", "pre", "ALTER TABLE hansard.sessions ADD COLUMN colour text;"),
    Migration(4, "by_model", "pre", INDEX.replace("title", "model")),
    Migration(5, "no_number", "post", "DROP INDEX hansard.sessions_number;"),
)
"""What a later version might bring."""

MIGRATE = """
import json, sys
from hansard.backends.postgres import Settings, Tables, migrating
known = migrating.migrations() + tuple(migrating.Migration(**one) for one in json.loads(sys.argv[2]))
migrating.migrations = lambda: known
with Tables(Settings(sys.argv[1])) as tables:
    print([one.number for one in tables.migrate(phase="pre")])
"""


@pytest.fixture
def later(monkeypatch):
    known = (*migrations(), *LATER)
    return lambda: monkeypatch.setattr(migrating, "migrations", lambda: known)


def test_what_a_later_version_brings_is_done_in_two_phases_and_the_store_goes_on(fresh_database, later):
    conninfo = fresh_database()
    url = stores.url_of(conninfo)
    with hansard.open(url) as before, Tables(Settings(conninfo)) as tables:
        session = before.create(id="s", title="Tide")
        later()
        with pytest.raises(
            hansard.Unavailable, match=r"3 pending, the first is 0002_by_title\); run `hansard store migrate`"
        ):
            hansard.open(url)
        assert [one.number for one in tables.migrate(phase="pre")] == [2, 3, 4]
        session.append(hansard.user("by a version that is deployed still"))
        with hansard.open(url) as after:
            after.get("s").append(hansard.user("by the next one"))
        assert [one.number for one in tables.migrate()] == [5]
        assert tables.migrate() == ()
        assert [message.text for message in session.history()][-1] == "by the next one"


def test_processes_that_migrate_together_beside_a_writer_do_each_migration_once(fresh_database):
    conninfo = fresh_database()
    later = json.dumps([msgspec.to_builtins(one) for one in LATER])
    with hansard.open(stores.url_of(conninfo)) as store:
        session = store.create(id="s")
        started = [
            subprocess.Popen([sys.executable, "-c", MIGRATE, conninfo, later], stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        written = 0
        # On a machine of one core, a writer that never ends would leave the others nothing to run on.
        while written < 20 or (written < 2_000 and any(one.poll() is None for one in started)):
            session.append(hansard.user("beside"))
            written += 1
        done = [json.loads(one.communicate(timeout=300)[0]) for one in started]
        assert [one.returncode for one in started] == [0, 0, 0]
        assert sorted(number for one in done for number in one) == [2, 3, 4]
        assert session.info.message_count == written
        assert store.check() == []


def test_an_index_whose_building_was_cut_short_is_built_anew(fresh_database, later):
    conninfo = fresh_database()
    hansard.open(stores.url_of(conninfo)).close()
    later()
    with psycopg.connect(conninfo, autocommit=True) as con, Tables(Settings(conninfo)) as tables:
        tables.migrate()
        # What a build leaves that was killed: the index is there, and nothing is noted.
        con.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'hansard.sessions_title'::regclass")
        con.execute("DELETE FROM hansard.migrations WHERE number = 2")
        assert [one.number for one in tables.migrate()] == [2]
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'hansard.sessions_title'::regclass"
        assert con.execute(valid).fetchone() == (True,)


def test_a_version_goes_on_with_what_a_newer_one_does_before_it_is_deployed(fresh_database):
    conninfo = fresh_database()
    url = stores.url_of(conninfo)
    hansard.open(url).close()
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("INSERT INTO hansard.migrations VALUES (9998, 'wider.pre')")
        hansard.open(url).close()
        con.execute("INSERT INTO hansard.migrations VALUES (9999, 'narrower.post')")
    with pytest.raises(hansard.Unsupported, match="9999"):
        hansard.open(url)


def test_appends_that_follow_each_other_write_into_no_index_of_the_sessions(fresh_database):
    conninfo = fresh_database()
    with hansard.open(stores.url_of(conninfo), clock=lambda: 1_790_000_000_000_000) as store:
        session = store.create(user="ann")
        session.append(hansard.user("one"))
        for number in range(20):
            session.append(hansard.assistant(str(number)))
    changed = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sessions'"
    with psycopg.connect(conninfo, autocommit=True) as con:
        # What a connection did is told at the latest when it ends, which is a moment after the client has left.
        for _ in range(12_000):
            con.execute("SELECT pg_stat_clear_snapshot()")
            row = con.execute(changed).fetchone()
            if row[0] >= 21:
                break
            con.execute("SELECT pg_sleep(0.005)")
    assert row[0] >= 21
    assert row[0] - row[1] <= 2


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
