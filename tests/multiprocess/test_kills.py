"""Processes that end in the middle of what they do: what they were promised is there, and nothing else."""

from __future__ import annotations

import json
import random
import time

import pytest


def killed(workers, session, answers, *, seconds=0.0):
    """The numbers that a writer was promised before it was killed, so many answers and seconds after it began."""
    process = workers.start("endless", session=session, text="entry")
    workers.go(process)
    told = [process.stdout.readline() for _ in range(answers)]
    moment = time.perf_counter() + seconds
    while time.perf_counter() < moment:
        pass
    process.kill()
    out, _ = process.communicate()
    told += out.splitlines()
    return [seq for line in told if line.rstrip().endswith("]") for seq in json.loads(line)]


@pytest.mark.parametrize("times", [3, pytest.param(200, marks=pytest.mark.torture)])
def test_a_killed_writer_loses_nothing_that_was_acknowledged(workers, opened, root, times):
    opened("s").close()
    draw = random.Random(times)
    seconds = []
    for _ in range(times):
        promised = killed(workers, "s", draw.randrange(20), seconds=draw.uniform(0, 0.01))
        began = time.perf_counter()
        backend = opened()
        seqs = [entry.seq for entry in backend.entries("s")]
        seconds.append(time.perf_counter() - began)
        assert seqs == list(range(1, backend.info("s").seq + 1))
        assert set(promised) <= set(seqs)
        assert len(seqs) % 2 == 1, "half a group is there"
        assert [finding for finding in backend.check() if finding.severity == "damage"] == []
        backend.close()
    # The best of some, since the machine may be busy with other tests.
    assert min(seconds) < 1
    left = {path.name for path in (root / "sessions/s").iterdir() if ".torn-" not in path.name}
    assert left == {"log.jsonl"}


def test_after_a_killed_writer_another_goes_on(workers, opened):
    opened("s").close()
    promised = killed(workers, "s", 5)
    assert workers.results(workers.start("append", process=1, threads=1, count=5, sessions=["s"])) == [[]]
    backend = opened()
    assert set(promised) <= {entry.seq for entry in backend.entries("s")}
    assert [e.body["parts"][0]["text"] for e in backend.entries("s", after=1)][-5:] == [f"1.0.{n}" for n in range(5)]
