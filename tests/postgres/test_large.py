"""Large sessions: they come, are looked at and are read again a few megabytes at a time, and not at all if there is no room."""

from __future__ import annotations

import contextlib
import errno
import tempfile
import tracemalloc

import psycopg
import pytest

import hansard
from hansard.backend import Request
from hansard.backends.creation import created_entry
from hansard.backends.postgres import PostgresBackend, Settings, receiving, searching, sources
from hansard.backends.postgres.connecting import Again
from hansard.backends.postgres.sources import LAST
from hansard.codec.line import GENESIS, encode_line, seal
from hansard.errors import Corrupt, NotFound, Unavailable
from hansard.limits import MIB
from hansard.model.entry import NewEntry
from hansard.model.requests import Creation
from support import stores

AT_US = 1_790_000_000_000_000
ENTRIES, LARGE = 4_000, 12_000


def lines_of(session, *, entries, size):
    """A log, made while it is asked for: so much of it is in nobody's memory."""
    new, link = created_entry(Creation(), id=session), GENESIS
    for seq in range(1, entries + 1):
        line, link = encode_line(seal(new, now_us=AT_US), seq, link, parent=None, commit=(seq, AT_US))
        yield line
        new = hansard.user(f"{seq} {'x' * size}", id=f"m-{seq}")


@pytest.fixture
def backend(conninfo):
    # Counting the memory makes it slow, on a crowded machine slower than the deadline of an append.
    one = PostgresBackend(Settings(stores.url_of(conninfo), deadline_s=120), clock=lambda: AT_US)
    yield one
    one.close()


@contextlib.contextmanager
def at_most(size):
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size, f"{peak / MIB:.0f} MiB"


def test_a_large_session_is_taken_over_and_checked_without_being_held_in_memory(backend):
    with at_most(40 * MIB):
        created = backend.receive("s", lines_of("s", entries=ENTRIES, size=LARGE), ())
    assert (created.seq, created.new) == (ENTRIES, True)
    with at_most(40 * MIB):
        assert list(backend.check("s")) == []
    info = backend.info("s")
    assert (info.entry_count, info.message_count) == (ENTRIES, ENTRIES - 1)
    assert info.size > ENTRIES * LARGE > 45 * MIB


def test_the_rest_of_a_large_session_comes_without_its_beginning_being_held_in_memory(backend):
    lines = list(lines_of("s", entries=ENTRIES, size=LARGE))
    backend.receive("s", lines[:-2], ())
    with at_most(40 * MIB):
        assert not backend.receive("s", lines, ()).new
    assert backend.info("s").seq == ENTRIES
    assert backend.append("s", Request(sealed=(seal(hansard.user("on"), now_us=AT_US),))).seq == ENTRIES + 1


def test_damage_far_behind_is_found_with_its_place_and_set_aside(backend, conninfo):
    lines = list(lines_of("s", entries=2_500, size=20))
    backend.receive("s", lines, ())
    spoilt = lines[2_199].replace(b"xxxx", b"xxxy")
    with psycopg.connect(conninfo) as con:
        con.execute("UPDATE hansard.entries SET line = %s WHERE seq = 2200", (spoilt,))
    (finding,) = backend.check("s", repair=True)
    assert (finding.severity, finding.line, finding.offset) == ("damage", 2_200, sum(map(len, lines[:2_199])))
    assert backend.info("s").seq == 2_199
    assert list(backend.check("s")) == []
    with psycopg.connect(conninfo) as con:
        assert con.execute("SELECT count(*) FROM hansard.quarantine").fetchone() == (301,)


def test_a_transaction_that_is_undone_takes_over_all_of_it_the_next_time(backend, monkeypatch):
    taken, tried = receiving._take_over, []

    def clumsy(*asked):
        created = taken(*asked)
        tried.append(created)
        if len(tried) == 1:
            msg = "others were there first"
            raise Again(msg)
        return created

    monkeypatch.setattr(receiving, "_take_over", clumsy)
    picture = b"picture" * 1_000
    backend.create(Creation(id="other"), Request())
    kept = backend.attach("other", picture, mime="image/png")
    lines = list(lines_of("s", entries=1_200, size=10))
    assert backend.receive("s", iter(lines), iter([(kept, picture)])).seq == 1_200
    assert len(tried) == 2
    assert list(backend.lines("s")) == lines
    assert backend.attachment("s", kept.sha256) == picture


def test_where_there_is_no_room_for_what_arrives_nothing_of_it_is_there(backend, monkeypatch):
    class Full(tempfile.SpooledTemporaryFile):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(receiving, "SpooledTemporaryFile", Full)
    with pytest.raises(Unavailable, match="TMPDIR"):
        backend.receive("s", lines_of("s", entries=3, size=10), ())
    with pytest.raises(NotFound):
        backend.info("s")


def test_a_log_that_breaks_off_in_the_middle_leaves_nothing(backend):
    lines = list(lines_of("s", entries=900, size=10))
    with pytest.raises(Corrupt) as caught:
        backend.receive("s", [*lines[:700], lines[701]], ())
    assert caught.value.line == 701
    with pytest.raises(NotFound):
        backend.info("s")


@pytest.mark.parametrize("gone", ["seq = 3", "seq > 3"])
@pytest.mark.parametrize("size", [10, 5 * MIB])
def test_rows_that_are_missing_are_noticed_by_whoever_reads_on(backend, conninfo, size, gone):
    backend.receive("s", lines_of("s", entries=5, size=size), ())
    with psycopg.connect(conninfo) as con:
        con.execute(f"DELETE FROM hansard.entries WHERE {gone}")
    with pytest.raises(Corrupt, match=r"entry [34]"):
        list(backend.entries("s"))


def test_a_row_that_is_missing_before_large_ones_is_damage(backend, conninfo):
    backend.receive("s", lines_of("s", entries=5, size=5 * MIB), ())
    with psycopg.connect(conninfo) as con:
        con.execute("DELETE FROM hansard.entries WHERE seq = 3")
    (finding,) = backend.check("s")
    assert (finding.severity, finding.line) == ("damage", 3)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("after", [0, 7, 30])
def test_large_entries_are_fetched_few_at_a_time_and_all_of_them(backend, monkeypatch, newest_first, after):
    monkeypatch.setattr(sources, "_BYTES", 50_000)
    backend.create(Creation(id="s"), Request())
    for number in range(20):
        sizes = (60_000, 10, 20_000, 30_000)
        news = [seal(hansard.user("x" * sizes[(number + one) % 4]), now_us=AT_US) for one in range(1 + number % 3)]
        backend.append("s", Request(sealed=tuple(news)))
    fetched, usual = [], backend._core.db.rows

    def rows(statement, parameters=None):
        found = usual(statement, parameters)
        fetched.append([len(row[1]) for row in found] if "FILTER" in statement or "DESC ROWS" in statement else [0])
        return found

    monkeypatch.setattr(backend._core.db, "rows", rows)
    seqs = [entry.seq for entry in backend.entries("s", after=after, newest_first=newest_first)]
    last = backend.info("s").seq
    assert sorted(seqs) == list(range(after + 1, last + 1))
    assert seqs == sorted(seqs, reverse=newest_first)
    # The row before the first may be there, too, and one that goes beyond.
    assert max(sum(sizes[1:-1]) for sizes in fetched) < 50_000
    assert max(map(len, fetched)) > 2
    assert b"".join(backend.lines("s", after=after)).count(b"\n") == last - after


def test_many_entries_are_erased_some_at_a_time_also_where_they_share_rows(backend, monkeypatch):
    monkeypatch.setattr(sources, "_SOME", 7)
    backend.create(Creation(id="s"), Request())
    for number in range(12):
        backend.append(
            "s", Request(sealed=tuple(seal(hansard.user(f"{number}.{one}"), now_us=AT_US) for one in range(5)))
        )
    gone = [seq for seq in range(2, 60) if seq % 3]
    assert backend.erase("s", gone, by=None, reason=None).seqs == tuple(gone)
    entries = list(backend.entries("s"))
    assert [entry.seq for entry in entries if entry.erased] == gone
    assert len(entries) == 62
    assert list(backend.check("s")) == []


def test_a_search_holds_few_of_the_entries_that_it_looks_at(store, monkeypatch):
    session, seen = store.create(id="s"), []
    monkeypatch.setattr(searching, "_CHECKED", 5)
    session.append([hansard.user(f"common {number}") for number in range(40)])
    usual = searching.find_in
    monkeypatch.setattr(
        searching, "find_in", lambda *args, **options: seen.append(args[2].seq) or usual(*args, **options)
    )
    assert len(store.search("common", limit=3).items) == 3
    assert len(seen) <= 5
    assert len(store.search("common", limit=40, order="rank").items) == 40


@pytest.fixture
def bounded(monkeypatch):
    """Whoever reads a log asks the server at most so often."""
    usual = sources.raw_lines

    def raw_lines(rows, core, part, **more):
        left = [100]

        def few(statement, parameters):
            left[0] -= 1
            assert left[0], "the same is asked for ever"
            return rows(statement, parameters)

        return usual(few, core, part, **more)

    monkeypatch.setattr(sources, "raw_lines", raw_lines)


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("last", [LAST, 6])
@pytest.mark.parametrize("newest_first", [False, True])
def test_lines_each_larger_than_what_is_fetched_at_once_are_read_once_each(backend, monkeypatch, newest_first, last):
    monkeypatch.setattr(sources, "_BYTES", 50_000)
    backend.receive("s", lines_of("s", entries=6, size=60_000), ())
    core = backend._core
    for first in range(1, 8):
        part = sources.Stretch(b"s", b"s", first, last)
        found = [seq for seq, _ in sources.raw_lines(core.db.rows, core, part, newest_first=newest_first)]
        assert (found[::-1] if newest_first else found) == list(range(first, 7))


@pytest.mark.usefixtures("bounded")
def test_a_log_that_ends_with_a_line_larger_than_what_is_fetched_at_once_has_an_end(backend, conninfo):
    large = [hansard.event("large", {"x": "x" * 9 * MIB}, id=f"m-{number}") for number in range(3)]
    backend.create(Creation(id="s"), Request())
    for new in (large[0], hansard.user("small", id="small"), large[1], large[2]):
        backend.append("s", Request(sealed=(seal(new, now_us=AT_US),)))
    assert [entry.seq for entry in backend.entries("s", newest_first=True)] == [5, 4, 3, 2, 1]
    lines = list(backend.lines("s"))
    assert list(backend.check("s")) == []
    backend.fork("s", Creation(id="fork"), at=5)
    on = Request(sealed=(seal(NewEntry(kind="head", body={"to": 3}), now_us=AT_US),))
    for session in ("s", "fork"):
        backend.append(session, on)
        assert list(backend.check(session)) == []
    with psycopg.connect(conninfo) as con:
        con.execute("UPDATE hansard.sessions SET fold_version = 0")
    assert {backend.info(session).head for session in ("s", "fork")} == {3}
    other = backend.tenant("other")
    assert other.receive("s", lines, ()).seq == 5
    assert list(other.check()) == []
    backend.reindex()
    backend.delete("s")
    assert [entry.seq for entry in backend.entries("fork")] == [1, 2, 3, 4, 5, 6, 7]
    assert list(backend.check("fork")) == []
