"""Mixed work by four processes on one store for a long time, some of them killed: does anything grow without bound?

Run as `make soak` (30 minutes) or `python scripts/soak.py --minutes 1`. Prints a line a minute and a verdict; exit 1 if
something was lost, damaged, or has grown.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import hansard

PROCESSES: Final = 4
SESSIONS_MAX: Final = 60
MEMORY_MAX_MIB: Final = 250
FILES_MAX: Final = 400
INDEX_BYTES_A_SESSION: Final = 64 * 1024
WAL_MAX_MIB: Final = 64
GROWTH_MAX: Final = 1.5
"""The second half's highest memory over the first half's."""


class Worker:
    """One process's endless mixed work; tells each acknowledged append."""

    def __init__(self, root: str, name: str) -> None:
        """Open the store."""
        self._store = hansard.open(root)
        self._draw = random.Random(f"{name} {os.getpid()}")
        self._name = name
        self._number = 0

    def work(self) -> None:
        """One thing, drawn at random."""
        verbs = (
            self._append,
            self._create,
            self._delete,
            self._fork,
            self._spawn,
            self._erase,
            self._read,
            self._search,
        )
        verb = self._draw.choices(verbs, (40, 4, 3, 2, 2, 2, 10, 1))[0]
        try:
            verb()
        except (hansard.NotFound, hansard.Conflict):
            return  # Another process was faster, as it may be.

    def _some(self) -> hansard.Session:
        found = self._store.find(limit=SESSIONS_MAX).items
        if not found:
            msg = "there is no session yet"
            raise hansard.NotFound(msg)
        return self._store.get(self._draw.choice(found).id)

    def _append(self) -> None:
        session = self._some()
        self._number += 1
        key = f"{self._name}.{os.getpid()}.{self._number}"
        text = "x" * self._draw.randrange(4_000)
        seq = session.append([hansard.user(f"{key} {text}"), hansard.assistant("done")], key=key)
        os.write(1, (json.dumps([session.id, seq, f"{key}.0"]) + "\n").encode())

    def _create(self) -> None:
        if len(self._store.find(limit=SESSIONS_MAX).items) < SESSIONS_MAX:
            self._store.create(user="soak").attach(os.urandom(3_000), mime="image/png")

    def _delete(self) -> None:
        session = self._some()
        os.write(1, (json.dumps([session.id]) + "\n").encode())
        session.delete(force=True)

    def _fork(self) -> None:
        self._some().fork()

    def _spawn(self) -> None:
        self._some().spawn(name="helper").append(hansard.user("for the child"))

    def _erase(self) -> None:
        session = self._some()
        segments = session.info.segments
        after = segments[-1].last if segments else 0
        seqs = [entry.seq for entry in session.entries(after=after, kinds=["message"], limit=20) if not entry.erased]
        if seqs:
            session.erase(seqs[0])

    def _read(self) -> None:
        self._some().history(limit=20)

    def _search(self) -> None:
        self._store.search("done", limit=5)


class Process:
    """A worker process, as whoever watches it sees it."""

    def __init__(self, root: Path, name: str, told: Path) -> None:
        """Start it."""
        with told.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, __file__, "--work", str(root), "--name", name], stdout=out
            )

    def look(self) -> tuple[float, int]:
        """Memory in MiB and the number of open files."""
        folder = Path(f"/proc/{self._process.pid}")
        pages = int((folder / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20, len(list((folder / "fd").iterdir()))

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    @property
    def failed(self) -> bool:
        """It ended by itself."""
        return self._process.poll() is not None


def lost(root: Path, told: Path) -> list[str]:
    """What was acknowledged and is not there, and what does not verify."""
    acknowledged: dict[str, list[str]] = {}
    deleting: set[str] = set()
    for line in told.read_text().splitlines():
        one = json.loads(line)
        if len(one) == 1:
            deleting.add(one[0])
        else:
            acknowledged.setdefault(one[0], []).append(one[2])
    with hansard.open(root) as store:
        found = [f"check: {one.message}" for one in store.check() if one.severity == "damage"]
        for session, ids in acknowledged.items():
            if session in deleting:
                continue
            there = {entry.id for entry in store.get(session).entries()}
            found += [f"{session}: {one} was acknowledged and is gone" for one in ids if one not in there]
    return found


def grown(root: Path, samples: list[tuple[float, int]]) -> list[str]:
    """What is larger than it may be."""
    with hansard.open(root) as store:
        count = sum(1 for _ in store.sessions(all_kinds=True))
    half = len(samples) // 2
    first, second = max(one[0] for one in samples[:half]), max(one[0] for one in samples[half:])
    sizes = {
        name: (root / name).stat().st_size if (root / name).exists() else 0
        for name in ("index.db", "index.db-wal", "search.db-wal")
    }
    checks = {
        f"memory {second:.0f} MiB": second > MEMORY_MAX_MIB,
        f"memory grew from {first:.0f} to {second:.0f} MiB": second > GROWTH_MAX * first,
        f"{max(one[1] for one in samples)} open files": max(one[1] for one in samples) > FILES_MAX,
        f"index.db {sizes['index.db']} bytes for {count} sessions": sizes["index.db"]
        > 2**20 + INDEX_BYTES_A_SESSION * count,
        f"write-ahead logs {sizes}": max(sizes["index.db-wal"], sizes["search.db-wal"]) > WAL_MAX_MIB * 2**20,
        f"{len(list((root / 'writers').iterdir()))} notes of writers": len(list((root / "writers").iterdir()))
        > 2 * PROCESSES,
    }
    return [what for what, wrong in checks.items() if wrong]


def soak(minutes: float) -> list[str]:
    """Everything that went wrong in so many minutes."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="hansard-soak-") as folder:
        root, told = Path(folder) / "store", Path(folder) / "told"
        hansard.open(root).close()
        processes = [Process(root, f"w{number}", told) for number in range(PROCESSES)]
        samples: list[tuple[float, int]] = []
        kills, end, report = 0, time.monotonic() + minutes * 60, time.monotonic()
        try:
            while time.monotonic() < end:
                time.sleep(1)
                if any(process.failed for process in processes):
                    return ["a worker ended by itself; its error stands above"]
                samples += [process.look() for process in processes]
                if draw.random() < 0.2:
                    number = draw.randrange(PROCESSES)
                    processes[number].kill()
                    kills += 1
                    processes[number] = Process(root, f"w{number}", told)
                if time.monotonic() - report > 60:
                    report = time.monotonic()
                    memory, files = samples[-1]
                    lines = told.read_bytes().count(b"\n")
                    print(f"{kills} kills, {lines} told, {memory:.0f} MiB, {files} files", flush=True)
        finally:
            for process in processes:
                process.kill()
        appends = told.read_bytes().count(b"\n")
        print(f"{appends} acknowledgements, {kills} kills; checking ...", flush=True)
        return lost(root, told) + grown(root, samples)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--name", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        worker = Worker(given.work, given.name)
        while True:
            worker.work()
    wrong = soak(given.minutes)
    print("\n".join(wrong) if wrong else "nothing was lost, nothing is damaged, nothing grows")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
