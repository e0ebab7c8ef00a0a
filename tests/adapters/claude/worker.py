"""One process of test_claude.py: eight tasks append to one transcript at the same time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[2]))

from hansard.adapters.claude import HansardSessionStore
from support.adapters import arguments, tell

KEY = {"project_key": "p", "session_id": "s"}


async def main(root, name, rounds, seconds):
    store = HansardSessionStore(root)
    written = []
    until = time.monotonic() + seconds

    async def task(number):
        done = 0
        while done < rounds or time.monotonic() < until:
            pair = [{"type": "user", "uuid": f"{name}-{number}-{done}-{half}", "n": done} for half in "ab"]
            await store.append(KEY, pair)
            if done % 3 == 0:
                # What a retry after a lost answer looks like, and what every process mirrors alike.
                await store.append(KEY, [*pair, {"type": "user", "uuid": f"shared-{number}-{done}"}])
            written.extend(entry["uuid"] for entry in pair)
            done += 1

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(task, number)
    await store.close()
    return written


if __name__ == "__main__":
    root, name, rounds, seconds = arguments()
    tell(anyio.run(main, root, name, rounds, seconds))
