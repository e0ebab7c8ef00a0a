from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: pip install 'hansard[langgraph]'")

import hansard
from support.pages import told_by_example

TOP = Path(__file__).parents[3]
PAGE = TOP / "docs" / "how-to" / "langgraph.md"


@pytest.mark.slow
def test_a_graph_killed_in_a_tool_call_goes_on_from_its_last_checkpoint(tmp_path):
    told = told_by_example("langgraph", tmp_path)
    assert told == [
        "agent: thinks",
        "agent: calls its tool",
        "killed while the tool was working",
        "agent: calls its tool",
        "agent: thinks",
        "agent: The tide stands at 2.4 m at the pier.",
        "tides: How high is the tide? (1 model calls)",
        "  user: How high is the tide?",
        "  assistant: tool_call",
        "  tool: tool_result",
        "  assistant: The tide stands at 2.4 m at the pier.",
    ]


def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in re.findall(r"^```python file=\w+\.py\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(code, str(PAGE), "exec"), names)
    saver = names["saver"]
    assert len(names["branches"]) == 2
    assert saver.get_tuple({"configurable": {"thread_id": "a copy"}})
    assert len(list(saver.list({"configurable": {"thread_id": "tides"}}))) == 1
    before = len(saver.store.get("tides").messages())
    saver.store.get("tides").append([hansard.user("Is it cold?"), hansard.assistant("12 degrees.")])
    said = names["go_on"](saver.store, names["graph"], "tides", "And the wind?")["messages"]
    assert [message.text for message in said[before:-1]] == ["Is it cold?", "12 degrees.", "And the wind?"]
    saver.close()
