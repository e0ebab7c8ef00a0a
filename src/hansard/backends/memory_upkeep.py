"""The half of the memory backend that is about the store as a whole: its documents, tenants, upkeep and end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from typing import Self

from ..backend import Guard, Progress
from ..codec.names import check_category, check_id, check_key
from ..errors import Corrupt, Invalid, Unavailable
from ..limits import GARBAGE_AGE_S
from ..model.documents import Document, DocumentKey
from ..model.requests import Clock, Finding, Garbage, Health
from . import memory_checks
from .beside import ask
from .memory_documents import MemoryDocuments
from .memory_shelf import Shelf


class MemoryUpkeep:
    """What is stored, the lock around it, and the verbs that are about no single session."""

    name: str = "memory"

    def __init__(self, clock: Clock, *, tenant: bool = False) -> None:
        """Nothing is stored yet; what is a tenant's has no tenants of its own."""
        self._shelf = Shelf(clock)
        self._documents = MemoryDocuments(clock)
        self._tenants: dict[str, Self] = {}
        self._is_tenant = tenant
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._closed = False

    @contextlib.contextmanager
    def _opened(self) -> Generator[Shelf]:
        """What is stored. The caller has the lock: a plain `with` gives it back whatever interrupts that."""
        if self._closed:
            msg = "this memory store was closed, and what it held is gone; open a new one"
            raise Unavailable(msg)
        yield self._shelf

    @contextlib.contextmanager
    def _changing(self) -> Generator[Shelf]:
        """As `_opened`; whoever waits for a change looks again afterwards."""
        with self._opened() as shelf:
            try:
                yield shelf
            finally:
                self._changed.notify_all()

    def put_document(self, key: DocumentKey, data: bytes, *, expect: int | None = None) -> Document:
        """As the contract says."""
        with self._lock, self._opened():
            return self._documents.put(check_key(key), data, expect=expect)

    def document(self, key: DocumentKey, *, version: int | None = None) -> tuple[Document, bytes] | None:
        """As the contract says."""
        with self._lock, self._opened():
            return self._documents.get(check_key(key), version=version)

    def documents(self, category: str | None = None) -> tuple[Document, ...]:
        """As the contract says."""
        if category is not None:
            check_category(category)
        with self._lock, self._opened():
            return self._documents.list(category)

    def document_versions(self, key: DocumentKey) -> tuple[Document, ...]:
        """As the contract says."""
        with self._lock, self._opened():
            return self._documents.versions(check_key(key))

    def delete_document(self, key: DocumentKey, *, expect: int | None = None, history: bool = False) -> bool:
        """As the contract says."""
        with self._lock, self._opened():
            return self._documents.delete(check_key(key), expect=expect, history=history)

    def collect_garbage(self, *, dry_run: bool = False) -> tuple[Garbage, ...]:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            before = shelf.clock() - GARBAGE_AGE_S * 1_000_000
            found = [
                Garbage(session, "attachment", name, len(log.files[name]))
                for session, log in sorted(shelf.logs.items())
                for name in sorted(log.files)
                if log.attached.get(name, 0) <= before and not self._is_named(shelf, session, name)
            ]
            for one in () if dry_run else found:
                del shelf.logs[one.session].files[one.name]
            return tuple(found)

    @staticmethod
    def _is_named(shelf: Shelf, session: str, name: str) -> bool:
        """Whether a session, or a fork that reads its attachments, names one. What is damaged may name anything."""
        users = [session, *shelf.forks(session)]
        try:
            for one in users:
                shelf.own(one)
        except Corrupt:
            return True
        return not set(users).isdisjoint(shelf.readers(name))

    def reset(self, *, guard: Guard | None = None) -> int:
        """As the contract says."""
        with self._lock, self._changing() as shelf:
            infos = {session: shelf.known(session) for session in shelf.logs}
            for root in (one for one, info in infos.items() if info.parent is None):
                ask(guard, [infos[one] for one in shelf.tree(root)], "nothing was removed")
            self._shelf = Shelf(shelf.clock)
            self._documents = MemoryDocuments(shelf.clock)
            return len(infos)

    def tenant(self, name: str) -> Self:
        """As the contract says."""
        check_id(name, "tenant")
        with self._lock, self._opened() as shelf:
            if self._is_tenant:
                msg = "this is a tenant's store, which has no tenants of its own; ask the store that it belongs to"
                raise Invalid(msg)
            there = self._tenants.get(name)
            if there is None or there.closed:
                there = self._tenants[name] = type(self)(shelf.clock, tenant=True)
            return there

    def check(self, session: str | None = None, *, repair: bool = False) -> Iterator[Finding]:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            asked = [session] if session is not None else sorted(shelf.logs)
            found = [finding for one in asked for finding in memory_checks.check(shelf, one, repair=repair)]
            return iter(found if session is not None else [*found, *self._documents.check()])

    def reindex(self, progress: Progress | None = None) -> None:
        """Forget the folds: they follow from the lines, and nothing else is derived here."""
        with self._lock, self._opened() as shelf:
            for number, log in enumerate(shelf.logs.values(), 1):
                log.fold = None
                if progress is not None:
                    progress("sessions", number, len(shelf.logs))

    def health(self) -> Health:
        """As the contract says; memory needs no proof."""
        with self._lock, self._opened() as shelf:
            return Health(self.name, ok=True, details={"sessions": len(shelf.logs)})

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def close(self) -> None:
        """As the contract says."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()
            tenants = list(self._tenants.values())
        for tenant in tenants:
            tenant.close()
