"""Threads of several processes at the same sessions, some of them killed: their history could have happened in order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from histories import problems

import hansard

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
SESSIONS = ["one", "two"]


@pytest.fixture
def actors():
    started = []

    def start(url, name, count, tasks):
        process = subprocess.Popen(
            [sys.executable, str(HERE / "actor.py"), url, name, str(count), str(tasks), *SESSIONS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finished(processes, *, killed_after=None):
    """What the processes told: the operations that ended, and those that a kill cut off."""
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    lines = []
    if killed_after is not None:
        lines += [processes[0].stdout.readline() for _ in range(killed_after)]
        processes[0].kill()
    for number, process in enumerate(processes):
        out, err = process.communicate(timeout=300)
        assert (killed_after is not None and number == 0) or (process.returncode, err) == (0, "")
        lines += out.splitlines()
    told = [json.loads(line) for line in lines if line.rstrip().endswith("}")]
    ended = {(one["session"], one["ids"][0]): one for one in told if "end" in one}
    return [
        *ended.values(),
        *(one for one in told if "end" not in one and (one["session"], one["ids"][0]) not in ended),
    ]


def judged(url, operations):
    with hansard.open(url) as store:
        found = [f"check: {one}" for one in store.check() if one.severity == "damage"]
        for session in SESSIONS:
            log = list(store.get(session).entries())
            found += problems(log, [one for one in operations if one["session"] == session])
            found += [] if store.find(id=session).items[0] == store.info(session) else ["the list lags behind"]
        return found


@pytest.fixture
def url(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        for session in SESSIONS:
            store.create(id=session)
    return f"file://{tmp_path}/store"


@pytest.mark.parametrize("count", [25, pytest.param(600, marks=pytest.mark.torture)])
def test_a_history_of_threads_and_processes_could_have_happened_in_order(url, actors, count):
    operations = finished([actors(url, f"p{number}", count, 3) for number in range(3)])
    assert len(operations) == 9 * count
    assert judged(url, operations) == []
    verbs = {one["verb"] for one in operations if "seq" in one}
    assert verbs >= {"append", "batch", "cas", "read"}


@pytest.mark.parametrize("rounds", [1, pytest.param(40, marks=pytest.mark.torture)])
def test_a_history_with_killed_processes_could_have_happened_in_order(url, actors, rounds):
    operations = []
    for number in range(rounds):
        started = [actors(url, f"k{number}.{process}", 15, 2) for process in range(2)]
        operations += finished(started, killed_after=5 + number)
    assert judged(url, operations) == []


def test_a_lost_a_repeated_and_a_late_entry_are_noticed(url):
    with hansard.open(url) as store:
        session = store.get("one")
        session.append([hansard.user("x", id="a.1.0"), hansard.user("x", id="b.1.0")])
        log = list(session.entries())
    told = {"verb": "append", "session": "one", "begin": 10, "end": 20}
    right = [{**told, "ids": ["a.1.0"], "seq": 2}, {**told, "ids": ["b.1.0"], "seq": 3, "begin": 30, "end": 40}]
    assert problems(log, right) == []
    assert problems(log, [*right, {**told, "ids": ["c.1.0"], "seq": 4}]) != []
    assert problems([*log, log[-1]], right) != []
    assert problems(log, [right[0], {**right[1], "begin": 0, "end": 5}]) != []
    assert problems(log, [*right, {**told, "verb": "read", "ids": ["r"], "seq": 1, "begin": 50, "end": 60}]) != []
    assert problems(log, [{**right[1], "verb": "cas", "expect": 1}]) != []
    assert problems(log, [{**right[0], "error": "Conflict"}]) != []


def test_the_clock_of_the_histories_is_one_for_all_processes():
    code = "import time; print(time.monotonic_ns())"
    before = time.monotonic_ns()
    other = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert before < other < time.monotonic_ns()
