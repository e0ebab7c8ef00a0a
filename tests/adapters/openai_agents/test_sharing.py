"""Two processes with eight tasks each on one session."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("agents", reason="the OpenAI Agents SDK is not installed; make test-adapters has it")

from support.places import place_of
from support.sharing import check_whole, shared

WORKER = Path(__file__).parent / "worker.py"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_two_processes_lose_double_and_fork_nothing(kind, tmp_path):
    place = place_of(kind, tmp_path)
    check_whole(place, "s", shared(WORKER, place))


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_two_processes_lose_double_and_fork_nothing_for_long(kind, tmp_path):
    place = place_of(kind, tmp_path)
    check_whole(place, "s", shared(WORKER, place, seconds=20))
