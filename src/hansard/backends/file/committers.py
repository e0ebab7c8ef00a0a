"""The threads that commit what was handed in without waiting: a session is in the hands of one of them at a time.

Python runs one thread at a time, so what needs it (deciding, encoding, writing) is done by one committer after the
other, for a few sessions in a row. What needs no Python, the syncs, overlaps: while one committer waits for the disk,
the next has its turn. Threads that each went their own way spent more time handing the interpreter over than working.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from ...errors import Unavailable
from .pool import Begun, Pool, Waiter

_THREADS: Final = 4
"""So many syncs overlap at most."""

_SESSIONS: Final = 4
"""How many sessions a committer takes in one turn at most; their syncs follow each other."""


class Committers:
    """Sessions with waiting appends, and the threads that take them."""

    def __init__(self, pool: Pool) -> None:
        """Start nothing yet: a program that never submits has no threads of ours."""
        self._pool = pool
        self._condition = threading.Condition(threading.Lock())
        self._turn = threading.Lock()
        self._ready: deque[str] = deque()
        self._active: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closing = False

    def submit(self, session: str, waiter: Waiter) -> None:
        """Commit this append soon; its `done` is called on a committer's thread, or on that of another appender.

        Raises:
            Unavailable: the store is being closed, or no thread can be started.
        """
        with self._condition:
            if self._closing:
                msg = f"session {session!r}: this store is being closed; open it again"
                raise Unavailable(msg)
            self._pool.enqueue(session, waiter)
            if session not in self._active:
                self._active.add(session)
                self._hand_out(session)

    def _hand_out(self, session: str) -> None:
        self._ready.append(session)
        if len(self._ready) == 1:
            self._call_one()

    def _call_one(self) -> None:
        # One is enough: who has had its turn calls the next, if there is something left.
        if self._idle:
            self._condition.notify()
        elif len(self._threads) < _THREADS:
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
        while self._wait():
            begun: list[Begun] = []
            with self._turn:
                sessions = self._share()
                busy = [session for session in sessions if not self._pool.begin_waiting(session, begun)]
                with self._condition:
                    if self._ready:
                        self._call_one()
            for one in begun:
                self._pool.end(one)
            self._give_back([session for session in sessions if session not in busy])
            for session in busy:
                # Somebody else has the log: whoever it is, now this thread can wait for it.
                self._pool.commit_waiting(session)
                self._give_back([session])

    def _share(self) -> list[str]:
        """So many of the sessions that are ready that every thread gets some: few sessions sync side by side."""
        with self._condition:
            count = min(_SESSIONS, -(-len(self._ready) // _THREADS))
            return [self._ready.popleft() for _ in range(count)]

    def _wait(self) -> bool:
        """Wait for something to do; False if there will be nothing more."""
        with self._condition:
            self._idle += 1
            while not self._ready and not self._closing:
                self._condition.wait()
            self._idle -= 1
            return bool(self._ready)

    def _give_back(self, sessions: list[str]) -> None:
        with self._condition:
            for session in sessions:
                # What was handed in while we committed found the session active and left it to us.
                if self._pool.has_waiting(session):
                    self._hand_out(session)
                else:
                    self._active.discard(session)

    def close(self) -> None:
        """Return once everything handed in has its answer and the threads have ended."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()
