"""Making sessions by the hundred thousand: the rows that the writers would write, brought in by COPY.

The lines, the folds and the columns are made by the very functions that the backend's writers use; only the way into the
tables is another. Sessions that differ in nothing but their names, their place and their time are cast from one of them.
A test makes the same sessions through the store and compares the rows.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from hansard.backends.postgres.rows import clean

from .casting import Mould
from .rows import TABLES, Row, core_at, rows_of
from .shape import Shape

BATCH = 1_000
_SECONDARY = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = 'hansard' AND NOT i.indisunique
"""
_TYPES = """
    SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum
"""


def make(url: str, shape: Shape, *, processes: int) -> None:
    """The sessions are in the store at this URL, which was empty, and everything about them that an index holds."""
    with psycopg.connect(url, autocommit=True) as con:
        secondary = con.execute(_SECONDARY).fetchall()
        for name, _ in secondary:
            con.execute(sql.SQL("DROP INDEX hansard.{}").format(sql.Identifier(name)))
        starts = range(0, shape.sessions, BATCH)
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            # Asked for one by one, so that a failure is told.
            for done in [pool.submit(_bring, url, shape, start) for start in starts]:
                done.result()
        _bring_pairs(con, shape)
        con.execute("SET maintenance_work_mem = '512MB'")
        for _, text in secondary:
            con.execute(cast("LiteralString", text))
        con.execute("VACUUM (ANALYZE)")


def _bring(url: str, shape: Shape, start: int) -> None:
    """One batch of sessions, in one transaction."""
    found: dict[str, list[Row]] = {name: [] for name in TABLES}
    for number in range(start, min(start + BATCH, shape.sessions)):
        for table, row in _rows(shape, number):
            found[table].append(row)
    with psycopg.connect(url) as con:
        for table, rows in found.items():
            _copy(con, table, rows)


def _rows(shape: Shape, number: int) -> Iterable[tuple[str, Row]]:
    place, now_us = shape.place(number), shape.at_us(number)
    if number in shape.rare:
        return rows_of(shape.creation(number), shape.turn(number), place=place, now_us=now_us)
    return _mould(shape, number % shape.kinds).cast(number, place=place, at_us=now_us)


@functools.cache
def _mould(shape: Shape, kind: int) -> Mould:
    return Mould(shape, kind)


def _bring_pairs(con: psycopg.Connection[Any], shape: Shape) -> None:
    """The last number of each (agent, user)."""
    from hansard.backends.postgres.creating import _pair  # pyright: ignore[reportPrivateUsage]

    found: list[Row] = []
    for user in range(min(shape.users, shape.sessions)):
        one = shape.creation(user)
        key = _pair(core_at(shape.end_us), one.agent, one.user)["pair"]
        last = shape.sessions - 1 - (shape.sessions - 1 - user) % shape.users
        found.append((b"", key, clean(one.agent), clean(one.user), shape.place(last)))
    _copy(con, "pairs", found)


def _copy(con: psycopg.Connection[Any], table: str, rows: Sequence[Row]) -> None:
    described = con.execute(_TYPES, (f"hansard.{table}",)).fetchall()
    # There is no binary form of a tsvector in the driver.
    binary = not any(kind == "tsvector" for _, kind in described)
    statement = sql.SQL("COPY hansard.{} FROM STDIN {}").format(
        sql.Identifier(table), sql.SQL("WITH (FORMAT BINARY)" if binary else "")
    )
    with con.cursor() as cursor, cursor.copy(statement) as copy:
        if binary:
            copy.set_types([kind for _, kind in described])
        for row in rows:
            copy.write_row(row)
