"""What went wrong behind an acknowledgement: kept and shown until it is put right, since no caller waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

_MAX: Final = 100


class Problems:
    """The last things that went wrong, each by what it happened to. Any thread may call."""

    def __init__(self) -> None:
        """Begin without any."""
        self._mutex = threading.Lock()
        self._known: dict[str, str] = {}

    def add(self, what: str, error: BaseException) -> None:
        """Keep an error until `solved`; of very many the oldest are let go."""
        with self._mutex:
            self._known.pop(what, None)
            self._known[what] = str(error) or type(error).__name__
            while len(self._known) > _MAX:
                self._known.pop(next(iter(self._known)))

    def solved(self, what: str) -> None:
        """It worked now."""
        if self._known:
            with self._mutex:
                self._known.pop(what, None)

    def touch(self, what: Iterable[str]) -> bool:
        """Whether any of these has a problem."""
        with self._mutex:
            return not self._known.keys().isdisjoint(what)

    def texts(self) -> tuple[str, ...]:
        """All of them in words, the newest last."""
        with self._mutex:
            return tuple(f"{what}: {why}" for what, why in self._known.items())
