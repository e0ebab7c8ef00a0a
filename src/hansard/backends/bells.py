"""Who waits for a session to grow is woken at once by appends of this process, and looks for those of others."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator


class Bell:
    """Woken by a ring, also by one that came before the wait.

    An interrupt in the middle of a wait leaves nothing locked that somebody who rings needs, as one in that of a
    `threading.Event` can.
    """

    def __init__(self) -> None:
        """It has not rung."""
        self._silence = threading.Lock()
        self._silence.acquire()

    def clear(self) -> None:
        """What rang before does not count."""
        self._silence.acquire(blocking=False)

    def wait(self, timeout_s: float) -> bool:
        """Whether it rings within this time, which is counted once."""
        return self._silence.acquire(timeout=timeout_s)

    def ring(self) -> None:
        """Wake who waits. Only one thread at a time may ring."""
        if self._silence.locked():
            self._silence.release()


class Bells:
    """One bell for each thread that waits, by session."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._mutex = threading.Lock()
        self._waiting: dict[str, list[Bell]] = {}

    @contextlib.contextmanager
    def listening(self, session: str) -> Generator[Bell]:
        """A bell that is rung by each append of this process to a session."""
        bell = Bell()
        try:
            with self._mutex:
                self._waiting.setdefault(session, []).append(bell)
            yield bell
        finally:
            with self._mutex:
                bells = self._waiting.get(session, [])
                if bell in bells:
                    bells.remove(bell)
                if not bells:
                    self._waiting.pop(session, None)

    @property
    def waited_for(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting)

    def ring_all(self) -> None:
        """Any session may have grown, or gone."""
        with self._mutex:
            for bells in self._waiting.values():
                for bell in bells:
                    bell.ring()

    def ring(self, session: str) -> None:
        """A session has grown. Costs next to nothing while nobody waits."""
        if self._waiting:
            with self._mutex:
                for bell in self._waiting.get(session, ()):
                    bell.ring()
