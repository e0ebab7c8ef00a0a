"""A derived SQLite file that may vanish, be damaged or be switched under its users at any time without harming them.

Everything in such a file can be made anew, so nothing here ever blocks a start: what can't be used is replaced by an
empty file. SQLite's own rules make the rest: its locks belong to a process and an inode, a forked child must not use
or close what its parent opened, and a write-ahead log found beside a file is believed to be that file's. Hence

- opening, creating and switching happen under one lock file beside the database, held for milliseconds;
- each use compares the inode with one `stat`, each write once more when it holds SQLite's write lock, so that
  nothing is written to a file that was switched away;
- before a fork this process closes its connections: the child inherits none;
- a connection serves one thread at a time; idle ones are kept for the next caller, so any thread may call.

The files are never opened by other means: closing such a descriptor would drop SQLite's locks.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import apsw
import msgspec

from ...errors import Unavailable
from ...limits import KIB, MIB
from . import dbfile, disk
from .dbfile import WAIT_MS, Identity

T = TypeVar("T")

_IDLE_MAX: Final = 4
_CHECKPOINT_PAGES: Final = 2_000
_WAL_BYTES_KEPT: Final = 1 << 20
_SETTINGS: Final = {
    "synchronous": "NORMAL", "fullfsync": True, "checkpoint_fullfsync": True, "temp_store": "MEMORY",
    "foreign_keys": False, "trusted_schema": False, "journal_size_limit": _WAL_BYTES_KEPT, "secure_delete": True}  # fmt: skip
_MEDIUM: Final = (apsw.IOError, apsw.FullError, apsw.ReadOnlyError)
_DAMAGE: Final = (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError, msgspec.DecodeError)


class Switched(Exception):
    """The file that a writer has locked is no longer the one that the path names."""


class Database:
    """One SQLite file, the connections to it, and its replacement by an empty one when it can't be used."""

    def __init__(self, path: Path, *, schema: str, application: int, version: int, cache: int = 8 * MIB) -> None:
        """Name the file; it is opened, or made, at the first use. Each connection keeps so many bytes of it at most."""
        self.path = path
        self.replaced = 0
        """How many times this object had to put an empty file in place."""
        self._lock_path = path.with_name(path.name.removesuffix(".db") + ".lock")
        self._schema = schema
        self._application = application
        self._version = version
        self._cache = cache
        self._alike = partial(Database, schema=schema, application=application, version=version, cache=cache)
        self._closed = False
        self._reset()
        _databases.add(self)

    def _reset(self) -> None:
        self._mutex = threading.RLock()
        self._gate = threading.Condition(self._mutex)
        self._identity: Identity | None = None
        self._idle: list[apsw.Connection] = []
        self._busy = 0
        self._held = False
        self._synced_log = 0

    # -- using ---------------------------------------------------------------------------------------------------

    def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """What `work` returns, run on a connection; once more on an empty file if this one is damaged.

        Raises:
            Unavailable: the medium does not answer, or others lock the file for longer than WAIT_MS.
        """
        try:
            return self._use(lambda con, _: work(con), WAIT_MS)
        except apsw.BusyError as error:
            raise busy(self.path) from error

    def write(self, work: Callable[[apsw.Connection], T], *, wait_ms: int = 0) -> T:
        """What `work` returns, run in one write transaction, which is committed to the file that the path names.

        Raises:
            apsw.BusyError: somebody else is writing, for longer than `wait_ms`. Nothing was written.
        """

        def inside(con: apsw.Connection, identity: Identity) -> T:
            try:
                con.execute("BEGIN IMMEDIATE")
                self._check_named(identity)
                result = work(con)
                con.execute("COMMIT")
            except BaseException:
                if con.in_transaction:
                    con.execute("ROLLBACK")
                raise
            return result

        while True:
            try:
                return self._use(inside, wait_ms)
            except Switched:
                continue

    def _check_named(self, identity: Identity) -> None:
        if dbfile.identity(self.path) != identity:
            raise Switched

    def _use(self, work: Callable[[apsw.Connection, Identity], T], wait_ms: int) -> T:
        con, identity = self._take()
        try:
            return self._run(work, con, identity, wait_ms)
        except (*_DAMAGE, apsw.SQLError) as error:
            if isinstance(error, apsw.SQLError) and "invalid fts5 file format" not in str(error):
                raise
            self._discard(identity)
        con, identity = self._take()
        return self._run(work, con, identity, wait_ms)

    def _run(
        self, work: Callable[[apsw.Connection, Identity], T], con: apsw.Connection, identity: Identity, wait_ms: int
    ) -> T:
        try:
            con.set_busy_timeout(wait_ms)
            return work(con, identity)
        except (*_MEDIUM, apsw.CantOpenError) as error:
            raise dbfile.unanswered(self.path, error) from error
        finally:
            self._give(con, identity)

    def _take(self) -> tuple[apsw.Connection, Identity]:
        with self._mutex:
            while self._held:
                self._gate.wait()
            if self._closed:
                msg = f"{self.path}: the store was closed; open it again"
                raise Unavailable(msg)
            if self._identity is None or dbfile.identity(self.path) != self._identity:
                self._drop_idle()
            if self._idle and self._identity is not None:
                con, identity = self._idle.pop(), self._identity
            else:
                con, identity = self._open()
                self._identity = identity
            self._busy += 1
            return con, identity

    def _give(self, con: apsw.Connection, identity: Identity) -> None:
        with self._mutex:
            self._busy -= 1
            if self._closed or identity != self._identity or len(self._idle) >= _IDLE_MAX:
                _close(con)
            else:
                self._idle.append(con)
            self._gate.notify_all()

    def _drop_idle(self) -> None:
        self._identity = None
        self._synced_log = 0
        while self._idle:
            _close(self._idle.pop())

    # -- opening, making, replacing ------------------------------------------------------------------------------

    def _open(self) -> tuple[apsw.Connection, Identity]:
        with dbfile.guard(self._lock_path, alone=False):
            found = self._try()
        if found is None:
            with dbfile.guard(self._lock_path, alone=True):
                found = self._try()
                if found is None:
                    dbfile.make(self.path, self._schema, application=self._application, version=self._version)
                    self.replaced += 1
                    found = self._try()
        if found is None:
            msg = f"{self.path}: a new index can't be used; check the rights and the file system of its folder"
            raise Unavailable(msg)
        return found

    def _try(self) -> tuple[apsw.Connection, Identity] | None:
        """A connection to the file as it is; None if it has to be replaced."""
        identity = dbfile.identity(self.path)
        if identity is None:
            return None
        con: apsw.Connection | None = None
        usable = False
        try:
            con = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READWRITE)
            con.set_busy_timeout(WAIT_MS)
            usable = self._usable(con) and dbfile.identity(self.path) == identity
        except apsw.CantOpenError:
            dbfile.check_can_open(self.path)
        except _MEDIUM as error:
            raise dbfile.unanswered(self.path, error) from error
        except (apsw.SQLError, *_DAMAGE):
            usable = False
        finally:
            if con is not None and not usable:
                _close(con)
        return (con, identity) if con is not None and usable else None

    def _usable(self, con: apsw.Connection) -> bool:
        if con.pragma("application_id") != self._application or con.pragma("user_version") != self._version:
            return False
        for name, value in (*_SETTINGS.items(), ("cache_size", -self._cache // KIB)):
            con.pragma(name, value)
        con.wal_autocheckpoint(_CHECKPOINT_PAGES)
        # The last to close would checkpoint, with two syncs, each time that a process forks.
        con.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        return con.pragma("journal_mode") == "wal"

    def _discard(self, damaged: Identity) -> None:
        """Replace the damaged file, unless somebody has done so already."""
        self.release()
        with dbfile.guard(self._lock_path, alone=True):
            if dbfile.identity(self.path) == damaged:
                dbfile.make(self.path, self._schema, application=self._application, version=self._version)
                self.replaced += 1

    def renew_unless(self, ours: Callable[[apsw.Connection], bool]) -> None:
        """Put an empty file in the place of one that is sound and somebody else's."""
        identity = dbfile.identity(self.path)
        if not self.read(ours) and identity is not None:
            self._discard(identity)

    # -- building a new one --------------------------------------------------------------------------------------

    def beside(self) -> Database:
        """A new, empty database of the same schema beside this one, to be filled and then switched in."""
        dbfile.sweep(self.path, ".rebuild-")
        path = self.path.with_name(f"{self.path.name}.rebuild-{os.getpid()}-{os.urandom(4).hex()}")
        return self._alike(path)

    def switch(self, built: Database, last: Callable[[apsw.Connection], object]) -> None:
        """Let the path name the `built` file from now on.

        `last` runs with this file's write lock held, so that what it copies over misses nothing: afterwards writers
        find that the file was switched, and go to the new one.

        Raises:
            apsw.BusyError: a writer kept this file locked for too long; nothing was switched.
        """

        def inside(con: apsw.Connection) -> None:
            last(con)
            built.sync(whole=True)
            built.close()
            with dbfile.guard(self._lock_path, alone=True):
                dbfile.put_in_place(built.path, self.path)

        self.write(inside, wait_ms=WAIT_MS)
        built.abandon()

    def abandon(self) -> None:
        """Close and remove the file and all that lies beside it: a build that is not to be."""
        self.close()
        dbfile.remove_all(self.path)
        dbfile.remove(self._lock_path)

    # -- durability ----------------------------------------------------------------------------------------------

    def sync(self, *, whole: bool = False, wait_ms: int = 0) -> bool:
        """Return once all that was committed is on the medium; whether, as `whole` asks, also out of the write-ahead log.

        Raises:
            Unavailable: the medium does not take it.
        """
        if whole and self.empty_log(wait_ms=wait_ms):
            return True
        # One sync instead of three: what is in this log and whole is played back after a power cut.
        self._use(lambda _con, _identity: self._sync_log(), WAIT_MS)
        return False

    def empty_log(self, *, wait_ms: int) -> bool:
        """The file itself, on the medium, holds what is committed and nothing before; False if others use the log."""
        with contextlib.suppress(apsw.BusyError):
            self._use(lambda con, _: con.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE), wait_ms)
            return True
        return False

    def _sync_log(self) -> None:
        try:
            fd = os.open(self.path.with_name(self.path.name + "-wal"), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
        try:
            disk.datasync(fd)
            inode = os.fstat(fd).st_ino
            if inode != self._synced_log:
                disk.sync_folder(self.path.parent)
                self._synced_log = inode
        except OSError as error:
            msg = f"{self.path}-wal: {error.strerror}; the index was not made durable. Check the medium"
            raise Unavailable(msg) from error
        finally:
            os.close(fd)

    # -- ending --------------------------------------------------------------------------------------------------

    def release(self) -> None:
        """Close the idle connections; the next use opens one."""
        with self._mutex:
            self._drop_idle()

    def forget(self) -> None:
        """In a forked child: start over without connections. What was inherited is neither used nor closed."""
        _inherited.append(self._idle)
        self._reset()

    def close(self) -> None:
        """Close for good; connections in use are closed when they are given back."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            self._close_last()
        _databases.discard(self)

    def _close_last(self) -> None:
        """Close the idle connections; if they are the last of all processes, the write-ahead log goes with them."""
        if not self._idle:
            return
        # SQLite removes the log by its name, which must not be that of a file switched in meanwhile.
        with contextlib.suppress(Unavailable), dbfile.guard(self._lock_path, alone=False):
            if dbfile.identity(self.path) == self._identity:
                self._idle[0].config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
                while self._idle:
                    _close(self._idle.pop())
        self._drop_idle()

    def quiesce(self) -> None:
        """Before a fork: let nobody in and close all connections, so that the child inherits none."""
        self._mutex.acquire()
        self._held = True
        end = time.monotonic() + WAIT_MS / 1000
        while self._busy and self._gate.wait(max(0.0, end - time.monotonic())):
            continue
        self._drop_idle()

    def resume(self) -> None:
        """After a fork, in the parent: let the callers in again."""
        self._held = False
        self._gate.notify_all()
        self._mutex.release()


_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_forking: Final = threading.Lock()
_quiet: list[Database] = []
_inherited: list[object] = []
"""What a child got from its parent. It is kept for ever: dropping it would close SQLite handles of the parent."""


def busy(path: Path) -> Unavailable:
    """The error for a file that others keep locked."""
    return Unavailable(f"{path}: locked by others for more than {WAIT_MS / 1000:g} s; see which with `lsof`")


def _before_fork() -> None:
    _forking.acquire()
    for database in list(_databases):
        database.quiesce()
        _quiet.append(database)


def _after_in_parent() -> None:
    while _quiet:
        _quiet.pop().resume()
    _forking.release()


def _after_in_child() -> None:
    _quiet.clear()
    _forking.release()
    for database in list(_databases):
        database.forget()


os.register_at_fork(before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


def _close(con: apsw.Connection) -> None:
    # A connection that can't be closed cleanly is of no more use; its file is derived and watched by inode.
    with contextlib.suppress(apsw.Error):
        con.close()
