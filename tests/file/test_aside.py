"""A second process indexes what a large load brings in."""

from __future__ import annotations

import time

import pytest

import hansard
from hansard.backends.file import aside
from hansard.store.aside import indexing_aside


def test_what_is_appended_meanwhile_is_in_the_index_though_nobody_searched(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        session = store.create()
        with indexing_aside(store):
            session.append(hansard.user("a word that is zyzzyva"))
            deadline = time.monotonic() + 60
            size = tmp_path / "store" / "search.db"
            while not (size.exists() and _indexed(store, session)) and time.monotonic() < deadline:
                session.append(hansard.event("tick", {}))
        assert _indexed(store, session)
        assert [hit.session for hit in store.search("zyzzyva")] == [session.id]


def _indexed(store: hansard.Store, session: hansard.Session) -> bool:
    """Whether the index has the first message, without bringing it up to date."""
    text = store._place.backend._text
    found = text._database.read(lambda con: con.execute("SELECT seq FROM sessions WHERE id = ?", (session.id,)).get)
    return found is not None and found >= 2


def test_a_load_goes_on_where_no_process_can_be_started(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError

    monkeypatch.setattr(aside.subprocess, "Popen", refuse)
    with hansard.open(tmp_path / "store") as store:
        session = store.create()
        with indexing_aside(store):
            session.append(hansard.user("still zyzzyva"))
        assert len(store.search("zyzzyva")) == 1


@pytest.fixture
def started(monkeypatch):
    """The processes that were asked for; none is started."""
    commands = []

    def note(command, **_):
        commands.append(command)
        raise OSError

    monkeypatch.setattr(aside.subprocess, "Popen", note)
    return commands


@pytest.mark.parametrize("store", [None, object()])
def test_a_store_that_has_no_such_process_is_loaded_without(store, started):
    with indexing_aside(store):
        assert started == []


def test_in_memory_nothing_is_started_and_beside_files_one_process_is(tmp_path, started):
    with hansard.open("memory:") as store, indexing_aside(store):
        assert started == []
    with hansard.open(tmp_path / "store") as store, indexing_aside(store):
        assert len(started) == 1
