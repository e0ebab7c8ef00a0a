"""The threads that commit what was handed in without waiting: a session is in the hands of one of them at a time.

Python runs one thread at a time, and handing the interpreter over costs more than most steps of a commit. So one
committer decides, encodes and writes for every session that is ready, and then waits for all their syncs at once, while
the event loop has the interpreter to itself. Whom it has answered may have more to append: so it waits a moment for as
many before its next turn, else each turn takes the first of them alone. Others help only where syncs are slow, or can't run side by side, or where a
log is in other hands.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

from ...backend import Answer, Request
from ...errors import Unavailable
from . import sidebyside
from .pool import Begun, Pool, Waiter

_THREADS: Final = 4
"""So many committers are at work at most, not counting those who wait for a log that is in other hands."""

_THREADS_MAX: Final = 128
"""So many there are at most, waiting or at work."""

_SESSIONS: Final = 16
"""How many sessions a committer takes in one turn at most, where their syncs run side by side."""

_IN_A_ROW: Final = 4
"""As many where they follow each other."""

_PAUSE_S: Final = 0.0002
"""So long a committer waits for the next of those whom the last turn answered: about as long as a sync takes."""

_PAUSES: Final = 8
"""So often, as long as they come."""

_SLOW_S: Final = 0.002
"""A sync that takes so long leaves the interpreter idle: then the next committer need not wait for it."""


class Committers:
    """Sessions with waiting appends, and the threads that take them."""

    def __init__(self, pool: Pool) -> None:
        """Start nothing yet: a program that never submits has no threads of ours."""
        self._pool = pool
        self._mutex = threading.Lock()
        """What is awaited is entered by this lock itself: an interrupt can't leave it behind, as it can a condition's."""
        self._changed = threading.Condition(self._mutex)
        self._gathered = threading.Condition(self._mutex)
        self._handed_in = 0
        """Appends since the last turn began."""
        self._expected = 0
        """Appends of the last turn: whoever waited for one may be about to hand in the next."""
        self._turn = threading.Lock()
        self._alone = False
        """A thread commits what it appends itself. Two that find nobody may both do so."""
        self._ready: deque[str] = deque()
        self._busy: deque[str] = deque()
        """Sessions whose logs are in other hands: each needs a thread that waits for it, and for nothing else."""
        self._active: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._working = 0
        """Committers that decide, write or sync; not those who wait for a log."""
        self._waiting = 0
        """Those who wait for a log."""
        self._slow = not sidebyside.usable()
        self._closing = False

    def append(self, session: str, request: Request) -> Answer:
        """The answer to one append, once it is durable: by this thread if it is alone, else together with the others'."""
        if not self._working and self._expected <= 1 and not self._alone:
            try:
                self._alone = True
                return self._pool.append(session, request)
            finally:
                self._alone = False
        answered = threading.Lock()
        answered.acquire()
        waiter = Waiter(request, lambda _: answered.release())
        self.submit(session, waiter)
        while waiter.answer is None:
            answered.acquire()
        return waiter.answer

    def submit(self, session: str, waiter: Waiter) -> None:
        """Commit this append soon; its `done` is called on a committer's thread, or on that of another appender.

        Raises:
            Unavailable: the store is being closed, or no thread can be started.
        """
        with self._mutex:
            if self._closing:
                msg = f"session {session!r}: this store is being closed; open it again"
                raise Unavailable(msg)
            self._pool.enqueue(session, waiter)
            self._handed_in += 1
            if self._handed_in == self._expected:
                self._gathered.notify()
            try:
                if session not in self._active:
                    self._active.add(session)
                    self._hand_out(session)
            except BaseException as error:
                if not isinstance(error, Exception):
                    # An interrupt: that the session was handed out is not certain, and twice does no harm.
                    self._ready.append(session)
                    self._call_one()
                raise

    def _hand_out(self, session: str) -> None:
        self._ready.append(session)
        if len(self._ready) == 1:
            self._call_one()

    def _call_one(self) -> None:
        # One is enough: who has had its turn calls the next, if there is something left.
        if self._working and not self._slow:
            return
        if self._idle:
            self._changed.notify()
        elif len(self._threads) < min(_THREADS + self._waiting, _THREADS_MAX):
            thread = threading.Thread(target=self._work, name="hansard-committer", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                if not self._threads:
                    self._ready.clear()
                    self._active.clear()
                    msg = f"no thread can be started ({error}). What was handed in may or may not be there; append it again"
                    raise Unavailable(msg) from error
                return
            self._threads.append(thread)

    def _work(self) -> None:
        while (busy := self._wait()) is not None:
            session = busy or self._commit_some()
            if session:
                # Somebody else has the log: whoever it is, now this thread can wait for it.
                self._pool.commit_waiting(session)
                with self._mutex:
                    self._waiting -= 1
                    self._give_back([session])

    def _commit_some(self) -> str:
        """Commit what waits for some of the ready sessions; one whose log is in other hands is returned, else ""."""
        begun: list[Begun] = []
        done: list[str] = []
        busy: list[str] = []
        try:
            with self._turn:
                for session in self._share():
                    (done if self._pool.begin_waiting(session, begun) else busy).append(session)
                with self._mutex:
                    if self._ready:
                        self._call_one()
            if begun:
                began = time.perf_counter()
                self._pool.end(begun)
                self._slow = time.perf_counter() - began > _SLOW_S or not sidebyside.usable()
        finally:
            with self._mutex:
                self._give_back(done)
                self._working -= 1
                self._busy += busy
                # This thread goes on with what is ready by now, unless it has to wait for a log.
                session = self._take_busy()
        return session

    def _take_busy(self) -> str:
        """A session that this thread waits for; the next thread is called for what is left. "" if there is none."""
        if not self._busy:
            return ""
        self._waiting += 1
        session = self._busy.popleft()
        if self._ready or self._busy:
            self._call_one()
        return session

    def _share(self) -> list[str]:
        """What this committer takes. In a row, every thread gets some: few sessions sync side by side."""
        with self._mutex:
            if not self._ready:
                # Another committer was faster.
                return []
            self._gather()
            ready = len(self._ready)
            count = min(_SESSIONS, ready) if sidebyside.usable() else min(_IN_A_ROW, -(-ready // _THREADS))
            self._expected, self._handed_in = 0 if count < ready else self._handed_in, 0
            return [self._ready.popleft() for _ in range(count)]

    def _gather(self) -> None:
        """Wait while those whom the last turn answered hand in their next appends: so they share a turn again."""
        for _ in range(_PAUSES):
            before = self._handed_in
            if before < self._expected:
                self._gathered.wait(_PAUSE_S)
            if self._handed_in == before:
                return

    def _wait(self) -> str | None:
        """Wait for something to do: "" if sessions are ready, else one that is busy; None if there will be nothing more."""
        with self._mutex:
            self._idle += 1
            while not self._ready and not self._busy and not self._closing and self._idle <= _THREADS:
                self._changed.wait()
            self._idle -= 1
            if self._ready:
                self._working += 1
                return ""
            if self._busy:
                return self._take_busy()
            if not self._closing:
                self._threads.remove(threading.current_thread())
            return None

    def _give_back(self, sessions: list[str]) -> None:
        for session in sessions:
            # What was handed in while we committed found the session active and left it to us.
            if self._pool.has_waiting(session):
                self._hand_out(session)
            else:
                self._active.discard(session)

    def close(self) -> None:
        """Return once everything handed in has its answer and the threads have ended."""
        with self._mutex:
            self._closing = True
            self._changed.notify_all()
        # Also those that are started until then.
        while left := [one for one in list(self._threads) if one.is_alive() and one is not threading.current_thread()]:
            left[0].join()
