"""The threads that commit what was handed in without waiting: a session is in the hands of one of them at a time."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from .pool import Pool, Waiter

_THREADS: Final = 4
"""Syncs of different sessions overlap; more threads than this only contend for the interpreter."""


class Committers:
    """Sessions with waiting appends, and the threads that take them."""

    def __init__(self, pool: Pool) -> None:
        """Start nothing yet: a program that never submits has no threads of ours."""
        self._pool = pool
        self._condition = threading.Condition()
        self._ready: deque[str] = deque()
        self._active: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closing = False

    def submit(self, session: str, waiter: Waiter) -> None:
        """Commit this append soon; its `done` is called on a committer's thread, or on that of another appender."""
        self._pool.enqueue(session, waiter)
        with self._condition:
            if session not in self._active:
                self._active.add(session)
                self._hand_out(session)

    def _hand_out(self, session: str) -> None:
        self._ready.append(session)
        if self._idle == 0 and len(self._threads) < _THREADS:
            self._start()
        self._condition.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name="hansard-committer", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            with self._condition:
                self._idle += 1
                while not self._ready and not self._closing:
                    self._condition.wait()
                self._idle -= 1
                if not self._ready:
                    return
                session = self._ready.popleft()
            self._pool.commit_waiting(session)
            with self._condition:
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
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
