"""A connection to the server: each statement under the client's own deadline, errors in our words.

A frozen server answers nothing and closes nothing, so only the client's clock ends a wait. A connection that was cut, or
that waited too long, is thrown away: what it was told to do may have been done, or may yet be.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, Literal, LiteralString, TypeAlias, TypeVar

import msgspec
import psycopg
import psycopg.conninfo
from psycopg.rows import TupleRow

from ...errors import Invalid, Unavailable, Unsupported

T = TypeVar("T")
Parameters: TypeAlias = Mapping[str, Any]

_AGAIN: Final = frozenset(("40001", "40P01"))
_NOT_OURS: Final = (
    ". The schema hansard of this database is not, or not all, that of a Hansard store: see `hansard store status`, "
    "restore it from a backup, or use another database"
)
_ADVICE: Final = {
    "3F000": ". This database holds no Hansard store; run `hansard store init`",
    "42501": (
        ". The user needs USAGE on the schema hansard and SELECT, INSERT, UPDATE and DELETE on its tables; to make "
        "or change them, be their owner"
    ),
    "53100": ". Make room on the server, then repeat the call",
    **dict.fromkeys(("42P01", "42P07", "42703", "42804", "42883"), _NOT_OURS),
}
"""What to do, by what the server says."""
_HARMLESS: Final = {"synchronous_commit": "on", "client_min_messages": "warning"}
_HARMFUL: Final = """
    SELECT name, setting, pg_backend_pid() FROM (
        VALUES ('synchronous_commit', current_setting('synchronous_commit')),
            ('client_min_messages', current_setting('client_min_messages'))) AS said (name, setting)
    WHERE setting IN ('off', 'error', 'fatal', 'panic')
"""
"""What is committed without waiting for the disk, or in silence where a standby was not waited for, is no promise."""
_NO_ROOM: Final = re.compile("too many (clients|connections)|connection slots|no more connections allowed")
"""What servers and poolers say, where they speak English: who is refused a connection is told no SQLSTATE."""
_ATTEMPT: Final = re.compile(r"^- host: .*?, hostaddr: (?:'[^']*'|None): (.*)$", re.MULTILINE)
_QUOTED: Final = re.compile(r'"[^"]*"')


class InDoubt(Unavailable):
    """What was under way may or may not have happened."""

    def __init__(self, why: str) -> None:
        """Keep `why`, for whoever knows better what to do next."""
        super().__init__(f"{why}. Repeat the call")
        self.why = why


class Lost(InDoubt):
    """The connection is gone; what was under way on it may or may not have happened."""


class Unconfirmed(InDoubt):
    """The server committed, and did not wait for a standby."""


class Full(Lost):
    """The server has no room for one more connection."""


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

    def __repr__(self) -> str:
        """Without the URL, which may hold a password."""
        return f"Settings(connections={self.connections}, deadline_s={self.deadline_s:g}, ...)"


def settings_of(url: str, options: Mapping[str, str]) -> Settings:
    """The settings that a store's URL says: what libpq takes, and options of our own.

    Raises:
        Invalid: libpq would not understand the URL, or an option has a value that it can't take.
    """
    wrong = _wrong_with(url)
    if wrong:
        msg = (
            f"this URL of a PostgreSQL store can't be understood: {wrong}. It is written "
            "postgresql://user:password@host:port/database?option=value, with @ : / ? # and % in a part of it as %xx"
        )
        raise Invalid(msg)
    found: dict[str, Any] = {}
    for name, value in options.items():
        found.update([_option(name, value)])
    return Settings(url, **found)


def _wrong_with(url: str) -> str:
    """Why libpq would not understand a URL; "" if it would. Nothing is quoted that may be of a password."""
    try:
        url.encode()
        said = psycopg.conninfo.conninfo_to_dict(url)
    except UnicodeEncodeError:
        return "it holds what is no text"
    except psycopg.ProgrammingError as error:
        words = _words(error)
        names_option = "query parameter" in words and "password" not in url
        return words if names_option else _QUOTED.sub('"..."', words)
    if "\0" in url:
        return "it holds a NUL"
    return "its host holds an @" if "@" in str(said.get("host", "")) else ""


def _option(name: str, value: str) -> tuple[str, Any]:
    if name == "prepare" and value in ("on", "off"):
        return "prepare", value == "on"
    if name == "notify" and value in ("auto", "on", "off"):
        return "notify", value
    try:
        if name == "connections" and 1 <= int(value) <= 1_000:
            return "connections", int(value)
        if name == "deadline" and 0.1 <= float(value) <= 86_400:
            return "deadline_s", float(value)
        if name == "patience" and 0 <= float(value) <= 86_400:
            return "patience_s", float(value)
        if name == "poll" and 0.01 <= float(value) <= 3_600:
            return "poll_s", float(value)
    except ValueError:
        pass
    msg = (
        f"store option {name}={value!r}: connections is 1 to 1000, deadline is 0.1 to 86400 seconds, patience 0 to 86400 "
        "and poll 0.01 to 3600, prepare is on or off, notify is auto, on or off"
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
        patience, began = self.deadline_s if timeout is None else timeout, time.monotonic()
        try:
            return super().wait(gen, interval, patience)
        except psycopg.OperationalError as error:
            if error.sqlstate is None and time.monotonic() - began >= patience:
                raise psycopg.OperationalError(no_answer(patience)) from error
            raise


def no_answer(deadline_s: float) -> str:
    """What to say of a server that was waited for so long."""
    return f"no answer within {deadline_s:g} s; ?deadline=SECONDS waits longer"


def connect(settings: Settings) -> Connection:
    """A new connection in autocommit mode, for the caller to close.

    Raises:
        Lost: no server answers.
        Unsupported, Unavailable: as `_see_to_durability` says.
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
            f"no PostgreSQL server to write to answers: {_of_each_host(error)}. See that host, port, user, password and database "
            "of the URL are right and that the server runs, takes writes and has connections left"
        )
        raise (Full if _NO_ROOM.search(str(error)) else Lost)(msg) from error
    con.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    con.deadline_s = settings.deadline_s
    con.wired = {}
    con.add_notice_handler(lambda diagnostic: _notice(con, diagnostic))
    try:
        _see_to_durability(con)
    except BaseException:
        con.close()
        raise
    return con


def _see_to_durability(con: Connection) -> None:
    """What is committed is safe, and said to be in doubt where it is not, whatever the role or the database has set.

    Raises:
        Unsupported: the database can't hold any text.
        Unavailable: a pooler stands between, so the settings must be changed on the server.
    """
    encoding = con.info.parameter_status("server_encoding")
    if encoding not in (None, "UTF8"):
        msg = f"the database is encoded in {encoding}, which can't hold any text; make one by: createdb -T template0 -E UTF8"
        raise Unsupported(msg)
    for name, value, pid in execute(con, _HARMFUL):
        if pid != con.info.backend_pid:
            msg = (
                f"{name} must not be {value} where a pooler stands before PostgreSQL: acknowledged entries could be lost. "
                f"Set it for this user by ALTER ROLE, and have the pooler connect anew"
            )
            raise Unavailable(msg)
        execute(con, "SELECT set_config(%(name)s, %(value)s, false)", {"name": name, "value": _HARMLESS[name]})


def _defaults(url: str) -> dict[str, Any]:
    """What is asked of libpq where the URL and its environment say nothing."""
    wanted = {
        "fallback_application_name": "hansard", "tcp_user_timeout": "5000",
        "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "2",
    }  # fmt: skip
    said = psycopg.conninfo.conninfo_to_dict(url)
    if "PGCONNECT_TIMEOUT" not in os.environ:
        # One of several that stands still is not to hold up for long whoever looks for the new primary.
        several = any("," in str(said.get(name, "")) for name in ("host", "hostaddr"))
        wanted["connect_timeout"] = "2" if several else "4"
    if "PGTARGETSESSIONATTRS" not in os.environ:
        wanted["target_session_attrs"] = "read-write"
    # Text goes and comes as UTF-8, whatever the role, the database or the environment would have.
    return {**{name: value for name, value in wanted.items() if name not in said}, "client_encoding": "UTF8"}


def execute(con: Connection, statement: LiteralString, parameters: Parameters | None = None) -> list[TupleRow]:
    """The rows of a statement, bytes as bytes.

    Errors as `translated` says.
    """
    with translated(con), con.cursor(binary=True) as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description is not None else []


def execute_long(con: Connection, statement: LiteralString, parameters: Parameters | None = None) -> list[TupleRow]:
    """As `execute`, for a statement whose work grows with a session or with the store: it has sixty times the deadline."""
    with patient(con, con.deadline_s * 60):
        return execute(con, statement, parameters)


@contextlib.contextmanager
def patient(con: Connection, deadline_s: float) -> Generator[None]:
    """Wait for the server as long as that takes."""
    usual, con.deadline_s = con.deadline_s, deadline_s
    try:
        yield
    finally:
        con.deadline_s = usual


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
        Unconfirmed: the server did not wait for a standby, so it is in doubt.
    """
    if con.doubtful:
        con.doubtful = False
        msg = "the server committed without waiting for a standby, so this is in doubt"
        raise Unconfirmed(msg)


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
        what = "PostgreSQL ended the statement" if state == "57014" else "the connection to PostgreSQL was lost"
        return Lost(f"{what} ({words})")
    if state == "23505":
        return Clashed(f"PostgreSQL refused a key that is taken ({words}); repeat the call")
    if state == "55P03":
        return Locked(f"others hold a lock in PostgreSQL ({words}); repeat the call")
    if state[:2] in ("22", "54"):
        return Invalid(f"PostgreSQL can't hold this value: {words}")
    return Unavailable(f"PostgreSQL refused: {words} (SQLSTATE {state}){_ADVICE.get(state, '')}")


def _of_each_host(error: psycopg.Error) -> str:
    """What the driver says of each host that was tried."""
    return "; ".join(_ATTEMPT.findall(str(error)))[:900] or _words(error)


def _words(error: psycopg.Error) -> str:
    """The first line of what the driver says, without any password."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _notice(con: Connection, diagnostic: psycopg.errors.Diagnostic) -> None:
    # A wait for synchronous replication that was cancelled ends in this warning and in a commit that looks like any.
    if diagnostic.sqlstate == "01000" and diagnostic.severity_nonlocalized == "WARNING":
        con.doubtful = True
