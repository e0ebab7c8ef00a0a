"""The example and the code of the how-to page run."""

from __future__ import annotations

import pytest

pytest.importorskip("strands", reason="Strands Agents is not installed; make test-adapters has it")
from functools import partial

import strands

import hansard
from hansard.adapters.strands import HansardSessionRepository, HansardStorage
from support.pages import run_page, told_by_example
from support.places import place_of
from support.scripted_strands import Scripted


@pytest.mark.slow
def test_an_agent_killed_in_a_tool_call_goes_on_from_the_store(tmp_path):
    told = told_by_example("strands", tmp_path)
    assert told[:5] == [
        "agent: calls its tool",
        "killed while the tool was working",
        "agent: calls its tool",
        "agent: The tide stands at 2.4 m at the pier.",
        "tide: How high is the tide? (3 model calls)",
    ]
    assert [line.split(":")[0].strip() for line in told[5:]] == [
        "user", "assistant", "tool", "user", "assistant", "tool", "assistant",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_the_code_of_the_page_runs(kind, tmp_path, monkeypatch):
    place = place_of(kind, tmp_path)
    model = Scripted("2.4 m", "in a snapshot", "thanks to you")
    monkeypatch.setattr(strands, "Agent", partial(strands.Agent, model=model, callback_handler=None))
    names = run_page("strands", place)
    with hansard.open(place) as store:
        storage = HansardStorage(store)
        names["restored"](storage, "snap")("keep this")
        again = names["restored"](storage, "snap")
        assert [message["content"][0]["text"] for message in again.messages] == ["keep this", "in a snapshot"]
        assert [message.text for message in store.get("support-4711").messages()] == ["How high is the tide?", "2.4 m"]
        store.create(id="other", entries=[hansard.user("hi"), hansard.assistant("hello")])
        names["continued"](HansardSessionRepository(store), "other")("thanks")
        assert [message["content"][0]["text"] for message in model.seen[-1]] == ["hi", "hello", "thanks"]
