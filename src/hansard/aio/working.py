"""Runs at the async door: begun and ended by `async with`, on worker threads."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import anyio

from ..store import RunHandle, Session
from .running import threaded
from .twins import Twin, plain


class AsyncRun(Twin):
    """A run that is to be entered; as RunHandle: `async with session.run() as run`."""

    sync: RunHandle

    def __init__(self, make: Callable[[], RunHandle], shown: Callable[[Session], Any]) -> None:
        """Make nothing yet."""
        super().__init__(None)
        self._make = make
        self._shown = shown

    @property
    def id(self) -> str:
        """The id of the run; each entry that it appends says it."""
        return self.sync.id

    @property
    def session(self) -> Any:
        """The session that the run is on."""
        return self._shown(self.sync.session)

    @property
    def fence(self) -> int:
        """The number of the lease under which the run writes."""
        return self.sync.fence

    append = plain(RunHandle.append)
    output = plain(RunHandle.output)
    flush = plain(RunHandle.flush)

    def finish(self, result: Any) -> None:
        """What the run came to, for its record; it ends with its block."""
        self.sync.finish(result)

    async def __aenter__(self) -> Self:
        def begin() -> None:
            self.sync = self._make()
            self.sync.__enter__()

        try:
            await threaded(begin)
        except anyio.get_cancelled_exc_class() as error:
            begun = self.sync
            if begun is not None:  # pyright: ignore[reportUnnecessaryComparison] - None until it was made
                await self._end(type(error), error, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end(kind, error, trace)

    async def _end(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await threaded(lambda: self.sync.__exit__(kind, error, trace))
