"""A thread that exists only while there is something to do, and waits for a pause before it does it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

IDLE_S: Final = 1.0
"""Work waits until nothing was touched for so long."""

LATEST_S: Final = 5.0
"""Work waits no longer than this, however busy the others are."""

LINGER_S: Final = 30.0
"""The thread ends when there was nothing to do for so long."""

_STOP_S: Final = 10.0


class Turn(Protocol):
    """One turn of work; True if there is more to do, after the next pause."""

    def __call__(self, *, idle: bool) -> bool:
        """Do what is due."""
        ...


class Worker:
    """Calls `turn` on a daemon thread of its own, started when it is first needed."""

    def __init__(self, turn: Turn, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start nothing."""
        self._turn = turn
        self._clock = clock
        self._mutex = threading.Lock()
        self._condition = threading.Condition(self._mutex)
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._soon = False
        self._since: float | None = None
        self._last = 0.0

    def touch(self) -> None:
        """Something goes on: pauses are counted from now. Costs nothing."""
        self._last = self._clock()

    def wake(self, *, soon: bool) -> None:
        """Have a turn taken: at once, or after a pause.

        Raises:
            RuntimeError: no thread can be started.
        """
        with self._mutex:
            if self._stopped:
                return
            self._soon = self._soon or soon
            if self._since is None:
                self._since = self._clock()
            if self._thread is None:
                thread = threading.Thread(target=self._loop, name="hansard-index", daemon=True)
                thread.start()
                self._thread = thread
            else:
                self._condition.notify_all()

    def stop(self) -> None:
        """Let the thread end after its turn, and wait for it. Nothing can be asked for afterwards."""
        with self._mutex:
            self._stopped = True
            thread = self._thread
            self._condition.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_STOP_S)

    def _loop(self) -> None:
        while self._due():
            more = self._turn(idle=True)
            with self._mutex:
                if more and self._since is None:
                    self._since = self._clock()
                    self._last = self._since

    def _due(self) -> bool:
        """Wait until a turn is due; False if the thread is to end."""
        with self._mutex:
            while True:
                if self._stopped:
                    self._thread = None
                    return False
                left = self._time_left()
                if left <= 0:
                    self._soon, self._since = False, None
                    return True
                if not self._condition.wait(left) and self._since is None:
                    self._thread = None
                    return False

    def _time_left(self) -> float:
        if self._soon:
            return 0.0
        if self._since is None:
            return LINGER_S
        return min(max(self._last, self._since) + IDLE_S, self._since + LATEST_S) - self._clock()
