from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

sdk = pytest.importorskip(
    "claude_agent_sdk", reason="the Claude Agent SDK is not installed: pip install 'hansard[claude]'"
)

import anyio

from support.pages import told_by_example

TOP = Path(__file__).parents[3]
EXAMPLE = TOP / "examples" / "claude_agent_sdk"
PAGE = TOP / "docs" / "how-to" / "claude-agent-sdk.md"


@pytest.mark.slow
def test_an_agent_killed_in_a_tool_call_goes_on_from_the_store(tmp_path):
    told = told_by_example("claude_agent_sdk", tmp_path)
    assert told[:4] == [
        "agent: calls its tool",
        "killed while the tool was working",
        "agent: calls its tool",
        "agent: The tide stands at 2.4 m at the pier.",
    ]
    assert told[4].endswith("-work: How high is the tide? (3 model calls)")
    assert [line.split(":")[0].strip() for line in told[5:]] == [
        "user", "assistant", "tool", "user", "assistant", "tool", "assistant",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    options = partial(sdk.ClaudeAgentOptions, cli_path=EXAMPLE / "scripted_cli.py")
    monkeypatch.setattr(sdk, "ClaudeAgentOptions", options)
    names: dict[str, object] = {}
    for code in re.findall(r"^```python file=\w+\.py\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(code, str(PAGE), "exec"), names)
    key = sdk.project_key_for_directory(str(tmp_path))
    last, page = anyio.run(names["newest"], key, names_of_sessions(tmp_path, key)[0])
    assert len(page) == 8
    assert last == page


def names_of_sessions(folder, key):
    from hansard.adapters.claude import HansardSessionStore

    async def listed():
        store = HansardSessionStore(folder / "agents")
        found = await store.list_sessions(key)
        await store.close()
        return [one["session_id"] for one in found]

    return anyio.run(listed)
