"""Taking away a large share of the sessions by a policy, while others go on writing."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import psycopg

import hansard

from ..basics import p99
from ..report import Report
from .shape import Shape

LONGEST_MS = 1_000.0
"""For a transaction of the pruning, and for a write beside it."""
_TRANSACTIONS = """
    SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 * 1000
    FROM pg_stat_activity WHERE application_name = 'pruning' AND xact_start IS NOT NULL
"""
_SIZE = "SELECT sum(pg_total_relation_size(c.oid))::float8 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'hansard' AND c.relkind = 'r'"


def measure(report: Report, url: str, shape: Shape, share: float) -> None:
    """Sessions a second, the longest transaction, and what a writer beside it waits."""
    kept = round(shape.sessions * (1 - share))
    # Where the oldest that stays is: half-way between it and the one before.
    limit_us = (shape.at_us(shape.sessions - kept) + shape.at_us(shape.sessions - kept - 1)) // 2
    beside = _Beside(url)
    began = time.perf_counter()
    with hansard.open(f"{url}?application_name=pruning") as store, beside:
        age = timedelta(microseconds=time.time_ns() // 1_000 - limit_us)
        done = store.prune(hansard.RetentionPolicy(max_age=age))
    spent = time.perf_counter() - began
    if done.errors or not done.deleted:
        msg = f"pruning took {len(done.deleted)} sessions away; {done.errors[:3]}"
        raise RuntimeError(msg)
    note = f"{len(done.deleted)} of {shape.sessions} sessions in {spent:.0f} s"
    report.add("prune, sessions", len(done.deleted) / spent, "1/s", note=note)
    report.add("prune, longest transaction", beside.longest_ms, "ms", LONGEST_MS, note="as sampled every 5 ms")
    report.add("append beside it, p99", p99(beside.waits), "ms", note=f"{len(beside.waits)} appends and creations")
    report.add("append beside it, longest", max(beside.waits), "ms", LONGEST_MS)
    _vacuum(report, url)


def _vacuum(report: Report, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as con:
        before = _one(con, _SIZE)
        began = time.perf_counter()
        con.execute("VACUUM (ANALYZE)")
        report.add("vacuum behind it", time.perf_counter() - began, "s")
        report.add(
            "size before / after that", before / max(_one(con, _SIZE), 1), "x", note=f"{before / 1e9:.1f} GB before"
        )


def _one(con: psycopg.Connection[Any], statement: Any) -> float:
    row = con.execute(statement).fetchone()
    return float(row[0]) if row is not None else 0.0


class _Beside:
    """A writer and a look at the server's transactions, beside whatever is done meanwhile."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write), threading.Thread(target=self._look)]
        self.waits: list[float] = []
        self.longest_ms = 0.0

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        with hansard.open(self._url) as store:
            session = store.create()
            number = 0
            while not self._stop.wait(0.02):
                number += 1
                began = time.perf_counter()
                if number % 10:
                    session.append(hansard.user(f"still here {number}"))
                else:
                    session = store.create()
                self.waits.append((time.perf_counter() - began) * 1000)

    def _look(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as con:
            while not self._stop.wait(0.005):
                self.longest_ms = max(self.longest_ms, _one(con, _TRANSACTIONS))
