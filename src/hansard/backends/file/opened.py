"""An open file store: its parts, the way into them, and what becomes of them in a forked child."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

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
        self._core = Core(self.layout, self._clock, self._mirror)
        self._committers = Committers(self._core.pool)

    def forget(self) -> None:
        """In a forked child: have open files, locks and threads of its own. Done for every store by itself."""
        self._begin()
        if not self._closed:
            self._mirror.follow(self._core)
            self._text.follow(self._core)

    @contextlib.contextmanager
    def _open(self) -> Generator[Core]:
        """The core of an open store; what the system says becomes what the contract says."""
        if self._closed:
            self._refuse_closed()
        try:
            yield self._core
        except OSError as error:
            raise self._unavailable(error) from error
        except Corrupt as error:
            self._note_damage(error)
            raise

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

    @contextlib.contextmanager
    def _making(self) -> Generator[Core]:
        """As `_open`, and the store is not reset meanwhile."""
        with self._open() as core, gate.entered(self._root):
            yield core

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
        self._closed = True
        _opened.discard(self)
        self._committers.close()
        self._text.close()
        self._mirror.indexer.close()
        self._core.pool.close()


_opened: weakref.WeakSet[Opened] = weakref.WeakSet()


def _forget_all() -> None:
    for store in list(_opened):
        store.forget()


os.register_at_fork(after_in_child=_forget_all)
