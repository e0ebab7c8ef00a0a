"""An agent of the OpenAI Agents SDK that is killed in the middle of a tool call, and goes on from the Hansard store.

    python examples/openai_agents/tide.py [FOLDER [QUESTION]]

The second run has the same session and answers. No model and no network: the SDK's scripted model plays the model.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from agents import Agent, Runner, function_tool, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call

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
    set_tracing_disabled(True)
    model = ScriptedModel([
        [function_call("read_gauge", {}, call_id="call_1")], [assistant_message("The tide stands at 2.4 m at the pier.")],
    ])  # fmt: skip
    agent = Agent(name="tide", instructions="Answer from the gauge.", model=model, tools=[read_gauge])
    session = HansardSession(SESSION, folder / "store", project="harbour")
    result = await Runner.run(agent, prompt, session=session)
    print("agent:", result.final_output)
    session.close()


if __name__ == "__main__":
    if sys.argv[2:]:
        asyncio.run(ask(Path(sys.argv[1]), sys.argv[2]))
    else:
        # Without a question: the whole story.
        os.execv(sys.executable, [sys.executable, str(Path(__file__).parents[1] / "killed.py"), *sys.argv])
