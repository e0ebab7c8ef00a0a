"""One process of test_saver.py: eight tasks write checkpoints and writes into one thread at the same time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[2]))

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint

from hansard.adapters.langgraph import HansardSaver
from support.adapters import arguments, tell


async def main(root, name, rounds, seconds):
    saver = HansardSaver(root)
    until = time.monotonic() + seconds
    told = {}

    async def task(number):
        ns = f"task-{name}-{number}"
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ns}}
        messages, version, done = [], None, 0
        told[ns] = []
        while done < rounds or time.monotonic() < until:
            messages = [*messages, HumanMessage(content=f"{ns} {done}", id=f"{ns}-{done}")]
            version = saver.get_next_version(version, None)
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = {"messages": messages, "count": done}
            checkpoint["channel_versions"] = {"messages": version, "count": version}
            config = await saver.aput(config, checkpoint, {"step": done}, {"messages": version, "count": version})
            await saver.aput_writes(config, [("messages", [f"w{done}"])], f"task-{done}")
            told[ns].append(config["configurable"]["checkpoint_id"])
            done += 1

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(task, number)
    saver.close()
    return told


if __name__ == "__main__":
    root, name, rounds, seconds = arguments()
    tell(anyio.run(main, root, name, rounds, seconds))
