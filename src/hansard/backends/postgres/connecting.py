"""A connection to the server: each statement under the client's own deadline, errors in our words.

A frozen server answers nothing and closes nothing, so only the client's clock ends a wait. A connection that was cut, or
that waited too long, is thrown away: what it was told to do may have been done, or may yet be.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, Literal, LiteralString, TypeAlias, TypeVar

import msgspec
import psycopg
import psycopg.conninfo
from psycopg.rows import TupleRow

from ...errors import Invalid, Unavailable

T = TypeVar("T")
Parameters: TypeAlias = Mapping[str, Any]

_AGAIN: Final = frozenset(("40001", "40P01"))


class Lost(Unavailable):
    """The connection is gone; what was under way on it may or may not have happened."""


class Again(Unavailable):
    """The server undid the transaction because of others; doing it again is safe."""


class Clashed(Unavailable):
    """A key is taken."""


class Locked(Unavailable):
    """Others hold what was to be locked without waiting."""


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


def connect(settings: Settings) -> Connection:
    """A new connection in autocommit mode, for the caller to close.

    Raises:
        Lost: no server answers.
    """
    try:
        con = Connection.connect(
            settings.url,
            autocommit=True,
            prepare_threshold=2 if settings.prepare else None,
            **_defaults(settings.url),
        )
    except psycopg.Error as error:
        msg = (
            f"no PostgreSQL server to write to answers: {_words(error)}. See that host, port, user, password and database "
            "of the URL are right and that the server runs and takes writes, then repeat the call"
        )
        raise Lost(msg) from error
    con.deadline_s = settings.deadline_s
    con.wired = {}
    con.add_notice_handler(lambda diagnostic: _notice(con, diagnostic))
    return con


def _defaults(url: str) -> dict[str, Any]:
    """What is asked of libpq where the URL and its environment say nothing."""
    wanted = {
        "application_name": "hansard", "connect_timeout": "4", "target_session_attrs": "read-write",
        "tcp_user_timeout": "5000", "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "2",
    }  # fmt: skip
    said = psycopg.conninfo.conninfo_to_dict(url)
    return {name: value for name, value in wanted.items() if name not in said}


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


def execute_once(con: Connection, statement: LiteralString, parameters: Sequence[Any]) -> list[TupleRow]:
    """As `execute`, for a statement that was composed for this call, with its parameters in order."""
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
    if state == "55P03":
        return Locked(f"others hold a lock in PostgreSQL ({words}); repeat the call")
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
