"""Resuming a long session, its last entries, and listing a store with many sessions."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
from pathlib import Path

import msgspec

import hansard
from hansard.model.entry import Entry

from .appends import make_long
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
    """history() beside bare decoding of the same lines."""
    lines = log_of(root, session.id).read_bytes().splitlines()
    decoder = msgspec.json.Decoder(Entry)
    whole: list[float] = []
    bare: list[float] = []
    for _ in range(sizes.reads):
        # Both begin with nothing to collect: else one of them pays, by chance, for what all others left behind.
        gc.collect()
        bare.append(timed(lambda: [decoder.decode(line) for line in lines]))
        gc.collect()
        whole.append(timed(lambda: list(session.history())))
    note = f"{len(lines)} lines"
    report.add("history()", statistics.median(whole), "ms", note=note)
    report.add("history() / msgspec decoding the lines", paired(whole, bare), "x", 1.4)


def last(report: Report, sizes: Sizes, session: hansard.Session) -> None:
    """The last entries of a long session."""
    spent = [timed(lambda: list(session.entries(newest_first=True, limit=LATEST))) for _ in range(5 * sizes.reads)]
    note = f"{session.info.entry_count} entries"
    report.add("last 50 entries of the long session", spread(spent), "ms", 0.4, note=note)


def forks(report: Report, sizes: Sizes, folder: Path) -> None:
    """A fork at the head of a long session beside one append to it, and beside a fork of a short one."""
    with hansard.open(folder / "store") as store:
        long = make_long(store, sizes.messages)
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


def listing(report: Report, store: hansard.Store, sizes: Sizes, note: str, *, judged: bool = True) -> None:
    """The latest sessions of a store that is open and whose index is complete."""
    found = store.find(limit=LATEST)
    if not found.complete or len(found) < min(LATEST, sizes.sessions, sizes.many):
        msg = f"{len(found)} sessions were listed, complete: {found.complete}"
        raise RuntimeError(msg)
    warm = [timed(lambda: store.find(limit=LATEST)) for _ in range(3 * sizes.reads)]
    name = "list the latest 50 sessions" if judged else "list the latest 50 of many sessions"
    report.add(name, spread(warm), "ms", 0.5 if judged else None, note=note)


def opening(report: Report, path: Path, sizes: Sizes, folder: Path, note: str, *, judged: bool = True) -> None:
    """From open() to the first list."""
    more = "" if judged else " of many sessions"
    loaded: list[float] = []
    fresh: list[float] = []
    env = as_installed(folder)
    for _ in range(sizes.reads):
        loaded.append(_opened(path))
        command = [sys.executable, "-c", OPEN_AND_LIST, str(path)]
        fresh.append(float(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout))
    report.add(f"open and list{more}, modules loaded", spread(loaded), "ms", 20 if judged else None, note=note)
    report.add(f"open and list{more}, new process", statistics.median(fresh), "ms", note="without interpreter start")


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
