"""The benchmarks run. What they measure is for `make bench` to say, never for a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def test_the_benchmarks_print_every_figure_and_leave_nothing_behind(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--quick", "--dir", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=120)
    for name in ("empty session / floor", "16 tasks, one session", "history()", "last 50", "syncs of files", "import"):
        assert name in done.stdout
    assert list(tmp_path.iterdir()) == []
