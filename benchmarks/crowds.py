"""Many writers at once: threads, processes on one session, a rare caller beside busy ones, a search beside a writer."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import hansard

from .basics import Sizes, p99, paired, spread, turn
from .report import Report

THREADS = 8
RARE_S = 0.05
PROCESS = """
import json, sys, time
from pathlib import Path
import hansard
from benchmarks.basics import turn
with hansard.open(sys.argv[1]) as store:
    session = store.get("one")
    session.append(turn(0))
    print("ready", flush=True)
    sys.stdin.readline()
    end, waits, number = time.perf_counter() + float(sys.argv[2]), [], 0
    while time.perf_counter() < end:
        number += 1
        began = time.perf_counter()
        session.append(turn(number))
        waits.append((time.perf_counter() - began) * 1000)
        time.sleep(float(sys.argv[3]))
    print(json.dumps(waits))
"""


def measure(report: Report, sizes: Sizes, folder: Path) -> None:
    """Turns per second of each crowd beside those of one writer in the same round."""
    alone: list[float] = []
    threads: list[float] = []
    pair: list[float] = []
    rare: list[float] = []
    for number in range(sizes.rounds):
        alone.append(_rate(folder / f"alone-{number}", sizes.seconds, 1))
        threads.append(_rate(folder / f"threads-{number}", sizes.seconds, THREADS))
        waits = _processes(folder / f"pair-{number}", sizes.seconds, (0, 0))
        pair.append(sum(map(len, waits)) / sizes.seconds)
        *_, seldom = _processes(folder / f"rare-{number}", sizes.seconds, (0, 0, RARE_S))
        rare += seldom
    note = f"{THREADS} threads, as many sessions"
    report.add("8 threads / one writer", paired(threads, alone), "x", 1.5, sign=">=", note=note)
    report.add("2 processes, one session / one writer", paired(pair, alone), "x", 0.7, sign=">=")
    report.add("a rare caller beside two busy ones, p99", p99(rare), "ms", 50, note="wait, write and sync")


def _rate(path: Path, seconds: float, threads: int) -> float:
    """Turns per second of so many threads, each on a session of its own."""
    with hansard.open(path) as store:
        sessions = [store.create() for _ in range(threads)]
        for session in sessions:
            session.append(turn(0))
        return _appended(sessions, seconds) / seconds


def _appended(sessions: Sequence[hansard.Session], seconds: float) -> int:
    """Turns that one thread a session appends in a time."""
    counts = [0] * len(sessions)
    end = time.perf_counter() + seconds

    def write(place: int) -> None:
        while time.perf_counter() < end:
            sessions[place].append(turn(counts[place]))
            counts[place] += 1

    workers = [threading.Thread(target=write, args=(place,)) for place in range(len(sessions))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts)


def _processes(path: Path, seconds: float, pauses: Sequence[float]) -> list[list[float]]:
    """Milliseconds of each append of processes on one session, each resting so long between two."""
    with hansard.open(path) as store:
        store.create(id="one")
    command = [sys.executable, "-c", PROCESS, str(path), str(seconds)]
    started = [
        subprocess.Popen([*command, str(pause)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for pause in pauses
    ]
    for process in started:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            msg = "a process of the benchmark did not start"
            raise RuntimeError(msg)
    for process in started:
        if process.stdin is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
    return [json.loads(process.communicate()[0]) for process in started]


def searching(report: Report, sizes: Sizes, folder: Path) -> None:
    """Turns that a writer loses to searches at full speed in another process."""
    path = folder / "searched"
    with hansard.open(path) as store:
        sessions = [store.create()]
        for number in range(200):
            sessions[0].append(turn(number))
        store.search("file")
        quiet: list[float] = []
        busy: list[float] = []
        for _ in range(sizes.rounds):
            quiet.append(_appended(sessions, sizes.seconds))
            with _searcher(path):
                busy.append(_appended(sessions, sizes.seconds))
    shares = [1 - with_it / without for with_it, without in zip(busy, quiet, strict=True)]
    report.add(
        "writers lose to a search beside them",
        spread(shares),
        "x",
        0.1,
        note=f"{statistics.median(quiet):.0f} turns without",
    )


@contextlib.contextmanager
def _searcher(path: Path) -> Generator[None]:
    """Searches in a process of its own, meanwhile."""
    code = "import sys, hansard\nwith hansard.open(sys.argv[1]) as s:\n  while True: s.search('file look', limit=20)"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)])
    try:
        yield
    finally:
        process.kill()
        process.wait()
