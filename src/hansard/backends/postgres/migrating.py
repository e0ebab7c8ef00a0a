"""The tables, and how they change: numbered migrations, each once, one process at a time however many start together.

A migration `0002_name.pre.sql` runs before the new version is deployed, and the old one goes on with it; one that ends in
`.post.sql` runs when no old version is left. A plain `open` makes an empty database a store and changes nothing else.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final, Literal, LiteralString, Self, TypeAlias, cast

import msgspec

from ...errors import NotFound, Unavailable, Unsupported
from .connecting import Clashed, Connection, Database, Settings, execute, script

Phase: TypeAlias = Literal["pre", "post"]

_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.(pre|post)\.sql")
_THERE: Final = "SELECT to_regclass('hansard.migrations') IS NOT NULL"
_BEGIN: Final = """
    CREATE SCHEMA IF NOT EXISTS hansard;
    CREATE TABLE IF NOT EXISTS hansard.migrations (number bigint PRIMARY KEY, name text NOT NULL);
"""
_LOCK: Final = "LOCK TABLE hansard.migrations IN EXCLUSIVE MODE"
_DONE: Final = "SELECT number FROM hansard.migrations ORDER BY number"
_NOTE: Final = "INSERT INTO hansard.migrations (number, name) VALUES (%(number)s, %(name)s)"


class Migration(msgspec.Struct, frozen=True, order=True):
    """One change of the tables."""

    number: int
    name: str
    phase: Phase
    text: str


class Status(msgspec.Struct, frozen=True):
    """Where the tables of a database stand."""

    there: bool
    """The database holds a store."""
    done: tuple[int, ...]
    pending: tuple[Migration, ...]


class Tables:
    """The tables of a database, for whoever looks after them: no store is opened, and nothing is made on the way."""

    def __init__(self, settings: Settings) -> None:
        """Connect when something is asked."""
        self._db = Database(settings)

    def status(self) -> Status:
        """Where the tables stand.

        Raises:
            Unsupported: a newer version has changed them.
            Unavailable: no server answers.
        """
        return status(self._db)

    def migrate(self, *, phase: Phase | None = None) -> tuple[Migration, ...]:
        """All pending migrations (of a phase) are done; those that this call did.

        Raises:
            Unavailable: no server answers, or it refuses.
        """
        return migrate(self._db, phase=phase)

    def __enter__(self) -> Self:
        """The tables."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the connections."""
        self._db.close()


def migrations() -> tuple[Migration, ...]:
    """All migrations that this version knows, in order."""
    found: list[Migration] = []
    for path in (files("hansard.backends.postgres") / "migrations").iterdir():
        match = _NAME.fullmatch(path.name)
        if match is not None:
            phase: Phase = "pre" if match[3] == "pre" else "post"
            found.append(Migration(int(match[1]), match[2], phase, path.read_text(encoding="utf-8")))
    return tuple(sorted(found))


def status(db: Database) -> Status:
    """Where the tables stand, without changing anything.

    Raises:
        Unsupported: a newer version has changed them.
    """
    if not db.rows(_THERE)[0][0]:
        return Status(there=False, done=(), pending=migrations())
    return _status([number for (number,) in db.rows(_DONE)])


def _status(done: list[int]) -> Status:
    known = migrations()
    newest = known[-1].number
    if done and done[-1] > newest:
        msg = (
            f"the tables are at migration {done[-1]}, and this version of Hansard knows {newest}; "
            "use the version that changed them, or a newer one"
        )
        raise Unsupported(msg)
    pending = tuple(one for one in known if one.number not in done)
    return Status(there=bool(done), done=tuple(done), pending=pending)


def migrate(db: Database, *, phase: Phase | None = None) -> tuple[Migration, ...]:
    """All pending migrations (of a phase) are done; those that this call did. Callers at the same time take turns.

    Raises:
        Unavailable: the server refuses, as where the user may make no tables.
    """

    def work(con: Connection) -> tuple[Migration, ...]:
        execute(con, _LOCK)
        wanted = [
            one
            for one in _status([number for (number,) in execute(con, _DONE)]).pending
            if phase is None or one.phase == phase
        ]
        for one in wanted:
            script(con, cast("LiteralString", one.text))
            execute(con, _NOTE, {"number": one.number, "name": one.name})
        return tuple(wanted)

    _begin(db)
    return db.transact(work)


def _begin(db: Database) -> None:
    """Have a place to note what was done. Two who make it at once meet in the system's tables, where one is refused."""
    for tried in range(5):
        if db.rows(_THERE)[0][0]:
            return
        try:
            db.transact(lambda con: script(con, _BEGIN))
        except (Clashed, Unavailable):
            if tried == 4:
                raise


def prepare(db: Database, *, create: bool) -> None:
    """The database holds a store that this version can use: made if there was none and `create` is True.

    Raises:
        NotFound: there is none, and `create` is False.
        Unavailable: a migration must run before this version can use it.
        Unsupported: a newer version has changed the tables.
    """
    now = status(db)
    if not now.there:
        if not create:
            msg = "this database holds no Hansard store; run `hansard store init`, or open it with create=True"
            raise NotFound(msg)
        migrate(db)
        return
    wanted = [one for one in now.pending if one.phase == "pre"]
    if wanted:
        msg = (
            f"this store must be migrated before this version can use it ({len(wanted)} pending, the first is "
            f"{wanted[0].number:04}_{wanted[0].name}); run `hansard store migrate`"
        )
        raise Unavailable(msg)
