"""Who waits for a session to grow is woken at once by appends of this process, and looks for those of others."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator


class Bells:
    """One bell for each thread that waits, by session."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._mutex = threading.Lock()
        self._waiting: dict[str, list[threading.Event]] = {}

    @contextlib.contextmanager
    def listening(self, session: str) -> Generator[threading.Event]:
        """An event that is set by each append of this process to a session."""
        bell = threading.Event()
        with self._mutex:
            self._waiting.setdefault(session, []).append(bell)
        try:
            yield bell
        finally:
            with self._mutex:
                bells = self._waiting[session]
                bells.remove(bell)
                if not bells:
                    del self._waiting[session]

    @property
    def waited_for(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting)

    def ring_all(self) -> None:
        """Any session may have grown, or gone."""
        with self._mutex:
            for bells in self._waiting.values():
                for bell in bells:
                    bell.set()

    def ring(self, session: str) -> None:
        """A session has grown. Costs next to nothing while nobody waits."""
        if self._waiting:
            with self._mutex:
                for bell in self._waiting.get(session, ()):
                    bell.set()
