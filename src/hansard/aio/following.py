"""Waiting for a session to grow without holding a thread: any number of coroutines may do so at a time."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

import anyio

from ..model.entry import Entry
from ..store import Session
from .running import threaded
from .twins import CHUNK

_LOOK_S: Final = 0.04
"""Between two looks, which each take a worker thread for a moment only."""


async def wait(session: Session, *, after: int, timeout_s: float) -> int:
    """The last seq of a session, as soon as it is greater than `after`, or when the time is over."""
    end = anyio.current_time() + timeout_s
    while True:
        seq = await threaded(functools.partial(session.wait, after=after, timeout_s=0))
        left = end - anyio.current_time()
        if seq > after or left <= 0:
            return seq
        await anyio.sleep(min(left, _LOOK_S))


class Tail(AsyncIterator[Entry]):
    """Entries as they come."""

    def __init__(self, session: Session, after: int | None) -> None:
        """Look at nothing yet."""
        self._session = session
        self._last = after
        self._ready: deque[Entry] = deque()

    async def __anext__(self) -> Entry:
        while not self._ready:
            self._ready.extend(await threaded(self._look))
            if not self._ready:
                await anyio.sleep(_LOOK_S)
        entry = self._ready.popleft()
        self._last = entry.seq
        return entry

    def _look(self) -> list[Entry]:
        if self._last is None:
            self._last = self._session.seq
        seq = self._session.wait(after=self._last, timeout_s=0)
        return list(self._session.entries(after=self._last, limit=CHUNK)) if seq > self._last else []
