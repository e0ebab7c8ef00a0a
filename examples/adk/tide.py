"""An ADK agent that is killed in the middle of a tool call, and goes on from the Hansard store.

    python examples/adk/tide.py [FOLDER [QUESTION]]

The second run finds the conversation in the store, with the call that has no result, and asks again. No model and no
network: a scripted model reads a gauge with a tool, then answers.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import Runner
from google.adk.tools import ToolContext
from google.genai import types

from hansard.adapters.adk import HansardSessionService

WHO = {"user_id": "mara", "session_id": "tides"}


class ScriptedModel(BaseLlm):
    """Stands in for a model."""

    async def generate_content_async(self, llm_request, stream=False):  # noqa: FBT002 - as in ADK
        """Call the tool for each question, and answer with what it says."""
        last = llm_request.contents[-1].parts[-1]
        if last.function_response:
            part = types.Part(text=f"The tide stands at {last.function_response.response['result']} at the pier.")
        else:
            part = types.Part(function_call=types.FunctionCall(name="read_gauge", args={"place": "pier"}))
        told = types.GenerateContentResponseUsageMetadata(prompt_token_count=20, candidates_token_count=5)
        yield LlmResponse(content=types.Content(role="model", parts=[part]), usage_metadata=told)


def read_gauge(place: str, tool_context: ToolContext) -> str:
    """Read the gauge at a place; with GAUGE_HANGS set it never comes back."""
    print("agent: calls its tool", flush=True)
    while os.environ.get("GAUGE_HANGS"):
        time.sleep(0.05)
    tool_context.state["user:last_place"] = place
    return "2.4 m"


async def ask(service: HansardSessionService, question: str) -> None:
    """One turn of the agent."""
    agent = LlmAgent(name="tide_agent", model=ScriptedModel(model="scripted"), tools=[read_gauge])
    runner = Runner(app_name="tides", agent=agent, session_service=service, auto_create_session=True)
    message = types.Content(role="user", parts=[types.Part(text=question)])
    async for event in runner.run_async(**WHO, new_message=message):
        for part in event.content.parts if event.content else ():
            if part.text:
                print("agent:", part.text, flush=True)


async def turn(folder: Path, question: str) -> None:
    """Open the store, ask, close it."""
    service = HansardSessionService(folder / "store")
    await ask(service, question)
    print("the user's state:", await service.get_user_state(app_name="tides", user_id="mara"))
    await service.close()


if __name__ == "__main__":
    if sys.argv[2:]:
        asyncio.run(turn(Path(sys.argv[1]), sys.argv[2]))
    else:
        # Without a question: the whole story.
        os.execv(sys.executable, [sys.executable, str(Path(__file__).parents[1] / "killed.py"), *sys.argv])
