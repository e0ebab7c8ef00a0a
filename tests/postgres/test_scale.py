"""Many sessions: those that the measurement makes are those that the writers make, and what is taken away is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import psycopg
import pytest
from benchmarks.scale.making import make
from benchmarks.scale.shape import Shape

import hansard
from hansard.backend import Request
from hansard.backends.postgres import PostgresBackend, Settings
from hansard.codec.line import seal
from hansard.fold import Fold
from support import stores

CHECKOUT = Path(__file__).parents[2]
END_US = 1_790_000_000_000_000
MADE = ("ids", "pairs", "sessions", "marks", "entries", "texts", "calls")
# Drawn at random: the id and the salt of the first entry, and all that follows from them.
DRAWN = {("sessions", "hash"), ("sessions", "fold"), ("entries", "line")}


def rows(con, table):
    """What a table holds but for what is drawn at random, as text."""
    names = [
        name
        for (name,) in con.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attnum",
            (f"hansard.{table}",),
        )
        if (table, name) not in DRAWN
    ]
    picked = ", ".join(f'"{name}"::text' for name in names)
    where = "WHERE seq > 1" if table == "entries" else ""
    return sorted(con.execute(f"SELECT {picked} FROM hansard.{table} {where}").fetchall(), key=str)


def folds(con):
    found = []
    for fold, hash_ in con.execute("SELECT fold, hash FROM hansard.sessions ORDER BY session"):
        info = Fold.load(bytes(fold), state={}).info()
        assert info.hash == bytes(hash_).hex()
        found.append(msgspec.structs.replace(info, hash=""))
    return found


def written(url, shape):
    """The same sessions by way of the store's verbs, each at its time."""
    now = [0]
    backend = PostgresBackend(Settings(url), clock=lambda: now[0])
    for number in range(shape.sessions):
        now[0] = shape.at_us(number)
        creation = shape.creation(number)
        backend.create(creation, Request())
        sealed = tuple(seal(entry, now_us=now[0]) for entry in shape.turn(number))
        backend.append(creation.id, Request(sealed=sealed))
    backend.close()
    with hansard.open(url) as store:
        assert store.search("everywhere").complete


def test_the_sessions_of_the_measurement_are_those_that_the_writers_make(fresh_database):
    made, beside = stores.url_of(fresh_database()), stores.url_of(fresh_database())
    shape = Shape(40, END_US, turns=15)
    assert shape.kinds == 15
    with hansard.open(made) as store:
        make(made, shape, processes=1)
        assert list(store.check()) == []
        assert [len(store.search(word)) for word in ("zyzzyva", "everywhere")] == [3, 20]
        assert store.get("session-10000007").history()[0].text == shape.turn(7)[0].body["parts"][0]["text"]
        written(beside, shape)
        with psycopg.connect(made) as one, psycopg.connect(beside) as other:
            for table in MADE:
                assert rows(one, table) == rows(other, table), table
            assert folds(one) == folds(other)
            indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'hansard' ORDER BY 1"
            assert one.execute(indexes).fetchall() == other.execute(indexes).fetchall()
        assert store.get("session-10000007").append(hansard.user("on it goes")) == 4


@pytest.mark.slow
def test_the_measurement_runs_from_one_command_and_leaves_nothing_behind(tmp_path, fresh_database):
    page = tmp_path / "page.md"
    page.write_text("# Scale\n\n<!-- figures: begin -->\n<!-- figures: end -->\n\nThe end.\n")
    url = stores.url_of(fresh_database())
    command = [sys.executable, "-m", "benchmarks.scale", "--sessions", "60", "--rounds", "2", "--processes", "1"]
    command += ["--url", url, "--page", str(page), "--prune", "0.5", "--dir", str(tmp_path)]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=500, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert "30 of 60 sessions" in done.stdout
    assert "Bitmap" in page.read_text() or "Index" in page.read_text()
    assert page.read_text().endswith("The end.\n")
    assert list(tmp_path.iterdir()) == [page]


FILES = """
    SELECT c.relname, pg_read_binary_file(pg_relation_filepath(c.oid)) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('hansard', 'pg_toast') AND c.relkind IN ('r', 'i', 't')
"""
NOBODY_ELSE = """SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL"""
"""What another test has left under way, or the server does by itself, would still see the rows that go."""

TUPLES = """
    SELECT count(*) FROM generate_series(0, pg_relation_size('hansard.entries') / current_setting('block_size')::int - 1) page,
        heap_page_items(get_raw_page('hansard.entries', page::int)) item
    WHERE position(%s::bytea IN item.t_data) > 0
"""


def holding(con, word):
    """The tables and indexes in whose files a word stands."""
    con.execute("CHECKPOINT")
    return {name for name, data in con.execute(FILES) if word in data}


@pytest.fixture
def superuser(conninfo):
    with psycopg.connect(conninfo, autocommit=True) as con:
        row = con.execute("SELECT current_setting('is_superuser')").fetchone()
        if row != ("on",):
            pytest.skip("this user may not look into the files of the server")
        yield con


def test_what_was_erased_or_deleted_is_in_no_row_after_a_vacuum_and_in_no_file_after_a_full_one(store, superuser):
    keep, gone = store.create(id="keep"), store.create(id="gone")
    for number in range(30):
        keep.append([hansard.user(f"stays {number}"), hansard.user("erasedword " * 40)])
        gone.append(hansard.user(f"deletedword {number}"))
    keep.append(hansard.user(f"erasedword {os.urandom(20_000).hex()}"))
    gone.append(hansard.user([gone.attach(b"deletedword " * 500, mime="text/plain").part]))
    assert len(store.search("erasedword")) == 20
    assert holding(superuser, b"erasedword") >= {"entries", "texts_words"}
    keep.erase([entry.seq for entry in keep.entries(kinds="message") if "erasedword" in str(entry.body)])
    store.delete("gone")
    assert len(store.search("erasedword")) == len(store.search("deletedword")) == 0
    superuser.execute(NOBODY_ELSE)
    superuser.execute("VACUUM")
    there = superuser.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'pageinspect'").fetchone()
    if there == (1,):
        superuser.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")
        for word in (b"erasedword", b"deletedword"):
            assert superuser.execute(TUPLES, (word,)).fetchone() == (0,)
        assert superuser.execute(TUPLES, (b"stays",)).fetchone() == (30,)
        superuser.execute("DROP EXTENSION pageinspect")
    superuser.execute("VACUUM FULL")
    assert holding(superuser, b"erasedword") == holding(superuser, b"deletedword") == set()
    assert holding(superuser, b"stays") >= {"entries"}
