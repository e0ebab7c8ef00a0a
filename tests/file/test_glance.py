"""A log that is read once to make its row gives the row of the closer look, or leaves it to that one."""

from __future__ import annotations

import os

import pytest

import hansard
from hansard.backends.file import mirror
from hansard.backends.file.glance import glance
from hansard.backends.file.layout import Layout


@pytest.fixture
def store(tmp_path):
    with hansard.open(tmp_path) as opened:
        yield opened


def place_of(session):
    return f"sessions/{session}"


def core_of(store):
    return store._place.backend._core


def closer(store, session, place=None):
    return mirror._fresh_row(core_of(store), session, place or place_of(session))


def test_a_session_of_many_kinds_of_entries_gets_the_same_row(tmp_path, store):
    session = store.create(id="s", agent="coder", user="ana", labels={"a": "b"}, title="One")
    session.append([hansard.user("hello"), hansard.assistant("good day")], state={"plan": [1]}, status="running")
    session.compact(summary="greetings")
    session.append(hansard.user("more"))
    found = glance(Layout(tmp_path), place_of("s"))
    assert found is not None
    assert found == closer(store, "s")
    assert found.info.state == {"plan": [1]}


def test_a_child_gets_the_same_row(tmp_path, store):
    store.create(id="root").spawn(id="child").append(hansard.user("hello"))
    place = "sessions/root/children/child"
    found = glance(Layout(tmp_path), place)
    assert found is not None
    assert found == closer(store, "child", place)


def test_a_head_that_moves_into_an_old_branch_gets_the_same_row_or_none(tmp_path, store):
    session = store.create(id="s")
    for number in range(6):
        session.append(hansard.user(f"{number}"))
        session.append(hansard.user("beside"), expect=session.seq)
        session.rewind(to=2)
    assert glance(Layout(tmp_path), place_of("s")) in (None, closer(store, "s"))


def test_a_fork_is_left_to_the_closer_look(tmp_path, store):
    store.create(id="s").append(hansard.user("hello"))
    store.fork("s", id="f")
    assert glance(Layout(tmp_path), place_of("f")) is None
    assert closer(store, "f").info.segments


@pytest.mark.parametrize(
    "spoil", [lambda log: log[:-5], lambda log: log + b"{", lambda log: log.replace(b"hello", b"hallo"), lambda _: b""]
)
def test_what_is_not_whole_is_left_to_the_closer_look(tmp_path, store, spoil):
    store.create(id="s").append(hansard.user("hello"))
    log = tmp_path / "sessions/s/log.jsonl"
    log.write_bytes(spoil(log.read_bytes()))
    assert glance(Layout(tmp_path), place_of("s")) is None


def test_what_is_in_a_foreign_place_or_is_no_file_is_left_to_the_closer_look(tmp_path, store):
    store.create(id="s").append(hansard.user("hello"))
    folder = tmp_path / "sessions"
    (folder / "copy").mkdir()
    (folder / "copy/log.jsonl").write_bytes((folder / "s/log.jsonl").read_bytes())
    (folder / "link").mkdir()
    (folder / "link/log.jsonl").symlink_to(folder / "s/log.jsonl")
    (folder / "pipe").mkdir()
    os.mkfifo(folder / "pipe/log.jsonl")
    for name in ("copy", "link", "pipe", "nothing"):
        assert glance(Layout(tmp_path), place_of(name)) is None


def test_a_rebuilt_catalogue_lists_all_that_one_look_is_not_enough_for(tmp_path, store):
    store.create(id="s").append(hansard.user("hello"))
    store.fork("s", id="f").append(hansard.user("forked"))
    store.get("s").spawn(id="c")
    before = {info.id: info for info in store.sessions(kind=("root", "fork", "child"))}
    store.reindex()
    assert {info.id: info for info in store.sessions(kind=("root", "fork", "child"))} == before
    assert {hit.session for hit in store.search("hello")} == {"s"}
    assert {hit.session for hit in store.search("forked")} == {"f"}
