"""Statements that are sent by hand are prepared once, and anew where the server has lost them."""

from __future__ import annotations

import psycopg
import pytest

import hansard


def drop_all_prepared(store):
    """What a pooler or an undone transaction does to the store's connections."""
    for con in store._place.backend._db.idle:
        con.execute("DEALLOCATE ALL", prepare=False)


@pytest.fixture
def store(open_store):
    """One whose connection nobody uses but the test: no notifications are told."""
    return open_store(notify="off", connections=1)


def prepared(store):
    con = store._place.backend._db.idle[-1]
    return [row[0] for row in con.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'hansard_%'")]


def test_an_append_is_prepared_once_however_many_follow(store):
    session = store.create(id="s")
    for number in range(5):
        session.append(hansard.user(str(number)))
    assert len(prepared(store)) <= 2


def test_a_prepared_statement_that_is_lost_costs_nobody_an_error(store):
    session = store.create(id="s")
    for number in range(6):
        session.append(hansard.user(str(number)))
        drop_all_prepared(store)
    assert [message.text for message in session.history()] == [str(number) for number in range(6)]


def test_a_transaction_that_is_undone_leaves_a_connection_that_can_append(store):
    session = store.create(id="s")
    session.append(hansard.user("one"), status="running")
    with pytest.raises(hansard.AlreadyExists):
        store.create(id="s")
    with pytest.raises(hansard.NotFound):
        store.fork("nobody")
    session.append(hansard.user("two"), status="idle")
    assert [message.text for message in session.history()] == ["one", "two"]


def test_without_prepared_statements_none_is_made(open_store):
    store = open_store(prepare="off", notify="off", connections=1)
    session = store.create(id="s")
    for number in range(5):
        session.append(hansard.user(str(number)))
    assert prepared(store) == []
    assert len(list(session.history())) == 5


def test_values_at_the_edges_of_their_types_come_back(store, conninfo):
    session = store.create(id="s", title="ü" * 150, user="日本")
    session.append(hansard.user("x" * 3_000_000), status="läuft")
    with psycopg.connect(conninfo) as con:
        row = con.execute('SELECT title, "user", status, size > 3000000 FROM hansard.sessions').fetchone()
    assert row == ("ü" * 150, "日本", "läuft", True)
