"""Keeps the catalogue behind the logs without ever standing in front of them.

A commit says before and after what it touched, which costs a set and a dictionary entry; rows follow in batches, by a
thread or by whoever asks. What a process has not yet made durable in the catalogue is named in its note, so `find`
compares what live writers have noted, and a crash leaves a few sessions to compare, not all. Only a lost catalogue, or
a note from before the system went down, asks for a look at every log; that is done in the background (`survey.py`).

Lock order: `_work` (one flush or comparison at a time; held while logs are read), then `_state` (never held across a
log or the catalogue). So a caller that holds a log may call `begin`, `touched` and nothing else of this class.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import apsw

from ...backend import Progress
from ...errors import HansardError, NotFound, Unavailable, Unsupported
from ...limits import NOTED_SESSIONS_MAX
from ...model.info import SessionInfo
from ...model.requests import Page
from ...query import Condition
from . import notes
from .catalogue import Catalogue
from .layout import is_real_folder
from .notes import Note, WriterNote
from .problems import Problems
from .rows import Reader, Row, Seen, stamp
from .survey import Survey, rebuild
from .worker import Worker

Supplier: TypeAlias = Callable[[], Row | None]
"""The row of a session as it is now, asked for on another thread; None: the session is gone."""

FLUSH_WAIT_MS: Final = 2_000
"""How long `find` waits for other writers of the catalogue before it lays what is new over the rows instead."""

COURTESY_S: Final = 0.25
"""How long the first `find` on an incomplete catalogue waits for it, so that small stores never look incomplete."""

_CLEAN_FROM: Final = NOTED_SESSIONS_MAX * 3 // 4


class Indexer:
    """The catalogue of one open store, its writer note, and the thread that brings both up to date."""

    def __init__(self, root: Path, catalogue: Catalogue, reader: Reader, *, boot: str | None = None) -> None:
        """Begin with nothing in hand; `start` looks at what others left."""
        self.catalogue = catalogue
        self._root = root
        self._reader = reader
        self._boot = notes.boot_id() if boot is None else boot
        self._writers = catalogue.path.parent / "writers"
        self._note = WriterNote(self._writers, self._boot)
        self._closed = False
        self._first_find = True
        self._reset()
        _indexers.add(self)

    def _reset(self) -> None:
        self._work = threading.RLock()
        self._state = threading.Lock()
        self._dirty: dict[str, Supplier] = {}
        self._inflight: set[str] = set()
        self._problems = Problems()
        self._survey = Survey(self._root, self.catalogue, self._boot, compare=self.compare, serve=self._serve)
        self._worker = Worker(self._turn)

    # -- called around each commit -------------------------------------------------------------------------------

    def begin(self, place: str) -> None:
        """A log is about to be written to. Its place is noted: whatever happens now, somebody will look at it.

        Raises:
            Unavailable: the note can't be written. Nothing may be appended then.
        """
        with self._state:
            self._note.add(place)
            self._inflight.add(place)
            full = len(self._note.names) >= _CLEAN_FROM
        if full:
            self._wake()

    def touched(self, place: str, supplier: Supplier) -> None:
        """A log was written to, or its session removed. Never waits and never fails; the row follows."""
        with self._state:
            self._inflight.discard(place)
            first = not self._dirty
            self._dirty[place] = supplier
            many = len(self._dirty) >= NOTED_SESSIONS_MAX
        self._worker.touch()
        if first or many:
            self._wake(soon=many)

    def _wake(self, *, soon: bool = True) -> None:
        try:
            self._worker.wake(soon=soon)
        except RuntimeError as error:
            # No thread can be started, as at the end of the interpreter; find and close do its work then.
            self._problems.add("thread", error)

    # -- asking --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Look at what is there: an incomplete catalogue or an earlier boot's notes are taken up in the background."""
        self._survey.tidy()
        if self._survey.needed() and not self._survey.trivial():
            self._wake()

    def find(self, condition: Condition, *, order: str, limit: int, cursor: str | None = None) -> Page[SessionInfo]:
        """The page of `find`, every acknowledged append of any process included, as far as `complete` says.

        Raises:
            Invalid: order, limit, cursor or condition are not such.
            Unavailable: the catalogue does not answer.
        """
        over = self.catch_up()
        complete = self.wait(COURTESY_S if self._first_find else 0.0)
        self._first_find = False
        page = self.catalogue.find(condition, order=order, limit=limit, cursor=cursor, over=over)
        return Page(page.items, page.cursor, complete=complete)

    @property
    def complete(self) -> bool:
        """Nothing is known to be missing from the catalogue but what notes name."""
        return not self._survey.needed()

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be indexed, and why; each is tried again until it works."""
        return self._problems.texts()

    def wait(self, timeout: float | None = None, progress: Progress | None = None) -> bool:
        """Wait until the catalogue is complete, or for so many seconds; whether it is."""
        if not self._survey.needed() or self._survey.trivial():
            return True
        return self._survey.wait(timeout, progress, alive=self._wake)

    # -- bringing the catalogue up to date -----------------------------------------------------------------------

    def flush(self, wait_s: float = 0.0) -> bool:
        """Put the rows of what was touched; False if others keep the catalogue locked for so long."""
        return not self._flush(int(wait_s * 1000))

    def _flush(self, wait_ms: int) -> list[Row | str]:
        """Put the rows of what was touched; what could not be put: rows, and places of sessions that are gone."""
        with self._work:
            with self._state:
                batch, self._dirty = self._dirty, {}
            rows, gone = self._supplied(batch)
            left: list[Row | str] = [] if self._put(rows, gone, wait_ms) else [*rows, *gone]
            if left:
                with self._state:
                    self._dirty = {**batch, **self._dirty}
            return left

    def _put(self, rows: Sequence[Row], gone: Sequence[str], wait_ms: int) -> bool:
        """Put rows; False if none could be put. One that no catalogue takes is a problem of its own."""
        try:
            done = self.catalogue.put(rows, gone=gone, wait_ms=wait_ms)
        except (Unavailable, apsw.SQLError) as error:
            self._problems.add("index", error)
            return False
        except Exception as error:  # noqa: BLE001 - a row that can't be put must not stop the others
            if rows and len(rows) + len(gone) > 1:
                singles: list[tuple[list[Row], list[str]]] = [*(([row], []) for row in rows), ([], list(gone))]
                return min(self._put(some, others, wait_ms) for some, others in singles)
            self._problems.add(rows[0].place if rows else "index", error)
            return True
        self._problems.solved("index")
        return done

    def _supplied(self, batch: dict[str, Supplier]) -> tuple[list[Row], list[str]]:
        rows: list[Row] = []
        gone: list[str] = []
        for place, supplier in batch.items():
            try:
                row = self._current(place, supplier)
            except Exception as error:  # noqa: BLE001 - a row that can't be made must not stop the others
                self._problems.add(place, error)
                with self._state:
                    self._dirty.setdefault(place, supplier)
                continue
            self._problems.solved(place)
            if row is None:
                gone.append(place)
            else:
                rows.append(row)
        return rows, gone

    def _current(self, place: str, supplier: Supplier) -> Row | None:
        try:
            return supplier()
        except NotFound:
            return None
        except HansardError:
            # The open log is closed or in trouble; the file itself can still be read.
            return self._reader.fold_on(place, None)

    def clean_point(self, *, whole: bool = False) -> bool:
        """Make durable what was put, and forget the names of what is done; False if not all could be put."""
        with self._work:
            with self._state:
                known = set(self._note.names)
            done = self.flush(FLUSH_WAIT_MS / 1000)
            try:
                self.catalogue.sync(whole=whole)
                with self._state:
                    busy = self._inflight | self._dirty.keys()
                    self._note.clean({name for name in self._note.names if name in busy or name not in known})
            except (HansardError, apsw.Error, OSError) as error:
                self._problems.add("index", error)
                return False
            return done

    def catch_up(self) -> dict[str, SessionInfo | None]:
        """Compare what all writers have noted, and flush. What could not be put is returned, to be laid over.

        Raises:
            Unavailable: the catalogue does not answer.
        """
        with self._work:
            left = self._flush(FLUSH_WAIT_MS)
            for note in notes.scan(self._writers, own=self._note.id):
                try:
                    left += self._catch_up_with(note)
                finally:
                    notes.keep(note)
            return self._overlay(left)

    def _catch_up_with(self, note: Note) -> list[Row | str]:
        if note.dead and note.boot != self._boot:
            # Its names are not all that it touched; the survey reads them with everything else.
            self._survey.suspect()
            return []
        left = self.compare(note.names)
        if note.dead and not left and not self._problems.touch(note.names):
            self.catalogue.sync()
            notes.dismiss(self._writers, note)
        return left

    def compare(self, places: Iterable[str], *, anew: bool = False) -> list[Row | str]:
        """Bring the rows of these places up to their logs; what could not be put: rows, and places that are gone.

        Raises:
            Unavailable: the catalogue can't be read.
        """
        with self._work:
            places = tuple(places)
            known, version = self.catalogue.seen(places), self.catalogue.fold_version
            rows: list[Row] = []
            gone: list[str] = []
            for place in places:
                seen = known.get(place)
                try:
                    now = stamp(self._root, place)
                except OSError as error:
                    self._not_read(place, error, rows, seen=seen)
                    continue
                if now is None and (seen is None or not is_real_folder(self._root / place)):
                    gone += [] if seen is None else [place]
                elif now is None or anew or seen is None or seen.fold_version < version or now != seen.stamp:
                    self._fold(place, seen, rows, gone, anew=anew)
            if self._put(rows, gone, FLUSH_WAIT_MS):
                # A row of a newer version's fold stays; what its log says by now is laid over it.
                newer = {place for place, seen in known.items() if seen.fold_version > version}
                return [row for row in rows if row.place in newer]
            return [*rows, *gone]

    def _fold(self, place: str, seen: Seen | None, rows: list[Row], gone: list[str], *, anew: bool) -> None:
        try:
            row = self._reader.fold_on(place, self.catalogue.at(place) if seen is not None and not anew else None)
        except Unsupported as error:
            # Nothing to try again: a newer version wrote it, and lists it.
            self._problems.add(f"{place} (not for this version)", error)
            return
        except Exception as error:  # noqa: BLE001 - one unreadable session must not hide the others
            self._not_read(place, error, rows, seen=seen)
            return
        self._problems.solved(place)
        if row is not None:
            rows.append(row)
        elif seen is not None:
            gone.append(place)

    def _not_read(self, place: str, error: Exception, rows: list[Row], *, seen: Seen | None) -> None:
        """Keep the error, and have the session listed as damaged if it was not known: a listing says nothing of its own."""
        self._problems.add(place, error)
        if seen is None and (row := self._reader.unread(place)) is not None:
            rows.append(row)

    def _overlay(self, left: Sequence[Row | str]) -> dict[str, SessionInfo | None]:
        over: dict[str, SessionInfo | None] = {}
        for item in left:
            if isinstance(item, Row):
                over[item.id] = item.info
            elif (seen := self.catalogue.seen([item]).get(item)) is not None:
                over[seen.id] = None
        return over

    def rebuild(self, progress: Progress | None = None) -> None:
        """Make every row anew from its log in a new file, and let it take the place of this one. Others go on.

        Raises:
            Unavailable: the catalogue can't be written, or others keep it locked.
        """
        with self._survey.alone():
            changed = rebuild(self._root, self.catalogue, self._fold_anew, progress)
            self.compare(changed, anew=True)
            self.catalogue.sync()

    def _fold_anew(self, place: str) -> Row | None:
        try:
            row = self._reader.fold_on(place, None)
        except Exception as error:  # noqa: BLE001 - what is known of it stays listed
            self._problems.add(place, error)
            return self.catalogue.at(place) or self._reader.unread(place)
        self._problems.solved(place)
        return row

    # -- the thread ----------------------------------------------------------------------------------------------

    def _turn(self, *, idle: bool) -> bool:
        """One turn of the thread: whatever is due. Whether there is more to do."""
        try:
            self._serve(idle=idle)
            if self._survey.needed():
                self._survey.run()
            behind = self._survey.needed()
        except Exception as error:  # noqa: BLE001 - the thread stays; the error is shown and the work tried again
            self._problems.add("index", error)
            behind = True
        with self._state:
            return behind or bool(self._dirty) or len(self._note.names) >= NOTED_SESSIONS_MAX

    def _serve(self, *, idle: bool = False) -> None:
        with self._state:
            full = len(self._note.names) >= _CLEAN_FROM
            many = len(self._dirty) >= NOTED_SESSIONS_MAX
        if full:
            self.clean_point()
        elif many or idle:
            self._flush(0)

    # -- ending --------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """In a forked child: what the parent has in hand is the parent's. Done for every indexer by itself, too."""
        self._reset()

    def close(self) -> None:
        """Put what was touched, make it durable and remove the note. What can't be is left in the note for others."""
        if self._closed:
            return
        self._closed = True
        self._survey.stop()
        self._worker.stop()
        self._settle()
        if self._note.names or self._dirty:
            self.clean_point(whole=True)
        self._note.close()
        self.catalogue.close()
        _indexers.discard(self)

    def _settle(self) -> None:
        """Compare the logs whose last write began and was not heard of again."""
        with self._state:
            unsettled = set(self._inflight)
        try:
            left = self.compare(unsettled)
        except HansardError as error:
            self._problems.add("index", error)
            return
        if not left and not self._problems.touch(unsettled):
            with self._state:
                self._inflight -= unsettled


_indexers: weakref.WeakSet[Indexer] = weakref.WeakSet()


def _forget_all() -> None:
    for indexer in list(_indexers):
        indexer.forget()


os.register_at_fork(after_in_child=_forget_all)
