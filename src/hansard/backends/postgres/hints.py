"""Hints that sessions have grown: bells for those who wait in this process, notifications for those in others.

A notification inside the append's transaction would make all appends of a database queue for one lock at their commit: 64
writers fell to a seventeenth of their rate. So a thread beside the appends tells, a moment after they are acknowledged,
which sessions have grown, all of them at once. A hint may get lost: whoever waits looks by itself, too.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Final

from ...errors import HansardError
from ..bells import Bell, Bells
from .listening import ANYTHING, CHANNEL, Listener
from .pool import Database
from .wire import TEXT, Wired

_NOTIFY: Final = Wired("notify", "SELECT FROM pg_notify(%(channel)s, %(marks)s)", {"channel": TEXT, "marks": TEXT})
_PAUSE_S: Final = 0.025
"""Between two notifications: whoever writes all the time tells so forty times a second."""
_PAUSE_MAX_S: Final = 60.0
_IDLE_S: Final = 10.0
_MARKS_MAX: Final = 400
"""A notification carries less than 8,000 bytes."""


@functools.lru_cache(maxsize=1_024)
def mark_of(tenant: bytes, session: str) -> str:
    """What stands for a session in a notification, which anybody in the database can read."""
    return blake2b(tenant + b"\0" + session.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class Hints:
    """All hints of one open store and its tenants."""

    def __init__(self, db: Database) -> None:
        """Nobody waits, and nothing was written."""
        self._db = db
        self._begin()

    def _begin(self) -> None:
        self._bells = Bells()
        self._teller = _Teller(self._db)
        self._listener = Listener(self._db, self._bells)

    def forget(self) -> None:
        """In a forked child: nobody waits here, and what the parent has to tell is the parent's."""
        self._begin()

    def wrote(self, tenant: bytes, session: str) -> None:
        """A session has grown, or is gone."""
        mark = mark_of(tenant, session)
        self._bells.ring(mark)
        if self._db.settings.notify != "off":
            self._teller.tell(mark)

    def wrote_all(self) -> None:
        """Any session may be gone."""
        self._bells.ring_all()
        if self._db.settings.notify != "off":
            self._teller.tell(ANYTHING)

    def waiting(self, tenant: bytes, session: str) -> AbstractContextManager[Bell]:
        """A bell that rings when a session has grown, whoever wrote, unless the hint gets lost."""
        return self._bells.listening(mark_of(tenant, session))

    def listen(self) -> bool:
        """Have notifications of other processes heard from now on; whether they are already."""
        return self._listener.listen()

    @property
    def heard(self) -> str:
        """Whether notifications are heard, or why not, for people."""
        return self._listener.state

    def wake(self) -> None:
        """Have everybody who waits look again."""
        self._bells.ring_all()

    def close(self) -> None:
        """Return when nothing is told or heard any more; what was not told yet is told before."""
        self._teller.close()
        self._listener.close()


class _Teller:
    """Tells other processes which sessions have grown, on a thread that is there while there is something to tell."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._mutex = threading.Lock()
        # Entered by its lock alone: an interrupt within the condition's own way in would leave the lock held.
        self._condition = threading.Condition(self._mutex)
        self._marks: set[str] = set()
        self._thread: threading.Thread | None = None
        self._closing = False

    def tell(self, mark: str) -> None:
        if mark in self._marks and self._thread is not None:
            # Whoever takes these tells them after this.
            return
        with self._mutex:
            self._marks.add(mark)
            if self._thread is None and not self._closing:
                thread = threading.Thread(target=self._work, name="hansard-teller", daemon=True)
                # What was written is written; where no thread can be started, whoever waits looks by itself.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread
            elif len(self._marks) == 1:
                self._condition.notify_all()

    def _work(self) -> None:
        pause = _PAUSE_S
        while marks := self._next():
            try:
                with self._db.connection() as con:
                    said = ANYTHING if ANYTHING in marks or len(marks) > _MARKS_MAX else " ".join(marks)
                    _NOTIFY.run(con, {"channel": CHANNEL, "marks": said})
                pause = _PAUSE_S
            except HansardError:
                # Whoever waits looks by itself. A server that is gone, or has no such thing, is not asked all the time.
                pause = min(max(1.0, pause * 2), _PAUSE_MAX_S)
            with self._mutex:
                self._condition.wait_for(lambda: self._closing, pause)

    def _next(self) -> set[str]:
        """What is to be told now; nothing once the thread is to end."""
        with self._mutex:
            self._condition.wait_for(lambda: self._marks or self._closing, _IDLE_S)
            marks, self._marks = self._marks, set()
            if not marks:
                self._thread = None
            return marks

    def close(self) -> None:
        with self._mutex:
            self._closing = True
            self._condition.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
