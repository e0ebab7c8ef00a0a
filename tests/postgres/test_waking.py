"""Whoever waits is woken by a notification; where none arrives, looking again and again finds the same."""

from __future__ import annotations

import itertools
import time

import psycopg
import pytest

import hansard
from hansard.backends.postgres import hints
from hansard.testing.driver import together
from support import pgbouncer, stores

NEVER = 3600
"""Seconds between two looks: whoever is woken was woken by something else."""
SOON = 30
"""Seconds that a busy machine may take for what should take some milliseconds."""
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN hansard'"


def heard(store):
    """What the store says of its listening."""
    return store.health().details["notifications"]


def until(condition, *, seconds=60):
    """Return once the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this never came to be"


def listen(store, session, said="yes"):
    """Wait until the store hears what others write, or says why not."""

    def hears():
        session.wait(timeout_s=0.01)
        return said in heard(store)

    until(hears)


@pytest.fixture
def listening(open_store):
    """A store whose listening has begun, so that nothing but notifications wakes it."""
    store = open_store(poll=NEVER)
    session = store.create(id="first")
    listen(store, session)
    return store


def nobody_listens(conninfo):
    """Return once no connection listens: those that were closed just now may take the server a moment."""
    with psycopg.connect(conninfo, autocommit=True) as con:
        until(lambda: con.execute(LISTENERS).fetchall() == [])


def woken_by(session, write):
    """Seconds from an append's return to that of the wait for it; what the wait said."""
    times = {}

    def wait():
        seq = session.wait(after=1, timeout_s=NEVER)
        times["woken"] = time.monotonic()
        return seq

    def append():
        seq = write()
        times["written"] = time.monotonic()
        return seq

    seqs = together(wait, append)
    assert seqs == [2, 2]
    return times["woken"] - times["written"]


def test_an_append_of_another_opening_wakes_by_its_notification_alone(listening, open_store):
    other = open_store()
    latencies = []
    for number in range(9):
        session = listening.create(id=f"s{number}")
        there = other.get(session.id)
        latencies.append(woken_by(session, lambda there=there: there.append(hansard.user("here"))))
    assert min(latencies) < 1, "tens of milliseconds on a machine that has the time"


def test_a_tail_gives_what_another_opening_writes_as_it_comes(listening, open_store):
    there = open_store().get("first")
    entries = listening.get("first").tail(after=1)
    for text in ("one", "two", "three"):
        there.append(hansard.user(text))
        assert next(entries).body["parts"][0]["text"] == text


def test_what_a_tenant_writes_wakes_whoever_waits_in_that_tenant(listening, open_store, url):
    session = listening.tenant("acme").create(id="first")
    there = open_store(tenant="acme").get("first")
    woken_by(session, lambda: there.append(hansard.user("acme's")))
    assert listening.get("first").info.seq == 1


def test_a_deletion_by_another_opening_ends_the_wait(listening, open_store):
    session, other = listening.get("first"), open_store()
    results = together(lambda: session.wait(timeout_s=NEVER), lambda: other.delete("first"))
    assert isinstance(results[0], hansard.NotFound)


def test_a_listening_connection_that_is_cut_is_made_anew_and_nothing_is_missed(listening, open_store, conninfo):
    session, there = listening.get("first"), open_store().get("first")

    def cut_and_write():
        with psycopg.connect(conninfo, autocommit=True) as con:
            for (pid,) in con.execute(LISTENERS).fetchall():
                con.execute("SELECT pg_terminate_backend(%s)", [pid])
        return there.append(hansard.user("behind its back"))

    assert woken_by(session, cut_and_write) < 60
    until(lambda: heard(listening) == "yes")
    there.append(hansard.user("and again"))
    assert session.wait(after=2, timeout_s=NEVER) == 3


@pytest.mark.parametrize("options", [{"notify": "off"}, {"notify": "off", "poll": "0.05"}])
def test_without_notifications_looking_again_and_again_finds_what_was_written(open_store, conninfo, options):
    session = open_store(**options).create(id="s")
    there = open_store(**options).get("s")
    assert woken_by(session, lambda: there.append(hansard.user("found"))) < SOON
    nobody_listens(conninfo)


def test_a_writer_that_tells_nobody_is_found_by_whoever_looks(open_store):
    listener, silent = open_store(), open_store(notify="off")
    session = listener.create(id="s")
    listen(listener, session)
    there = silent.get("s")
    assert woken_by(session, lambda: there.append(hansard.user("found"))) < SOON


def test_a_store_in_which_nobody_waits_listens_to_nothing(open_store, conninfo):
    store = open_store()
    store.create(id="s").append(hansard.user("one"))
    assert heard(store) == "not needed yet"
    nobody_listens(conninfo)


def test_a_closed_store_leaves_no_listener(open_store, conninfo):
    store = open_store()
    listen(store, store.create(id="s"))
    store.close()
    nobody_listens(conninfo)


def test_hints_of_many_appends_travel_together(open_store, conninfo, monkeypatch):
    monkeypatch.setattr(hints, "_PAUSE_S", NEVER)
    store = open_store()
    session = store.create(id="s")
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("LISTEN hansard")
        for number in range(200):
            session.append(hansard.user(str(number)))
        store.close()
        # What a connection tells comes after all that was told before.
        con.execute("NOTIFY hansard, 'end'")
        said = list(itertools.takewhile(lambda payload: payload != "end", (one.payload for one in con.notifies())))
    assert 1 <= len(said) <= 2
    assert {mark for payload in said for mark in payload.split()} == {hints.mark_of(b"", "s")}


@pytest.fixture
def pooled(conninfo):
    """The URL of the database through pgbouncer in transaction mode."""
    with pgbouncer.running() as (through, keeps):
        yield stores.url_of(through(conninfo)) + ("" if keeps else "?prepare=off")


def test_behind_a_pooler_nobody_listens_and_whoever_looks_finds_all(pooled, store):
    session = store.create(id="s")
    with hansard.open(pooled) as behind:
        there = behind.get("s")
        assert woken_by(there, lambda: session.append(hansard.user("to the pooler's side"))) < SOON
        listen(behind, there, "pooler")
        woken = [there.append(hansard.user(str(number))) for number in range(20)]
        assert woken == list(range(3, 23))


def test_a_writer_behind_a_pooler_wakes_who_listens_past_it(pooled, listening):
    session = listening.get("first")
    with hansard.open(pooled) as behind:
        there = behind.get("first")
        woken_by(session, lambda: there.append(hansard.user("from behind")))
