"""The example and the code of the how-to page run."""

from __future__ import annotations

import pytest

pytest.importorskip("agents", reason="the OpenAI Agents SDK is not installed; make test-adapters has it")
testing = pytest.importorskip("agents.testing", reason="this version of the SDK has no scripted model")

import asyncio
from functools import partial

import agents

import hansard
from support.pages import run_page, told_by_example
from support.places import place_of


@pytest.mark.slow
def test_an_agent_killed_in_a_tool_call_goes_on_from_the_store(tmp_path):
    told = told_by_example("openai_agents", tmp_path)
    assert told[:5] == [
        "agent: calls its tool",
        "killed while the tool was working",
        "agent: calls its tool",
        "agent: The tide stands at 2.4 m at the pier.",
        "tide: How high is the tide? (0 model calls)",
    ]
    assert [line.split(":")[0].strip() for line in told[5:]] == ["user", "user", "assistant", "tool", "assistant"]


@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_the_code_of_the_page_runs(kind, tmp_path, monkeypatch, capsys):
    place = place_of(kind, tmp_path)
    model = testing.ScriptedModel(
        [[testing.assistant_message("2.4 m at the pier")], [testing.assistant_message("2.4")]]
    )
    monkeypatch.setattr(agents, "Agent", partial(agents.Agent, model=model))
    names = run_page("openai-agents", place)
    assert capsys.readouterr().out == "2.4 m at the pier\n"
    branches, items = asyncio.run(names["again"]("support-4711"))
    assert {branch["branch_id"]: branch["message_count"] for branch in branches} == {"main": 2, "shorter": 2}
    assert items[0]["content"] == "How high is the tide?"
    with hansard.open(place) as store:
        assert store.get("support-4711").info.user == "ana"
