"""Several processes and threads on one store: nothing lost, repeated, reordered or split, and one winner."""

from __future__ import annotations

import pytest

from hansard.backend import Request
from hansard.errors import HansardError, NotFound
from hansard.model.requests import Creation
from hansard.query import EVERYTHING
from hansard.store import Store

PROCESSES, THREADS = 4, 4


def texts(backend, session):
    return [entry.body["parts"][0]["text"] for entry in backend.entries(session) if entry.kind == "message"]


def damage(backend):
    return [finding for finding in backend.check() if finding.severity == "damage"]


@pytest.mark.parametrize("sessions", [1, 16])
@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.torture)])
def test_processes_and_threads_lose_repeat_and_reorder_nothing(workers, opened, sessions, count):
    names = [f"s{number}" for number in range(sessions)]
    opened(*names).close()
    started = [
        workers.start("append", process=number, threads=THREADS, count=count, sessions=names)
        for number in range(PROCESSES)
    ]
    assert workers.results(*started) == [[]] * PROCESSES
    backend = opened()
    found = [text for name in names for text in texts(backend, name)]
    assert len(found) == len(set(found)) == PROCESSES * THREADS * count
    for name in names:
        assert [entry.seq for entry in backend.entries(name)] == list(range(1, backend.info(name).seq + 1))
        numbers = {}
        for text in texts(backend, name):
            who, _, number = text.rpartition(".")
            assert numbers.get(who, -1) < int(number)
            numbers[who] = int(number)
    assert damage(backend) == []
    assert {info.seq for info in backend.find(EVERYTHING, order="id", limit=99, cursor=None)} == {
        backend.info(name).seq for name in names
    }


@pytest.mark.parametrize("rounds", [20, pytest.param(500, marks=pytest.mark.torture)])
def test_of_all_who_expect_a_number_exactly_one_wins(workers, opened, rounds):
    opened("s").close()
    started = [workers.start("compete", threads=THREADS, rounds=rounds, session="s") for _ in range(PROCESSES)]
    told = workers.results(*started)
    assert [failures for _, failures in told] == [[]] * PROCESSES
    assert sorted(seq for won, _ in told for seq in won) == list(range(2, rounds + 2))
    backend = opened()
    assert backend.info("s").seq == rounds + 1
    assert damage(backend) == []


@pytest.mark.parametrize("how", ["id", "pair", "name"])
def test_processes_that_get_or_create_get_the_same_and_one_makes_it(workers, opened, how):
    count = 10
    opened("root").close()
    started = [workers.start("create", count=count, how=how) for _ in range(PROCESSES)]
    told = workers.results(*started)
    for number in range(count):
        assert len({one[number][0] for one in told}) == 1
        assert sorted(one[number][1] for one in told) == [False] * (PROCESSES - 1) + [True]
    assert damage(opened()) == []


def test_a_late_append_to_a_deleted_session_is_not_found_and_brings_nothing_back(workers, opened):
    count = 20
    opened(*(f"s{number}" for number in range(count))).close()
    taken, seqs = workers.results(workers.start("delete", count=count), workers.start("late", count=count))
    backend = opened()
    assert taken == [[f"s{number}"] for number in range(count)]
    assert set(seqs) <= {2, None}
    assert not backend.find(EVERYTHING, order="id", limit=99, cursor=None).items
    for number in range(count):
        with pytest.raises(NotFound):
            backend.info(f"s{number}")


def test_forks_beside_the_deletion_of_their_origin_are_whole(workers, opened):
    count = 20
    opened(*(f"s{number}" for number in range(count))).close()
    _, forks = workers.results(workers.start("delete", count=count), workers.start("fork", count=count))
    backend = opened()
    for fork in forks:
        assert [entry.kind for entry in backend.entries(fork)] == ["created", "created"]
    assert {info.id for info in backend.find(EVERYTHING, order="id", limit=99, cursor=None)} == set(forks)
    assert damage(backend) == []


def test_get_or_create_beside_deletion_gives_a_session_that_is_there_or_gone(workers, opened):
    count = 20
    opened(*(f"s{number}" for number in range(count))).close()
    _, created = workers.results(workers.start("delete", count=count), workers.start("create", count=count, how="id"))
    backend = opened()
    there = {info.id for info in backend.find(EVERYTHING, order="id", limit=99, cursor=None)}
    assert {session for session, new in created if new} <= there
    assert damage(backend) == []


@pytest.mark.parametrize("count", [30, pytest.param(200, marks=pytest.mark.torture)])
def test_an_append_beside_an_erasure_is_never_lost(workers, opened, count):
    backend = opened("s")
    backend.close()
    workers.results(workers.start("append", process=9, threads=1, count=count, sessions=["s"]))
    seqs = list(range(2, count + 2))
    failures, erased = workers.results(
        workers.start("append", process=0, threads=1, count=count, sessions=["s"]),
        workers.start("erase", session="s", seqs=seqs),
    )
    assert (failures, erased) == ([], [[seq] for seq in seqs])
    backend = opened()
    said = [e.body["parts"][0]["text"] for e in backend.entries("s") if e.kind == "message" and not e.erased]
    assert said == [f"0.0.{number}" for number in range(count)]
    assert all(entry.erased for entry in backend.entries("s", after=1, before=count + 2))
    assert damage(backend) == []


def test_a_forked_child_and_its_parent_lose_nothing_while_a_thread_writes(workers, opened):
    opened("s").close()
    (told,) = workers.results(workers.start("forked", session="s", count=30))
    assert told == [0, []]
    backend = opened()
    for who in ("thread", "parent", "child"):
        assert [text for text in texts(backend, "s") if text.startswith(who)] == [f"{who} {n}" for n in range(30)]
    assert damage(backend) == []


def test_of_two_openings_in_one_process_one_can_close_while_the_other_goes_on(workers, opened):
    one, two = opened("s"), opened()
    worker = workers.start("append", process=0, threads=2, count=20, sessions=["s"])
    workers.go(worker)
    for number in range(20):
        (one if number < 10 else two).create(Creation(id=f"t{number}"), Request())
        if number == 10:
            one.close()
    worker.communicate(timeout=120)
    assert worker.returncode == 0
    assert len(texts(two, "s")) == 40
    with pytest.raises(HansardError):
        one.info("s")
    assert damage(two) == []


@pytest.mark.parametrize("count", [15, pytest.param(200, marks=pytest.mark.torture)])
def test_numbers_in_documents_are_raised_exactly(workers, opened, count):
    opened("s").close()
    started = [workers.start("count_up", count=count) for _ in range(PROCESSES)]
    assert workers.results(*started) == ["done"] * PROCESSES
    backend = opened()
    store = Store(backend, clock=lambda: 0)
    for documents in (store.documents, store.get("s").documents):
        assert documents.load("n") == PROCESSES * count
        assert len(documents.versions("n")) == PROCESSES * count
    assert damage(backend) == []


@pytest.mark.parametrize("count", [3, pytest.param(30, marks=pytest.mark.torture)])
def test_a_reset_beside_writers_breaks_nothing_and_brings_nothing_back(workers, opened, count):
    opened().close()
    started = [workers.start("fill", count=10 * count) for _ in range(2)] + [workers.start("reset", count=count)]
    told = workers.results(*started)
    assert told[:2] == ["done", "done"]
    backend = opened()
    assert damage(backend) == []
    for info in backend.find(EVERYTHING, order="id", limit=99, cursor=None):
        assert backend.info(info.id) == info
        assert texts(backend, info.id)[0] == "hello"
    backend.reset()
    assert not backend.find(EVERYTHING, order="id", limit=99, cursor=None).items
    assert backend.documents() == ()
    assert damage(backend) == []
