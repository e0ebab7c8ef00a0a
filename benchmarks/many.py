"""Stores of many sessions: what listing, opening and an append cost there; and everything once in a very large one."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
from pathlib import Path

import hansard

from .basics import Sizes, paired, spread, timed, turn, turning
from .generating import check_sample, make_store, name_of
from .reading import listing, opening
from .report import Report
from .searching import searches

CREATED = 51


def lists(report: Report, sizes: Sizes, folder: Path) -> None:
    """A store of many sessions: creating, listing, appending, opening."""
    path = folder / "listed"
    note = f"{sizes.sessions} sessions"
    make_store(path, sizes.sessions)
    with hansard.open(path) as store:
        store.reindex()
        os.sync()
        check_sample(store, sizes.sessions)
        listing(report, store, sizes, note)
        with hansard.open(folder / "empty") as empty:
            _appends(report, (empty, store), sizes, note)
        created = [timed(lambda number=number: store.create(title=f"New {number}")) for number in range(CREATED)]
        report.add("create a session", spread(created), "ms", note=note)
    opening(report, path, sizes, folder, note)
    shutil.rmtree(path)


def _appends(report: Report, stores: tuple[hansard.Store, hansard.Store], sizes: Sizes, note: str) -> None:
    """One turn appended in a store of many sessions, beside one in an empty store, by turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(sizes.rounds):
        spent = _one_round([store.create() for store in stores], sizes.turns, number)
        for kept, one in zip(times, spent, strict=True):
            kept.append(one)
    report.add("append p50, store of many sessions", statistics.median(times[1]), "ms", note=note)
    report.add("append, full / empty store", paired(times[1], times[0]), "x", 1.1, note=note)


def _one_round(sessions: list[hansard.Session], turns: int, number: int) -> list[float]:
    """The median milliseconds of a turn in each session."""
    spent: list[list[float]] = [[] for _ in sessions]
    for count in range(turns + 1):
        for place in turning(range(len(sessions)), count):
            entries = turn(number * turns + count)
            one = timed(lambda place=place, entries=entries: sessions[place].append(entries))
            if count:
                spent[place].append(one)
    return [statistics.median(one) for one in spent]


def million(report: Report, sizes: Sizes, folder: Path) -> None:
    """Everything once in the largest store, from the folders alone: its index is made first."""
    path = folder / "many"
    count = sizes.many
    note = f"{count} sessions"
    began = time.perf_counter()
    make_store(path, count)
    print(f"{count} sessions were written in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    told: list[tuple[str, int, int]] = []
    with hansard.open(path) as store:
        began = time.perf_counter()
        store.reindex(lambda *said: told.append(said))
        spent = time.perf_counter() - began
        report.add(
            "many sessions: rebuild of both indexes", spent, "s", note=f"{note}, progress told {len(told)} times"
        )
        os.sync()
        check_sample(store, count)
        listing(report, store, sizes, note, judged=False)
        spent_ms = [timed(lambda n=n: store.get(name_of(n * 7919 % count)).info) for n in range(3 * sizes.reads)]
        report.add("get a session of many", spread(spent_ms), "ms", note=note)
        found = [timed(lambda: store.find(title=f"Session {count // 2}", limit=50)) for _ in range(3)]
        report.add("find by title in many sessions", spread(found), "ms", note=note)
        added = [timed(lambda n=n: store.get(name_of(n)).append(turn(n))) for n in range(3 * sizes.reads)]
        report.add("first append to a session of many", spread(added), "ms", note=note)
        while not store.search("everywhere").complete:
            time.sleep(0.01)
        searches(report, store, sizes, note, judged=False)
    opening(report, path, sizes, folder, note, judged=False)
    shutil.rmtree(path)
