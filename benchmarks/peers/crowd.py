"""Sixteen asyncio tasks in PostgreSQL, each on a session of its own and all on one: Hansard beside the others."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import hansard.aio

from .adk import events_of
from .langgraph import messages_of
from .openai_agents import items_of
from .ours import entry_of
from .peer import Turn, make_turn

TASKS = 16
Write: TypeAlias = Callable[[int, Turn], Awaitable[object]]
"""Append a turn to the session with a number."""
Crowd: TypeAlias = Callable[[str, int], contextlib.AbstractAsyncContextManager[Write]]
"""Open so many sessions in the database at a URL."""


@contextlib.asynccontextmanager
async def ours(url: str, sessions: int) -> AsyncIterator[Write]:
    """Hansard's asynchronous door."""
    async with hansard.aio.open(url) as store:
        made = [await store.create() for _ in range(sessions)]
        yield lambda number, turn: made[number].append([entry_of(item) for item in turn])
        for session in made:
            await session.delete(force=True)


@contextlib.asynccontextmanager
async def openai(url: str, sessions: int) -> AsyncIterator[Write]:
    """SQLAlchemySession, all on one engine."""
    from agents.extensions.memory import SQLAlchemySession
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=TASKS)
    names = [f"crowd-{uuid.uuid4()}" for _ in range(sessions)]
    made = [SQLAlchemySession(name, engine=engine, create_tables=True) for name in names]
    yield lambda number, turn: made[number].add_items(items_of(turn))
    for session in made:
        await session.clear_session()
    await engine.dispose()


@contextlib.asynccontextmanager
async def adk(url: str, sessions: int) -> AsyncIterator[Write]:
    """DatabaseSessionService: four events, one after another."""
    from google.adk.sessions.database_session_service import DatabaseSessionService

    service: Any = DatabaseSessionService(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=TASKS)
    key = {"app_name": "crowd", "user_id": "u"}
    made = [await service.create_session(**key) for _ in range(sessions)]

    async def write(number: int, turn: Turn) -> None:
        for event in events_of(turn):
            await service.append_event(made[number], event)

    yield write
    for session in made:
        await service.delete_session(**key, session_id=session.id)
    await service.db_engine.dispose()


@contextlib.asynccontextmanager
async def langgraph(url: str, sessions: int) -> AsyncIterator[Write]:
    """AsyncPostgresSaver on a pool: the latest checkpoint read and one put, a turn."""
    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool

    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(url, min_size=TASKS, max_size=TASKS, kwargs=options, open=False) as pool:
        saver: Any = AsyncPostgresSaver(pool)
        await saver.setup()
        configs = [{"configurable": {"thread_id": str(uuid.uuid4()), "checkpoint_ns": ""}} for _ in range(sessions)]
        steps = [0] * sessions

        async def write(number: int, turn: Turn) -> None:
            found = await saver.aget_tuple(configs[number])
            messages = found.checkpoint["channel_values"]["messages"] if found else []
            steps[number] += 1
            versions = {"messages": f"{steps[number]:032}.0"}
            values = {"messages": [*messages, *messages_of(turn)]}
            checkpoint = {**empty_checkpoint(), "channel_values": values, "channel_versions": versions}
            metadata = {"source": "loop", "step": steps[number], "parents": {}}
            await saver.aput(configs[number], checkpoint, metadata, versions)

        yield write
        for config in configs:
            await saver.adelete_thread(config["configurable"]["thread_id"])


CROWDS: dict[str, tuple[Crowd, int, bool]] = {
    "hansard": (ours, 20, True),
    "openai-agents SQLAlchemySession": (openai, 6, True),
    "google-adk DatabaseSessionService": (adk, 2, False),
    "langgraph AsyncPostgresSaver": (langgraph, 4, False),
}
"""The store, turns of each task a round, and whether it can have several writers on one session without losing any."""


def rate(crowd: Crowd, url: str, *, sessions: int, each: int) -> float:
    """Turns a second of all tasks together; each waits for its own append only."""
    return asyncio.run(_rate(crowd, url, sessions, each))


async def _rate(crowd: Crowd, url: str, sessions: int, each: int) -> float:
    async with crowd(url, sessions) as write:
        await asyncio.gather(*(write(number, make_turn(0)) for number in range(sessions)))
        work = [[make_turn(task * each + count) for count in range(each)] for task in range(TASKS)]

        async def go_on(task: int) -> None:
            for turn in work[task]:
                await write(task % sessions, turn)

        began = time.perf_counter()
        await asyncio.gather(*(go_on(task) for task in range(TASKS)))
        return TASKS * each / (time.perf_counter() - began)
