"""What one turn costs a server: bytes of its rows and indexes, and of the write-ahead log."""

from __future__ import annotations

import random
import string
import time
from typing import Any

import psycopg

import hansard

from ..report import Report

TURNS = 500
WORDS = 850
"""Of seven letters and a blank: 6.8 KB, a tenth of them the question."""
ENTRIES, TEXTS = "hansard.entries", "hansard.texts"
_SIZE = "SELECT pg_total_relation_size(%s::regclass)::float8"
_LOG = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8"


def measure(report: Report, url: str) -> None:
    """KB of a turn of a session that grows, then of its words once somebody searches."""
    with hansard.open(url) as store, psycopg.connect(url, autocommit=True) as con:
        session = store.create(id="turns")
        # The tables and indexes have their first pages, and the statement its plan.
        for number in range(TURNS // 10):
            session.append(_turn(-1 - number))
        before = _seen(con, ENTRIES)
        for number in range(TURNS):
            session.append(_turn(number))
        _say(report, "one turn", _grown(con, ENTRIES, before), TURNS)
        before = _seen(con, TEXTS)
        while not store.search("nowhere").complete:
            time.sleep(0.01)
        _say(report, "one turn, indexed by a search", _grown(con, TEXTS, before), TURNS + TURNS // 10)
        session.delete(force=True)


def _turn(number: int) -> list[hansard.NewEntry]:
    draw = random.Random(number)
    words = ["".join(draw.choices(string.ascii_lowercase, k=7)) for _ in range(WORDS)]
    return [hansard.user(" ".join(words[: WORDS // 10])), hansard.assistant(" ".join(words[WORDS // 10 :]))]


def _seen(con: psycopg.Connection[Any], table: str) -> dict[str, float]:
    """The bytes of a table with its indexes, and how far the log goes."""
    return {f"{table} and its indexes": _one(con, _SIZE, table), "WAL": _one(con, _LOG)}


def _grown(con: psycopg.Connection[Any], table: str, before: dict[str, float]) -> dict[str, float]:
    return {name: size - before[name] for name, size in _seen(con, table).items()}


def _one(con: psycopg.Connection[Any], statement: Any, *asked: str) -> float:
    row = con.execute(statement, asked or None).fetchone()
    return 0.0 if row is None else float(row[0])


def _say(report: Report, what: str, grown: dict[str, float], turns: int) -> None:
    for name, size in grown.items():
        report.add(f"{what}: {name}", size / turns / 1000, "KB", note=f"{turns} turns")
