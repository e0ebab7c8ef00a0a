"""Whatever happens to the sessions, a search in the database finds what looking at every entry finds."""

from __future__ import annotations

from unittest import mock

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hansard
from hansard.backends.memory import MemoryBackend
from hansard.backends.postgres import PostgresBackend, Settings, searching, textindex
from hansard.query import EVERYTHING
from hansard.testing.driver import Driver, ManualClock
from support import stores
from support.searches import BEGINNING, QUERIES, STEP, do, pages


@pytest.mark.parametrize("limit", [2, 100])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    steps=st.lists(STEP, min_size=4, max_size=12),
    chosen=st.lists(st.sampled_from(QUERIES), min_size=14, max_size=14, unique=True),
)
def test_the_index_finds_what_looking_at_every_entry_finds(conninfo, limit, steps, chosen):
    stores.empty_database()
    # With few hits a page, candidates come in small steps, and a session is indexed entry by entry.
    few = 3 if limit == 2 else 4_096
    clock = ManualClock()
    with (
        mock.patch.object(searching, "_FIRST_STEP", 1),
        mock.patch.object(searching, "_STEP_MAX", few),
        mock.patch.object(textindex, "_BATCH_ENTRIES", few),
    ):
        postgres = Driver(lambda clock: PostgresBackend(Settings(conninfo), clock=clock), clock)
        memory = Driver(lambda clock: MemoryBackend(clock=clock), clock)
        for step in [*BEGINNING, *steps]:
            clock.advance(seconds=0.25)
            for drive in (postgres, memory):
                do(drive, step)
            if step[0] == "search":
                found = [pages(drive.backend.search, step[1], limit=limit) for drive in (postgres, memory)]
                assert found[0] == found[1]
        there = [info.id for info in memory.backend.find(EVERYTHING, order="id", limit=9, cursor=None)]
        for query in chosen:
            for asked in ({}, {"order": "rank"}, *({"session": session} for session in there)):
                expected = pages(memory.backend.search, query, limit=limit, **asked)
                assert pages(postgres.backend.search, query, limit=limit, **asked) == expected, (query, asked)
        for drive in (postgres, memory):
            drive.close()


def test_a_piece_with_more_words_than_a_row_can_hold_is_found(store):
    session = store.create()
    # 8,000 words of 64 four-byte letters: more than a megabyte of different words.
    letters = [chr(0x10400 + n) for n in range(40)]
    words = ["".join(letters[(n // 40**place) % 40] for place in range(4)) * 16 for n in range(7_000)]
    session.append(hansard.user(" ".join(words)))
    session.append(hansard.user("something else"))
    assert [hit.seq for hit in store.search(words[6_999])] == [2]
    assert [hit.seq for hit in store.search(f'"{words[5]} {words[6]}"')] == [2]
    assert [hit.seq for hit in store.search("else")] == [3]


def test_a_search_that_can_not_catch_up_in_time_says_so(store):
    session = store.create()
    session.append([hansard.user(f"word {n}") for n in range(50)])
    with mock.patch.object(searching, "_SECONDS", -1.0):
        assert store.search("word").complete is False
    # What it had no time for is done on another thread, and by the next search.
    assert len(store.search("word", limit=99)) == 50
    assert store.search("word", limit=99).complete


def test_a_rebuilt_index_finds_the_same(store):
    session = store.create(title="Races")
    session.append([hansard.user("race condition"), hansard.tool("1", "race in a tool", id="t")])
    before = [store.search(text).items for text in ("race", "race in:tool", "title:races")]
    store.reindex()
    assert [store.search(text).items for text in ("race", "race in:tool", "title:races")] == before


def test_a_session_with_much_to_index_is_indexed_in_steps_that_hold_it_shortly(store, monkeypatch):
    steps, usual = [], textindex._index
    monkeypatch.setattr(textindex, "_BATCH_BYTES", 20_000)
    monkeypatch.setattr(
        textindex, "_index", lambda core, con, *, asked: steps.append(asked["seq"]) or usual(core, con, asked=asked)
    )
    session = store.create(id="s")
    session.append([hansard.user(f"n{number} " + "x" * 6_000) for number in range(10)])
    session.append(hansard.user("large " + "y" * 50_000))
    session.append(hansard.user("last"))
    assert len(store.search("large")) == 1
    # The lines of one append share rows, and a row is taken as a whole.
    assert len(steps) > 3
    assert steps[-1] == session.seq
    assert [len(store.search(f"n{number}")) for number in range(10)] == [1] * 10


def test_what_has_many_words_is_indexed_by_several_statements_and_found_by_each(store, monkeypatch):
    monkeypatch.setattr(textindex, "_WORDS_MAX", 1_000)
    words = [f"word{number}" for number in range(20_000)]
    store.create(id="s").append(hansard.user(" ".join(words)))
    assert [len(store.search(word)) for word in (words[0], words[9_000], words[-1])] == [1, 1, 1]


def test_a_damaged_session_takes_no_more_room_in_the_index_each_time_it_is_looked_at(store, conninfo):
    session = store.create(id="s", entries=[hansard.user("one"), hansard.user("two"), hansard.user("three")])
    session.append(hansard.user("four"))
    counts = []
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("UPDATE hansard.entries SET line = 'x' WHERE session = 's' AND seq = 3")
        for _ in range(3):
            with pytest.raises(hansard.Corrupt):
                list(session.entries())
            with pytest.raises(hansard.Corrupt):
                session.append(hansard.user("more"))
            store.search("one")
            counts += con.execute("SELECT count(*) FROM hansard.texts").fetchone()
    assert len(set(counts)) == 1
