"""What all measurements share: how large they are, a turn of an agent, a stopwatch, and the machine."""

from __future__ import annotations

import dataclasses
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hansard

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Spread:
    """A median and how far it can be trusted."""

    median: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int = 15
    """Interleaved rounds; a ratio is the median of one paired ratio per round."""
    turns: int = 24
    """Turns of each kind per round of appends."""
    messages: int = 10_000
    """Messages of the long session before the first round."""
    resumed: int = 10_000
    """Messages of the session that is resumed."""
    tasks: int = 16
    """Asyncio tasks, and sessions where each has its own."""
    each: int = 10
    """Turns of each task per round."""
    reads: int = 15
    """Rounds of reads and of subprocesses."""
    sessions: int = 2_000
    """Sessions of the store that is listed."""
    counted: int = 1_000
    """Turns whose syncs are counted."""
    seconds: float = 1.0
    """How long processes write in one round."""
    corpus: int = 1_000_000
    """Messages that are searched."""
    many: int = 1_000_000
    """Sessions of the largest store."""
    imported: int = 500_000_000
    """Bytes of the transcript that is imported."""
    native: int = 2_000
    """Turns whose place on the disk is measured."""


QUICK = Sizes(
    rounds=2, turns=3, messages=80, resumed=80, each=2, reads=1, sessions=30, counted=40,
    seconds=0.1, corpus=400,  many=60, imported=200_000, native=20,
)  # fmt: skip
FULL = Sizes(messages=100_000, sessions=100_000)


def resized(sizes: Sizes, changes: Sequence[str]) -> Sizes:
    """The sizes with some of them set: `corpus=1000` and the like.

    Raises:
        ValueError: there is no such size, or it is no number.
    """
    known = {field.name: type(getattr(sizes, field.name)) for field in dataclasses.fields(sizes)}
    found: dict[str, Any] = {}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in known:
            msg = f"no size {name!r}; there are {', '.join(known)}"
            raise ValueError(msg)
        found[name] = known[name](value.replace("_", ""))
    return dataclasses.replace(sizes, **found)


def turn(number: int) -> list[hansard.NewEntry]:
    """One turn: user, assistant with a tool call, tool result, assistant; about 6.4 KB of lines."""
    call = hansard.tool_call(f"call-{number}", "read", {"path": f"src/{number}.py"})
    return [
        hansard.user(f"Look at file {number}, please. " * 8),
        hansard.assistant([hansard.text("I'll read it. " * 10), call]),
        hansard.tool(f"call-{number}", f"line {number % 10_000:04d}\n" * 390),
        hansard.assistant(f"File {number} is as it should be. " * 10),
    ]


def timed(work: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def paired(above: Sequence[float], below: Sequence[float]) -> Spread:
    """The ratios round by round."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


def spread(values: Sequence[float]) -> Spread:
    """The median, and the interval that holds the true one with at least 95 %: two of the values, by the binomial."""
    ordered = sorted(values)
    count = len(ordered)
    beyond, chance = 0, 0.0
    while beyond < (count - 1) // 2:
        chance += 2 * math.comb(count, beyond) / 2**count
        if chance > 1 - CONFIDENCE:
            break
        beyond += 1
    low = max(beyond - 1, 0)
    return Spread(statistics.median(ordered), ordered[low], ordered[count - 1 - low])


def p99(values: Sequence[float]) -> float:
    """What 99 of 100 values do not exceed."""
    return sorted(values)[min(len(values) - 1, math.ceil(len(values) * 0.99) - 1)]


def turning(items: Sequence[int], number: int) -> list[int]:
    """The items in an order that moves on by one with each number, so that none always comes first."""
    cut = number % len(items)
    return [*items[cut:], *items[:cut]]


def log_of(store: Path, session: str) -> Path:
    """The log of a session with a plain id."""
    return store / "sessions" / session / "log.jsonl"


def file_system(folder: Path) -> str:
    """The type of the file system that a folder is on, where the system says it."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return "unknown"
    whole = folder.resolve()
    best, kind = "", "unknown"
    for line in mounts.read_text().splitlines():
        _, point, named, *_ = line.split(" ")
        if whole.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, named
    return kind


def corpus() -> Path:
    """The folder with real transcripts, if there is one: $HANSARD_CORPUS, else beside the project."""
    return Path(os.environ.get("HANSARD_CORPUS", "../shared/corpus"))


def as_installed(folder: Path) -> dict[str, str]:
    """The environment of a subprocess that finds modules compiled, as an installation has them, whatever is set here."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def machine(folder: Path) -> dict[str, str | int | None]:
    """What the figures depend on."""
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "fs": file_system(folder)}
