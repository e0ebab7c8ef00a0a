"""Measure appends in PostgreSQL, all stores on one server in one run: part of `make bench-peers`.

Each round every store appends some turns, by turns and none always first; a ratio is the median of one paired ratio a
round. The floor is one prepared INSERT of one row and its commit, by psycopg: the bytes that Hansard writes for the turn.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import os
import shutil
import statistics
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..basics import machine, paired, spread, timed, turning
from ..page import write
from ..report import Report
from ..scale.server import server
from .adk import Adk
from .bare import Bare, HansardAsync
from .crowd import CROWDS, TASKS, rate
from .langgraph import LangGraph
from .openai_agents import OpenAISQLAlchemy
from .ours import Hansard
from .peer import Peer, make_turn

LENGTHS = (0, 1_000, 10_000)
TARGET = 1.7
CROWD_TARGET = 4
SLOW_MS = 15.0
"""A store whose turn takes longer takes fewer of them a round."""


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured: rounds, and turns of a quick store in each."""

    rounds: int
    turns: int


def peers(url: str) -> list[Peer]:
    """The floor, Hansard by both doors, and the others."""
    alchemy = url.replace("postgresql://", "postgresql+asyncpg://")
    others: list[Peer] = [OpenAISQLAlchemy(alchemy), Adk("database", alchemy), LangGraph(url)]
    return [Bare(url), Hansard(url), HansardAsync(url), *others]


def fill(peer: Peer, messages: int) -> float:
    """The session has so many messages; what a turn took after that, in milliseconds."""
    turns = [make_turn(number) for number in range(messages // 4)]
    if turns and hasattr(peer, "fill"):
        peer.fill(turns)
    else:
        for turn in turns:
            peer.append(turn)
    return min(timed(lambda number=number: peer.append(make_turn(number))) for number in range(3))


def appends(report: Report, url: str, folder: Path, size: Size, length: int) -> None:
    """All stores at one length of the session, and what each is to the floor."""
    with opened(peers(url), folder / f"at-{length}") as running:
        counts = {peer.name: 2 if fill(peer, length) > SLOW_MS else size.turns for peer in running}
        measured = [one_round(running, counts, number) for number in range(size.rounds)]
        for peer in running:
            peer.close()
    spent = {peer.name: [one[peer.name] for one in measured] for peer in running}
    bare, ours, *_ = (peer.name for peer in running)
    for name, times in spent.items():
        report.add(f"{name}, append at {length}", statistics.median(times), "ms")
        if name != bare:
            target = TARGET if name == ours else None
            report.add(f"  {name} / bare, at {length}", paired(times, spent[bare]), "x", target)


def one_round(running: Sequence[Peer], counts: dict[str, int], number: int) -> dict[str, float]:
    """Median milliseconds of a turn, of each store."""
    times: dict[str, list[float]] = {peer.name: [] for peer in running}
    for count in range(max(counts.values())):
        turn = make_turn(number * 100 + count)
        for place in turning(range(len(running)), number + count):
            peer = running[place]
            if count < counts[peer.name]:
                times[peer.name].append(timed(lambda peer=peer, turn=turn: peer.append(turn)))
    return {name: statistics.median(spent) for name, spent in times.items()}


@contextlib.contextmanager
def opened(made: Sequence[Peer], folder: Path) -> Iterator[list[Peer]]:
    """Each with a session of its own."""
    for number, peer in enumerate(made):
        place = folder / f"peer-{number}"
        place.mkdir(parents=True)
        peer.open(place)
    yield list(made)


def crowds(report: Report, url: str, rounds: int) -> None:
    """Sixteen tasks, on as many sessions and on one."""
    for sessions in (TASKS, 1):
        taking = {name: one for name, one in CROWDS.items() if sessions > 1 or one[2]}
        names = list(taking)
        rates: dict[str, list[float]] = {name: [] for name in names}
        for number in range(rounds):
            for place in turning(range(len(names)), number):
                crowd, each, _ = taking[names[place]]
                rates[names[place]].append(rate(crowd, url, sessions=sessions, each=each))
        where = f"{TASKS} tasks, {'one session' if sessions == 1 else f'{sessions} sessions'}"
        for name in names:
            report.add(f"{name}, {where}", spread(rates[name]), "turn/s")
        ours, *others = names
        best = max(others, key=lambda name: statistics.median(rates[name]))
        report.add(f"  hansard / {best}", paired(rates[ours], rates[best]), "x", CROWD_TARGET, sign=">=", note=where)


def reachable(folder: Path) -> Path:
    """The folder, if the user that a server runs as may go there; else the system's for temporary files."""
    whole = folder.absolute()
    if os.geteuid() or all(one.stat().st_mode & 0o001 for one in (whole, *whole.parents)):
        return whole
    return Path(tempfile.gettempdir())


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.postgres", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".build"), help="a folder on the disk to measure (.build)")
    parser.add_argument("--url", help="a database to measure on, instead of a server that is started for it")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--turns", type=int, default=16, help="of each store a round")
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS)
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a table and a plot into this page, too")
    parser.add_argument("--strict", action="store_true", help="end with 1 if a figure falls short")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    asked.dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="peers-", dir=asked.dir)).absolute()
    report = Report()
    try:
        with contextlib.nullcontext(asked.url) if asked.url else server(reachable(asked.dir)) as url:
            for length in asked.lengths:
                appends(report, url, folder, Size(asked.rounds, asked.turns), length)
            crowds(report, url, asked.rounds)
    finally:
        shutil.rmtree(folder)
    if asked.page:
        write(asked.page, report.figures, {**machine(asked.dir), **_versions()})
    return 1 if asked.strict and report.short else 0


def _versions() -> dict[str, str]:
    metadata = importlib.import_module("importlib.metadata")
    names = ("psycopg", "openai-agents", "google-adk", "langgraph-checkpoint-postgres", "sqlalchemy", "asyncpg")
    return {name: metadata.version(name) for name in names}


if __name__ == "__main__":
    sys.exit(main())
