"""A Claude agent that is killed in the middle of a tool call, and goes on from the Hansard store.

    python examples/claude_agent_sdk/tide.py [FOLDER]

The agent runs in a process of its own, which gets kill -9 while its tool works. A second run resumes the session from
the store alone and answers. No model and no network: `scripted_cli.py` stands in for the Claude Code program.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import anyio
from claude_agent_sdk import AssistantMessage, ClaudeAgentOptions, TextBlock, query

import hansard
from hansard.adapters.claude import HansardSessionStore

SESSION = "7d1f3c55-5a0e-4a3f-9d27-0a52b1a2f0c4"
CLI = Path(__file__).with_name("scripted_cli.py")


async def ask(folder: Path, prompt: str, **options: object) -> None:
    """One turn of the agent, mirrored to the store line by line."""
    (folder / "work").mkdir(exist_ok=True)
    store = HansardSessionStore(folder / "store")
    # A config folder of its own for each run: what the second one knows comes from the store.
    environment = {"CLAUDE_CONFIG_DIR": tempfile.mkdtemp(dir=folder)}
    chosen = ClaudeAgentOptions(
        cli_path=CLI, cwd=folder / "work", env=environment, session_store=store, session_store_flush="eager", **options
    )
    async for message in query(prompt=prompt, options=chosen):
        if isinstance(message, AssistantMessage):
            for block in message.content:
                print("agent:", block.text if isinstance(block, TextBlock) else "calls its tool", flush=True)
    await store.close()


def show(folder: Path) -> None:
    """What the store holds."""
    with hansard.open(folder / "store") as store:
        [info] = store.find().items
        print(f"{info.id.partition('@')[0]} in project {info.project}, {info.usage.calls} model calls")
        for message in store.get(info.id).history():
            print(f"  {message.role}: {message.text or message.parts[0]['type']}")


def main(folder: Path) -> None:
    """Run, kill, resume."""
    run = subprocess.Popen(
        [sys.executable, __file__, str(folder), "run"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "GAUGE_HANGS": "yes"},
    )  # fmt: skip
    assert run.stdout is not None
    print(run.stdout.readline(), end="")
    wait_for_the_call(folder)
    run.kill()
    run.wait()
    run.stdout.close()
    print("killed while the tool was working")
    anyio.run(lambda: ask(folder, "And now?", resume=SESSION))
    show(folder)


def wait_for_the_call(folder: Path) -> None:
    """Return when the tool call is in the store."""
    with hansard.open(folder / "store") as store:
        for entry in store.get(store.find().items[0].id).tail(0):
            if "tool_use" in str(entry.body):
                return


if __name__ == "__main__":
    if sys.argv[2:] == ["run"]:
        anyio.run(lambda: ask(Path(sys.argv[1]), "How high is the tide?", session_id=SESSION))
    else:
        main(Path(sys.argv[1]) if sys.argv[1:] else Path(tempfile.mkdtemp()))
