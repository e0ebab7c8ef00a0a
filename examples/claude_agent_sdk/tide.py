"""A Claude agent that is killed in the middle of a tool call, and goes on from the Hansard store.

    python examples/claude_agent_sdk/tide.py [FOLDER [QUESTION]]

The second run resumes the session from the store alone and answers. No model and no network: `scripted_cli.py` stands in
for the Claude Code program.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import anyio
from claude_agent_sdk import AssistantMessage, ClaudeAgentOptions, TextBlock, query

import hansard
from hansard.adapters.claude import HansardSessionStore

SESSION = "7d1f3c55-5a0e-4a3f-9d27-0a52b1a2f0c4"
CLI = Path(__file__).with_name("scripted_cli.py")


async def ask(folder: Path, prompt: str) -> None:
    """One turn of the agent, mirrored to the store line by line."""
    (folder / "work").mkdir(exist_ok=True)
    options = resumed(folder)
    store = HansardSessionStore(folder / "store")
    # A config folder of its own for each run: what the second one knows comes from the store.
    environment = {"CLAUDE_CONFIG_DIR": tempfile.mkdtemp(dir=folder)}
    chosen = ClaudeAgentOptions(
        cli_path=CLI, cwd=folder / "work", env=environment, session_store=store, session_store_flush="eager", **options
    )
    async for message in query(prompt=prompt, options=chosen):
        if isinstance(message, AssistantMessage):
            for block in message.content:
                if not isinstance(block, TextBlock):
                    await anyio.to_thread.run_sync(wait_for_the_call, folder)
                print("agent:", block.text if isinstance(block, TextBlock) else "calls its tool", flush=True)
    await store.close()


def wait_for_the_call(folder: Path) -> None:
    """Return when the tool call is in the store."""
    with hansard.open(folder / "store") as store:
        while not any("tool_use" in str(entry.body) for info in store.find() for entry in store.get(info.id).entries()):
            time.sleep(0.05)


def resumed(folder: Path) -> dict[str, str]:
    """The options that make the session, or go on with it."""
    with hansard.open(folder / "store") as store:
        return {"resume" if len(store.find()) else "session_id": SESSION}


if __name__ == "__main__":
    if sys.argv[2:]:
        anyio.run(ask, Path(sys.argv[1]), sys.argv[2])
    else:
        # Without a question: the whole story.
        os.execv(sys.executable, [sys.executable, str(Path(__file__).parents[1] / "killed.py"), *sys.argv])
