"""An agent of Strands that is killed in the middle of a tool call, and goes on from the Hansard store.

    python examples/strands/tide.py [FOLDER [QUESTION]]

The second run restores the agent and answers. No model and no network: a class of a few lines plays the model.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from strands import Agent, tool
from strands.models.model import Model
from strands.session.repository_session_manager import RepositorySessionManager

from hansard.adapters.strands import HansardSessionRepository

SESSION = "tide"


class Scripted(Model):
    """Asks the gauge, then answers."""

    def update_config(self, **config: Any) -> None:
        """It has nothing to set."""

    def get_config(self) -> dict[str, Any]:
        """It has nothing to tell."""
        return {}

    async def structured_output(self, *args: Any, **kwargs: Any) -> Any:
        """Is not asked for."""
        raise NotImplementedError
        yield

    async def stream(self, messages: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """One answer, in the pieces in which models send them."""
        last = messages[-1]["content"]
        answer = next((block["toolResult"] for block in last if "toolResult" in block), None)
        calls = answer is None or answer["status"] == "error"
        start = {"toolUse": {"toolUseId": f"call_{len(messages)}", "name": "read_gauge"}} if calls else {}
        said = "The tide stands at 2.4 m at the pier."
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": start}}
        yield {"contentBlockDelta": {"delta": {"toolUse": {"input": "{}"}} if calls else {"text": said}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if calls else "end_turn"}}
        usage = {"inputTokens": 20, "outputTokens": 5, "totalTokens": 25}
        yield {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}


@tool
def read_gauge() -> str:
    """Read the tide gauge at the pier."""
    print("agent: calls its tool", flush=True)
    if "GAUGE_HANGS" in os.environ:
        time.sleep(600)
    return "2.4 m"


def ask(folder: Path, prompt: str) -> None:
    """One run of the agent."""
    repository = HansardSessionRepository(folder / "store", project="harbour")
    manager = RepositorySessionManager(SESSION, repository)
    agent = Agent(
        model=Scripted(), agent_id="tide", tools=[read_gauge], session_manager=manager, callback_handler=None
    )  # fmt: skip
    print("agent:", str(agent(prompt)).strip())
    repository.close()


if __name__ == "__main__":
    if sys.argv[2:]:
        ask(Path(sys.argv[1]), sys.argv[2])
    else:
        # Without a question: the whole story.
        os.execv(sys.executable, [sys.executable, str(Path(__file__).parents[1] / "killed.py"), *sys.argv])
