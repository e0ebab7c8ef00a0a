from __future__ import annotations

import threading

import pytest

import hansard
from hansard import Conflict, Invalid, NotFound


def count(draft):
    draft.state["n"] = draft.state.get("n", 0) + 1


def test_modify_writes_what_was_drafted_in_one_commit(session):
    session.append(state={"keep": 1, "gone": 2, "n": [1]})

    def edit(draft):
        assert draft.info.seq == 2
        del draft.state["gone"]
        draft.state["n"].append(2)
        draft.append(hansard.user("drafted"))
        draft.append([hansard.event("e")])
        draft.set(status="running", persona="p")
        assert len(draft.entries) == 2

    assert session.modify(edit) == 5
    assert (session.state, session.info.status, session.info.fields) == (
        {"keep": 1, "n": [1, 2]},
        "running",
        {"persona": "p"},
    )
    assert session.entry(5).body == {
        "set": {"status": "running", "persona": "p"}, "state": {"set": {"n": [1, 2]}, "remove": ["gone"]},
    }  # fmt: skip
    session.modify(lambda draft: draft.clear("persona"))
    assert session.info.fields == {}


def test_modify_that_drafts_nothing_writes_nothing(session):
    assert session.modify(lambda draft: None) == 1
    assert session.seq == 1


def test_many_threads_count_exactly(session):
    threads = [threading.Thread(target=lambda: [session.modify(count) for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.state == {"n": 40}


def test_modify_runs_again_after_another_writer(store, session):
    calls = []

    def edit(draft):
        calls.append(draft.info.seq)
        if len(calls) == 1:
            worker = threading.Thread(target=lambda: store.get("s").append(hansard.user("faster")))
            worker.start()
            worker.join()
        count(draft)

    session.modify(edit)
    assert calls == [1, 2]
    assert session.state == {"n": 1}


def test_a_function_that_raises_writes_nothing(session):
    def edit(draft):
        draft.state["n"] = 1
        raise KeyError

    with pytest.raises(KeyError):
        session.modify(edit)
    assert session.seq == 1
    session.modify(count)
    assert session.state == {"n": 1}


def test_a_conflict_that_no_writer_caused_is_told_at_once(session):
    session.append(hansard.user("a", id="one"))
    calls = []

    def edit(draft):
        calls.append(1)
        draft.append(hansard.user("other", id="one"))

    with pytest.raises(Conflict):
        session.modify(edit)
    assert calls == [1]


def test_writing_to_the_session_inside_modify_is_refused(store, session):
    for wrong in (
        lambda: session.append(hansard.user("x")),
        lambda: session.update(title="x"),
        lambda: session.modify(count),
        lambda: store.get("s").append(hansard.user("x")),
        session.delete,
        lambda: session.erase(1),
        lambda: session.lease("w"),
    ):
        with pytest.raises(Invalid, match="draft"):
            session.modify(lambda draft, wrong=wrong: wrong())
    other = store.create(id="t")
    session.modify(lambda draft: other.append(hansard.user("fine")))
    assert (session.seq, other.seq) == (1, 2)


def test_modify_of_a_missing_session_is_not_found(store, session):
    store.delete("s")
    with pytest.raises(NotFound):
        session.modify(count)
