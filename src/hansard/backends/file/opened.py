"""An open file store: its parts, the way into them, and what becomes of them in a forked child."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from ...backend import CAPABILITIES
from ...errors import Corrupt, Unavailable
from ...model.requests import Clock
from . import deleting, gate, home, receiving, resetting
from .committers import Committers
from .core import Core
from .layout import Layout
from .mirror import Mirror
from .textindex import TextIndex

_T = TypeVar("_T")


class Opened:
    """What the verbs of a file store work with."""

    name: str = "file"
    capabilities: frozenset[str] = CAPABILITIES - {"atomic_documents"}

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock,
        shared_unsafe: bool = False,
        create: bool = True,
        tenant: bool = False,
        derived: Path | None = None,
    ) -> None:
        """Open the store in a folder, made if absent; what is a tenant's has no tenants of its own.

        With a folder for what is derived, the store is only read: nothing is made, changed or locked in it.

        Raises:
            NotFound, Invalid, Unsupported, Unavailable, Corrupt: as `home.prepare` says, or `home.look_at`.
        """
        if derived is None:
            self.about = home.prepare(root, create=create, shared_unsafe=shared_unsafe)
        else:
            self.about = home.look_at(root)
        self.layout = Layout(root, derived)
        self._root = root
        self._clock = clock
        self._create = create
        self._shared_unsafe = shared_unsafe
        self._is_tenant = tenant
        self._closed = False
        self._tenants: dict[str, Self] = {}
        self._mirror = Mirror(self.layout, store=self.about.store)
        self._begin()
        self._mirror.follow(self._core)
        self._text = TextIndex(self.layout.derived, self._core, self._mirror.indexer)
        if not self.layout.read_only:
            self._tidy()
        _opened.add(self)

    def _tidy(self) -> None:
        """End what others have begun and died in."""
        try:
            with self._open() as core:
                if resetting.is_unfinished(self._root):
                    resetting.finish(self._root, self._renew_indexes)
                deleting.empty_trash(core)
                receiving.finish(core)
        except BaseException:
            # Of what inherits from here nothing is there yet.
            Opened.close(self)
            raise

    def _begin(self) -> None:
        self._opening = threading.Lock()
        self._core = Core(self.layout, self._clock, self._mirror)
        self._committers = Committers(self._core.pool)

    def forget(self) -> None:
        """In a forked child: have open files, locks and threads of its own. Done for every store by itself."""
        self._begin()
        if not self._closed:
            self._mirror.follow(self._core)
            self._text.follow(self._core)

    def _open(self) -> _Verb:
        """The core of an open store; what the system says becomes what the contract says."""
        return _Verb(self)

    def begin_verb(self) -> Core:
        """The core, if the store is open."""
        if self._closed:
            self._refuse_closed()
        return self._core

    def end_verb(self, error: BaseException) -> None:
        """What an error within a verb means to the caller and to the listing.

        Raises:
            Unavailable: the system refused something.
        """
        if isinstance(error, OSError):
            raise self._unavailable(error) from error
        if isinstance(error, Corrupt):
            self._note_damage(error)
        elif not isinstance(error, Exception | GeneratorExit):
            _let_go(error)

    def _note_damage(self, error: Corrupt) -> None:
        """Have the listing say so, if it is a log that is damaged."""
        place = self._core.layout.place_of(error.path)
        if place is not None:
            self._mirror.looked_through(place, damaged=True)

    def _refuse_closed(self) -> NoReturn:
        msg = f"this store in {self._root} was closed; open it again"
        raise Unavailable(msg)

    def _unavailable(self, error: OSError) -> Unavailable:
        place = f"{error.filename}: " if error.filename else f"{self._root}: "
        return Unavailable(
            f"{place}{error.strerror or error}. See to the disk and the permissions, then repeat the call"
        )

    def _renew_indexes(self) -> None:
        self._mirror.indexer.rebuild()
        self._text.rebuild()

    def _changing(self) -> AbstractContextManager[None]:
        """The store is not reset meanwhile."""
        return gate.entered(self._root)

    def _each(self, items: Callable[[Core], Iterator[_T]]) -> Iterator[_T]:
        """The items as they are asked for, the first one being looked for at once."""
        with self._open() as core:
            found = items(core)

        def rest() -> Iterator[_T]:
            with self._open():
                yield from found

        return rest()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def close(self) -> None:
        """As the contract says."""
        if self._closed:
            return
        for tenant in list(self._tenants.values()):
            tenant.close()
        self._closed = True
        _opened.discard(self)
        self._committers.close()
        self._text.close()
        self._mirror.indexer.close()
        self._core.pool.close()


class _Verb:
    """Within a verb of an open store."""

    __slots__ = ("_store",)

    def __init__(self, store: Opened) -> None:
        self._store = store

    def __enter__(self) -> Core:
        return self._store.begin_verb()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._store.end_verb(error)


def _let_go(error: BaseException) -> None:
    """Nothing is held any more that was taken within: an interrupt may come when no block has a lock in its care yet.

    What was taken is given back when the frames that know of it go, but whoever handles the interrupt still has them.
    """
    trace = error.__traceback__
    while trace is not None:
        # A frame that is still at work stays as it is.
        with contextlib.suppress(RuntimeError):
            trace.tb_frame.clear()
        trace = trace.tb_next


_opened: weakref.WeakSet[Opened] = weakref.WeakSet()


def _forget_all() -> None:
    for store in list(_opened):
        store.forget()


os.register_at_fork(after_in_child=_forget_all)
