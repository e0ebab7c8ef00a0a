"""Measure Hansard beside the stores that people use today, in one run: `make bench-peers`.

Each round every store appends some turns, one store after another and none always first; a ratio is the median over
the rounds. A store that is not installed, or that does not work, is named and left out.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from ..basics import machine, paired, timed, turning
from ..page import write
from ..report import Report
from .peer import Peer, make_turn

LENGTHS = (0, 1_000, 10_000)
SLOW_MS = 60.0
"""A store whose turn takes longer is not taken to the greatest length: it would take an hour."""


def peers(url: str | None) -> list[Callable[[], Peer]]:
    """The stores, the floor first and Hansard second."""
    from .adk import Adk
    from .langgraph import LangGraph
    from .openai_agents import OpenAISQLAlchemy, OpenAISQLite
    from .others import Agno, LangChain, Strands
    from .ours import Floor, Hansard

    found: list[Callable[[], Peer]] = [
        Floor, Hansard, OpenAISQLite, OpenAISQLAlchemy, lambda: Adk("sqlite"), lambda: Adk("database"), LangGraph, Agno,
        Strands, lambda: LangChain("sql"), lambda: LangChain("file"),
    ]  # fmt: skip
    if url is not None:
        alchemy = url.replace("postgresql://", "postgresql+asyncpg://")
        found += [
            lambda: Hansard(url),
            lambda: OpenAISQLAlchemy(alchemy),
            lambda: Adk("database", alchemy),
            lambda: LangGraph(url),
        ]
    return found


class Running:
    """The stores that still take part."""

    def __init__(self, makers: Sequence[Callable[[], Peer]], folder: Path) -> None:
        """Open each in a folder of its own."""
        self.peers: list[Peer] = []
        self.turns = 0
        for number, make in enumerate(makers):
            peer = make()
            place = folder / f"peer-{number}"
            place.mkdir()
            try:
                peer.open(place)
                peer.append(make_turn(0))
            except Exception as error:  # noqa: BLE001 - whatever a foreign store raises is said, and it is left out
                print(f"left out: {peer.name}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
                continue
            self.peers.append(peer)

    def round(self, turns: int, number: int) -> dict[str, float]:
        """Median milliseconds of a turn, of each store."""
        times: dict[str, list[float]] = {peer.name: [] for peer in self.peers}
        for count in range(turns):
            turn = make_turn(number * turns + count)
            for place in turning(range(len(self.peers)), count):
                peer = self.peers[place]
                times[peer.name].append(timed(lambda peer=peer, turn=turn: peer.append(turn)))
        return {name: statistics.median(spent) for name, spent in times.items()}

    def fill(self, messages: int, spent: dict[str, list[float]]) -> None:
        """Bring each session to a length; the slow ones end here before the greatest."""
        slow = [peer for peer in self.peers if messages > LENGTHS[1] and statistics.median(spent[peer.name]) > SLOW_MS]
        for peer in slow:
            print(f"not taken to {messages} messages: {peer.name}", file=sys.stderr)
            self.peers.remove(peer)
            peer.close()
        for peer in self.peers:
            for number in range(messages // 4):
                peer.append(make_turn(number))


def measure(report: Report, running: Running, rounds: int, turns: int, lengths: Sequence[int]) -> None:
    """Appends at each length, then reading back."""
    spent: dict[str, list[float]] = {peer.name: [0.0] for peer in running.peers}
    for length in lengths:
        running.fill(length, spent)
        measured = [running.round(turns, number) for number in range(rounds)]
        spent = {name: [one[name] for one in measured] for name in measured[0]}
        floor, ours = spent["floor: write and fdatasync"], spent["hansard (files)"]
        for name, times in spent.items():
            report.add(f"{name}, append at {length}", statistics.median(times), "ms")
            report.add("  / floor", paired(times, floor), "x")
            if times is not floor and times is not ours:
                report.add("  / hansard (files)", paired(times, ours), "x")
    for peer in running.peers:
        reads = [timed(peer.resume) for _ in range(3)]
        report.add(f"{peer.name}, resume", statistics.median(reads), "ms", note=f"{peer.resume()} items")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".build"), help="a folder on the disk to measure (.build)")
    parser.add_argument("--postgres", metavar="URL", help="measure on this database, too")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--turns", type=int, default=8, help="of each store a round")
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS)
    parser.add_argument(
        "--graph", type=int, default=10_000, metavar="MESSAGES", help="in the state of the LangGraph agent"
    )
    parser.add_argument("--graph-turns", type=int, default=15, help="of the LangGraph agent")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="write a table and a plot into this Markdown page, too"
    )
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    asked.dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="peers-", dir=asked.dir)).absolute()
    report = Report()
    try:
        running = Running(peers(asked.postgres), folder)
        measure(report, running, asked.rounds, asked.turns, asked.lengths)
        for peer in running.peers:
            peer.close()
        _graph(report, folder, asked.graph, asked.graph_turns)
    finally:
        shutil.rmtree(folder)
    if asked.page:
        write(asked.page, report.figures, {**machine(asked.dir), **_versions()})
    return 0


def _graph(report: Report, folder: Path, messages: int, turns: int) -> None:
    """A whole agent of LangGraph with a long state."""
    try:
        from .graph import measure as measure_graph
    except ImportError as error:
        print(f"left out: the LangGraph agent: {error}", file=sys.stderr)
        return
    place = folder / "graph"
    place.mkdir()
    measure_graph(report, place, messages, turns)


def _versions() -> dict[str, str | int | None]:
    metadata = importlib.import_module("importlib.metadata")
    names = (
        "openai-agents",
        "google-adk",
        "langgraph-checkpoint-sqlite",
        "agno",
        "strands-agents",
        "langchain-community",
    )
    return {name: metadata.version(name) for name in names}


if __name__ == "__main__":
    sys.exit(main())
