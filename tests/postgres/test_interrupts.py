"""The main thread can be interrupted at any moment: what it had goes back, and nobody waits for it for ever."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from psycopg import pq

import hansard
from hansard.backends.postgres import Settings, hints, textindex
from hansard.backends.postgres.pool import Database, _Lent
from hansard.errors import Unavailable
from hansard.store.place import place_of
from support.interrupts import at_each_return


class Connection:
    """As good as one to a server, as far as lending goes."""

    closed = False
    info = SimpleNamespace(transaction_status=pq.TransactionStatus.IDLE)
    used_at = 0.0

    def close(self):
        self.closed = True


@pytest.fixture
def database(monkeypatch):
    """Makes databases whose connections lead nowhere."""
    monkeypatch.setattr("hansard.backends.postgres.pool.connect", lambda _settings: Connection())
    return lambda: Database(Settings("", connections=2, deadline_s=0.05))


def finished(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    return not thread.is_alive()


def lend_all(db):
    """Have all connections that there may be at once."""
    with db.connection() as one, db.connection() as other:
        assert one is not other
        assert not one.closed
        assert not other.closed


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("error", [None, ValueError])
def test_an_interrupt_at_any_moment_of_a_lending_loses_no_connection(database, fresh, error):
    # As it leaves, nothing of ours runs before the function has begun.
    for interrupted in at_each_return(but=(_Lent.__exit__,)):
        db = database()
        with db.connection():
            pass
        with interrupted:
            try:
                with db.connection(fresh=fresh):
                    if error:
                        raise error
            except ValueError:
                pass
        lend_all(db)
        with db.connection(), db.connection(), pytest.raises(Unavailable, match="all 2 connections"):
            lend_all(db)
        assert len(db._places) == 2
        db.close()


def test_a_transaction_that_is_interrupted_is_undone_without_a_word_from_the_driver(conninfo, caplog):
    db = Database(Settings(conninfo, connections=1))

    def work(con):
        con.execute("CREATE TEMPORARY TABLE t (x int)")
        # The server waits for more of it, and sees at once that nothing will come.
        con.pgconn.send_query(b"COPY t FROM STDIN")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        db.transact(work)
    assert caplog.records == []
    assert db.rows("SELECT 1") == [(1,)]
    db.close()


def test_an_interrupt_at_any_moment_of_a_wait_for_a_connection_loses_none(database):
    for interrupted in at_each_return():
        db = database()
        with db.connection(), db.connection():
            with interrupted, pytest.raises(Unavailable, match="all 2 connections"), db.connection():
                pass
            assert not db._line
        lend_all(db)
        assert len(db._places) == 2
        db.close()


def test_an_interrupt_at_any_moment_of_telling_what_was_written_keeps_no_later_writer_waiting(database, monkeypatch):
    monkeypatch.setattr(hints, "_NOTIFY", SimpleNamespace(run=lambda *_: []))
    for interrupted in at_each_return():
        told = hints.Hints(database())
        with interrupted:
            told.wrote(b"", "s")
        assert finished(lambda told=told: told.wrote(b"", "other"))
        assert finished(told.close)


def test_indexing_ends_where_a_session_became_shorter_meanwhile(store, monkeypatch):
    session = store.create(id="s")
    session.append([hansard.user(f"word {number}") for number in range(5)])
    core = place_of(store).backend._core
    left, usual = [20], textindex._index

    def index(*args, **asked):
        left[0] -= 1
        assert left[0], "the same is tried for ever"
        return usual(*args, **asked)

    monkeypatch.setattr(textindex, "_index", index)
    assert textindex._catch_up_one(core, core.at("s", b"s"), 50, 0, None)
    monkeypatch.undo()
    assert len(store.search("word")) == 5


def test_an_index_is_rebuilt_also_where_finding_what_is_behind_takes_long(store, monkeypatch):
    session = store.create(id="s")
    session.append([hansard.user(f"word {number}") for number in range(5)])
    now, left, usual = [0.0], [20], textindex._behind

    def behind(*asked):
        left[0] -= 1
        assert left[0], "nothing is ever indexed"
        now[0] += 5
        return usual(*asked)

    monkeypatch.setattr(textindex, "_behind", behind)
    monkeypatch.setattr(textindex, "time", SimpleNamespace(monotonic=lambda: now[0]))
    store.reindex()
    monkeypatch.undo()
    assert len(store.search("word")) == 5
