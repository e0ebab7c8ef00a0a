"""The tables: what the migrations make, once, whoever starts them."""

from __future__ import annotations

import json
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


def test_a_database_of_the_first_version_becomes_one_of_this_with_all_that_it_holds(fresh_database):
    conninfo, said = fresh_database(), fresh_database()
    url = stores.url_of(conninfo)
    with hansard.open(url) as store:
        for number in range(30):
            store.create(id=f"s{number}", user="ann", labels={"team": f"t{number % 3}"}).append(hansard.user("words"))
        before = [info.id for info in store.find(user="ann", limit=50)]
    with psycopg.connect(conninfo, autocommit=True) as con:
        to_the_first_version(con)
    with Tables(Settings(conninfo)) as tables:
        assert [one.number for one in tables.migrate(phase="pre")] == [2, 3, 6, 8]
        with hansard.open(url) as store:
            assert [info.id for info in store.find(user="ann", limit=50)] == before
            store.get("s3").append(hansard.user("more"))
        with psycopg.connect(conninfo, autocommit=True) as con:
            # As a writer of the version before, which knows nothing of the spans.
            con.execute("UPDATE hansard.sessions SET activity_at = '2099-01-01T00:00:00.000000Z' WHERE session = 's5'")
        assert [one.number for one in tables.migrate()] == [4, 5, 7]
    with hansard.open(url) as store:
        assert [info.id for info in store.find(user="ann", limit=2)] == ["s5", "s3"]
        assert len(store.find(labels={"team": "t0"}, limit=50)) == 10
        assert len(store.search("words", limit=50)) == 30
    text = (files("hansard.backends.postgres") / "schema.sql").read_text(encoding="utf-8")
    with psycopg.connect(said, autocommit=True) as con:
        con.execute(text)
    assert described(conninfo) == described(said)


def to_the_first_version(con):
    """The tables as migration 1 leaves them."""
    con.execute("DROP INDEX hansard.marks_holders; CREATE INDEX marks_mark ON hansard.marks (tenant, mark)")
    con.execute("ALTER TABLE hansard.sessions DROP COLUMN active_in, DROP COLUMN touched_in, DROP COLUMN unread")
    first = migrations()[0].text
    for name in ("sessions_activity", "sessions_user", "sessions_touched", "sessions_unread"):
        start = first.index(f"CREATE INDEX {name} ")
        con.execute(first[start : first.index(";", start)])
    con.execute("DELETE FROM hansard.migrations WHERE number > 1")


def test_processes_that_migrate_an_old_database_together_beside_a_writer_do_each_migration_once(fresh_database):
    conninfo = fresh_database()
    url = stores.url_of(conninfo)
    with hansard.open(url) as store, psycopg.connect(conninfo, autocommit=True) as con:
        session = store.create(id="s", labels={"team": "a"})
        to_the_first_version(con)
        code = (
            "import sys; from hansard.backends.postgres import Settings, Tables\n"
            "with Tables(Settings(sys.argv[1])) as tables: print([one.number for one in tables.migrate(phase='pre')])"
        )
        started = [
            subprocess.Popen([sys.executable, "-c", code, conninfo], stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        written = 0
        # On a machine of one core, a writer that never ends would leave the others nothing to run on.
        while written < 20 or (written < 2_000 and any(one.poll() is None for one in started)):
            # What an append of the version before changes of the row.
            at = f"2099-01-01T00:00:00.{written:06}Z"
            con.execute("UPDATE hansard.sessions SET activity_at = %s, touched_us = touched_us + 1", (at,))
            written += 1
        done = [json.loads(one.communicate(timeout=300)[0]) for one in started]
        assert [one.returncode for one in started] == [0, 0, 0]
        assert sorted(number for one in done for number in one) == [2, 3, 6, 8]
        right = "SELECT count(*) FROM hansard.sessions WHERE active_in = left(%s, 18) AND touched_in = touched_us >> 24"
        assert con.execute(right, (at,)).fetchone() == (1,)
        session.append(hansard.user("after"))
        assert len(store.find(labels={"team": "a"})) == 1


def test_an_index_whose_building_was_cut_short_is_built_anew(fresh_database):
    conninfo = fresh_database()
    hansard.open(stores.url_of(conninfo)).close()
    with psycopg.connect(conninfo, autocommit=True) as con:
        # What a build leaves that was killed: the index is there, and nothing is noted.
        con.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'hansard.marks_holders'::regclass")
        con.execute("DELETE FROM hansard.migrations WHERE number = 3")
        with Tables(Settings(conninfo)) as tables:
            assert [one.number for one in tables.migrate()] == [3]
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'hansard.marks_holders'::regclass"
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
        for _ in range(2_000):
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
