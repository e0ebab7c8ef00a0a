"""Two processes with eight tasks each on one session."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("strands", reason="Strands Agents is not installed; make test-adapters has it")

from strands.types.session import Session, SessionAgent, SessionType
from tests.support.sharing import check_whole, shared

import hansard
from hansard.adapters.strands import HansardSessionRepository

WORKER = Path(__file__).parent / "worker.py"


@pytest.fixture(autouse=True)
def begun(tmp_path):
    with hansard.open(tmp_path) as store:
        repository = HansardSessionRepository(store)
        repository.create_session(Session("s", SessionType.AGENT))
        repository.create_agent("s", SessionAgent("a", state={}, conversation_manager_state={}))


@pytest.mark.slow
def test_two_processes_lose_double_and_fork_nothing(tmp_path):
    check_whole(tmp_path, "s", shared(WORKER, tmp_path))


@pytest.mark.torture
def test_two_processes_lose_double_and_fork_nothing_for_long(tmp_path):
    check_whole(tmp_path, "s", shared(WORKER, tmp_path, seconds=20))
