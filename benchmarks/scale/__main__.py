"""Make a store of so many sessions in PostgreSQL, ask it, and take a share of it away: one line per figure."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import hansard

from ..basics import machine
from ..report import Report
from . import asking, page, pruning, turns
from .making import make
from .server import server
from .shape import Shape


def main() -> int:
    """Run everything and print it."""
    asked = _arguments()
    if asked.url is not None:
        return _run(asked, asked.url)
    with server(asked.dir) as url:
        return _run(asked, url)


def _run(asked: argparse.Namespace, url: str) -> int:
    began = time.perf_counter()
    report = Report()
    shape = Shape(asked.sessions, time.time_ns() // 1_000)
    with hansard.open(url) as store:
        if store.find(limit=1).items:
            sys.exit("this database holds sessions already; name an empty one")
    turns.measure(report, url)
    started = time.perf_counter()
    make(url, shape, processes=asked.processes)
    report.add("make them", shape.sessions / (time.perf_counter() - started), "1/s", note=f"{shape.sessions} sessions")
    _look_at_some(url, shape)
    plans = asking.measure(report, url, shape, rounds=asked.rounds)
    if asked.prune:
        pruning.measure(report, url, shape, asked.prune)
    print(f"took {time.perf_counter() - began:.0f} s")
    about = machine(asked.dir)
    if asked.json:
        report.save(asked.json, about)
    if asked.page:
        page.write(asked.page, report.figures, plans, about)
    return int(asked.strict and report.short)


def _look_at_some(url: str, shape: Shape) -> None:
    """Some of them are whole, and say what they were to say."""
    with hansard.open(url) as store:
        for number in range(0, shape.sessions, max(1, shape.sessions // 200)):
            session = store.get(shape.creation(number).id)
            wanted = [str(one.body["parts"][0]["text"]) for one in shape.turn(number)]
            if list(store.check(session.id)) or [message.text for message in session.history()] != wanted:
                sys.exit(f"session {session.id} is not what an append would have left")


def _arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000, metavar="N", help="sessions to make (1000000)")
    parser.add_argument(
        "--prune", type=float, default=0.02, metavar="SHARE", help="share to take away; 0 for none (0.02)"
    )
    parser.add_argument("--rounds", type=int, default=51, metavar="N", help="times that each question is asked (51)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="that make sessions")
    parser.add_argument("--dir", type=Path, default=Path("/tmp"), help="a folder on a disk, for the server (/tmp)")
    parser.add_argument("--url", metavar="URL", help="an empty database to use instead of a server made for this")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write table and plans into this Markdown page, too")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a figure falls short of its target")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
