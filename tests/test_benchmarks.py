"""The benchmarks run. What they measure is for `make bench` to say, never for a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
NAMES = [
    "floor: one write and fdatasync",
    "append p50, empty session",
    "append p50, long session",
    "append, long / empty session",
    "append, empty session / floor",
    "append, long session / floor",
    "history()",
    "history() / msgspec decoding the lines",
    "last 50 entries of the long session",
    "one synchronous writer",
    "16 tasks, 16 sessions / one writer",
    "16 tasks, one session / one writer",
    "create a session",
    "list the latest 50 sessions",
    "open and list, modules loaded",
    "open and list, new process",
    "syncs on the log",
    "syncs elsewhere",
    "import hansard",
    "import hansard and load open",
]


def test_the_benchmarks_print_every_figure_and_leave_nothing_behind(tmp_path):
    work, saved = tmp_path / "work", tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--dir", str(work), "--json", str(saved)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60)
    machine, *lines, _ = done.stdout.splitlines()
    assert machine.startswith("machine: ")
    assert [line[:44].rstrip() for line in lines] == NAMES
    assert [row["name"] for row in json.loads(saved.read_text())["figures"]] == NAMES
    assert list(work.iterdir()) == []
