"""Connections are lent in turn: nobody who came first is passed over by those who come again and again."""

from __future__ import annotations

import threading

import pytest

from hansard.backends.postgres import Settings
from hansard.backends.postgres.pool import Database
from hansard.errors import Unavailable


@pytest.fixture
def one(conninfo):
    db = Database(Settings(conninfo, connections=1, deadline_s=60))
    yield db
    db.close()


def test_whoever_waits_is_served_before_whoever_gave_back_and_comes_again(one):
    order = []
    began = threading.Event()

    def wait():
        began.set()
        with one.connection():
            order.append("waited")

    for _ in range(20):
        began.clear()
        with one.connection():
            thread = threading.Thread(target=wait)
            thread.start()
            began.wait(60)
            while not one._line:
                threading.Event().wait(0.001)
        with one.connection():
            order.append("came again")
        thread.join(60)
    assert order == ["waited", "came again"] * 20


def test_many_threads_share_few_connections_and_none_is_refused(conninfo):
    db = Database(Settings(conninfo, connections=2, deadline_s=60))
    counts = []

    def work():
        done = 0
        for _ in range(30):
            done += db.rows("SELECT 1")[0][0]
        counts.append(done)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    db.close()
    assert counts == [30] * 12
    assert len(db.idle) == 0


def test_who_waits_too_long_or_for_a_closed_store_is_told(conninfo):
    db = Database(Settings(conninfo, connections=1, deadline_s=60))
    with db.connection():
        db.settings = Settings(conninfo, connections=1, deadline_s=0.05)
        with pytest.raises(Unavailable, match="all 1 connections were in use"):
            db.rows("SELECT 1")
        refused = []

        def wait():
            try:
                db.rows("SELECT 1")
            except Unavailable as error:
                refused.append(str(error))

        db.settings = Settings(conninfo, connections=1, deadline_s=60)
        thread = threading.Thread(target=wait)
        thread.start()
        while not db._line:
            threading.Event().wait(0.001)
        db.close()
        thread.join(60)
    assert len(refused) == 1
    assert "was closed" in refused[0]
    assert db.idle == []
