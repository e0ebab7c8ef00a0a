"""What one process knows of the logs of one tenant, so that a writer who wrote last asks nobody before it writes again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from ...errors import NotFound
from ...fold import Fold
from ...limits import OPEN_LOGS_MAX
from ...model.requests import Clock
from .pool import Database
from .rows import raw


class Known(msgspec.Struct, frozen=True):
    """A log as this process saw it last: true if its row still has this hash and version."""

    root: bytes
    seq: int
    hash: bytes
    first_seq: int
    version: int
    fold: Fold
    has_prefix: bool = False
    contended: bool = False
    """Somebody else wrote between the last two appends of this process: the next one takes the row lock first."""

    @property
    def is_fork(self) -> bool:
        """It continues another log."""
        return self.first_seq > 1


class Recalling:
    """The tenant, its connections, and the logs that were seen lately."""

    def __init__(self, db: Database, tenant: bytes, clock: Clock) -> None:
        """Know nothing yet."""
        self.db = db
        self.tenant = tenant
        self.clock = clock
        self.touched: Callable[[str], None] = lambda _session: None
        """Told of each session that this process has written to."""
        self.holders: dict[int, tuple[int, float]] = {}
        """How many sessions have a mark, and when that was counted; for choosing how to look, never for answers."""
        self.horizon: tuple[str, float] = ("", float("-inf"))
        """How far an order is walked, and when that was found; likewise."""
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._mutex = threading.Lock()

    def forget(self) -> None:
        """In a forked child: have locks of one's own."""
        self._known = OrderedDict()
        self._mutex = threading.Lock()

    def at(self, session: str | bytes, root: bytes | None = None, **more: Any) -> dict[str, Any]:
        """The parameters that name a session, and more."""
        name = raw(session) if isinstance(session, str) else session
        found: dict[str, Any] = {"tenant": self.tenant, "session": name, **more}
        if root is not None:
            found["root"] = root
        return found

    def missing(self, session: str) -> NoReturn:
        """Say that there is no such session."""
        msg = f"session {session!r} does not exist in this store; find() lists those that do"
        raise NotFound(msg)

    def recall(self, session: str) -> Known | None:
        """What this process knows of a log."""
        name = raw(session)
        with self._mutex:
            known = self._known.get(name)
            if known is not None:
                self._known.move_to_end(name)
            return known

    def learn(self, session: bytes, known: Known) -> None:
        """Remember a log as it is now."""
        with self._mutex:
            self._known[session] = known
            self._known.move_to_end(session)
            while len(self._known) > OPEN_LOGS_MAX:
                self._known.popitem(last=False)

    def unlearn(self, session: str) -> None:
        """Forget a log."""
        with self._mutex:
            self._known.pop(raw(session), None)
