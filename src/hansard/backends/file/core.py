"""What the verbs of the file backend share: the paths, the open logs, and the way an entry or an info is read."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import Literal, Protocol

from ...codec.line import GENESIS
from ...errors import Corrupt, NotFound
from ...model.entry import Entry
from ...model.info import SessionInfo
from ...model.requests import Clock
from ..bells import Bells
from ..derive import detached
from . import inheriting, leasing, rows, salvaging, sources, unbegun
from .known import Start
from .layout import ATTACHMENTS, CHILDREN, PREFIX, Layout, is_real_folder
from .log import Log
from .pool import Pool
from .rows import Row


class Index(Protocol):
    """What the core tells the index, and asks of it. None of it can fail or delay a commit."""

    def announce(self, place: str) -> None:
        """A log is about to be written to: after a crash it must be looked at."""
        ...

    def touched(self, log: Log) -> None:
        """A log was written to, and says now what its row should."""
        ...

    def gone(self, *places: str) -> bool:
        """Sessions were deleted. Their rows are gone, or go soon (False)."""
        ...

    def remembered(self, session: str) -> Start | None:
        """The fold of a session as far as the catalogue has it."""
        ...

    def knew(self, session: str, place: str, inode: int) -> bool:
        """Whether a session was acknowledged at a place, whose log is this file now, or not there (0), for all that is known."""
        ...

    def looked_through(self, place: str, *, damaged: bool) -> None:
        """The log of a place was read whole, or up to damage: its row comes to say so."""
        ...


@contextlib.contextmanager
def _gone_is_not_found(log: Log) -> Generator[None]:
    """A file that is missing because the session was taken away meanwhile is no fault of the disk.

    A deletion renames the folder of a session while others are at work there without its lock, and a reset does so
    whoever has the lock.
    """
    try:
        yield
    except (FileNotFoundError, Corrupt):
        # Without the sessions that it was forked from, which went with it, a fork seems to be damaged.
        if log.is_in_place():
            raise
        msg = f"session {log.session!r} was deleted meanwhile"
        raise NotFound(msg) from None


class Core:
    """The state that all verbs of one open store share."""

    def __init__(self, layout: Layout, clock: Clock, index: Index) -> None:
        """Open nothing yet."""
        self.layout = layout
        self.clock = clock
        self.index = index
        self.bells = Bells()
        self.pool = Pool(self, before=self.announce, after=self._grown)

    def remembered(self, session: str) -> Start | None:
        """The fold of a session as far as the catalogue has it."""
        return self.index.remembered(session)

    def announce(self, log: Log) -> None:
        """Note that a log is about to be written to."""
        self.index.announce(log.place)

    def _grown(self, log: Log) -> None:
        self.index.touched(log)
        self.bells.ring(log.session)

    @contextlib.contextmanager
    def current(self, session: str) -> Generator[Log]:
        """The log of an existing session, brought up to date, for this thread alone.

        Raises:
            NotFound: there is no such session.
            Corrupt: the log is damaged, or what is left of it shows that it was a session.
        """
        with self._again(session) as log, _gone_is_not_found(log):
            self._check_begun(log)
            yield log

    @contextlib.contextmanager
    def _again(self, session: str) -> Generator[Log]:
        """The log after a refresh; looked up a second time if the session was deleted and made anew meanwhile."""
        with contextlib.ExitStack() as stack:
            try:
                log = stack.enter_context(self.pool.using(session))
                log.refresh()
            except NotFound as error:
                stack.__exit__(type(error), error, error.__traceback__)
                log = stack.enter_context(self.pool.using(session))
                log.refresh()
            yield log

    @contextlib.contextmanager
    def held(self, session: str) -> Generator[Log]:
        """The log of an existing session, up to date and locked against every process.

        Raises:
            NotFound, Corrupt: as `current`.
            Unavailable: the session is poisoned or its files can't be opened.
        """
        with self.pool.using(session) as log, log.held(), _gone_is_not_found(log):
            self._check_begun(log)
            yield log

    @contextlib.contextmanager
    def locked(self, session: str) -> Generator[Log]:
        """The log of whatever stands for an id, locked against every process, damaged or not.

        Raises:
            NotFound, Unavailable: nothing stands for it; its files can't be opened.
        """
        with self.pool.using(session) as log, log.locked(), _gone_is_not_found(log):
            yield log

    def _check_begun(self, log: Log) -> None:
        if not log.begun:
            self.check_never_was(log.session, log.place)
            msg = f"session {log.session!r} does not exist in {self.layout.root}"
            raise NotFound(msg)

    def check_never_was(self, session: str, place: str) -> None:
        """Return if nothing shows that a session was acknowledged at a place that has no whole first commit.

        Raises:
            Corrupt: it was.
        """
        if not self.was_session(session, place):
            return
        path = self.layout.log(place)
        msg = (
            f"{path}: session {session!r} was here, but its log is gone, empty or cut in the first line. "
            "Restore it from a backup; `hansard check --repair` moves what is left to quarantine"
        )
        raise Corrupt(msg, path=str(path), line=1)

    def was_session(self, session: str, place: str) -> bool:
        """Whether anything shows that a session was acknowledged at a place that has no whole first commit."""
        folder = self.layout.folder(place)
        if (folder / CHILDREN).exists():
            return True
        if any((folder / name).exists() for name in (ATTACHMENTS, PREFIX)) and not unbegun.is_said(folder):
            return True
        now = rows.stamp(self.layout.root, place) or rows.NOTHING
        known = is_real_folder(folder) and self.index.knew(session, place, now[0])
        return known and (rows.stamp(self.layout.root, place) or rows.NOTHING) == now

    def info(self, session: str) -> SessionInfo:
        """What a session is now; the caller may change it."""
        with self.current(session) as log:
            info = log.fold.info()
            return detached(leasing.overlaid(self.layout.folder(log.place), info))

    def sources(self, session: str, *, damage: bool = True, around: bool = False) -> list[sources.Source]:
        """Where a session's entries are read, oldest first; with damage, up to it. `around` as for `inheriting.inherited`.

        Raises:
            NotFound: there is no such session.
            Corrupt: what it inherits can't be found.
        """
        with contextlib.ExitStack() as stack:
            try:
                log = stack.enter_context(self.current(session))
                found: Corrupt | None = None
            except Corrupt as error:
                if not damage:
                    raise
                log = stack.enter_context(self.pool.using(session))
                found = error
            own = log.source(found)
            before = inheriting.inherited(self.layout, log.place, log.segments, around=around)
        return [*before, own]

    def entries(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        newest_first: bool = False,
        on_damage: Literal["raise", "skip"] = "raise",
        known: Row | None = None,
    ) -> Iterator[Entry]:
        """As the contract says. With its row `known`, a log that is as the row says is read without being opened for long."""
        own = None if known is None else self._as_known(known)
        skips = on_damage == "skip"
        found = self.sources(session, around=skips) if own is None else [own]
        if skips:
            entries = self._salvaged(session, found, after, before)
            return reversed(entries) if newest_first else iter(entries)
        begins = found[-1].begins
        return sources.read_on(
            found, lambda: self._again_sources(session, begins), after=after, before=before, newest_first=newest_first
        )

    def _salvaged(self, session: str, found: list[sources.Source], after: int, before: int | None) -> list[Entry]:
        while True:
            try:
                return [e for one in found for e in salvaging.salvage(one, after, before)]
            except FileNotFoundError:
                again = self._again_sources(session, found[-1].begins, around=True)
                if [one.inode for one in again] == [one.inode for one in found]:
                    raise
                found = again

    def _again_sources(self, session: str, begins: str, *, around: bool = False) -> list[sources.Source]:
        """Where the entries of a session are now, some of which were taken away or replaced.

        Raises:
            NotFound: the session was taken away, too, perhaps to be made anew.
        """
        found = self.sources(session, around=around)
        if begins and found[-1].begins != begins:
            msg = f"session {session!r} was deleted meanwhile"
            raise NotFound(msg)
        return found

    def _as_known(self, row: Row) -> sources.Source | None:
        """The log of a session of one segment as far as its row covers it; None if the file is another by now."""
        now = None if row.info.segments or not row.offset else rows.stamp(self.layout.root, row.place)
        if now is None or now[0] != row.inode or now[1] < row.offset:
            return None
        return sources.Source(self.layout.log(row.place), 1, row.info.seq, row.offset, 1, inode=row.inode)

    def lines(self, session: str, *, after: int = 0) -> Iterator[bytes]:
        """The lines of a session's own log behind entry `after`, each checked against digest and chain."""
        return self._lines(session, *self._own(session), after)

    def _own(self, session: str) -> tuple[sources.Source, bytes]:
        """A session's own log, and the hash before its first line."""
        own = self.sources(session)[-1]
        with self.pool.using(session) as log:
            return own, bytes.fromhex(log.segments[-1].hash) if log.segments else GENESIS

    def _lines(self, session: str, own: sources.Source, previous: bytes, after: int) -> Iterator[bytes]:
        while True:
            try:
                yield from sources.verified_lines(own, previous, after)
            except FileNotFoundError:
                # It was to be opened, so nothing was given.
                again, previous = self._own(session)
                sources.check_moved(own, [again])
                own = again
            else:
                return

    def entry(self, session: str, seq: int) -> Entry | None:
        """One entry, None if there is none with this number."""
        with self.current(session) as log:
            return log.entry_at(seq)
