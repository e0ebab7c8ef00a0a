"""What an adapter knows of a session's log, folded as the log grows, so that no call reads what was read before.

Adapters need answers that the store does not keep for them: which of a framework's ids are there, which checkpoint is
the newest. A view is such an answer: made from the entries alone, brought up to date before each use, made anew when
the session was erased from, deleted or made again.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from typing import Final, Generic, Protocol, TypeVar

from ..errors import NotFound
from ..model.entry import Entry
from ..model.info import SessionInfo
from ..store import Session

VIEWS_MAX: Final = 64
"""Sessions whose views one adapter object keeps; the least recently used goes first."""


class View(Protocol):
    """Something that is made from the entries of one session."""

    def take(self, entries: Sequence[Entry]) -> None:
        """Take the next entries, in their order."""
        ...


V = TypeVar("V", bound=View)


class _Kept(Generic[V]):
    """The view of one session, and how far it has read."""

    def __init__(self, make: Callable[[], V]) -> None:
        self.mutex = threading.RLock()
        self._make = make
        self.forget()

    def forget(self) -> None:
        self.view = self._make()
        self.seq = 0
        self._hash = ""

    def catch_up(self, session: Session) -> SessionInfo:
        info = session.info
        if (info.seq, info.hash) == (self.seq, self._hash):
            return info
        entries = list(session.entries(after=max(self.seq - 1, 0)))
        if self.seq and not (entries and (entries[0].seq, entries[0].hash) == (self.seq, self._hash)):
            self.forget()
            entries = list(session.entries())
        elif self.seq:
            del entries[0]
        if any(entry.kind == "erase" for entry in entries):
            # What was erased has been taken already: only the whole log says what is left.
            self.forget()
            entries = list(session.entries())
        if entries:
            self.view.take(entries)
            self.seq, self._hash = entries[-1].seq, entries[-1].hash
        return info if info.seq == self.seq else session.info


class Following(Generic[V]):
    """The views of the sessions that an adapter works with. Threads may share it; one works with a view at a time."""

    def __init__(self, make: Callable[[], V], *, keep: int = VIEWS_MAX) -> None:
        """`make` gives the view of an empty log."""
        self._make = make
        self._keep = keep
        self._mutex = threading.Lock()
        self._kept: OrderedDict[str, _Kept[V]] = OrderedDict()

    @contextlib.contextmanager
    def of(self, session: Session) -> Generator[tuple[V, SessionInfo, int]]:
        """The view of a session as it is now, for this thread alone; the info; the seq of the last entry that it holds.

        The info may be a moment newer: append with the seq as `expect`, so that nothing comes between look and write.

        Raises:
            NotFound: there is no such session.
        """
        kept = self._of(session.id)
        with kept.mutex:
            try:
                info = kept.catch_up(session)
            except NotFound:
                self.drop(session.id)
                raise
            except BaseException:
                # A view that took half of the entries is no view.
                kept.forget()
                raise
            yield kept.view, info, kept.seq

    @contextlib.contextmanager
    def alone(self, session: str) -> Generator[None]:
        """No thread works with the view of this session meanwhile: what is appended comes between no look and write."""
        with self._of(session).mutex:
            yield

    def _of(self, session: str) -> _Kept[V]:
        with self._mutex:
            kept = self._kept.get(session) or self._kept.setdefault(session, _Kept(self._make))
            self._kept.move_to_end(session)
            while len(self._kept) > self._keep:
                self._kept.popitem(last=False)
            return kept

    def drop(self, session: str) -> None:
        """Forget the view of a session."""
        with self._mutex:
            self._kept.pop(session, None)
