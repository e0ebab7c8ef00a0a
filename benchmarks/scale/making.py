"""Making sessions by the hundred thousand: the rows that the writers would write, brought in by COPY.

The lines, the folds and the columns are made by the very functions that the backend's writers use; only the way into the
tables is another. A test makes the same sessions through the store and compares the rows.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

import hansard
from hansard.backend import Request
from hansard.backends import commit
from hansard.backends.creation import created_entry
from hansard.backends.derive import slug_of
from hansard.backends.postgres.connecting import Settings
from hansard.backends.postgres.core import Core
from hansard.backends.postgres.creating import plan_first
from hansard.backends.postgres.packing import packed
from hansard.backends.postgres.pool import Database
from hansard.backends.postgres.rows import clean, columns, encode_state, marks_of, raw
from hansard.backends.postgres.textindex import words_of
from hansard.codec import times
from hansard.codec.line import GENESIS, seal
from hansard.fold import FOLD_VERSION, Fold
from hansard.model.requests import Creation
from hansard.query import pieces

DAY_US = 86_400_000_000
RARE = "zyzzyva"
VOCABULARY = 20_000
BATCH = 1_000
TABLES = ("ids", "sessions", "marks", "entries", "texts")
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

Row = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is made: so many sessions of one turn, spread evenly over the days before `end_us`."""

    sessions: int
    end_us: int
    days: int = 365

    @property
    def users(self) -> int:
        """Each has a thousand sessions."""
        return max(1, self.sessions // 1_000)

    def at_us(self, number: int) -> int:
        """When a session was made."""
        return self.end_us - (self.sessions - number) * self.days * DAY_US // self.sessions

    def creation(self, number: int) -> Creation:
        """What a session is made as. Its ticket is its own; its team has 1 of 100, its environment half of all."""
        user = number % self.users
        return Creation(
            id=f"session-{number:08}",
            agent=f"agent-{user % 7}",
            user=f"user-{user}",
            project=f"project-{number % 50}",
            labels={"team": f"team-{number % 100}", "environment": ("production", "test")[number % 2]},
            metadata={"ticket": number},
            title=f"Ticket {number}",
        )

    def turn(self, number: int) -> list[hansard.NewEntry]:
        """A question and its answer, of words drawn with falling frequency; the rare one stands in three sessions."""
        draw = random.Random(number)
        # The logarithm of the rank is even, which is how often words of a language come.
        words = [f"w{int(VOCABULARY ** draw.random())}" for _ in range(36)]
        if number in {self.sessions // 7, self.sessions // 2, self.sessions - 2}:
            words[3] = RARE
        name = f"message-{number:08}"
        return [
            hansard.user(" ".join(words[:12]), id=f"{name}.0"),
            hansard.assistant(f"everywhere {' '.join(words[12:])}", id=f"{name}.1"),
        ]


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
        for table, row in rows_of(shape, number):
            found[table].append(row)
    with psycopg.connect(url) as con:
        for table, rows in found.items():
            _copy(con, table, rows)


def _bring_pairs(con: psycopg.Connection[Any], shape: Shape) -> None:
    """The last number of each (agent, user)."""
    from hansard.backends.postgres.creating import _pair  # pyright: ignore[reportPrivateUsage]

    found: list[Row] = []
    for user in range(min(shape.users, shape.sessions)):
        one = shape.creation(user)
        key = _pair(_core(shape.end_us), one.agent, one.user)["pair"]
        found.append((b"", key, clean(one.agent), clean(one.user), (shape.sessions - user - 1) // shape.users + 1))
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


def _core(now_us: int) -> Core:
    """What the writers' functions ask for; it never connects."""
    return Core(Database(Settings("")), b"", lambda: now_us)


def rows_of(shape: Shape, number: int) -> Iterator[tuple[str, Row]]:
    """The rows of one session, each with its table: made, then appended to once, then indexed."""
    creation, now_us = shape.creation(number), shape.at_us(number)
    core = _core(now_us)
    place = number // shape.users + 1
    entry = created_entry(creation, id=creation.id, number=place, slug=slug_of(creation.agent, creation.user, place))
    first = plan_first(core, Fold(), GENESIS, Request(sealed=(seal(entry, now_us=now_us),)), at=lambda _: None)
    turn = Request(sealed=tuple(seal(one, now_us=now_us) for one in shape.turn(number)))
    second = commit.plan(first.fold, first.hash, [turn], find=lambda _: None, at=lambda _: None, now_us=now_us)
    info, name = second.fold.info(), raw(creation.id)
    row = {
        **columns(info), "tenant": b"", "root": name, "session": name, "seq": info.seq, "hash": second.hash,
        "first_seq": 1, "fold_version": FOLD_VERSION, "fold": second.fold.dump(state=False),
        "state": encode_state(info.state), "text_seq": info.seq, "renewed_fence": 0, "renewed_us": 0,
        "active_in": info.activity_at[:18], "touched_in": info.touched_us >> 24, "unread": False,
    }  # fmt: skip
    yield "ids", (b"", name, name)
    yield "sessions", tuple(row[column] for column in COLUMNS)
    for mark in marks_of(info):
        yield "marks", (b"", name, name, mark)
    for group in (first, second):
        stored = packed(group.entries[0].seq, [one.id for one in group.entries], group.lines)
        for seq, key, lines in zip(stored.seqs, stored.keys, stored.lines, strict=True):
            yield "entries", (b"", name, name, seq, key, lines)
    for one in (*first.entries, *second.entries):
        for place, piece in enumerate(pieces(one, calls={})):
            words = " ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words_of(b"", piece))
            yield "texts", (b"", name, name, one.seq, place, times.microseconds(one.at), piece.role == "tool", words)


COLUMNS = (
    "tenant", "root", "session", "seq", "hash", "first_seq", "fold_version", "fold", "state", "text_seq",
    "renewed_fence", "renewed_us", "listed", "kind", "parent", "name", "agent", "user", "project", "slug", "number",
    "depth", "title", "title_key", "status", "model", "provider", "pinned", "damaged", "is_empty", "is_fork",
    "is_error", "message_count", "entry_count", "size", "created_at", "updated_at", "activity_at", "touched_us",
    "active_in", "touched_in", "unread",
)  # fmt: skip
"""Of the table of sessions, in order."""
