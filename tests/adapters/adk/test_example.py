from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("google.adk", reason="ADK is not installed: pip install 'hansard[adk]'", exc_type=ImportError)

from support.pages import told_by_example

TOP = Path(__file__).parents[3]
PAGE = TOP / "docs" / "how-to" / "adk.md"


@pytest.mark.slow
def test_an_agent_killed_in_a_tool_call_goes_on_from_the_store(tmp_path):
    told = told_by_example("adk", tmp_path)
    assert told == [
        "agent: calls its tool",
        "killed while the tool was working",
        "agent: calls its tool",
        "agent: The tide stands at 2.4 m at the pier.",
        "the user's state: {'last_place': 'pier'}",
        "tides@mara@tides: How high is the tide? (3 model calls)",
        "  user: How high is the tide?",
        "  assistant: tool_call",
        "  tool: tool_result",
        "  user: And now?",
        "  assistant: tool_call",
        "  tool: tool_result",
        "  assistant: The tide stands at 2.4 m at the pier.",
    ]


@pytest.mark.slow
def test_the_code_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for code in re.findall(r"^```python file=\w+\.py\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(code, str(PAGE), "exec"), {})
    assert "{'asked': 1, 'app:harbour': 'north', 'user:language': 'en'}" in capsys.readouterr().out
