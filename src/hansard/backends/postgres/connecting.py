"""Connections to the server: a few that are kept, each statement under the client's own deadline, errors in our words.

A frozen server answers nothing and closes nothing, so only the client's clock ends a wait. A connection that was cut, or
that waited too long, is thrown away: what it was told to do may have been done, or may yet be.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final, Literal, LiteralString, TypeAlias, TypeVar

import msgspec
import psycopg
import psycopg.conninfo
from psycopg.rows import TupleRow

from ...errors import Invalid, Unavailable

T = TypeVar("T")
Parameters: TypeAlias = Mapping[str, Any]

_AGAIN: Final = frozenset(("40001", "40P01"))
_TRIES: Final = 8
_IDLE_MAX_S: Final = 600.0


class Lost(Unavailable):
    """The connection is gone; what was under way on it may or may not have happened."""


class Again(Unavailable):
    """The server undid the transaction because of others; doing it again is safe."""


class Clashed(Unavailable):
    """A key is taken."""


class Settings(msgspec.Struct, frozen=True):
    """How to reach the server."""

    url: str
    """As libpq takes it; several hosts are tried in turn."""
    connections: int = 16
    """At most so many at the same time."""
    deadline_s: float = 10.0
    """For each statement, by the client's clock."""
    patience_s: float = 10.0
    """How long a writer looks for a server again after its connection was cut."""
    prepare: bool = True
    """Have the server keep plans; pgbouncer before 1.21 can't pass this on."""
    notify: Literal["auto", "on", "off"] = "auto"
    """Tell other processes what was written, and listen to them: auto does not listen behind a pooler, on does."""
    poll_s: float = 0.15
    """How often whoever waits looks by itself, at the latest."""


def settings_of(url: str, options: Mapping[str, str]) -> Settings:
    """The settings that a store's URL says: what libpq takes, and options of our own.

    Raises:
        Invalid: libpq would not understand the URL, or an option has a value that it can't take.
    """
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        msg = f"this URL of a PostgreSQL store can't be understood: {_words(error)}"
        raise Invalid(msg) from None
    found: dict[str, Any] = {}
    for name, value in options.items():
        found.update([_option(name, value)])
    return Settings(url, **found)


def _option(name: str, value: str) -> tuple[str, Any]:
    if name == "prepare" and value in ("on", "off"):
        return "prepare", value == "on"
    if name == "notify" and value in ("auto", "on", "off"):
        return "notify", value
    try:
        if name == "connections" and 1 <= int(value) <= 1_000:
            return "connections", int(value)
        if name in ("deadline", "patience") and 0 <= float(value) <= 86_400:
            return f"{name}_s", float(value)
        if name == "poll" and 0.01 <= float(value) <= 3_600:
            return "poll_s", float(value)
    except ValueError:
        pass
    msg = (
        f"store option {name}={value!r}: connections is 1 to 1000, deadline and patience are seconds, prepare is on or off, "
        "notify is auto, on or off, poll is 0.01 to 3600 seconds"
    )
    raise Invalid(msg)


class Connection(psycopg.Connection[TupleRow]):
    """A connection that gives up waiting."""

    deadline_s: float = 10.0
    doubtful: bool = False
    """The server said that what it committed last may not be on a standby."""
    used_at: float = 0.0
    wired: dict[str, bytes]
    """The statements that `wire` has prepared on it, and under which names."""
    waiting: select.poll | None = None
    """For its socket; made when it is needed."""
    named: int = 0
    """How many it ever has: the driver drops all of them when a transaction is undone."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As in psycopg, but never longer than the deadline."""
        return super().wait(gen, interval, self.deadline_s if timeout is None else timeout)


class _Lent:
    """A connection while it is in use; quicker than a generator."""

    __slots__ = ("_con", "_db", "_fresh")

    def __init__(self, db: Database, *, fresh: bool) -> None:
        self._db = db
        self._fresh = fresh

    def __enter__(self) -> Connection:
        self._con = self._db.lend(fresh=self._fresh)
        return self._con

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._db.give_back(self._con, error)


class Database:
    """The connections of one open store. Safe for any number of threads; a forked child gets its own."""

    def __init__(self, settings: Settings) -> None:
        """Connect to nothing yet."""
        self.settings = settings
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._idle: list[Connection] = []
        self._mutex = threading.Lock()
        self._room = threading.BoundedSemaphore(self.settings.connections)

    def forget(self) -> None:
        """In a forked child: leave the parent's connections alone, and have none."""
        # They are kept from being closed: that would end the parent's sessions.
        _of_the_parent.extend(self._idle)
        self._begin()

    def connection(self, *, fresh: bool = False) -> _Lent:
        """A connection in autocommit mode, for this thread alone; a new one with `fresh`. Errors as for `lend`."""
        return _Lent(self, fresh=fresh)

    def lend(self, *, fresh: bool) -> Connection:
        """A connection, to be given back.

        Raises:
            Unavailable: the store was closed, no server answers, or all connections are in use for too long.
        """
        if self._closed:
            msg = "this PostgreSQL store was closed; open it again with hansard.open()"
            raise Unavailable(msg)
        if not self._room.acquire(timeout=self.settings.deadline_s):
            many = self.settings.connections
            msg = f"all {many} connections were in use; repeat the call, or open with ?connections=N"
            raise Unavailable(msg)
        try:
            return self._take(fresh=fresh)
        except BaseException:
            self._room.release()
            raise

    def give_back(self, con: Connection, error: BaseException | None) -> None:
        """Keep a connection that was lent, if it is as good as new."""
        try:
            if error is None:
                self._keep(con)
            else:
                self._end(con, error)
        finally:
            self._room.release()

    def _take(self, *, fresh: bool) -> Connection:
        oldest = time.monotonic() - _IDLE_MAX_S
        with self._mutex:
            while self._idle:
                con = self._idle.pop()
                if not fresh and not con.closed and con.used_at > oldest:
                    return con
                con.close()
        return self.connect()

    def connect(self) -> Connection:
        """A new connection in autocommit mode, for the caller to close; it counts for nothing here.

        Raises:
            Lost: no server answers.
        """
        settings = self.settings
        try:
            con = Connection.connect(
                settings.url,
                autocommit=True,
                prepare_threshold=2 if settings.prepare else None,
                **_defaults(settings.url),
            )
        except psycopg.Error as error:
            msg = f"no PostgreSQL server to write to answers: {_words(error)}. See that it runs, then repeat the call"
            raise Lost(msg) from error
        con.deadline_s = settings.deadline_s
        con.wired = {}
        con.add_notice_handler(lambda diagnostic: _notice(con, diagnostic))
        return con

    def _end(self, con: Connection, error: BaseException) -> None:
        """Keep the connection if it is as good as new."""
        clean = not con.closed and con.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if clean and isinstance(error, Exception):
            self._keep(con)
        else:
            con.close()

    def _keep(self, con: Connection) -> None:
        con.used_at = time.monotonic()
        with self._mutex:
            if not self._closed and not con.closed:
                self._idle.append(con)
                return
        con.close()

    def rows(self, statement: LiteralString, parameters: Parameters | None = None) -> list[TupleRow]:
        """What a statement that may be repeated gives; once more on a new connection if the first was cut."""
        try:
            with self.connection() as con:
                return execute(con, statement, parameters)
        except Lost:
            with self.connection(fresh=True) as con:
                return execute(con, statement, parameters)

    def page(self, statement: LiteralString, parameters: Sequence[Any]) -> list[TupleRow]:
        """As `rows`, for a statement that was composed for this call, with its parameters in order."""
        try:
            with self.connection() as con:
                return _execute_once(con, statement, parameters)
        except Lost:
            with self.connection(fresh=True) as con:
                return _execute_once(con, statement, parameters)

    def transact(self, work: Callable[[Connection], T]) -> T:
        """The result of work done in one transaction, committed; done again if the server asks for that.

        Raises:
            Unavailable: it may or may not have been committed.
        """
        fresh = False
        for tried in range(_TRIES):
            begun = False
            try:
                with self.connection(fresh=fresh) as con, translated(con):
                    con.doubtful = False
                    with _undoing(con), con.transaction():
                        begun = True
                        result = work(con)
                    settle(con)
                    return result
            except Lost:
                if begun or fresh:
                    raise
                fresh = True
            except Again:
                if tried == _TRIES - 1:
                    raise
                time.sleep(0.002 * 2**tried)
        msg = "the server undid the transaction again and again, because of others; repeat the call"
        raise Unavailable(msg)

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it is given back."""
        with self._mutex:
            self._closed = True
            idle, self._idle = self._idle, []
        for con in idle:
            con.close()


def _defaults(url: str) -> dict[str, Any]:
    """What is asked of libpq where the URL and its environment say nothing."""
    wanted = {
        "application_name": "hansard", "connect_timeout": "4", "target_session_attrs": "read-write",
        "tcp_user_timeout": "5000", "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "2",
    }  # fmt: skip
    said = psycopg.conninfo.conninfo_to_dict(url)
    return {name: value for name, value in wanted.items() if name not in said}


_of_the_parent: list[Connection] = []


@contextlib.contextmanager
def _undoing(con: Connection) -> Generator[None]:
    """When the driver undoes a transaction, it drops every prepared statement: they are prepared anew."""
    try:
        yield
    except BaseException:
        con.wired.clear()
        raise


def execute(con: Connection, statement: LiteralString, parameters: Parameters | None = None) -> list[TupleRow]:
    """The rows of a statement, bytes as bytes.

    Errors as `translated` says.
    """
    with translated(con), con.cursor(binary=True) as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description is not None else []


def script(con: Connection, text: LiteralString) -> None:
    """Run several statements that take nothing and give nothing."""
    with translated(con):
        con.execute(text, prepare=False)


def _execute_once(con: Connection, statement: LiteralString, parameters: Sequence[Any]) -> list[TupleRow]:
    with translated(con), con.cursor(binary=True) as cursor:
        # Never prepared: a plan that is made without the values would seek a rare word as it does a common one.
        cursor.execute(statement, parameters, prepare=False)
        return cursor.fetchall()


def settle(con: Connection) -> None:
    """Return if what was committed is safe.

    Raises:
        Unavailable: the server did not wait for a standby, so it is in doubt.
    """
    if con.doubtful:
        con.doubtful = False
        msg = (
            "the server committed without waiting for a standby, so this is in doubt; "
            "repeat the call with the same ids: it adds nothing twice"
        )
        raise Unavailable(msg)


@contextlib.contextmanager
def translated(con: Connection) -> Generator[None]:
    """What the driver raises becomes what the contract says.

    Raises:
        Lost: the connection is of no more use.
        Again: the transaction was undone because of others.
        Invalid: a value is outside what the server can hold.
        Unavailable: anything else that the server refuses.
    """
    try:
        yield
    except psycopg.Error as error:
        raise translate(con, error) from error


def translate(con: Connection, error: psycopg.Error) -> Unavailable | Invalid:
    """What the driver raised on a connection, as `translated` says it; a connection of no more use is closed."""
    state = error.sqlstate or ""
    words = _words(error)
    if state in _AGAIN:
        return Again(f"the server undid the transaction because of others ({words}); repeat the call")
    # 25006: this server has become a standby, and the writable one is elsewhere.
    # 26000: somebody between us and the server has lost a prepared statement.
    if con.closed or con.broken or not state or state[:2] in ("08", "57") or state in ("25006", "26000"):
        con.close()
        return Lost(f"the connection to PostgreSQL was lost ({words}). Repeat the call with the same ids")
    if state == "23505":
        return Clashed(f"PostgreSQL refused a key that is taken ({words}); repeat the call")
    if state in ("42P01", "3F000"):
        return Unavailable(f"this database holds no Hansard store ({words}); run `hansard store init`")
    if state[:2] in ("22", "54"):
        return Invalid(f"PostgreSQL can't hold this value: {words}")
    return Unavailable(f"PostgreSQL refused: {words} (SQLSTATE {state})")


def _words(error: psycopg.Error) -> str:
    """The first line of what the driver says, without any password."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _notice(con: Connection, diagnostic: psycopg.errors.Diagnostic) -> None:
    # A wait for synchronous replication that was cancelled ends in this warning and in a commit that looks like any.
    if diagnostic.sqlstate == "01000" and diagnostic.severity_nonlocalized == "WARNING":
        con.doubtful = True
