"""Two processes with eight tasks each on one session."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("strands", reason="Strands Agents is not installed; make test-adapters has it")

from strands.types.session import Session, SessionAgent, SessionType

import hansard
from hansard.adapters.strands import HansardSessionRepository
from support.places import place_of
from support.sharing import check_whole, shared

WORKER = Path(__file__).parent / "worker.py"


def begun(kind, folder):
    """A store in which the session has its agent."""
    place = place_of(kind, folder)
    with hansard.open(place) as store:
        repository = HansardSessionRepository(store)
        repository.create_session(Session("s", SessionType.AGENT))
        repository.create_agent("s", SessionAgent("a", state={}, conversation_manager_state={}))
    return place


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_two_processes_lose_double_and_fork_nothing(kind, tmp_path):
    place = begun(kind, tmp_path)
    check_whole(place, "s", shared(WORKER, place))


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_two_processes_lose_double_and_fork_nothing_for_long(kind, tmp_path):
    place = begun(kind, tmp_path)
    check_whole(place, "s", shared(WORKER, place, seconds=20))
