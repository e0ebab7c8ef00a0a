"""Sixteen asyncio tasks, on as many sessions and on one, beside one plain synchronous writer."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

import hansard
import hansard.aio

from .basics import Sizes, paired, turn, turning
from .report import Report


def measure(report: Report, sizes: Sizes, folder: Path) -> None:
    """Turns per second of the three ways, each round in stores of its own, the order moving on."""
    rates: list[list[float]] = [[], [], []]
    for number in range(sizes.rounds):
        for way in turning((0, 1, 2), number):
            path = folder / f"tasks-{number}-{way}"
            if way == 0:
                rate = _alone(path, sizes)
            else:
                rate = asyncio.run(_together(path, sizes, sizes.tasks if way == 1 else 1))
            rates[way].append(rate)
    alone, many, one = rates
    report.add("one synchronous writer", statistics.median(alone), "turn/s")
    report.add("16 tasks, 16 sessions / one writer", paired(many, alone), "x", 1.5, sign=">=")
    report.add("16 tasks, one session / one writer", paired(one, alone), "x", 4, sign=">=")


def _alone(path: Path, sizes: Sizes) -> float:
    """Turns per second of one thread that waits for each append."""
    turns = [turn(number) for number in range(sizes.tasks * sizes.each)]
    with hansard.open(path) as store:
        session = store.create()
        session.append(turn(0))
        began = time.perf_counter()
        for entries in turns:
            session.append(entries)
        spent = time.perf_counter() - began
        _check(session.info.message_count, 4 * (len(turns) + 1))
    return len(turns) / spent


async def _together(path: Path, sizes: Sizes, sessions: int) -> float:
    """Turns per second of all tasks; each waits for its own append only."""
    work = [[turn(task * sizes.each + count) for count in range(sizes.each)] for task in range(sizes.tasks)]
    async with hansard.aio.open(path) as store:
        made = [await store.create() for _ in range(sessions)]
        for session in made:
            await session.append(turn(0))

        async def write(task: int) -> None:
            for entries in work[task]:
                await made[task % sessions].append(entries)

        began = time.perf_counter()
        await asyncio.gather(*(write(task) for task in range(sizes.tasks)))
        spent = time.perf_counter() - began
        count = sum([(await session.info()).message_count for session in made])
        _check(count, 4 * (sizes.tasks * sizes.each + sessions))
    return sizes.tasks * sizes.each / spent


def _check(found: int, expected: int) -> None:
    """Refuse a figure whose turns did not all arrive."""
    if found != expected:
        msg = f"{found} messages are there, {expected} were appended"
        raise RuntimeError(msg)
