"""The tables, and how they change: numbered migrations, each once, one process at a time however many start together.

A migration `0002_name.pre.sql` runs before the new version is deployed, and the old one goes on with it and may be started
anew; one that ends in `.post.sql` runs when no old version is left. A plain `open` makes an empty database a store and changes nothing else.

One that begins with `-- concurrently` holds statements that no transaction may hold, such as building an index beside the
writers. It may be cut short between two of them, and is run again from its beginning.
"""

from __future__ import annotations

import re
import time
from importlib.resources import files
from typing import Final, Literal, LiteralString, Self, TypeAlias, cast

import msgspec

from ...errors import NotFound, Unavailable, Unsupported
from .connecting import Clashed, Connection, Locked, Settings, execute, patient, script
from .pool import Database

Phase: TypeAlias = Literal["pre", "post"]

_CONCURRENTLY: Final = "-- concurrently\n"
_PATIENCE_S: Final = 86_400.0
"""A table is not rewritten, nor an index built, within the deadline of an append."""
_STATEMENT_END: Final = re.compile(r";\n(?=\S|\Z)")
"""What belongs to one statement is indented."""
_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.(pre|post)\.sql")
_THERE: Final = "SELECT to_regclass('hansard.migrations') IS NOT NULL"
_BEGIN: Final = """
    CREATE SCHEMA IF NOT EXISTS hansard;
    CREATE TABLE IF NOT EXISTS hansard.migrations (number bigint PRIMARY KEY, name text NOT NULL);
"""
_LOCK: Final = "LOCK TABLE hansard.migrations IN EXCLUSIVE MODE NOWAIT"
"""Who waits on the server for a lock may hold a snapshot while it does, which the building of an index waits for."""
_UNHURRIED: Final = """
    SELECT set_config(name, '0', %(local)s) FROM pg_settings
    WHERE setting <> '0' AND name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
        AND (%(local)s OR pg_backend_pid() = %(pid)s)
"""
"""What the user or the database says of time is meant for appends. `local` is until the transaction ends; a pooler hands
the connection on, so nothing is changed in it for longer."""
_TURN_S: Final = 0.05
_DONE: Final = "SELECT number, name FROM hansard.migrations ORDER BY number"
_NOTE: Final = "INSERT INTO hansard.migrations (number, name) VALUES (%(number)s, %(name)s)"


class Migration(msgspec.Struct, frozen=True, order=True):
    """One change of the tables."""

    number: int
    name: str
    phase: Phase
    text: str

    @property
    def concurrent(self) -> bool:
        """It runs beside the writers, each statement by itself."""
        return self.text.startswith(_CONCURRENTLY)


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
    return _status(dict(db.rows(_DONE)))


def _status(done: dict[int, str]) -> Status:
    known = migrations()
    newest = known[-1].number
    # What a newer version does before it is deployed, this one goes on with.
    beyond = [number for number, name in done.items() if number > newest and not name.endswith(".pre")]
    if beyond:
        msg = (
            f"the tables are at migration {max(beyond)}, and this version of Hansard knows {newest}; "
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
    _begin(db)
    done: list[Migration] = []
    while some := _in_turn(db, phase):
        done += some
    return tuple(done)


def _in_turn(db: Database, phase: Phase | None) -> list[Migration]:
    while True:
        try:
            return db.transact(lambda con: _some(db, con, phase))
        except Locked:
            time.sleep(_TURN_S)


def _some(db: Database, con: Connection, phase: Phase | None) -> list[Migration]:
    """The next migrations that one transaction can hold are done; none if there is none left."""
    with patient(con, _PATIENCE_S):
        execute(con, _UNHURRIED, {"local": True, "pid": 0})
        execute(con, _LOCK)
        there: dict[int, str] = dict(execute(con, _DONE))
        wanted = [one for one in _status(there).pending if phase is None or one.phase == phase]
        # Tables that are not there yet have no writers to run beside, and are seen whole or not at all.
        some = wanted[:1] if there else wanted
        for one in some:
            if there and one.concurrent:
                # What was asked last keeps its snapshot, which the building of an index would wait for; this keeps none.
                execute(con, _LOCK)
                _beside(db, one)
            else:
                script(con, cast("LiteralString", one.text.replace(" CONCURRENTLY", "")))
            execute(con, _NOTE, {"number": one.number, "name": f"{one.name}.{one.phase}"})
        return some


def _beside(db: Database, migration: Migration) -> None:
    """Run statements that no transaction may hold, on a connection of their own; others wait for the lock meanwhile."""
    con = db.connect()
    try:
        con.deadline_s = _PATIENCE_S
        execute(con, _UNHURRIED, {"local": False, "pid": con.info.backend_pid})
        for statement in _STATEMENT_END.split(re.sub(r"^--.*\n", "", migration.text, flags=re.MULTILINE)):
            if statement.strip():
                script(con, cast("LiteralString", statement))
    finally:
        con.close()


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
        now = status(db)
    wanted = [one for one in now.pending if one.phase == "pre"]
    if wanted:
        msg = (
            f"this store must be migrated before this version can use it ({len(wanted)} pending, the first is "
            f"{wanted[0].number:04}_{wanted[0].name}); run `hansard store migrate`"
        )
        raise Unavailable(msg)
