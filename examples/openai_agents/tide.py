"""An agent of the OpenAI Agents SDK that is killed in the middle of a tool call, and goes on from the Hansard store.

    python examples/openai_agents/tide.py [FOLDER]

The agent runs in a process of its own, which gets kill -9 while its tool works. A second run has the same session and
answers. No model and no network: the SDK's scripted model plays the model.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agents import Agent, Runner, function_tool, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call

import hansard
from hansard.adapters.openai_agents import HansardSession

SESSION = "tide"


@function_tool
def read_gauge() -> str:
    """Read the tide gauge at the pier."""
    print("agent: calls its tool", flush=True)
    if "GAUGE_HANGS" in os.environ:
        time.sleep(600)
    return "2.4 m"


async def ask(folder: Path, prompt: str) -> None:
    """One run of the agent."""
    model = ScriptedModel([
        [function_call("read_gauge", {}, call_id="call_1")], [assistant_message("The tide stands at 2.4 m at the pier.")],
    ])  # fmt: skip
    agent = Agent(name="tide", instructions="Answer from the gauge.", model=model, tools=[read_gauge])
    session = HansardSession(SESSION, folder / "store", project="harbour")
    result = await Runner.run(agent, prompt, session=session)
    print("agent:", result.final_output)
    session.close()


def show(folder: Path) -> None:
    """What the store holds."""
    with hansard.open(folder / "store") as store:
        session = store.get(SESSION)
        print(f"{session.id} in project {session.info.project}: {session.title}")
        for message in session.history():
            print(f"  {message.role}: {message.text or message.parts[0]['type']}")


def main(folder: Path) -> None:
    """Run, kill, go on."""
    set_tracing_disabled(True)
    run = subprocess.Popen(
        [sys.executable, __file__, str(folder), "run"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "GAUGE_HANGS": "yes"},
    )  # fmt: skip
    assert run.stdout is not None
    print(run.stdout.readline(), end="")
    run.kill()
    run.wait()
    run.stdout.close()
    print("killed while the tool was working")
    asyncio.run(ask(folder, "And now?"))
    show(folder)


if __name__ == "__main__":
    if sys.argv[2:] == ["run"]:
        set_tracing_disabled(True)
        asyncio.run(ask(Path(sys.argv[1]), "How high is the tide?"))
    else:
        main(Path(sys.argv[1]) if sys.argv[1:] else Path(tempfile.mkdtemp()))
