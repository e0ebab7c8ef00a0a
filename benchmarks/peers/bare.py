"""The floor below every store in PostgreSQL, and Hansard through its asynchronous door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hansard
import hansard.aio
from hansard.store.place import place_of

from .ours import entry_of
from .peer import Loop, Turn, make_turn


class Bare:
    """One prepared INSERT of one row, and its commit: the bytes that Hansard writes for the turn, and a number as key."""

    name = "bare INSERT and commit"

    def __init__(self, url: str) -> None:
        """On the database at a URL."""
        self._url = url
        with hansard.open("memory:") as store:
            session = store.create()
            session.append([entry_of(item) for item in make_turn(0)])
            self._bytes = b"".join(place_of(store).backend.lines(session.id, after=1))

    def open(self, folder: Path) -> None:
        """A table."""
        import psycopg

        self._table = f"bare_{folder.name.replace('-', '_')}"
        self._con: Any = psycopg.connect(self._url, autocommit=True, prepare_threshold=0)
        self._con.execute(f"CREATE TABLE {self._table} (id bigint PRIMARY KEY, data bytea NOT NULL)")
        self._insert = f"INSERT INTO {self._table} VALUES (%s, %b)"
        self._count = 0

    def append(self, turn: Turn) -> None:  # noqa: ARG002 - always the same bytes
        """One row."""
        self._count += 1
        self._con.execute(self._insert, (self._count, self._bytes))

    def resume(self) -> int:
        """All rows."""
        return len(self._con.execute(f"SELECT data FROM {self._table} ORDER BY id").fetchall())

    def close(self) -> None:
        """The table is gone."""
        self._con.execute(f"DROP TABLE {self._table}")
        self._con.close()


class HansardAsync:
    """Hansard by `hansard.aio`."""

    name = "hansard (PostgreSQL, asyncio)"

    def __init__(self, url: str) -> None:
        """On the database at a URL."""
        self._url = url

    def open(self, folder: Path) -> None:  # noqa: ARG002 - it is in the database
        """A store with one session."""
        self._loop = Loop()
        self._loop.run(self._open())

    async def _open(self) -> None:
        self._store = await hansard.aio.open(self._url)
        self._session = await self._store.create()

    def fill(self, turns: list[Turn]) -> None:
        """Many turns an append."""
        for start in range(0, len(turns), 25):
            many = [entry_of(item) for turn in turns[start : start + 25] for item in turn]
            self._loop.run(self._session.append(many))

    def append(self, turn: Turn) -> None:
        """One append of four entries."""
        self._loop.run(self._session.append([entry_of(item) for item in turn]))

    def resume(self) -> int:
        """What would be sent to a model."""
        return len(self._loop.run(self._session.history()))

    def close(self) -> None:
        """The session is gone, the store closed."""
        self._loop.run(self._close())
        self._loop.close()

    async def _close(self) -> None:
        await self._session.delete(force=True)
        await self._store.close()
