"""Keeps `search.db` behind the logs: what has changed is read on from where the index stands, in bounded steps.

The catalogue's revisions say which sessions changed. Of each, the entries behind the covered one are read, if that one
still stands in the log; else the session is read anew. Another process may do the same at the same time: whatever one
of them writes says what it takes the index to be, and is read again if it was not.

Erased text goes in two steps: the session's rows go, so that they are found no more, and then the engine's files are
written anew (`purge`), which may take as long as writing the index did.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import apsw
import msgspec

from ...backend import Progress
from ...errors import Corrupt, HansardError, NotFound
from ...model.entry import Entry
from .catalogue import Catalogue
from .database import WAIT_MS, Database, busy
from .rows import Change, Row
from .textread import Calls, Erased, Logs, SessionText
from .textrows import Batch, Covered, Overtaken, covered, drop, meta, put_session, set_meta, tool_called, write

WHAT: Final = "text"
"""What progress is reported on."""

_SWEPT: Final = 100
_TOGETHER: Final = 32
"""Rows that are asked for at a time: each may hold a state of a MiB."""

_MERGED_PAGES: Final = 500
_EVER: Final = (1 << 63) - 1


class _Late(Exception):
    """The time is over."""


class State(msgspec.Struct, frozen=True):
    """Where the index stands."""

    born: str | None
    """Names this very file."""
    generation: str | None
    rev: int
    sweeping: bool
    """Not every session of the index has been met since the catalogue was begun anew."""
    unread: bool
    dirty: bool
    """Erased text may be left in the file."""


class Feed:
    """Brings one text index up to the catalogue. One thread at a time."""

    def __init__(self, database: Database, catalogue: Catalogue, logs: Logs) -> None:
        """Feed `database` with the entries of `logs`."""
        self.logs = logs
        self._database = database
        self._catalogue = catalogue
        self._batch = Batch()
        self._deadline: float | None = None
        self._met = ("", 0, "", Calls(None))
        """Of the session that was read last: how far, and the calls met so far."""

    def state(self) -> State:
        """Where the index stands."""
        return self._database.read(_state)

    def run(self, deadline: float | None, *, whole: bool, progress: Progress | None = None, total: int = 0) -> bool:
        """Read what has changed, until a time of `time.monotonic` or the end; whether that was reached.

        `whole`: the catalogue is complete, so a session that it does not have is gone.

        Raises:
            Unavailable: the medium does not answer; without a deadline, also if others keep the index locked.
        """
        self._deadline = deadline
        while True:
            try:
                return self._follow(whole=whole, progress=progress, total=total)
            except _Late:
                return False
            except Overtaken:
                if self._late():
                    return False
            except (apsw.BusyError, apsw.ProtocolError) as error:
                if self._deadline is None:
                    raise busy(self._database.path) from error
                if self._late():
                    return False

    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _write(self, work: Callable[[apsw.Connection], object]) -> None:
        self._database.write(work, wait_ms=self._wait_ms())

    def _wait_ms(self) -> int:
        left = WAIT_MS if self._deadline is None else int((self._deadline - time.monotonic()) * 1000)
        return max(1, min(WAIT_MS, left))

    def _flush(self) -> None:
        batch, self._batch = self._batch, Batch(generation=self._batch.generation)
        if not batch.empty:
            self._write(lambda con: write(con, batch))

    # -- following the catalogue ---------------------------------------------------------------------------------

    def _follow(self, *, whole: bool, progress: Progress | None, total: int) -> bool:
        generation = self._catalogue.generation
        state = self.state()
        if state.generation != generation:
            self._write(lambda con: _begin(con, generation))
            state = self.state()
        self._batch = Batch(generation=generation)
        troubled = False
        for done, (change, row, now) in enumerate(self._changes(state.rev), 1):
            troubled |= not self._take(change.id, row, now, met=state.sweeping)
            self._batch.rev = change.rev
            if progress is not None:
                progress(WHAT, min(done, total) if total else done, total)
            self._flush_if_due()
        self._flush()
        if state.unread:
            troubled |= not self._again()
        if state.sweeping and whole:
            self._sweep()
        if self.state().dirty:
            self.purge(self._deadline)
        return not troubled and self._catalogue.generation == generation

    def _changes(self, since: int) -> Iterator[tuple[Change, Row | None, Covered | None]]:
        """What has changed, with its row and what the index has of it, asked for some at a time."""
        changes = self._catalogue.changed(since)
        while some := list(islice(changes, _TOGETHER)):
            ids = [change.id for change in some]
            rows = self._catalogue.of(ids)
            now = self._covered(ids)
            for change in some:
                # One that changed once more meanwhile was taken a moment ago.
                again = change.id in self._batch.before
                yield change, rows.get(change.id), self._after_flush(change.id) if again else now[change.id]

    def _covered(self, sessions: Sequence[str]) -> dict[str, Covered | None]:
        return self._database.read(lambda con: {session: covered(con, session) for session in sessions})

    def _after_flush(self, session: str) -> Covered | None:
        self._flush()
        return self._covered([session])[session]

    def _flush_if_due(self) -> None:
        late = self._late()
        if late or self._batch.full:
            self._flush()
        if late:
            raise _Late

    def _again(self) -> bool:
        """Read the sessions again that could not be read."""
        query = "SELECT id FROM sessions WHERE unread = 1"
        found: list[Any] = self._database.read(lambda con: con.execute(query).fetchall())
        fine = True
        for (session,) in found:
            fine = (
                self._take(session, self._catalogue.get(session), self._covered([session])[session], met=False) and fine
            )
            self._flush_if_due()
        self._flush()
        return fine

    def _sweep(self) -> None:
        """Remove the sessions that the catalogue, begun anew, does not have."""

        def some(con: apsw.Connection) -> None:
            query = "SELECT id FROM sessions WHERE pass < ? LIMIT ?"
            found = [session for (session,) in con.execute(query, (meta(con, "pass") or 0, _SWEPT))]
            for session in found:
                drop(con, session)
            set_meta(con, "sweeping", int(bool(found)))

        while True:
            self._write(some)
            if not self.state().sweeping:
                return
            if self._late():
                raise _Late

    # -- one session ---------------------------------------------------------------------------------------------

    def _take(self, session: str, row: Row | None, now: Covered | None, *, met: bool) -> bool:
        """Put into the batch what the index lacks of a session; False if its log could not be read for now.

        `row` is the session's in the catalogue, `now` what the index has of it, this batch apart, which has nothing.
        """
        self._batch.expect(session, now)
        if row is None:
            if now is not None:
                self._batch.drop(session)
            return True
        info = row.info
        if now is not None and not now.unread and (now.seq, now.hash) == (info.seq, info.hash):
            if met:
                self._batch.met.append(session)
            return True
        try:
            self._read_on(row, now)
        except NotFound:
            self._batch.drop(session)
        except (HansardError, OSError):
            found = self._batch.after.get(session, now or Covered())
            self._batch.after[session] = msgspec.structs.replace(found, unread=True)
            return False
        return True

    def _read_on(self, row: Row, now: Covered | None) -> None:
        info, text = row.info, SessionText(self.logs, row)
        if now is not None:
            if now.seq and text.stands(now):
                try:
                    self._read(text, now)
                except Erased:
                    self._batch.purge = True
                else:
                    return
            self._batch.drop(info.id)
        # What is read from here on was cleared in the log before the catalogue heard of it.
        self._read(text, Covered(clean=info.seq))

    def _read(self, text: SessionText, start: Covered) -> None:
        """Take the entries behind `start`; what was reached is written, with all else, whenever that is due."""
        session = text.info.id
        calls = self._calls_up_to(session, start)
        last: Entry | None = None
        whole = False

        def reached(*, unread: bool) -> Covered:
            if last is None:
                return msgspec.structs.replace(start, unread=unread)
            return Covered(last.seq, last.hash, start.clean, unread)

        try:
            for entry in text.behind(start):
                text.put(entry, self._batch, calls, start)
                last = entry
                if self._batch.full or self._late():
                    now = self._batch.after[session] = reached(unread=True)
                    self._flush_if_due()
                    self._batch.expect(session, now)
            whole = (start.seq if last is None else last.seq) == text.info.seq
        except Corrupt:
            # What stands before the damage is found; the rest is tried again, for it may be restored.
            whole = False
        finally:
            # Also after an error: the rows that were taken belong to what was reached.
            end = self._batch.after[session] = reached(unread=not whole)
            self._met = session, end.seq, end.hash, calls

    def _calls_up_to(self, session: str, start: Covered) -> Calls:
        """The calls of a session that were met up to a place: remembered where the last reading ended there."""
        *last, calls = self._met
        if start.seq and last == [session, start.seq, start.hash]:
            return calls
        return Calls(None if start.seq == 0 else lambda call: self._tool_called(session, call))

    def _tool_called(self, session: str, call: str) -> str | None:
        return self._database.read(lambda con: tool_called(con, session, call, _EVER))

    # -- erased text ---------------------------------------------------------------------------------------------

    def clear(self, sessions: Iterable[str]) -> bool:
        """Remove the rows of sessions in which something was erased since they were read; they are read anew later.

        Raises:
            apsw.BusyError: others keep writing to the index.
            Unavailable: the medium does not answer.
        """
        self._deadline = None
        for session in sessions:
            try:
                info = self.logs.info(session)
                now = info.seq, info.hash
            except (NotFound, Corrupt):
                now = None
            self._write(lambda con, session=session, now=now: _clear(con, session, now))
        return True

    def purge(self, deadline: float | None) -> bool:
        """Write the engine's files anew, without what was removed, and empty the write-ahead log; whether that is done.

        Raises:
            apsw.BusyError, Unavailable: others keep writing; the medium does not answer.
        """
        self._deadline = deadline
        wanted = self._database.read(lambda con: meta(con, "purge") or 0)
        for table in ("said", "output"):
            pages = -_MERGED_PAGES
            while self._merge(table, pages):
                pages = _MERGED_PAGES
                if self._late():
                    return False
        if not self._database.empty_log(wait_ms=self._wait_ms()):
            return False
        self._write(lambda con: set_meta(con, "purged", wanted))
        return True

    def _merge(self, table: str, pages: int) -> bool:
        """Merge a part of an FTS5 table's segments; whether there may be more to merge."""
        more = False

        def work(con: apsw.Connection) -> None:
            nonlocal more
            before = con.total_changes()
            con.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', ?)", (pages,))  # noqa: S608 - of two
            more = con.total_changes() - before >= 2 or pages < 0

        self._write(work)
        return more


def _state(con: apsw.Connection) -> State:
    held = dict(con.execute("SELECT key, value FROM meta"))
    unread: int = con.execute("SELECT EXISTS (SELECT 1 FROM sessions WHERE unread = 1)").get
    return State(
        born=held.get("born"),
        generation=held.get("generation"),
        rev=held.get("rev", 0),
        sweeping=bool(held.get("sweeping")),
        unread=bool(unread),
        dirty=held.get("purge", 0) > held.get("purged", 0),
    )


def _begin(con: apsw.Connection, generation: str) -> None:
    """Compare every session: the catalogue counts anew, so what was covered says nothing about what has gone."""
    if meta(con, "born") is None:
        set_meta(con, "born", os.urandom(8).hex())
    if meta(con, "generation") != generation:
        set_meta(con, "generation", generation)
        set_meta(con, "rev", 0)
        set_meta(con, "pass", (meta(con, "pass") or 0) + 1)
        set_meta(con, "sweeping", 1)


def _clear(con: apsw.Connection, session: str, now: tuple[int, str] | None) -> None:
    known = covered(con, session)
    if known is not None and (known.seq, known.hash) == now:
        # Somebody has read the erasure already, and removed what it took away.
        return
    drop(con, session)
    # Said also of a session that was not there: who is reading it must not put in what was erased meanwhile.
    put_session(con, session, Covered(unread=True), meta(con, "pass") or 0)
    set_meta(con, "purge", (meta(con, "purge") or 0) + 1)
