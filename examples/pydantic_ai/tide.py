"""An agent of pydantic-ai that is killed in the middle of a tool call, and makes the call again from the Hansard store.

    python examples/pydantic_ai/tide.py [FOLDER [QUESTION]]

What the agent was about to do is on record, so the second run goes on with that very call. No model and no network: a
function plays the model.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

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


async def ask(folder: Path, prompt: str) -> None:
    """One run of the agent; one that is in the middle of a call goes on there and is asked nothing."""
    store = HansardConversationStore(folder / "store", project="harbour")
    agent = Agent(FunctionModel(model), capabilities=[SaveConversation(store)], tools=[read_gauge])
    known = await store.load(CONVERSATION)
    if known is None:
        result = await agent.run(prompt, conversation_id=CONVERSATION)
    else:
        result = await agent.run(None, conversation=known)
    print("agent:", result.output)
    store.close()


if __name__ == "__main__":
    if sys.argv[2:]:
        asyncio.run(ask(Path(sys.argv[1]), sys.argv[2]))
    else:
        # Without a question: the whole story.
        os.execv(sys.executable, [sys.executable, str(Path(__file__).parents[1] / "killed.py"), *sys.argv])
