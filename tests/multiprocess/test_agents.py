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


@pytest.mark.parametrize(
    ("count", "threads"),
    [(50, 1), pytest.param(500, 1, marks=pytest.mark.torture), pytest.param(500, 5, marks=pytest.mark.torture)],
)
def test_processes_that_want_the_session_of_a_pair_get_one(workers, place, count, threads):
    with hansard.open(place) as store:
        told = many(workers, "pair", count=count, threads=threads)
        (only,) = store.find(agent="coder", user="ana")
        assert told == [[only.id], [only.id]]
        assert only.number == 1


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.torture)])
def test_read_modify_write_of_two_processes_loses_no_step(workers, place, count):
    with hansard.open(place) as store:
        store.create(id="s")
        many(workers, "count_up", count=count)
        assert store.get("s").state == {"n": 2 * count}


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=pytest.mark.torture)])
def test_processes_that_spawn_one_name_get_one_child(workers, place, count):
    with hansard.open(place) as store:
        root_session = store.create(id="root")
        told = many(workers, "spawn", count=count)
        assert told == [[child.id for child in root_session.children()]] * 2


def test_no_number_of_a_pair_is_given_twice(workers, place):
    hansard.open(place).close()
    told = many(workers, "numbers", count=40)
    assert sorted(number for numbers in told for number in numbers) == list(range(1, 81))


@pytest.mark.parametrize("count", [40, pytest.param(400, marks=pytest.mark.torture)])
def test_pruning_beside_writers_takes_no_session_that_was_appended_to(workers, place, count):
    names = [f"s{number}" for number in range(count)]
    with hansard.open(place) as store:
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


@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.torture)])
def test_no_tree_goes_in_which_a_child_was_appended_to_after_the_cut_off(workers, place, count):
    names = [f"s{number}" for number in range(count)]
    with hansard.open(place) as store:
        for name in names:
            store.create(id=name).spawn(id=f"{name}-child")
        time.sleep(0.3)
        toucher = workers.start("touch_children", script="agents.py", roots=names)
        # One pass has one cut-off, and whatever is appended from now on comes after that.
        pruner = workers.start("prune_once", script="agents.py", age=0.25, now_us=time.time_ns() // 1000)
        touched, gone = workers.results(toucher, pruner)
        acknowledged = set(touched)
        assert acknowledged.isdisjoint(gone)
        assert acknowledged | {name for name in gone if not name.endswith("-child")} == set(names)
        assert {info.id for info in store.sessions(kind="child")} == {f"{name}-child" for name in touched}


def test_one_of_two_processes_prunes_within_the_cooldown(workers, root):
    with hansard.open(root) as store:
        for _ in range(8):
            store.create()
        told = many(workers, "behind_saves", cooldown=3600)
        assert told[0] == told[1] is not None
        assert len(store.documents.versions("retention", category="hansard")) == 1


@pytest.mark.parametrize("rounds", [1, pytest.param(6, marks=pytest.mark.torture)])
def test_a_backup_beside_writing_processes_has_all_that_was_acknowledged_before(workers, place, tmp_path, rounds):
    hansard.open(place).close()
    sessions = [f"s{number}" for number in range(8)]
    # Over many rounds they would write so much that reading it back took all the time.
    pause = 0 if rounds == 1 else 0.02
    started = [workers.start("write", script="agents.py", session=session, pause=pause) for session in sessions]
    acknowledged: dict[str, int] = {}

    def listen(process):
        for line in process.stdout:
            session, seq = json.loads(line)
            acknowledged[session] = seq

    ears = [threading.Thread(target=listen, args=(process,)) for process in started]
    workers.go(*started)
    for ear in ears:
        ear.start()
    with hansard.open(place) as store:
        until = time.monotonic() + 120
        while len(acknowledged) < len(sessions) and time.monotonic() < until:
            time.sleep(0.01)
        made = [(dict(acknowledged), store.backup(tmp_path / f"backup{number}.zip")) for number in range(rounds)]
        for process in started:
            process.kill()
        for ear in ears:
            ear.join()
        assert acknowledged.keys() == set(sessions)
        for number, (before, backup) in enumerate(made):
            assert backup.failed == ()
            assert backup.sessions.keys() == set(sessions)
            with hansard.open(tmp_path / f"elsewhere{number}") as other:
                restored = other.restore(tmp_path / f"backup{number}.zip")
                assert set(restored.new) == set(sessions)
                assert [one for one in other.check() if one.severity == "damage"] == []
                for session, seq in before.items():
                    last, link = backup.sessions[session]
                    assert last >= seq
                    assert (other.get(session).seq, other.get(session).entry(last).hash) == (last, link)
                    assert store.get(session).entry(last).hash == link


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
        watcher.join(120)
        assert not watcher.is_alive()
        late = [min(at for later, at in seen.items() if later >= seq) - acknowledged for seq, acknowledged in told]
        # The best of some, since the machine may be busy with other tests.
        assert min(late) < 0.2
