from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("google.adk", reason="ADK is not installed: pip install 'hansard[adk]'", exc_type=ImportError)

TOP = Path(__file__).parents[3]
PAGE = TOP / "docs" / "how-to" / "adk.md"


@pytest.mark.slow
def test_an_agent_killed_in_a_tool_call_goes_on_from_the_store(tmp_path):
    done = subprocess.run(
        [sys.executable, TOP / "examples" / "adk" / "tide.py", tmp_path / "store"],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "tool works",
        "killed while the tool was working",
        "tool works",
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
