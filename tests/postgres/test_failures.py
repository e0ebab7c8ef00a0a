"""Connections that are cut, servers that freeze or go: nothing is lost, nothing is there twice, and nobody hangs."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time

import psycopg
import pytest

import hansard
from support import stores


@pytest.fixture
def through(proxied):
    """Opens the store through the proxy."""
    with contextlib.ExitStack() as stack:

        def open_one(**options):
            query = "&".join(f"{name}={value}" for name, value in options.items())
            return stack.enter_context(hansard.open(f"{proxied}&{query}"))

        yield open_one


def texts(store, session):
    return [message.text for message in store.get(session).history()]


def insistently(call, *, tries=20):
    """The result of a call that is made again while the store is not to be had."""
    for _ in range(tries):
        with contextlib.suppress(hansard.Unavailable):
            return call()
    return call()


def cut_again_and_again(proxy, through, store, times):
    """So many cuts, each somewhere in an append or its answer, behind which the server has committed."""
    rng = random.Random(20261121)
    store.create(id="s")
    session = through(patience=0).get("s")
    number = 0
    while sum(proxy.cuts.values()) < times:
        way = rng.choice(("sent", "answered"))
        # An append has up to 4,000 bytes and its answer 150; a cut beyond them is for the next one.
        proxy.cut_after(**{way: rng.randrange(4_000 if way == "sent" else 150)})
        insistently(lambda number=number: session.append(hansard.user(f"message {number}", id=f"m{number}")))
        number += 1
    proxy.cut_after()
    assert texts(store, "s") == [f"message {one}" for one in range(number)]
    assert [finding.severity for finding in store.check()] == []
    assert min(proxy.cuts.values()) > times // 5


def test_a_connection_cut_at_any_byte_leaves_exactly_one_copy(proxy, through, store):
    cut_again_and_again(proxy, through, store, 40)


@pytest.mark.torture
def test_a_connection_cut_five_hundred_times_leaves_exactly_one_copy(proxy, through, store, record_property):
    cut_again_and_again(proxy, through, store, 500)
    cuts = proxy.cuts
    record_property("told", f"cuts: {cuts['sent']} in a request, {cuts['answered']} in its answer; one copy each")


def test_an_append_without_ids_outlives_a_cut_by_itself(proxy, through, store):
    rng = random.Random(4)
    session = through(patience=5).create(id="s")
    for number in range(40):
        way = rng.choice(("sent", "answered"))
        proxy.cut_after(**{way: rng.randrange(500 if way == "sent" else 60)})
        with contextlib.suppress(hansard.Unavailable):
            session.append(hansard.user(f"message {number}"))
    proxy.cut_after()
    said = texts(store, "s")
    # One whose first round trip met the cut may be refused, but none is there twice or out of order.
    assert said == sorted(set(said), key=lambda text: int(text.split()[1]))
    assert len(said) > 30


def test_a_writer_that_wrote_last_needs_one_round_trip_and_one_commit(proxy, through, conninfo):
    # Notifications are told beside the appends, at most 40 times a second however many there are: they are not counted.
    session = through(notify="off").create(id="s")
    for number in range(5):
        session.append(hansard.user(f"warm {number}"))
    before, seq = proxy.syncs, session.seq
    asked = proxy.syncs - before
    for number in range(10):
        session.append([hansard.user(f"message {number}"), hansard.assistant("yes")])
    assert proxy.syncs - before - asked == 10
    with psycopg.connect(conninfo) as con:
        commits = con.execute(
            "SELECT count(DISTINCT xmin::text) FROM hansard.entries WHERE seq > %s", (seq,)
        ).fetchone()
    assert commits == (10,)


def test_a_server_that_freezes_is_given_up_after_the_deadline(proxy, through, store):
    writer = through(patience=0, notify="off")
    session = writer.create(id="s")
    for con in writer._place.backend._db.idle:
        con.deadline_s = 1
    proxy.frozen.set()
    began = time.monotonic()
    with pytest.raises(hansard.Unavailable, match=r"[Rr]epeat"):
        session.append(hansard.user("lost?", id="a"))
    assert time.monotonic() - began < 60
    proxy.frozen.clear()
    insistently(lambda: session.append(hansard.user("lost?", id="a")))
    assert texts(store, "s") == ["lost?"]


def test_connections_that_were_cut_while_idle_are_not_noticed(proxy, through):
    writer = through(patience=0)
    session = writer.create(id="s")
    for number in range(5):
        proxy.cut_all()
        assert writer.find(limit=9).items[0].id == "s"
        proxy.cut_all()
        insistently(lambda number=number: session.append(hansard.user(str(number), id=str(number))))
    assert texts(writer, "s") == ["0", "1", "2", "3", "4"]


def test_a_server_that_is_not_there_is_unavailable_and_no_password_is_shown():
    stores.need_server()
    with pytest.raises(hansard.Unavailable) as caught:
        hansard.open("postgresql://user:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("option", ["connections=0", "deadline=soon", "prepare=maybe", "patience=-1", "hostess=x"])
def test_an_option_that_can_not_be_understood_is_invalid(url, option):
    with pytest.raises(hansard.Invalid):
        hansard.open(f"{url}?{option}")


def test_more_threads_than_connections_take_turns(open_store):
    store = open_store(connections=2)
    session = store.create(id="s")

    def write(number):
        for turn in range(5):
            session.append(hansard.user(f"{number}.{turn}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(texts(store, "s")) == 60


def test_a_forked_child_has_connections_of_its_own(store):
    session = store.create(id="s")
    session.append(hansard.user("before"))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            session.append(hansard.user("in the child"))
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    session.append(hansard.user("after"))
    assert texts(store, "s") == ["before", "in the child", "after"]


def test_a_commit_that_no_standby_confirmed_is_confirmed_by_the_next(store, warn_at):
    session = store.create(id="s")
    warn_at("INSERT OR UPDATE ON hansard.entries")
    session.append(hansard.user("one"))
    assert texts(store, "s") == ["one"]


def test_a_commit_that_stays_in_doubt_is_not_acknowledged(store, warn_at, conninfo):
    session = store.create(id="s")
    warn_at("INSERT OR UPDATE ON hansard.sessions")
    with pytest.raises(hansard.Unavailable, match="doubt"):
        session.append(hansard.user("one", id="a"))
    with pytest.raises(hansard.Unavailable, match="doubt"):
        session.append(hansard.user("one", id="a"))
    with pytest.raises(hansard.Unavailable, match="doubt"):
        store.create(id="t")
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("DROP TRIGGER warns ON hansard.sessions")
    assert session.append(hansard.user("one", id="a")) == 2
    assert texts(store, "s") == ["one"]


def test_a_writer_that_knows_a_fork_finds_what_its_origin_left_it(store, open_store):
    store.create(id="s").append([hansard.user("two"), hansard.user("three")])
    fork = store.fork("s", id="f")
    fork.append(hansard.user("five"))
    open_store().delete("s")
    fork.amend(2, "TWO")
    assert texts(store, "f") == ["TWO", "three", "five"]
