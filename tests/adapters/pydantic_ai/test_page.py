"""The example and the code of the how-to page run."""

from __future__ import annotations

import pytest

pytest.importorskip("pydantic_ai.conversation_store", reason="pydantic-ai is not installed; make test-adapters has it")
import asyncio

import pydantic_ai
from pydantic_ai.models.test import TestModel

import hansard
from support.pages import run_page, told_by_example
from support.places import place_of


@pytest.mark.slow
def test_an_agent_killed_in_a_tool_call_makes_the_call_again_from_the_store(tmp_path):
    told = told_by_example("pydantic_ai", tmp_path)
    assert told[:5] == [
        "agent: calls its tool",
        "killed while the tool was working",
        "agent: calls its tool",
        "agent: The tide stands at 2.4 m at the pier.",
        "tide: How high is the tide? (2 model calls)",
    ]
    assert [line.split(":")[0].strip() for line in told[5:]] == ["user", "assistant", "tool", "assistant"]


@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_the_code_of_the_page_runs(kind, tmp_path, monkeypatch, capsys):
    place = place_of(kind, tmp_path)
    real = pydantic_ai.Agent
    model = TestModel(custom_output_text="2.4 m at the pier")
    monkeypatch.setattr(pydantic_ai, "Agent", lambda name, **given: real(model, **given))
    names = run_page("pydantic-ai", place)
    assert capsys.readouterr().out == "2.4 m at the pier\n"
    fork, entries = asyncio.run(names["explore"]("support-4711"))
    assert (len(fork.messages), len(entries)) == (2, 4)
    with hansard.open(place) as store:
        assert store.get("support-4711").info.labels == {"scope": "ana"}
        store.get("support-4711").erase(2)
        assert len(store.get("what-if").messages()) == 1
