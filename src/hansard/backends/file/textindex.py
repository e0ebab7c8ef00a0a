"""Full-text search over the sessions of one folder: an index behind the logs, and a look at each entry that it proposes.

A search first brings the index up to date, for a bounded time; if that does not suffice, what is found is right but may
not be all, and the page says so. The index only proposes: every hit was checked, a moment ago, against the entry itself
and the session's state, by the functions that all backends share.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from ...backend import Progress
from ...codec import values
from ...errors import Corrupt, NotFound, Unavailable
from ...model.info import SessionInfo
from ...model.requests import Hit, Page
from ...query import EVERYTHING, Search
from ...query.hits import Asked, Found, Order, asked, find_in, page_of, session_matches
from ...query.pieces import PIECES_VERSION
from . import dbfile, locks
from .database import Database, busy
from .dbfile import WAIT_MS
from .indexer import COURTESY_S, Indexer
from .textfeed import Feed
from .textread import Calls, Logs, entry_of, own_first
from .textrows import tool_called
from .textsearch import Candidate, candidates, query_of

BUDGET_S: Final = 2.0
"""How long a search brings the index up to date before it answers with what is there."""

NAME: Final = "search.db"

_APPLICATION: Final = 0x48_61_6E_74
_SCHEMA_VERSION: Final = 1
_NARROW_MAX: Final = 200
"""Up to so many sessions that meet a search's condition, the engine is asked for theirs alone."""

_TRIES: Final = 3


class TextIndex:
    """The text index of one open store. Any thread may call; a forked child goes on with connections of its own."""

    def __init__(self, root: Path, logs: Logs, indexer: Indexer) -> None:
        """Name the file; it is opened, or made, at the first use."""
        schema = path_of_schema().read_text(encoding="utf-8")
        # Text that another version of the tokeniser cut is cut anew.
        version = _SCHEMA_VERSION * 1000 + PIECES_VERSION
        self._path = root / NAME
        self._database = Database(self._path, schema=schema, application=_APPLICATION, version=version)
        self._indexer = indexer
        self._feed = Feed(self._database, indexer.catalogue, logs)
        self._reset()
        _indexes.add(self)

    def _reset(self) -> None:
        self._work = threading.Lock()

    def follow(self, logs: Logs) -> None:
        """Read the logs through these from now on."""
        self._feed.logs = logs

    # -- asking --------------------------------------------------------------------------------------------------

    def search(self, search: Search, *, session: str | None, order: Order, limit: int, cursor: str | None) -> Page[Hit]:
        """The page of hits, as `hansard.query.search_all` gives it over the sessions' own logs.

        `complete` is False if the index, or the catalogue behind it, is not up to date.

        Raises:
            NotFound: there is no such session.
            Invalid: order, limit or cursor are not such, or the condition names what there is not.
            Unavailable: the medium does not answer.
        """
        request = asked(search, order=order, limit=limit, cursor=cursor)
        if session is not None:
            self._check_there(session)
        deadline = time.monotonic() + BUDGET_S
        complete, found, sessions = False, [], _Sessions(self._feed.logs, self._indexer)
        for _ in range(_TRIES):
            born = self._feed.state().born
            complete, over = self._caught_up(deadline)
            # A file that nobody had filled yet got its name just now.
            born = born or self._feed.state().born
            numbers = self._numbers(search, session, over)
            found = list(self._found(request, session, numbers, sessions))
            if born is not None and self._feed.state().born == born:
                break
            # The file was made or replaced meanwhile: its numbers meant nothing, or nobody had filled the new one yet.
            complete = False
        if session is not None and not found:
            # Deleted meanwhile it is not found, rather than without hits.
            self._check_there(session)
        titles = {one.session: sessions.title(one.session) for one in found}
        return page_of(request, found, titles, complete=complete)

    def _check_there(self, session: str) -> None:
        with contextlib.suppress(Corrupt):
            self._feed.logs.info(session)

    def catch_up(self, seconds: float | None = None, progress: Progress | None = None) -> bool:
        """Bring the index up to date, for so many seconds at most; whether it is.

        Raises:
            Unavailable: the medium does not answer.
        """
        return self._caught_up(None if seconds is None else time.monotonic() + seconds, progress)[0]

    def follow_rows(self, seconds: float) -> bool:
        """Read for so many seconds at most what the catalogue has by now; whether all of it is read.

        Raises:
            Unavailable: the medium does not answer.
        """
        with self._work:
            return self._feed.run(time.monotonic() + seconds, whole=False)

    def _caught_up(
        self, deadline: float | None, progress: Progress | None = None
    ) -> tuple[bool, dict[str, SessionInfo | None]]:
        """Whether the index is up to date now; and what the catalogue could not take over."""
        over = self._indexer.catch_up()
        whole = self._indexer.wait(None if deadline is None else COURTESY_S)
        if not self._work.acquire(timeout=-1 if deadline is None else max(0.0, deadline - time.monotonic())):
            return False, over
        try:
            done = self._feed.run(deadline, whole=whole, progress=progress)
        finally:
            self._work.release()
        return done and whole and not over, over

    def _numbers(self, search: Search, session: str | None, over: dict[str, SessionInfo | None]) -> list[int] | None:
        """The numbers of the sessions that can have hits; None if they are many."""
        if session is None and search.condition == EVERYTHING:
            return None
        names = [session]
        if session is None:
            page = self._indexer.catalogue.find(search.condition, order="id", limit=_NARROW_MAX, over=over)
            if page.cursor is not None:
                return None
            names = [info.id for info in page]
        query = "SELECT n FROM sessions WHERE id IN (SELECT value FROM json_each(?))"
        wanted = values.encode(names).decode()
        rows: list[Any] = self._database.read(lambda con: con.execute(query, (wanted,)).fetchall())
        return [n for (n,) in rows]

    def _found(
        self, request: Asked, session: str | None, numbers: list[int] | None, sessions: _Sessions
    ) -> Iterator[Found]:
        """The newest hits, as many as are wanted."""
        query = query_of(request.search, numbers)
        if query is None:
            return
        left = request.wanted
        for candidate in candidates(self._database.read, query, after=request.after_newest, wanted=left):
            one = self._checked(request.search, candidate, sessions) if session in (None, candidate.session) else None
            if one is not None and one.key == candidate.key:
                yield one
                left -= 1
                if not left:
                    return

    def _checked(self, search: Search, candidate: Candidate, sessions: _Sessions) -> Found | None:
        """What the search finds in an entry as it is now."""
        session, seq = candidate.session, candidate.seq
        info = sessions.matching(search, session)
        if info is None or not own_first(info) <= seq <= info.seq:
            return None
        try:
            entry = entry_of(self._feed.logs, session, seq)
            amend = sessions.amend_of(session, seq)
            amendment = None if amend is None else entry_of(self._feed.logs, session, amend)
        except NotFound:
            return None
        if entry is None:
            return None
        calls: dict[str, str] | Calls = {}
        if search.tools or search.without_tools:
            calls = Calls(lambda call: self._database.read(lambda con: tool_called(con, session, call, seq)))
        return find_in(search, info, entry, amendment=amendment, calls=calls)

    # -- keeping -------------------------------------------------------------------------------------------------

    def erased(self, *sessions: str) -> bool:
        """Remove from the file what was erased in these sessions' logs, to the last byte.

        Takes as long as writing the engine's files anew. False: others keep the file in use, so that it may still hold
        the text, though no search returns it; the next search tries again.
        """
        if dbfile.identity(self._path) is None:
            return True
        with self._work:
            try:
                return self._feed.clear(sessions) and self._feed.purge(None)
            except (apsw.BusyError, apsw.ProtocolError, Unavailable):
                return False

    def rebuild(self, progress: Progress | None = None) -> None:
        """Make the index anew in a new file, and let it take the place of this one. Others go on meanwhile.

        Raises:
            Unavailable: the file can't be written, or others keep it locked; nothing has changed.
        """
        lock = self._path.with_name(f"{NAME}.rebuild.lock")
        with locks.locked_file(lock):
            try:
                self._rebuild(progress)
            finally:
                dbfile.remove(lock)
        # Also cleans away what was erased while the new file was filled.
        self.catch_up(WAIT_MS / 1000)

    def _rebuild(self, progress: Progress | None) -> None:
        self._indexer.catch_up()
        whole = self._indexer.wait(None)
        catalogue = self._indexer.catalogue
        built = self._database.beside()
        try:
            total = sum(1 for _ in catalogue.places())
            Feed(built, catalogue, self._feed.logs).run(None, whole=whole, progress=progress, total=total)
            self._database.switch(built, lambda _: None)
        except apsw.BusyError as error:
            built.abandon()
            raise busy(self._path) from error
        except BaseException:
            built.abandon()
            raise

    def forget(self) -> None:
        """In a forked child: have a lock of its own. Done for every index by itself."""
        self._reset()

    def close(self) -> None:
        """Close for good. What is not indexed yet is read by the next search of whoever opens the store."""
        self._database.close()
        _indexes.discard(self)


class _Sessions:
    """The sessions that candidates of one search belong to, each looked at once."""

    def __init__(self, logs: Logs, indexer: Indexer) -> None:
        self._logs = logs
        self._indexer = indexer
        self._known: dict[str, SessionInfo | None] = {}
        self._matching: dict[str, bool] = {}
        self._amended: dict[str, dict[int, int]] = {}

    def matching(self, search: Search, session: str) -> SessionInfo | None:
        """A session, if entries of it can be found."""
        if session not in self._matching:
            info = self._known[session] = self._info(session)
            self._matching[session] = info is not None and session_matches(search, info)
        return self._known[session] if self._matching[session] else None

    def _info(self, session: str) -> SessionInfo | None:
        try:
            return self._logs.info(session)
        except NotFound:
            return None
        except Corrupt:
            row = self._indexer.catalogue.get(session)
            return None if row is None else msgspec.structs.replace(row.info, damaged=True)

    def amend_of(self, session: str, seq: int) -> int | None:
        """The last entry that amends another one."""
        if session not in self._amended:
            info = self._known[session]
            self._amended[session] = {} if info is None else {target: amend for amend, target in info.amendments}
        return self._amended[session].get(seq)

    def title(self, session: str) -> str | None:
        """The title of a session that was found."""
        info = self._known[session]
        return None if info is None else info.title


def path_of_schema() -> Path:
    """The file with the tables."""
    return Path(__file__).with_name("text.sql")


_indexes: weakref.WeakSet[TextIndex] = weakref.WeakSet()


def _forget_all() -> None:
    for index in list(_indexes):
        index.forget()


os.register_at_fork(after_in_child=_forget_all)
