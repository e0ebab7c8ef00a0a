"""Changes of many sessions: their entries since a time, and the sessions themselves as they change."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from ..backend import Backend
from ..errors import Corrupt, NotFound
from ..model.entry import Entry
from ..model.info import SessionInfo
from ..model.requests import Clock
from ..query import All, Condition, Field
from .queries import sessions_of

WATCH_POLL_S: Final = 0.05
"""How often `watch` looks."""

_OVERLAP_US: Final = 5_000_000
"""How far `watch` looks back: a commit of another process may show later than one with a later clock."""


class Located(msgspec.Struct, frozen=True):
    """An entry, and whose it is."""

    session: str
    entry: Entry


def entries_since(
    backend: Backend, condition: Condition, since_us: int | None, kinds: Iterable[str] | str | None
) -> Iterator[Located]:
    """The entries of the sessions' own logs that were committed at this time or later, session by session."""
    wanted = None if kinds is None else frozenset((kinds,) if isinstance(kinds, str) else kinds)
    asked = condition if since_us is None else All((condition, Field("touched_us", ">=", since_us)))
    for info in sessions_of(backend, asked, order="id", complete=True):
        try:
            own = info.segments[-1].last if info.segments else 0
            after = own if since_us is None else _before(backend, info.id, own, since_us)
            for entry in backend.entries(info.id, after=after, on_damage="skip"):
                if wanted is None or entry.kind in wanted:
                    yield Located(info.id, entry)
        except (NotFound, Corrupt):
            # Deleted on the way, or nothing of it can be read: the others follow.
            continue


def _before(backend: Backend, session: str, own: int, since_us: int) -> int:
    """The last entry that was committed before a time. Clocks of commits never go back within a session."""
    first: int | None = None
    try:
        for entry in backend.entries(session, after=own, newest_first=True):
            if first is not None and entry.seq >= first:
                continue
            if entry.commit is not None:
                if entry.commit[1] < since_us:
                    return entry.seq
                first = entry.commit[0]
    except Corrupt:
        return own if first is None else first - 1
    return own


class Watcher:
    """Looks for sessions that changed since it looked last."""

    def __init__(self, backend: Backend, condition: Condition, clock: Clock, *, since_us: int | None) -> None:
        """Look at nothing yet. Changes count from a time on, or (None) from now on."""
        self._backend = backend
        self._condition = condition
        self._clock = clock
        self._from_now = since_us is None
        self._since_us = self._last_us = clock() if since_us is None else since_us
        self._seen: dict[str, tuple[int, str]] = {}

    def look(self) -> list[SessionInfo]:
        """The sessions that changed, each as it is now, those that changed first before the others."""
        told_us = 0
        if self._from_now:
            # This clock may be ahead of the writers': by theirs, what is there counts as seen and all later as new.
            self._from_now, told_us = False, self._since_us
            self._since_us = self._last_us = min(told_us, self._newest() - _OVERLAP_US)
        begin = max(self._since_us, self._last_us - _OVERLAP_US)
        asked = All((self._condition, Field("touched_us", ">=", begin)))
        current: dict[str, tuple[int, str]] = {}
        fresh: list[SessionInfo] = []
        # One writer whose clock is far ahead must not hide all the others.
        now_us = self._clock()
        for info in sessions_of(self._backend, asked, order="touched"):
            current[info.id] = (info.seq, info.hash)
            self._last_us = max(self._last_us, min(info.touched_us, now_us))
            if self._seen.get(info.id) != current[info.id] and info.touched_us >= told_us:
                fresh.append(info)
        self._seen = current
        return fresh

    def _newest(self) -> int:
        """The latest clock that any of the sessions was written by."""
        page = self._backend.find(self._condition, order="-touched", limit=1, cursor=None)
        return page.items[0].touched_us if page.items else 0


def watch(watcher: Watcher, poll_s: float) -> Iterator[SessionInfo]:
    """Sessions as they change, for ever."""
    while True:
        fresh = watcher.look()
        yield from fresh
        if not fresh:
            time.sleep(poll_s)
