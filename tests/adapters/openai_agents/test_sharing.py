"""Two processes with eight tasks each on one session."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("agents", reason="the OpenAI Agents SDK is not installed; make test-adapters has it")

from tests.support.sharing import check_whole, shared

WORKER = Path(__file__).parent / "worker.py"


@pytest.mark.slow
def test_two_processes_lose_double_and_fork_nothing(tmp_path):
    check_whole(tmp_path, "s", shared(WORKER, tmp_path))


@pytest.mark.torture
def test_two_processes_lose_double_and_fork_nothing_for_long(tmp_path):
    check_whole(tmp_path, "s", shared(WORKER, tmp_path, seconds=20))
