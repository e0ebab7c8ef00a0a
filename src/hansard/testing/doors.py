"""The asynchronous door, worked from synchronous tests: so one test of what callers see runs through both doors."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from typing import Any, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal

import hansard

from ..store import SnapshotStore, Store


@contextlib.contextmanager
def through_async(store: Store) -> Generator[Store]:
    """The store as it looks through `hansard.aio`, each call awaited on an event loop of its own thread."""
    with start_blocking_portal() as portal:
        yield cast("Store", _Through(portal, hansard.aio.AsyncStore(store)))


@contextlib.contextmanager
def snapshots_through_async(store: Store) -> Generator[SnapshotStore]:
    """The store of snapshots as it looks through `hansard.aio`."""
    with start_blocking_portal() as portal:
        twin = hansard.aio.AsyncSnapshotStore(hansard.aio.AsyncStore(store))
        yield cast("SnapshotStore", _Through(portal, twin))


class _Through:
    """An object of the async door, called as if it were one of the synchronous door."""

    def __init__(self, portal: BlockingPortal, twin: Any) -> None:
        self._portal = portal
        self._twin = twin

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._twin, name)
        sync = getattr(type(getattr(self._twin, "sync", None)), name, None)
        if isinstance(sync, property) and callable(found):
            return self._settled(found())
        if not callable(found):
            return self._shown(found)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._settled(found(*args, **kwargs))

        return call

    def _settled(self, given: Any) -> Any:
        if isinstance(given, AsyncIterator):
            return self._items(given)
        if not isinstance(given, Awaitable):
            return self._shown(given)

        async def wait() -> Any:
            return await given

        return self._shown(self._portal.call(wait))

    def _items(self, given: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(given)

        while True:
            try:
                item = self._portal.call(following)
            except StopAsyncIteration:
                return
            yield self._shown(item)

    def _shown(self, value: Any) -> Any:
        if hasattr(value, "sync"):
            return _Through(self._portal, value)
        return [self._shown(item) for item in value] if isinstance(value, list) else value

    def __enter__(self) -> Any:
        return self._shown(self._portal.call(self._twin.__aenter__))

    def __exit__(self, *error: object) -> None:
        self._portal.call(self._twin.__aexit__, *error)

    def __eq__(self, other: object) -> bool:
        return self._twin == getattr(other, "_twin", other)

    def __hash__(self) -> int:
        return hash(self._twin)
