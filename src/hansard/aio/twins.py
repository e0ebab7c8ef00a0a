"""Async twins of synchronous methods: made from them, with their names, parameters and words."""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from .running import threaded

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

CHUNK: Final = 128
"""Items that an async iterator fetches at a time."""


class Twin:
    """An object of this door, with its synchronous self."""

    def __init__(self, sync: Any) -> None:
        self.sync = sync
        """The same object at the synchronous door."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Twin) and bool(self.sync == other.sync)

    def __hash__(self) -> int:
        return hash(self.sync)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.sync!r}>"


def call(
    method: Callable[Concatenate[Any, P], R], give: Callable[[R], T]
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """The async twin of a method, its result passed through `give`."""

    @functools.wraps(method)
    async def twin(self: Twin, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return give(await threaded(functools.partial(method, self.sync, *args, **kwargs)))

    return twin


def plain(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """The async twin of a method whose result is a value."""
    return call(method, lambda result: result)


def stream(
    method: Callable[Concatenate[Any, P], Iterator[R]],
) -> Callable[Concatenate[Any, P], AsyncIterator[R]]:
    """The async twin of a method that gives an iterator: items are fetched in bounded chunks, as they are asked for."""

    @functools.wraps(method)
    def twin(self: Twin, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
        return Stream(functools.partial(method, self.sync, *args, **kwargs))

    return twin


class Stream(AsyncIterator[R]):
    """Items of a synchronous iterator, fetched in chunks on worker threads. It may be left before its end."""

    def __init__(self, start: Callable[[], Iterator[R]]) -> None:
        """Ask for nothing yet."""
        self._start = start
        self._items: Iterator[R] | None = None
        self._ready: deque[R] = deque()
        self._error: Exception | None = None
        self._ended = False

    async def __anext__(self) -> R:
        while not self._ready:
            if self._error is not None:
                self._ended, error, self._error = True, self._error, None
                raise error
            if self._ended:
                raise StopAsyncIteration
            await self._fetch()
        return self._ready.popleft()

    async def _fetch(self) -> None:
        if self._items is None:
            self._items = await threaded(self._start)
        chunk, self._error = await threaded(functools.partial(_next_of, self._items))
        self._ended = self._error is None and len(chunk) < CHUNK
        self._ready.extend(chunk)


def _next_of(items: Iterator[R]) -> tuple[list[R], Exception | None]:
    """The next chunk, and what stopped it: items before damage are not lost."""
    chunk: list[R] = []
    try:
        chunk.extend(itertools.islice(items, CHUNK))
    except Exception as error:  # noqa: BLE001 - raised by the stream behind the chunk
        return chunk, error
    return chunk, None
