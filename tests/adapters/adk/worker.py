"""One process of test_sessions.py: eight tasks append to one session at the same time, and load it anew when it is stale."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[2]))

from google.adk.errors import StaleSessionError
from google.adk.events import Event, EventActions

from hansard.adapters.adk import HansardSessionService
from support.adapters import arguments, tell

KEY = {"app_name": "app", "user_id": "user", "session_id": "s"}


async def main(root, name, rounds, seconds):
    service = HansardSessionService(root)
    until = time.monotonic() + seconds
    told, stale = {}, 0

    async def task(number):
        nonlocal stale
        who, done = f"{name}-{number}", 0
        told[who] = []
        while done < rounds or time.monotonic() < until:
            delta = {f"own {who}": done, f"user:{who}": done, f"app:{who}": done}
            event = Event(id=f"{who}-{done}", author=who, invocation_id="i", actions=EventActions(state_delta=delta))
            while True:
                session = await service.get_session(**KEY)
                try:
                    await service.append_event(session, event.model_copy(deep=True))
                except StaleSessionError:
                    stale += 1
                    continue
                break
            told[who].append(event.id)
            done += 1

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(task, number)
    await service.close()
    return told, stale


if __name__ == "__main__":
    root, name, rounds, seconds = arguments()
    tell(anyio.run(main, root, name, rounds, seconds))
