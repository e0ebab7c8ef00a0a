"""Waiting for a session to go on: a bell for what this process writes, and looking again and again for everybody else."""

from __future__ import annotations

import threading
import time
from typing import Final

from .core import SQL, Core

_SOON_S: Final = 0.02
_LATEST_S: Final = 0.15
"""An append of another process is noticed within 200 ms."""


class Bell:
    """Rings when this process has written to any session."""

    def __init__(self) -> None:
        """Nothing has rung."""
        self._condition = threading.Condition()
        self._rung = 0

    def ring(self) -> None:
        """Wake whoever waits."""
        with self._condition:
            self._rung += 1
            self._condition.notify_all()

    @property
    def rung(self) -> int:
        """How often it has rung."""
        return self._rung

    def wait(self, rung: int, seconds: float) -> None:
        """Return as soon as it has rung more often, at the latest when the time is over."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung != rung, seconds)


def wait(core: Core, bell: Bell, session: str, *, after: int, timeout_s: float) -> int:
    """As the contract says."""
    end = time.monotonic() + timeout_s
    pause = _SOON_S
    while True:
        rung = bell.rung
        found = core.db.rows(SQL["place"], core.at(session))
        if not found:
            core.unlearn(session)
            core.missing(session)
        # A row that says nothing of the log is read through it.
        seq: int = found[0][0] if found[0][2] > 0 else core.info(session).seq
        left = end - time.monotonic()
        if seq > after or left <= 0:
            return seq
        bell.wait(rung, min(left, pause))
        pause = min(pause * 2, _LATEST_S)
