"""What a store and its sessions share: the backend, the clock, and who is editing what at this moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from ..backend import Backend
from ..errors import Invalid, Unavailable, Unsupported
from ..model.requests import Clock
from .redacting import Redact
from .retention import Pruner, RetentionPolicy

T = TypeVar("T")


class HasPlace(Protocol):
    """A store or session, of either door."""

    @property
    def _place(self) -> Place: ...


def place_of(store: HasPlace) -> Place:
    """Where a store or session stands.

    Raises:
        Invalid: it is no store.
    """
    place = getattr(store, "_place", None)
    if not isinstance(place, Place):
        msg = f"to: an open store, as hansard.open() gives, not {type(store).__name__}"
        raise Invalid(msg)
    return place


class _Turn:
    """The right to edit one session, and how many threads have it or wait for it."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.awaited = 0


class Place:
    """An open store, seen from inside."""

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        *,
        retention: RetentionPolicy | None = None,
        redact: Redact | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        """Stand before an open backend. At the end it is closed, or `release` is called instead."""
        self._backend = backend
        self._release = release or backend.close
        self._lent: dict[str, int] = {}
        self.clock = clock
        self.redact = redact
        self._retention = retention
        self.pruner = None if retention is None else Pruner(backend, clock, retention)
        self._closed = False
        self._turns: dict[str, _Turn] = {}
        self._editors: dict[str, int] = {}
        """The threads that edit sessions by read and write at this moment."""
        self._mutex = threading.Lock()

    @property
    def backend(self) -> Backend:
        """The backend.

        Raises:
            Unavailable: the store was closed.
        """
        if self._closed:
            msg = f"this {self._backend.name} store was closed; open it again with hansard.open()"
            raise Unavailable(msg)
        return self._backend

    @property
    def name(self) -> str:
        """The name of the backend, also after closing."""
        return self._backend.name

    @property
    def capabilities(self) -> frozenset[str]:
        """What the backend can do, also after closing."""
        return self._backend.capabilities

    def need(self, capability: str, verb: str) -> None:
        """Return if the backend declares a capability.

        Raises:
            Unsupported: it does not.
        """
        if capability not in self.capabilities:
            msg = f"{verb} needs the capability {capability!r}, which the {self.name} backend does not have; copy the session to a store that has it"
            raise Unsupported(msg)

    def saved(self) -> None:
        """Something was saved: what the policy of retention lets go may be taken away now, behind the scenes."""
        if self.pruner is not None:
            self.pruner.saved()

    def close(self) -> None:
        """Release everything; closing again does nothing."""
        if not self._closed:
            if self.pruner is not None:
                self.pruner.close()
            self._closed = True
            self._release()

    def at_end(self, also: Callable[[], None]) -> None:
        """At the end do this, too."""
        before = self._release

        def release() -> None:
            try:
                before()
            finally:
                also()

        self._release = release

    def tenant(self, name: str) -> Place:
        """The place of a tenant's store, whose backend is closed when the last of its places is."""
        with self._mutex:
            backend = self.backend.tenant(name)
            self._lent[name] = self._lent.get(name, 0) + 1
        return Place(
            backend, self.clock, retention=self._retention, redact=self.redact,
            release=lambda: self._give_back(name, backend),
        )  # fmt: skip

    def _give_back(self, name: str, backend: Backend) -> None:
        with self._mutex:
            self._lent[name] -= 1
            last = self._lent[name] == 0
        if last:
            backend.close()

    def in_turn(self, session: str, edit: Callable[[], T]) -> T:
        """What `edit` returns, which alone in this process edits the session by read and write: none outruns another."""
        self.refuse_inside_edit(session)
        with self._mutex:
            turn = self._turns.get(session) or self._turns.setdefault(session, _Turn())
            turn.awaited += 1
        try:
            with turn.mutex:
                try:
                    self._editors[session] = threading.get_ident()
                    return edit()
                finally:
                    self._editors.pop(session, None)
        finally:
            with self._mutex:
                turn.awaited -= 1
                if not turn.awaited:
                    self._turns.pop(session, None)

    def refuse_inside_edit(self, session: str) -> None:
        """Return unless this thread is inside the function that it gave to `modify` of this session.

        Raises:
            Invalid: it is. Such an append would make every attempt of `modify` fail.
        """
        if self._editors and self._editors.get(session) == threading.get_ident():
            msg = (
                f"session {session!r}: a function given to modify() can't write to the session itself; "
                "put what is to be written into its draft"
            )
            raise Invalid(msg)
