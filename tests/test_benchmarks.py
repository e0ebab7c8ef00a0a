"""The benchmarks run. What they measure is for `make bench` to say, never for a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
NAMES = [
    "floor: one write and fdatasync",
    "the format's own work / floor",
    "append p50, empty session",
    "append p50, long session",
    "append, long / empty session",
    "append, empty session / floor",
    "append, long session / floor",
    "append p99 / floor's p99, long session",
    "history()",
    "history() / msgspec decoding the lines",
    "last 50 entries of the long session",
    "one synchronous writer",
    "16 tasks, 16 sessions / one writer",
    "16 tasks, one session / one writer",
    "list the latest 50 sessions",
    "append p50, store of many sessions",
    "append, full / empty store",
    "create a session",
    "open and list, modules loaded",
    "open and list, new process",
    "syncs on the log",
    "syncs elsewhere",
    "import hansard",
    "import hansard and load open",
    "hansard --help",
    "fork at the head / one append",
    "fork of a long / of a short session",
    "8 threads / one writer",
    "2 processes, one session / one writer",
    "a rare caller beside two busy ones, p99",
    "writers lose to a search beside them",
    "indexing of all text",
    "search for a rare word",
    "search for two words",
    "search for a very common word",
    "disk without search, native turns",
    "disk with search, native turns",
    "import, durable and searchable",
    "memory of an import",
    "many sessions: rebuild of both indexes",
    "list the latest 50 of many sessions",
    "get a session of many",
    "find by title in many sessions",
    "first append to a session of many",
    "search for a rare word in many sessions",
    "search for two words in many sessions",
    "search for a very common word in many sessions",
    "open and list of many sessions, modules loaded",
    "open and list of many sessions, new process",
]


def test_the_benchmarks_print_every_figure_and_leave_nothing_behind(tmp_path):
    work, saved, page = tmp_path / "work", tmp_path / "figures.json", tmp_path / "page.md"
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--quick",
        "--all",
        "--dir",
        str(work),
        "--json",
        str(saved),
        "--page",
        str(page),
    ]
    page.write_text("# Figures\n\n<!-- figures: begin --><!-- figures: end -->\n\nThe end.\n")
    done = subprocess.run(
        command,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
        env={**os.environ, "HANSARD_CORPUS": "none"},
    )
    machine, *lines, _ = done.stdout.splitlines()
    assert machine.startswith("machine: ")
    assert [line[:48].rstrip() for line in lines] == NAMES
    assert [row["name"] for row in json.loads(saved.read_text())["figures"]] == NAMES
    assert list(work.iterdir()) == []
    text = page.read_text()
    assert all(f"| {name} |" in text for name in NAMES)
    assert text.endswith("The end.\n")
    assert (tmp_path / "page.svg").read_text().startswith("<svg")
