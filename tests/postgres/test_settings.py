"""What an operator may set for a role, a database or a server: the store works all the same, or says what to do."""

from __future__ import annotations

import contextlib
import threading

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import hansard
from hansard.backends.postgres import Settings, Tables, connecting, migrating
from hansard.backends.postgres.migrating import Migration, migrations
from hansard.backends.postgres.pool import Database
from support import pgbouncer, stores

UNUSUAL = {
    "default_transaction_isolation": "serializable", "default_transaction_deferrable": "on", "bytea_output": "escape",
    "client_encoding": "LATIN1", "DateStyle": "SQL, DMY", "IntervalStyle": "sql_standard", "TimeZone": "Pacific/Chatham",
    "standard_conforming_strings": "off", "search_path": "", "array_nulls": "off", "quote_all_identifiers": "on",
    "transform_null_equals": "on", "plan_cache_mode": "force_generic_plan", "extra_float_digits": "-15",
    "enable_seqscan": "off", "row_security": "off", "statement_timeout": "60s", "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}  # fmt: skip


@pytest.fixture
def role(conninfo):
    """Makes a role of its own that may use the tables and nothing else; gone afterwards."""
    made = []
    with psycopg.connect(conninfo, autocommit=True) as con:

        def make(*grants, **settings):
            name = sql.Identifier(f"{conninfo_to_dict(conninfo)['dbname']}_{len(made)}")
            con.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            made.append(name)
            for grant in grants:
                con.execute(sql.SQL(grant + " TO {}").format(name))
            for key, value in settings.items():
                con.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(key), sql.Literal(value)))
            return stores.url_of(make_conninfo(conninfo, user=name.as_string(con).strip('"')))

        yield make
        for name in made:
            con.execute(sql.SQL("DROP OWNED BY {}").format(name))
            con.execute(sql.SQL("DROP ROLE {}").format(name))


USAGE = "GRANT USAGE ON SCHEMA hansard"
READ = "GRANT SELECT ON ALL TABLES IN SCHEMA hansard"
WRITE = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hansard"


def test_whatever_a_role_has_set_the_store_keeps_and_finds_the_same(role, store):
    with hansard.open(role(USAGE, WRITE, **UNUSUAL)) as other:
        session = other.create(agent="é", user="数据", title="naïve 😀", labels={"ключ": "ß"})
        session.append([hansard.user("数据 race \0 \ud800"), hansard.assistant("naïve c++")], state={"n": 2**70})
        for query in ({"agent": "é"}, {"user": "数据"}, {"labels": {"ключ": "ß"}}, {"title": "naïve 😀"}):
            assert (
                [info.id for info in other.find(**query)] == [session.id] == [info.id for info in store.find(**query)]
            )
        for words in ("数据", "naïve", "c++", "user:数据 race"):
            assert [hit.seq for hit in other.search(words)] == [hit.seq for hit in store.search(words)] != []
        assert store.get(session.id).history() == session.history()
        assert store.check() == []


def test_where_transactions_are_serializable_writers_of_one_session_take_turns(role, store):
    url = role(USAGE, WRITE, default_transaction_isolation="serializable")
    store.create(id="s")
    failed = []

    def write(number):
        try:
            with hansard.open(url) as own:
                session = own.get("s")
                for turn in range(8):
                    session.append(hansard.user(f"{number}.{turn}"), status=f"{number}")
        except hansard.HansardError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert store.get("s").info.message_count == 48


def test_a_role_that_may_not_see_the_schema_is_told_what_it_lacks(role):
    with pytest.raises(hansard.Unavailable, match="needs USAGE on the schema hansard"):
        hansard.open(role())


def test_a_role_that_may_only_read_reads_and_is_told_what_it_lacks_when_it_writes(role, store):
    store.create(id="s").append(hansard.user("race"))
    assert len(store.search("race")) == 1
    with hansard.open(role(USAGE, READ)) as reader:
        assert reader.get("s").history()[0].text == "race"
        assert [info.id for info in reader.find()] == ["s"]
        assert [hit.session for hit in reader.search("race")] == ["s"]
        with pytest.raises(hansard.Unavailable, match="SELECT, INSERT, UPDATE and DELETE"):
            reader.get("s").append(hansard.user("more"))


def test_a_role_that_may_make_no_schema_is_told_to_have_the_owner_make_it(fresh_database, role):
    url = role()
    empty = conninfo_to_dict(fresh_database())["dbname"]
    with pytest.raises(hansard.Unavailable, match="be their owner"):
        hansard.open(url.rpartition("/")[0] + "/" + empty)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_can_not_hold_any_text_is_refused_with_what_to_do(conninfo, encoding):
    name = f"{conninfo_to_dict(conninfo)['dbname']}_{encoding.lower()}"
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'")
        try:
            with pytest.raises(hansard.Unsupported, match="-E UTF8"):
                hansard.open(stores.url_of(make_conninfo(conninfo, dbname=name)))
        finally:
            con.execute(f"DROP DATABASE {name} WITH (FORCE)")


STRANGE = {
    "tables of others": "CREATE TABLE hansard.ids (id int)",
    "other migrations": "CREATE TABLE hansard.migrations (id serial, app text, applied timestamptz)",
}


@pytest.mark.parametrize("made", STRANGE.values(), ids=STRANGE)
def test_a_schema_of_that_name_that_is_another_program_s_is_left_as_it_is(fresh_database, made):
    conninfo = fresh_database()
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'hansard'::regnamespace AND relkind = 'r'"
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("CREATE SCHEMA hansard")
        con.execute(made)
        with pytest.raises(hansard.Unavailable, match="another database"):
            hansard.open(stores.url_of(conninfo))
        assert con.execute(tables).fetchone()[0] <= 2


def test_what_a_role_says_of_time_does_not_cut_a_migration_short(fresh_database, monkeypatch):
    conninfo = fresh_database()
    hansard.open(stores.url_of(conninfo)).close()
    slowly = "-- concurrently\nSELECT pg_sleep(1.2);\nCREATE INDEX CONCURRENTLY by_title ON hansard.sessions (tenant, title);\n"
    known = (*migrations(), Migration(2, "by_title", "pre", slowly), Migration(3, "s", "pre", "SELECT pg_sleep(1.2);"))
    monkeypatch.setattr(migrating, "migrations", lambda: known)
    settings = ("statement_timeout", "idle_in_transaction_session_timeout")
    database = conninfo_to_dict(conninfo)["dbname"]
    with psycopg.connect(conninfo, autocommit=True) as con, contextlib.ExitStack() as stack:
        for name in settings:
            con.execute(f'ALTER DATABASE "{database}" SET {name} = 1000')
            stack.callback(con.execute, f'ALTER DATABASE "{database}" RESET {name}')
        with Tables(Settings(conninfo)) as tables:
            assert [one.number for one in tables.migrate()] == [2, 3]
            assert tables.status().pending == ()


def test_what_a_role_says_against_durability_does_not_hold_for_the_store(role, open_store):
    url = role(USAGE, WRITE, synchronous_commit="off", client_min_messages="error")
    with hansard.open(url) as store:
        assert store.health().details["synchronous_commit"] == "on"
        with store._place.backend._db.connection() as con:
            assert con.execute("SHOW client_min_messages").fetchone() == ("warning",)
            # Others are left as they are.
            assert con.execute("SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'").fetchone() == (
                "off",
            )


def test_behind_a_pooler_what_stands_against_durability_is_refused_with_what_to_do(fresh_database):
    conninfo = fresh_database()
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute(f'ALTER DATABASE "{conninfo_to_dict(conninfo)["dbname"]}" SET synchronous_commit = off')
    with (
        pgbouncer.running() as (through, _),
        pytest.raises(hansard.Unavailable, match=r"synchronous_commit must not be off .* ALTER ROLE"),
    ):
        hansard.open(stores.url_of(through(conninfo)) + "?prepare=off")


def test_a_statement_that_is_waited_for_too_long_says_what_waits_longer(conninfo):
    with (
        contextlib.closing(Database(Settings(conninfo, deadline_s=0.2))) as db,
        pytest.raises(hansard.Unavailable, match=r"within 0\.2 s; \?deadline=SECONDS waits longer"),
    ):
        db.rows("SELECT pg_sleep(5)")


@pytest.mark.parametrize(("hosts", "seconds"), [(1, "4"), (3, "2")])
def test_one_of_several_hosts_that_stands_still_is_waited_for_shortly(conninfo, hosts, seconds):
    said = conninfo_to_dict(conninfo)
    several = {name: ",".join([str(said[name])] * hosts) for name in ("host", "port")}
    with contextlib.closing(connecting.connect(Settings(make_conninfo(**{**said, **several})))) as con:
        assert con.info.get_parameters()["connect_timeout"] == seconds


def limited(url, conninfo, count):
    with psycopg.connect(conninfo, autocommit=True) as con:
        name = sql.Identifier(conninfo_to_dict(url)["user"])
        con.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(name, count))
    return url


def test_where_the_server_has_room_for_few_connections_those_do_for_all_threads(role, store, conninfo):
    url = limited(role(USAGE, WRITE), conninfo, 2)
    store.create(id="s")
    failed = []
    with hansard.open(f"{url}?connections=8&notify=off") as few:

        def work(number):
            try:
                for turn in range(5):
                    few.get("s").append(hansard.user(f"{number}.{turn}"))
                    few.create(id=f"{number}.{turn}")
            except hansard.HansardError as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert few.get("s").info.message_count == 40


def test_where_the_server_has_no_room_at_all_that_is_told(role, conninfo):
    url = limited(role(USAGE, WRITE), conninfo, 0)
    with pytest.raises(hansard.Unavailable, match="too many connections"):
        hansard.open(url)


def test_places_that_a_full_server_had_no_room_for_are_used_again(role, conninfo):
    url = limited(role(USAGE, WRITE), conninfo, 1)
    db = Database(Settings(url, connections=3, deadline_s=30))
    with contextlib.closing(db):
        with db.connection():
            waiting = threading.Thread(target=db.rows, args=("SELECT 1",))
            waiting.start()
            while not db._left_out:
                assert waiting.is_alive()
        waiting.join()
        # More than are needed: the server may still count one that it refused.
        limited(url, conninfo, 9)
        db._full_at -= 60
        with db.connection() as one, db.connection() as two, db.connection() as three:
            assert len({one, two, three}) == 3
