"""The catalogue's view of the logs, and the logs' view of the catalogue: each asks the other through here."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from ...codec.names import id_of
from ...errors import Corrupt, NotFound, Unavailable
from ...fold import FOLD_VERSION, Fold
from ...model.info import SessionInfo
from . import notes, rows, scan, sources
from .catalogue import Catalogue
from .glance import glance
from .indexer import Indexer
from .known import Start
from .layout import Layout
from .log import Log
from .rows import Row

if TYPE_CHECKING:
    from .core import Core


_WAIT_MS: Final = 2000
"""So many milliseconds an erasure or a deletion waits for others who use the index."""


class Mirror:
    """What the core tells the index and asks of it, and how the index reads the logs."""

    def __init__(self, layout: Layout, *, store: str) -> None:
        """Open the catalogue of the store with these paths, which has this id."""
        path = layout.derived / "index.db"
        catalogue = Catalogue(path, fold_version=FOLD_VERSION, store=store, logs=layout.root)
        self.indexer = Indexer(layout.root, catalogue, self)
        self._root, self._writers = layout.root, layout.writers
        self._core: Core | None = None

    def follow(self, core: Core) -> None:
        """Read the logs through this core from now on."""
        self._core = core
        self.indexer.start()

    # -- what the core says and asks -----------------------------------------------------------------------------

    def announce(self, place: str) -> None:
        """A log is about to be written to: after a crash it must be looked at."""
        self.indexer.begin(place)

    def touched(self, log: Log) -> None:
        """A log was written to. Its row is made later, on another thread."""
        session, place, inode, fold = log.session, log.place, log.inode, log.fold

        def row() -> Row | None:
            try:
                return self._row(session, place)
            except (NotFound, Corrupt):
                # What this process wrote was a session, whatever has become of its file since.
                return self._spoiled(place, inode, fold)

        self.indexer.touched(place, row)

    def gone(self, *places: str) -> bool:
        """Sessions were taken away. Their rows are gone, or go soon (False) where others keep the catalogue locked."""
        for place in places:
            self.indexer.touched(place, lambda: None)
        with contextlib.suppress(Unavailable):
            return self.indexer.catalogue.put((), gone=places, wait_ms=_WAIT_MS)
        return False

    def purge(self) -> bool:
        """No file of the index holds what was erased in the logs, such as a title; False if others were in the way."""
        try:
            return self.indexer.flush(_WAIT_MS / 1000) and self.indexer.catalogue.sync(whole=True, wait_ms=_WAIT_MS)
        except Unavailable:
            return False

    def remembered(self, session: str) -> Start | None:
        """The fold of a session as far as the catalogue has it."""
        try:
            row = self.indexer.catalogue.get(session)
        except Unavailable:
            return None
        if row is None or not row.offset:
            return None
        return Start(
            row.inode, row.size, row.mtime_ns, scan.Mark(row.offset, row.info.seq, bytes.fromhex(row.hash)), row.fold
        )

    def knew(self, session: str, place: str, inode: int) -> bool:
        """Whether a session was acknowledged at a place, whose log is this file now, or not there (0), for all that is known."""
        row = self._row_at(session, place)
        if row is None or row.inode == inode:
            return row is not None
        # Whoever takes a session away has noted it before, and until its row is gone: so the row is asked once more.
        return not notes.may_be_noted(self._writers, place) and self._row_at(session, place) is not None

    def _row_at(self, session: str, place: str) -> Row | None:
        try:
            row = self.indexer.catalogue.get(session)
        except Unavailable:
            return None
        return row if row is not None and row.place == place else None

    def looked_through(self, place: str, *, damaged: bool) -> None:
        """The log of a place was read whole, or up to damage: its row comes to say so."""
        if not damaged:
            try:
                row = self.indexer.catalogue.at(place)
            except Unavailable:
                return
            if row is None or not row.info.damaged:
                return
        self.indexer.touched(place, lambda: self._read_anew(place))

    # -- what the indexer asks -----------------------------------------------------------------------------------

    def fold_on(self, place: str, row: Row | None) -> Row | None:
        """The row of what the log of a place holds now; None if no session is there."""
        core = self._core
        if core is None:
            return row
        if row is None and (whole := glance(core.layout, place)) is not None:
            return whole
        session = _session_at(core, place) or (None if row is None else row.id)
        if session is None:
            return None
        try:
            fresh = None if row is not None else _fresh_row(core, session, place)
            return fresh or self._row(session, place)
        except NotFound:
            return None
        except Corrupt:
            return self._damaged(session, place, row)

    def unread(self, place: str) -> Row | None:
        """The row of a session that nothing is known of but its place, as its log can't be read; None if not even its id."""
        session = id_of(place.rpartition("/")[2])
        return None if session is None else _damaged_row(place, rows.NOTHING, SessionInfo(session))

    def _row(self, session: str, place: str) -> Row | None:
        core = self._core
        if core is None:
            return None
        with core.current(session) as log:
            return None if log.place != place else _row_of(log, log.stamp[1:], log.fold.info())

    def _read_anew(self, place: str) -> Row | None:
        """The row of a place, whatever the catalogue and open logs say: its log is read from the beginning."""
        core, row = self._core, self.indexer.catalogue.at(place)
        session = None if core is None else _session_at(core, place) or (None if row is None else row.id)
        if core is None or session is None:
            return row
        try:
            fresh = _fresh_row(core, session, place)
            if fresh is None:
                core.check_never_was(session, place)
        except NotFound:
            return None
        except Corrupt:
            return self._damaged(session, place, row)
        return fresh

    def _damaged(self, session: str, place: str, row: Row | None) -> Row | None:
        core = self._core
        if core is None:
            return None
        now = rows.stamp(self._root, place) or rows.NOTHING
        info = SessionInfo(session) if row is None else row.info
        with contextlib.suppress(NotFound), core.pool.using(session) as log:
            if not log.begun:
                # Nobody has looked at it: what stands before the damage is told and found all the same.
                with contextlib.suppress(Corrupt):
                    log.refresh()
            if log.begun and log.place == place:
                info = log.fold.info()
        return _damaged_row(place, now, info)

    def _spoiled(self, place: str, inode: int, fold: Fold) -> Row | None:
        """The row of a session that was whole, if its file is still there; None if it was deleted or replaced."""
        now = rows.stamp(self._root, place)
        return None if now is None or now[0] != inode else _damaged_row(place, now, fold.info())


class _Alone:
    """The surroundings of a log that is read by itself."""

    def __init__(self, core: Core) -> None:
        self.layout = core.layout
        self.clock = core.clock
        self.check_never_was = core.check_never_was

    def remembered(self, session: str) -> Start | None:  # noqa: ARG002 - the interface
        """Nothing: it is read from its beginning."""
        return None


def _fresh_row(core: Core, session: str, place: str) -> Row | None:
    """The row of a session that the catalogue does not know, read without keeping its log open; None if that fails.

    A look at a whole store reads every log once, and would only push those out that somebody uses.
    """
    if core.layout.find(session) != place:
        return None
    log = Log(_Alone(core), session, place)
    with log.mutex:
        try:
            log.refresh()
            return _row_of(log, log.stamp[1:], log.fold.info()) if log.begun else None
        finally:
            log.close()


def _session_at(core: Core, place: str) -> str | None:
    try:
        body = sources.read_first_entry(core.layout.log(place)).body
    except (FileNotFoundError, NotADirectoryError, Corrupt):
        # What is there and can't be read may be a session all the same, so any other error is the caller's.
        return None
    session = body.get("session") if isinstance(body, dict) else None
    return session if isinstance(session, str) else None


def _damaged_row(place: str, now: tuple[int, int, int], info: SessionInfo) -> Row:
    # Covered by nothing: the next reader has to fold it anew, and finds the damage again.
    info = msgspec.structs.replace(info, damaged=True)
    inode, size, mtime_ns = now
    return Row(place, inode, mtime_ns, size, 0, info.hash, FOLD_VERSION, Fold().dump(), info)


def _row_of(log: Log, seen: tuple[int, ...], info: SessionInfo) -> Row:
    inode, size, mtime_ns = seen
    mark = log.mark
    return Row(log.place, inode, mtime_ns, size, mark.offset, mark.hash.hex(), FOLD_VERSION, log.fold.dump(), info)
