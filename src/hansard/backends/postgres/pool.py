"""The connections of one open store: a few that are kept and lent, and the ways to run a statement on one of them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, LiteralString, TypeVar

import psycopg
from psycopg.rows import TupleRow

from ...errors import Unavailable
from .connecting import (
    Again,
    Connection,
    Full,
    Lost,
    Parameters,
    Settings,
    connect,
    execute,
    execute_once,
    settle,
    translated,
)

T = TypeVar("T")

_TRIES: Final = 8
_IDLE_MAX_S: Final = 600.0
_FULL_S: Final = 10.0
_POP: Final = deque[Connection | None].pop
_POP_HELD: Final = list[Connection | None].pop
_CLOSED: Final = "this PostgreSQL store was closed; open it again with hansard.open()"


class _Lent:
    """A connection while it is in use; quicker than a generator."""

    __slots__ = ("db", "fresh", "held")

    def __init__(self, db: Database, *, fresh: bool) -> None:
        self.db = db
        self.fresh = fresh
        self.held: list[Connection | None] = []
        """The place that one has, with the connection that stands there; nothing while one has none."""

    def __enter__(self) -> Connection:
        try:
            return self.db.lend(self.held, fresh=self.fresh)
        except BaseException:
            self.db.vacate(self.held)
            raise

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self.db.give_back(self.held, error)
        except BaseException:
            self.db.vacate(self.held)
            raise


class _Turn:
    """One who waits for a place."""

    __slots__ = ("come", "held")

    def __init__(self, held: list[Connection | None]) -> None:
        self.come = threading.Lock()
        self.come.acquire()
        self.held = held


class Database:
    """The connections of one open store. Safe for any number of threads; a forked child gets its own."""

    def __init__(self, settings: Settings) -> None:
        """Connect to nothing yet."""
        self.settings = settings
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._places: deque[Connection | None] = deque([None] * self.settings.connections)
        """One for each connection that there may be and that is not lent; the one used last is at the right."""
        self._line: deque[_Turn] = deque()
        """Those who wait for a place; nobody who comes later gets one before them."""
        self._mutex = threading.Lock()
        self._left_out, self._full_at = 0, 0.0
        """Places that are not used for a while, as the server had no room for so many connections; and since when."""

    def forget(self) -> None:
        """In a forked child: leave the parent's connections alone, and have none."""
        # They are kept from being closed: that would end the parent's sessions.
        _of_the_parent.extend(self.idle)
        self._begin()

    @property
    def idle(self) -> list[Connection]:
        """Connections that nobody uses now, the one used last at the end."""
        return [con for con in list(self._places) if con is not None]

    def connection(self, *, fresh: bool = False) -> _Lent:
        """A connection in autocommit mode, for this thread alone; a new one with `fresh`. Errors as for `lend`."""
        return _Lent(self, fresh=fresh)

    def lend(self, held: list[Connection | None], *, fresh: bool) -> Connection:
        """A connection, to be given back; it is held from the moment on at which nobody else can have it.

        Raises:
            Unavailable: the store was closed, no server answers, or all connections are in use for too long.
        """
        if self._closed:
            raise Unavailable(_CLOSED)
        if self._left_out and self._full_at < time.monotonic() - _FULL_S:
            self._use_all()
        if self._line or not self._take(held):
            self._wait(held)
        con = held[0]
        if con is not None and not fresh and con.used_at > time.monotonic() - _IDLE_MAX_S:
            return con
        if con is not None:
            con.close()
            held[0] = None
        if fresh:
            self._let_go()
        try:
            held[0] = con = self.connect()
        except Full:
            if not self._leave_out(held):
                raise
        else:
            return con
        # Those that there are do for all.
        return self.lend(held, fresh=False)

    def _take(self, held: list[Connection | None]) -> bool:
        """Whether there was a place, which is held now."""
        try:
            # One call, so that an interrupt finds it done or not begun; so with all that moves a place.
            held.extend(map(_POP, (self._places,)))
        except IndexError:
            return False
        return True

    def _leave_out(self, held: list[Connection | None]) -> bool:
        """Give up the place that is held, for a while, if others have a connection; False if nobody has."""
        with self._mutex:
            others = self.settings.connections - self._left_out - len(self._places) - 1
            if others > 0 or any(con is not None for con in list(self._places)):
                self._full_at = time.monotonic()
                self._left_out += 1
                held.clear()
                return True
            return False

    def _use_all(self) -> None:
        with self._mutex:
            some, self._left_out = self._left_out, 0
            self._places.extendleft((None,) * some)

    def _wait(self, held: list[Connection | None]) -> None:
        """Wait for a place; of those who wait, whoever came first gets it.

        Raises:
            Unavailable: nobody gives one back for too long, or the store was closed.
        """
        turn = _Turn(held)
        try:
            with self._mutex:
                self._line.append(turn)
                self._serve()
            if not turn.come.acquire(timeout=self.settings.deadline_s):
                self._leave(turn)
        except BaseException:
            self._leave(turn)
            raise
        if self._closed:
            raise Unavailable(_CLOSED)
        if not held:
            many = self.settings.connections
            msg = f"all {many} connections were in use; repeat the call, or open with ?connections=N"
            raise Unavailable(msg)

    def _leave(self, turn: _Turn) -> None:
        """Take one out of the line who may have been served already, and may be now."""
        with self._mutex:
            self._serve()
            if turn in self._line:
                self._line.remove(turn)

    def _serve(self) -> None:
        """Hand places to those who wait, first to whoever came first; under the mutex."""
        while self._line:
            turn = self._line[0]
            if not turn.held and not self._take(turn.held):
                return
            self._line.popleft()
            turn.come.release()

    def give_back(self, held: list[Connection | None], error: BaseException | None) -> None:
        """Keep a connection that was lent, if it is as good as new."""
        con = held[0]
        # Whoever closes one says so by an error: those that are kept are open, and whoever is lent one need not look.
        clean = error is None or (
            isinstance(error, Exception)
            and con is not None
            and not con.closed
            and con.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        )
        if con is None or not clean or self._closed:
            self.vacate(held)
            return
        con.used_at = time.monotonic()
        self._places.extend(map(_POP_HELD, (held,)))
        if self._line:
            self._serve_all()
        if self._closed:
            self._close_idle()

    def vacate(self, held: list[Connection | None]) -> None:
        """Give back the place that is held, if one is, without its connection."""
        con = held[0] if held else None
        try:
            if con is not None:
                con.close()
        finally:
            if held:
                held[0] = None
                # Those that are there are used up before another one is made.
                self._places.extendleft(map(_POP_HELD, (held,)))
            if self._line:
                self._serve_all()

    def _serve_all(self) -> None:
        with self._mutex:
            self._serve()

    def _let_go(self) -> None:
        """Close those that wait: what cut one connection has cut them, too."""
        for _ in self.idle:
            lent = _Lent(self, fresh=False)
            if self._take(lent.held):
                self.vacate(lent.held)

    def connect(self) -> Connection:
        """A new connection in autocommit mode, for the caller to close; it counts for nothing here.

        Raises:
            Lost: no server answers.
        """
        return connect(self.settings)

    def rows(self, statement: LiteralString, parameters: Parameters | None = None) -> list[TupleRow]:
        """What a statement that may be repeated gives; once more on a new connection if the first was cut."""
        return self._read(lambda con: execute(con, statement, parameters))

    def page(self, statement: LiteralString, parameters: Sequence[Any]) -> list[TupleRow]:
        """As `rows`, for a statement that was composed for this call, with its parameters in order."""
        return self._read(lambda con: execute_once(con, statement, parameters))

    def _read(self, work: Callable[[Connection], T]) -> T:
        fresh = False
        for _ in range(_TRIES):
            try:
                with self.connection(fresh=fresh) as con:
                    return work(con)
            except Lost:
                if fresh:
                    raise
                fresh = True
            except Again:
                # Where the server's default is to isolate even reads from each other.
                continue
        with self.connection() as con:
            return work(con)

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
                        result = _unless_interrupted(work, con)
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
        self._closed = True
        with self._mutex:
            waiting, self._line = self._line, deque()
        for turn in waiting:
            turn.come.release()
        self._close_idle()

    def _close_idle(self) -> None:
        # Nobody is lent a connection of a closed store, so no place is missed.
        while self._places:
            with contextlib.suppress(IndexError):
                con = self._places.pop()
                if con is not None:
                    con.close()


_of_the_parent: list[Connection] = []


def _unless_interrupted(work: Callable[[Connection], T], con: Connection) -> T:
    """What the work gives; the connection is closed if it is interrupted, as what it was told last may be under way."""
    try:
        return work(con)
    except BaseException as error:
        if not isinstance(error, Exception):
            con.close()
        raise


@contextlib.contextmanager
def _undoing(con: Connection) -> Generator[None]:
    """When the driver undoes a transaction, it drops every prepared statement: they are prepared anew."""
    try:
        yield
    except BaseException:
        con.wired.clear()
        raise
