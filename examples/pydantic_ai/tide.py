"""An agent of pydantic-ai that is killed in the middle of a tool call, and makes the call again from the Hansard store.

    python examples/pydantic_ai/tide.py [FOLDER]

The agent runs in a process of its own, which gets kill -9 while its tool works. What it was about to do is on record, so
a second run goes on with that very call. No model and no network: a function plays the model.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

import hansard
from hansard.adapters.pydantic_ai import HansardConversationStore, SaveConversation

CONVERSATION = "tide"


def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Ask the gauge, then answer."""
    del info
    for part in messages[-1].parts:
        if isinstance(part, ToolReturnPart):
            return ModelResponse(parts=[TextPart(f"The tide stands at {part.content} at the pier.")])
    return ModelResponse(parts=[ToolCallPart("read_gauge", {}, tool_call_id="call_1")])


def read_gauge() -> str:
    """Read the tide gauge at the pier."""
    print("agent: calls its tool", flush=True)
    if "GAUGE_HANGS" in os.environ:
        time.sleep(600)
    return "2.4 m"


async def ask(folder: Path, prompt: str | None) -> None:
    """One run of the agent; without a prompt it goes on where it was."""
    store = HansardConversationStore(folder / "store", project="harbour")
    agent = Agent(FunctionModel(model), capabilities=[SaveConversation(store)], tools=[read_gauge])
    known = await store.load(CONVERSATION)
    if known is None:
        result = await agent.run(prompt, conversation_id=CONVERSATION)
    else:
        result = await agent.run(prompt, conversation=known)
    print("agent:", result.output)
    store.close()


def show(folder: Path) -> None:
    """What the store holds."""
    with hansard.open(folder / "store") as store:
        session = store.get(CONVERSATION)
        print(f"{session.id} in project {session.info.project}, {session.info.usage.calls} model calls")
        for message in session.history():
            print(f"  {message.role}: {message.text or message.parts[0]['type']}")


def main(folder: Path) -> None:
    """Run, kill, go on."""
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
    asyncio.run(ask(folder, None))
    show(folder)


if __name__ == "__main__":
    if sys.argv[2:] == ["run"]:
        asyncio.run(ask(Path(sys.argv[1]), "How high is the tide?"))
    else:
        main(Path(sys.argv[1]) if sys.argv[1:] else Path(tempfile.mkdtemp()))
