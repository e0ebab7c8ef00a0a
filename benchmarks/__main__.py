"""`python -m benchmarks`: one line per figure, with its target; exit 1 with --strict if one falls short."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

import hansard
import hansard.aio
from hansard.backends.file import disk
from hansard.model.entry import Entry

TASKS = 16


def turn(number: int) -> list[hansard.NewEntry]:
    """One turn of an agent: four entries, about 6.4 KB of lines."""
    call = {"type": "tool_call", "id": f"call-{number}", "name": "read", "arguments": {"path": f"src/{number}.py"}}
    result = {"type": "tool_result", "call_id": f"call-{number}", "content": f"line {number}\n" * 340}
    return [
        hansard.user(f"Look at file {number}, please. " * 8),
        hansard.assistant([{"type": "text", "text": "I'll read it. " * 10}, call]),
        hansard.NewEntry(kind="message", body={"role": "tool", "parts": [result]}),
        hansard.assistant(f"File {number} is as it should be. " * 10),
    ]


def timed(work: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


class Bench:
    """The measurements of one run, in a folder of their own."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        """Measure in `folder`; quick: enough to see that it works."""
        self.folder = folder
        self.rounds = 3 if quick else 15
        self.turns = 5 if quick else 40
        self.long = 40 if quick else 2_500
        self.short = False

    def line(self, name: str, figure: float, unit: str, target: float | None = None, *, least: bool = False) -> None:
        """Print a figure and whether it meets its target: at most that, or with `least` at least that."""
        verdict = "-"
        if target is not None:
            met = figure >= target if least else figure <= target
            verdict = "ok" if met else "short"
            self.short |= not met
        wanted = "" if target is None else f"target {'>=' if least else '<='} {target:g}"
        print(f"{name:<58} {figure:>10.3f} {unit:<8} {wanted:<18} {verdict}")

    def floor(self, path: Path, data: bytes) -> float:
        """Median of a plain write and fdatasync of the same bytes."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            return statistics.median(timed(lambda: (os.write(fd, data), os.fdatasync(fd))) for _ in range(self.turns))
        finally:
            os.close(fd)

    def appends(self) -> None:
        """One writer, on an empty and on a long session, beside the floor."""
        with hansard.open(self.folder / "store") as store:
            old = store.create(id="long")
            for start in range(0, self.long, 50):
                old.append([entry for number in range(start, start + 50) for entry in turn(number)])
            size = store.create(id="size")
            before = size.info.size
            size.append(turn(0))
            data = b"x" * (size.info.size - before)
            ratios: list[tuple[float, float, float]] = []
            first, second = turn(1), turn(2)
            for number in range(self.rounds):
                new = store.create(id=f"new-{number}")
                floor = self.floor(self.folder / "floor", data)
                fresh = statistics.median(timed(lambda s=new: s.append(first)) for _ in range(self.turns))
                late = statistics.median(timed(lambda: old.append(second)) for _ in range(self.turns))
                ratios.append((fresh / floor, late / floor, late / fresh))
            count = old.info.message_count
            self.line("append of a turn, empty session / floor", statistics.median(r[0] for r in ratios), "x", 1.5)
            self.line(f"append of a turn, {count} messages / floor", statistics.median(r[1] for r in ratios), "x", 1.5)
            self.line(f"append, {count} messages / empty session", statistics.median(r[2] for r in ratios), "x", 1.1)
            self.line("bytes of a turn", len(data), "bytes")
            self.reads(old)
            syncs(self, store.create(id="syncs"))

    def reads(self, session: hansard.Session) -> None:
        """Resuming, and the last entries."""
        log = (self.folder / "store" / "sessions" / "long" / "log.jsonl").read_bytes().splitlines()
        decoder = msgspec.json.Decoder(Entry)
        ratios = [
            timed(lambda: list(session.history())) / timed(lambda: [decoder.decode(line) for line in log])
            for _ in range(self.rounds)
        ]
        self.line("history() / msgspec decoding the same lines", statistics.median(ratios), "x", 1.4)
        last = [timed(lambda: list(session.entries(newest_first=True, limit=50))) for _ in range(self.rounds)]
        self.line("last 50 entries of the long session", statistics.median(last), "ms", 0.4)

    def tasks(self) -> None:
        """Sixteen asyncio tasks beside one synchronous writer."""
        many: list[float] = []
        one: list[float] = []
        for number in range(max(3, self.rounds // 3)):
            alone = self.turns * 4
            with hansard.open(self.folder / f"alone-{number}") as store:
                session = store.create()
                plain = alone / timed(lambda s=session, count=alone: [s.append(turn(n)) for n in range(count)])
            many.append(asyncio.run(self.together(f"many-{number}", TASKS)) / plain)
            one.append(asyncio.run(self.together(f"one-{number}", 1)) / plain)
        self.line("16 tasks, 16 sessions / one synchronous writer", statistics.median(many), "x", 1.5, least=True)
        self.line("16 tasks, one session / one synchronous writer", statistics.median(one), "x", 4, least=True)

    async def together(self, name: str, sessions: int) -> float:
        """Turns per millisecond of sixteen tasks."""
        async with hansard.aio.open(self.folder / name) as store:
            made = [await store.create() for _ in range(sessions)]

            async def work(number: int) -> None:
                for count in range(self.turns):
                    await made[number % sessions].append(turn(count))

            began = time.perf_counter()
            await asyncio.gather(*(work(number) for number in range(TASKS)))
            return TASKS * self.turns / ((time.perf_counter() - began) * 1000)

    def lists(self) -> None:
        """Listing, and opening a store that nobody has open."""
        count = 50 if self.rounds == 3 else 2_000
        path = self.folder / "listed"
        with hansard.open(path) as store:
            for number in range(count):
                store.create(id=f"s{number}", title=f"Session {number}")
            store.find(limit=50)
            warm = [timed(lambda: store.find(limit=50)) for _ in range(self.rounds)]
        self.line(f"latest 50 of {count} sessions, warm", statistics.median(warm), "ms", 0.5)
        cold: list[float] = []
        for _ in range(self.rounds):
            began = time.perf_counter()
            with hansard.open(path) as store:
                store.find(limit=50)
                cold.append((time.perf_counter() - began) * 1000)
        self.line("open and list", statistics.median(cold), "ms", 20)

    def imports(self) -> None:
        """`import hansard` on top of bare Python."""
        bare, full = (
            statistics.median(
                timed(lambda c=code: subprocess.run([sys.executable, "-c", c], check=True)) for _ in range(self.rounds)
            )
            for code in ("pass", "import hansard")
        )
        self.line("import hansard", full - bare, "ms", 60)


def syncs(bench: Bench, session: hansard.Session) -> None:
    """Syncs of a thousand turns, counted where the backend makes them."""
    counted = {"datasync": 0, "sync_folder": 0}
    own = {name: getattr(disk, name) for name in counted}

    def watched(name: str) -> Callable[..., object]:
        def call(*args: object) -> object:
            counted[name] += 1
            return own[name](*args)

        return call

    count = 50 if bench.rounds == 3 else 1_000
    for name in counted:
        setattr(disk, name, watched(name))
    try:
        for number in range(count):
            session.append(turn(number))
    finally:
        for name, function in own.items():
            setattr(disk, name, function)
    bench.line(f"syncs of files in {count} turns", counted["datasync"], "", count + 10)
    bench.line(f"syncs of folders in {count} turns", counted["sync_folder"], "", 10)


def main() -> int:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".build"), help="a folder on the disk to be measured")
    parser.add_argument("--quick", action="store_true", help="see that it works; the figures mean nothing")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a figure falls short of its target")
    asked = parser.parse_args()
    asked.dir.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=asked.dir))
    bench = Bench(folder, quick=asked.quick)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, medians of {bench.rounds} interleaved rounds")
    try:
        for part in (bench.appends, bench.tasks, bench.lists, bench.imports):
            part()
    finally:
        shutil.rmtree(folder)
    return int(asked.strict and bench.short)


if __name__ == "__main__":
    sys.exit(main())
