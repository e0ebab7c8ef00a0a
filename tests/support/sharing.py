"""Several processes with several tasks each on one session, and what must be true of it afterwards.

A worker is a script that is called with the store's folder or URL, its own name, and how long to go on; each of its tasks says
`{name}.{task}.{n}` with n = 0, 1, 2 …, and at the end it prints how many each task had acknowledged, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import hansard

TOP = Path(__file__).parents[2]
TASKS = 8


def shared(worker, place, *, processes=2, seconds=0.0):
    """Run the workers at once; by task, how many of its messages were acknowledged. `seconds` 0 is a few rounds."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TOP / "tests"), str(TOP / "src")])}
    running = [
        subprocess.Popen(
            [sys.executable, str(worker), str(place), f"p{number}", str(seconds)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables,
        )
        for number in range(processes)
    ]  # fmt: skip
    acknowledged = {}
    for process in running:
        out, told = process.communicate(timeout=seconds + 240)
        assert process.returncode == 0, told
        acknowledged |= json.loads(out)
    assert len(acknowledged) == processes * TASKS
    assert all(acknowledged.values())
    return acknowledged


def check_whole(place, session, acknowledged):
    """Nothing is lost, doubled, out of order or on a branch that nobody was told of, and every line verifies."""
    with hansard.open(place) as store:
        log = store.get(session)
        shown = [message.text for message in log.messages()]
        by_task = {}
        for text in shown:
            task, _, number = text.rpartition(".")
            by_task.setdefault(task, []).append(int(number))
        assert by_task == {task: list(range(count)) for task, count in acknowledged.items()}
        assert len(log.branches()) == 1
        assert [finding for finding in store.check() if finding.severity == "damage"] == []
    return shown
