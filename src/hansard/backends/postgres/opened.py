"""An open PostgreSQL store: its connections, and what its verbs stand on."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Self, TypeVar

from ...backend import CAPABILITIES
from ...codec.names import check_id
from ...errors import Invalid, Unavailable
from ...model.requests import Clock
from . import migrating
from .connecting import Settings
from .core import Core
from .hints import Hints
from .pool import Database
from .queues import Queues
from .rows import raw
from .textindex import Background
from .writing import commit_requests

_T = TypeVar("_T")


class Opened:
    """What all halves of the backend share."""

    name: str = "postgres"
    capabilities: frozenset[str] = CAPABILITIES

    def __init__(self, settings: Settings, *, clock: Clock, create: bool = True) -> None:
        """Open the store in a database; its tables are made if there are none.

        Raises:
            NotFound, Unavailable, Unsupported: as `migrating.prepare` says.
        """
        db = Database(settings)
        try:
            migrating.prepare(db, create=create)
        except BaseException:
            db.close()
            raise
        self._start(db, Hints(db), clock)

    def _start(self, db: Database, hints: Hints, clock: Clock, tenant: str = "") -> None:
        self._db = db
        self._hints = hints
        self._clock = clock
        self._tenant = tenant
        self._closed = False
        self._tenants: dict[str, Self] = {}
        self._mutex = threading.Lock()
        self._core = Core(db, raw(tenant), clock)
        self._core.touched = partial(hints.wrote, self._core.tenant)
        self._background = Background(self._core)
        self._queues = Queues(partial(commit_requests, self._core))
        _stores.add(self)

    def _forget(self) -> None:
        """In a forked child: have connections, locks and threads of its own."""
        if not self._tenant:
            self._db.forget()
            self._hints.forget()
        closed, tenants = self._closed, self._tenants
        self._start(self._db, self._hints, self._clock, self._tenant)
        self._closed, self._tenants = closed, tenants

    def _open(self) -> Core:
        """The core of an open store.

        Raises:
            Unavailable: it was closed.
        """
        if self._closed:
            msg = "this PostgreSQL store was closed; open it again with hansard.open()"
            raise Unavailable(msg)
        return self._core

    def _each(self, items: Callable[[Core], Iterator[_T]]) -> Iterator[_T]:
        """The items as they are asked for, the first one being looked for at once."""
        core = self._open()
        found = items(core)

        def rest() -> Iterator[_T]:
            self._open()
            yield from found

        return rest()

    def tenant(self, name: str) -> Self:
        """As the contract says."""
        check_id(name, "tenant")
        self._open()
        if self._tenant:
            msg = "this is a tenant's store, which has no tenants of its own; ask the store that it belongs to"
            raise Invalid(msg)
        with self._mutex:
            there = self._tenants.get(name)
            if there is None or there.closed:
                there = self._tenants[name] = type(self).__new__(type(self))
                there._start(self._db, self._hints, self._clock, name)  # noqa: SLF001 - of its own class
            return there

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def close(self) -> None:
        """As the contract says."""
        if self._closed:
            return
        self._closed = True
        _stores.discard(self)
        for tenant in list(self._tenants.values()):
            tenant.close()
        self._queues.close()
        if self._tenant:
            self._hints.wake()
        else:
            self._hints.close()
            self._db.close()
            self._hints.wake()
        self._background.close()


_stores: weakref.WeakSet[Opened] = weakref.WeakSet()


def _forget_all() -> None:
    for store in list(_stores):
        store._forget()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - of this module


os.register_at_fork(after_in_child=_forget_all)
