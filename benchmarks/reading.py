"""Resuming a long session, its last entries, and listing a store with many sessions."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

import msgspec

import hansard
from hansard.model.entry import Entry

from .basics import Sizes, as_installed, log_of, paired, spread, timed, turn
from .report import Report

LATEST = 50
OPEN_AND_LIST = """
import sys, time, hansard
began = time.perf_counter()
with hansard.open(sys.argv[1]) as store:
    store.find(limit=50)
    print((time.perf_counter() - began) * 1000)
"""


def resume(report: Report, sizes: Sizes, root: Path, session: hansard.Session) -> None:
    """history() beside bare decoding of the same lines; then the last entries."""
    lines = log_of(root, session.id).read_bytes().splitlines()
    decoder = msgspec.json.Decoder(Entry)
    whole: list[float] = []
    bare: list[float] = []
    for _ in range(sizes.reads):
        bare.append(timed(lambda: [decoder.decode(line) for line in lines]))
        whole.append(timed(lambda: list(session.history())))
    last = [timed(lambda: list(session.entries(newest_first=True, limit=LATEST))) for _ in range(5 * sizes.reads)]
    note = f"{len(lines)} lines"
    report.add("history()", statistics.median(whole), "ms", note=note)
    report.add("history() / msgspec decoding the lines", paired(whole, bare), "x", 1.4)
    report.add("last 50 entries of the long session", spread(last), "ms", 0.4, note=note)


def forks(report: Report, sizes: Sizes, folder: Path) -> None:
    """A fork at the head of a long session beside one append to it, and beside a fork of a short one."""
    with hansard.open(folder / "store") as store:
        long = store.get("long")
        short = store.create(id="short")
        for number in range(2):
            short.append(turn(number))
        appended: list[float] = []
        of_long: list[float] = []
        of_short: list[float] = []
        for number in range(sizes.reads):
            appended.append(timed(lambda number=number: long.append(turn(number))))
            of_long.append(timed(long.fork))
            of_short.append(timed(short.fork))
        note = f"{long.info.entry_count} entries"
    report.add("fork at the head / one append", paired(of_long, appended), "x", 4, note=note)
    report.add("fork of a long / of a short session", paired(of_long, of_short), "x", 1.5, note=note)


def lists(report: Report, sizes: Sizes, folder: Path) -> None:
    """The latest sessions of many: in an open store, in one just opened, and in a new process."""
    path = folder / "listed"
    note = f"{sizes.sessions} sessions"
    with hansard.open(path) as store:
        spent = timed(lambda: [store.create(title=f"Session {number}") for number in range(sizes.sessions)])
        store.find(limit=LATEST)
        warm = [timed(lambda: store.find(limit=LATEST)) for _ in range(sizes.reads)]
        found = len(store.find(limit=LATEST))
    if found != min(LATEST, sizes.sessions):
        msg = f"{found} sessions were listed"
        raise RuntimeError(msg)
    report.add("create a session", spent / sizes.sessions, "ms", note="mean")
    report.add("list the latest 50 sessions", spread(warm), "ms", 0.5, note=note)
    loaded: list[float] = []
    fresh: list[float] = []
    env = as_installed(folder)
    for _ in range(sizes.reads):
        loaded.append(_opened(path))
        command = [sys.executable, "-c", OPEN_AND_LIST, str(path)]
        fresh.append(float(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout))
    report.add("open and list, modules loaded", spread(loaded), "ms", 20, note=note)
    report.add("open and list, new process", statistics.median(fresh), "ms", note="without interpreter start")


def _opened(path: Path) -> float:
    """Milliseconds from open() to the first list; closing is not counted."""
    stores: list[hansard.Store] = []

    def work() -> None:
        stores.append(hansard.open(path))
        stores[0].find(limit=LATEST)

    try:
        return timed(work)
    finally:
        for store in stores:
            store.close()
