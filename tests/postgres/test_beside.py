"""What others do in the middle of a call, at the very place where it would hurt."""

from __future__ import annotations

import psycopg
import pytest

import hansard
from hansard.backend import Request
from hansard.backends.postgres import receiving, upkeep
from hansard.model.requests import Creation


@pytest.fixture
def other(open_store):
    return open_store()


@pytest.fixture
def beside(monkeypatch):
    """Has a function of a module call another first, or behind a statement that has some words; once."""

    def meddle(module, name, meanwhile, *, words=None):
        usual, done = getattr(module, name), []

        def call(*args, **options):
            fits = words is None or words in args[1]
            if words is None and not done:
                done.append(1)
                meanwhile()
            result = usual(*args, **options)
            if words is not None and fits and not done:
                done.append(1)
                meanwhile()
            return result

        monkeypatch.setattr(module, name, call)
        return done

    return meddle


@pytest.mark.parametrize(
    "words", ["DELETE FROM hansard.sessions", "DELETE FROM hansard.ids", "DELETE FROM hansard.entries"]
)
def test_a_session_that_is_made_beside_a_reset_is_whole(store, other, beside, words):
    store.create(id="old", agent="a", user="u", entries=[hansard.user("old")])
    # One of no (agent, user), or of a new one: those of one that is known wait.
    done = beside(
        upkeep, "execute_long", lambda: other.create(id="new", user="n", entries=[hansard.user("new")]), words=words
    )
    assert store.reset() == 1
    assert len(done) == 1
    assert list(store.heads()) == ["new"]
    assert [message.text for message in store.get("new").history()] == ["new"]
    assert store.get("new").append(hansard.user("on")) == 3
    assert store.check() == []
    assert store.create(agent="a", user="u").info.number == 1


def test_a_fork_that_is_made_while_a_reset_takes_its_locks_goes_too(store, other, beside):
    store.create(id="s", entries=[hansard.user("old")])
    done = beside(upkeep, "execute_long", lambda: other.fork("s", id="a"), words="SELECT DISTINCT root")
    assert store.reset() == 2
    assert len(done) == 1
    assert store.heads() == {}
    assert store.create(id="a").seq == 1


def test_a_guard_is_asked_about_what_is_made_while_a_reset_takes_its_locks(store, other, beside):
    store.create(id="s")
    beside(upkeep, "execute_long", lambda: other.get("s").spawn(id="c"), words="SELECT DISTINCT root")
    asked = []
    with pytest.raises(hansard.Conflict, match="no"):
        store._place.backend.reset(guard=lambda tree: asked.append([info.id for info in tree]) or "no")
    assert asked == [["s", "c"]]
    assert sorted(store.heads()) == ["c", "s"]


def test_of_two_that_bring_a_session_at_once_both_are_told_that_it_is_here(store, other, beside):
    with hansard.open("memory:") as source:
        source.create(id="s", entries=[hansard.user("one")])
        lines = list(source._place.backend.lines("s"))
    backend = store._place.backend
    done = beside(receiving, "_surroundings", lambda: other._place.backend.receive("s", lines, []))
    created = backend.receive("s", lines, [])
    assert (len(done), created.new, created.seq) == (1, False, 2)
    assert list(backend.lines("s")) == lines


def test_the_last_session_of_an_agent_and_user_is_found_behind_many_of_other_kinds(store):
    backend = store._place.backend
    wanted = backend.create(Creation(agent="a", user="u"), Request())
    for _ in range(20):
        backend.create(Creation(agent="a", user="u", kind="x-other"), Request())
    assert backend.create(Creation(agent="a", user="u"), Request(), reuse="pair").id == wanted.id
    assert backend.create(Creation(agent="a", user="u", kind="x-third"), Request(), reuse="pair").new


def test_the_last_session_of_an_agent_and_user_is_asked_for_alone(store, conninfo, monkeypatch):
    from hansard.backends.postgres import creating

    backend = store._place.backend
    for _ in range(creating._FEW * 3):
        last = backend.create(Creation(agent="a", user="u"), Request())
    seen, usual = [], creating.execute
    monkeypatch.setattr(creating, "execute", lambda *args: seen.append(usual(*args)) or seen[-1])
    assert backend.create(Creation(agent="a", user="u"), Request(), reuse="pair").id == last.id
    assert max(map(len, seen)) <= creating._FEW


def test_a_large_tree_is_taken_away_with_all_below_one_of_it(store, conninfo):
    top = store.create(id="top")
    for name in ("a", "b"):
        branch = top.spawn(id=name)
        for number in range(5):
            branch.spawn(id=f"{name}{number}").spawn(id=f"{name}{number}x")
    assert len(store._place.backend.delete("a")) == 11
    assert sorted(store.heads()) == sorted(["top", "b", *(f"b{n}{x}" for n in range(5) for x in ("", "x"))])
    with psycopg.connect(conninfo) as con:
        assert con.execute("SELECT count(*) FROM hansard.entries WHERE session LIKE 'a%'").fetchone() == (0,)
