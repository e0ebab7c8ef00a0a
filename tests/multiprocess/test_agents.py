"""Several processes of agents on one store: one session for a pair, exact counters, one resident child, safe pruning."""

from __future__ import annotations

import json
import threading
import time

import pytest

import hansard

TWO = range(2)


def many(workers, job, **arguments):
    started = [workers.start(job, script="agents.py", **arguments) for _ in TWO]
    return workers.results(*started)


@pytest.mark.parametrize("count", [50, pytest.param(500, marks=pytest.mark.torture)])
def test_processes_that_want_the_session_of_a_pair_get_one(workers, root, count):
    with hansard.open(root) as store:
        told = many(workers, "pair", count=count)
        (only,) = store.find(agent="coder", user="ana")
        assert told == [[only.id], [only.id]]
        assert only.number == 1


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.torture)])
def test_read_modify_write_of_two_processes_loses_no_step(workers, root, count):
    with hansard.open(root) as store:
        store.create(id="s")
        many(workers, "count_up", count=count)
        assert store.get("s").state == {"n": 2 * count}


def test_processes_that_spawn_one_name_get_one_child(workers, root):
    with hansard.open(root) as store:
        root_session = store.create(id="root")
        told = many(workers, "spawn", count=20)
        assert told == [[child.id for child in root_session.children()]] * 2


def test_no_number_of_a_pair_is_given_twice(workers, root):
    hansard.open(root).close()
    told = many(workers, "numbers", count=40)
    assert sorted(number for numbers in told for number in numbers) == list(range(1, 81))


@pytest.mark.parametrize("count", [40, pytest.param(400, marks=pytest.mark.torture)])
def test_pruning_beside_writers_takes_no_session_that_was_appended_to(workers, root, count):
    names = [f"s{number}" for number in range(count)]
    with hansard.open(root) as store:
        for name in names:
            store.create(id=name)
        time.sleep(0.3)
        toucher = workers.start("touch", script="agents.py", sessions=names)
        pruner = workers.start("prune", script="agents.py", age=0.25)
        touched, gone = workers.results(toucher, pruner)
        # What was touched may get old again while the pruner goes on, but never before its time.
        assert len(touched) + len(set(gone) - set(touched)) == count
        for name in set(touched) - set(gone):
            assert [message.text for message in store.get(name).history()] == ["still in use"]
        assert [one for one in store.check() if one.severity == "damage"] == []


def test_one_of_two_processes_prunes_within_the_cooldown(workers, root):
    with hansard.open(root) as store:
        for _ in range(8):
            store.create()
        told = many(workers, "behind_saves", cooldown=3600)
        assert told[0] == told[1] is not None
        assert len(store.documents.versions("retention", category="hansard")) == 1


def test_a_backup_beside_writing_processes_has_all_that_was_acknowledged_before(workers, root, tmp_path):
    writers = 4
    hansard.open(root).close()
    started = [workers.start("write", script="agents.py", session=f"s{number}") for number in range(writers)]
    acknowledged: dict[str, int] = {}

    def listen(process):
        for line in process.stdout:
            session, seq = json.loads(line)
            acknowledged[session] = seq

    ears = [threading.Thread(target=listen, args=(process,)) for process in started]
    workers.go(*started)
    for ear in ears:
        ear.start()
    with hansard.open(root) as store:
        until = time.monotonic() + 60
        while len(acknowledged) < writers and time.monotonic() < until:
            time.sleep(0.01)
        before = dict(acknowledged)
        made = store.backup(tmp_path / "backup.zip")
        for process in started:
            process.kill()
        for ear in ears:
            ear.join()
        assert made.failed == ()
        for session, seq in before.items():
            last, link = made.sessions[session]
            assert last >= seq
            assert store.get(session).entry(last).hash == link
    with hansard.open(tmp_path / "elsewhere") as other:
        assert set(other.restore(tmp_path / "backup.zip").new) == set(made.sessions)
        assert [one for one in other.check() if one.severity == "damage"] == []


def test_who_watches_sees_the_change_of_another_process_soon(workers, root):
    with hansard.open(root) as store:
        store.create(id="s")
        writer = workers.start("slowly", script="agents.py", session="s", count=10)
        seen: dict[int, float] = {}
        watching = store.watch()

        def watch():
            for info in watching:
                seen[info.seq] = time.time()
                if info.seq >= 11:
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        (told,) = workers.results(writer)
        watcher.join(30)
        assert not watcher.is_alive()
        late = [min(at for later, at in seen.items() if later >= seq) - acknowledged for seq, acknowledged in told]
        # The machine may be busy with other tests, so not each of them counts.
        assert sorted(late)[len(late) // 4] < 0.2
