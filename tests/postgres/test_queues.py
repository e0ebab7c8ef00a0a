"""Who waits for a commit is answered, whatever the commit comes to, however late a thread runs."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from hansard.backend import Request
from hansard.backends.postgres.queues import Queues, _Waiter
from hansard.errors import Unavailable
from hansard.model.requests import Appended
from support.interrupts import at_each_return

DONE = Appended(seq=2, seqs=(2,), ids=("a",), added=1)
REQUEST = Request()


@pytest.fixture
def opened():
    """Makes queues, which are closed at the end."""
    made = []

    def make(commit):
        made.append(Queues(commit))
        return made[-1]

    yield make
    for queues in made:
        queues.close()


def submitted(queues, session):
    """Where the answer of an append will be, and what is set when it is there."""
    answers, there = [], threading.Event()
    queues.submit(session, REQUEST, lambda answer: (answers.append(answer), there.set()))
    return answers, there


def answer_of(queues, session):
    answers, there = submitted(queues, session)
    assert there.wait(60)
    return answers[0]


@pytest.mark.parametrize("raised", [TypeError("a mistake"), MemoryError()])
def test_a_commit_that_is_broken_off_answers_everybody_and_the_next_goes_on(opened, raised):
    failures = [raised]

    def commit(session, requests):
        if failures:
            raise failures.pop()
        return [DONE] * len(requests)

    queues = opened(commit)
    answer = answer_of(queues, "s")
    assert isinstance(answer, Unavailable)
    assert answer.__cause__ is raised
    assert answer_of(queues, "s") == DONE
    assert queues.append("s", REQUEST) == DONE


def test_a_session_that_is_held_up_keeps_no_other_waiting_though_the_threads_wake_late(opened):
    held, go = threading.Event(), threading.Event()

    def commit(session, requests):
        if session == "held":
            held.set()
            assert go.wait(60)
        return [DONE] * len(requests)

    queues = opened(commit)
    answer_of(queues, "warm")
    while not queues._idle:
        os.sched_yield()
    usual = sys.getswitchinterval()
    # The thread that was called does not run before both are handed in.
    sys.setswitchinterval(60)
    try:
        _, answered = submitted(queues, "held")
        _, other = submitted(queues, "other")
    finally:
        sys.setswitchinterval(usual)
    try:
        assert other.wait(30)
        assert held.wait(60)
        assert not answered.is_set()
    finally:
        go.set()
    assert answered.wait(60)


def test_what_is_handed_in_while_the_store_is_closed_is_refused(opened):
    queues = opened(lambda session, requests: [DONE] * len(requests))
    queues.close()
    with pytest.raises(Unavailable, match="being closed"):
        submitted(queues, "s")


def test_where_no_thread_can_be_started_that_is_said_and_the_next_goes_on(opened, monkeypatch):
    def refuse(_thread):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    queues = opened(lambda session, requests: [DONE] * len(requests))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Unavailable, match="no thread can be started"):
            submitted(queues, "s")
    assert answer_of(queues, "s") == DONE


class Handed:
    """What is called with the answer of an append that was handed in."""

    def __init__(self):
        self.answers = []
        self.there = threading.Event()

    def __call__(self, answer):
        self.answers.append(answer)
        self.there.set()


def finished(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    return not thread.is_alive()


@pytest.mark.parametrize("verb", ["append", "submit"])
@pytest.mark.parametrize("alone", [True, False])
def test_an_interrupt_at_any_moment_keeps_nobody_waiting_for_ever_and_has_nothing_committed_twice(verb, alone):
    for interrupted in at_each_return():
        committed = []

        def commit(session, requests, committed=committed):
            committed.extend(map(id, requests))
            return [DONE] * len(requests)

        queues = Queues(commit)
        handed, other, own, later = Handed(), _Waiter(Request()), Request(), Request()
        if not alone:
            with queues._mutex:
                queues._join("s", _Waiter(Request(), handed))
                line = queues._join("s", other)
        with interrupted:
            if verb == "append":
                queues.append("s", own)
            else:
                queues.submit("s", own, Handed())

        def go_on(queues=queues, later=later):
            queues.append("s", later)

        assert finished(go_on)
        if not alone:

            def serve(queues=queues, line=line, other=other):
                while other.answer is None:
                    queues._serve("s", line, other)

            assert finished(serve)
        last = Handed()
        queues.submit("s", REQUEST, last)
        assert last.there.wait(30)
        assert alone or handed.there.wait(30)
        queues.close()
        assert len(handed.answers) == (0 if alone else 1)
        assert id(later) in committed
        assert interrupted.hit or id(own) in committed
        assert len(set(committed)) == len(committed)

        def forgotten(queues=queues):
            # A thread whose start was interrupted may be at the end of its work yet.
            while queues._lines:
                os.sched_yield()

        assert finished(forgotten)
