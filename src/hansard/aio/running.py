"""How a call leaves the event loop and comes back: worker threads, one wake-up for many answers, and no call half done."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import anyio
import anyio.lowlevel

T = TypeVar("T")

Outcome: TypeAlias = "tuple[Any, BaseException | None]"
"""What a call came to: its result, or its error."""

Start: TypeAlias = Callable[[Callable[[Outcome], None]], None]
"""Sets a call going, which hands its outcome over on any thread."""

_THREADS: Final = 32


class _Waiter(Protocol):
    """One call that waits for its outcome, in the thread of its event loop."""

    def settle(self, outcome: Outcome) -> None: ...


class _Bell:
    """Brings outcomes from other threads into one event loop, waking it once for all that are ready."""

    def __init__(self, loop: object, wake: Callable[[Callable[[], None]], object]) -> None:
        self.loop = loop
        self._wake = wake
        self._mutex = threading.Lock()
        self._ready: list[tuple[_Waiter, Outcome]] = []

    def answer(self, waiter: _Waiter, outcome: Outcome) -> None:
        """Hand an outcome over; called on any thread."""
        with self._mutex:
            self._ready.append((waiter, outcome))
            if len(self._ready) > 1:
                return
        try:
            self._wake(self._deliver)
        except RuntimeError:
            # The event loop has ended, and with it everybody who could wait for this.
            with self._mutex:
                self._ready.clear()

    def _deliver(self) -> None:
        with self._mutex:
            ready, self._ready = self._ready, []
        for waiter, outcome in ready:
            waiter.settle(outcome)


class _Here(threading.local):
    """The bell of the event loop that last waited in this thread."""

    bell: _Bell | None = None


_here: Final = _Here()


async def settled(start: Start) -> Any:
    """The result of what `start` sets going. A cancellation is raised before it starts, or when it has ended."""
    await anyio.lowlevel.checkpoint_if_cancelled()
    on_asyncio = anyio.get_cancelled_exc_class() is asyncio.CancelledError
    result, error = await (_settled_on_asyncio(start) if on_asyncio else _settled_on_trio(start))
    if error is not None:
        raise error
    return result


class _Future:
    """Waits in asyncio, with as little as that takes."""

    __slots__ = ("future", "outcome")

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future
        self.outcome: Outcome | None = None

    def settle(self, outcome: Outcome) -> None:
        self.outcome = outcome
        if not self.future.done():
            self.future.set_result(None)


async def _settled_on_asyncio(start: Start) -> Outcome:
    loop = asyncio.get_running_loop()
    bell = _here.bell
    if bell is None or bell.loop is not loop:
        bell = _here.bell = _Bell(loop, loop.call_soon_threadsafe)
    waiter = _Future(loop.create_future())
    start(functools.partial(bell.answer, waiter))
    try:
        await waiter.future
    except asyncio.CancelledError:
        # The shield keeps anyio from cancelling again and again; Task.cancel() comes through, and is counted as it is.
        with anyio.CancelScope(shield=True):
            while waiter.outcome is None:
                waiter.future = loop.create_future()
                try:
                    await waiter.future
                except asyncio.CancelledError:
                    continue
        raise
    return waiter.outcome or (None, None)


class _Flag:
    """Waits in trio."""

    __slots__ = ("event", "outcome")

    def __init__(self) -> None:
        self.event = anyio.Event()
        self.outcome: Outcome = (None, None)

    def settle(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.event.set()


async def _settled_on_trio(start: Start) -> Outcome:
    import trio

    token = trio.lowlevel.current_trio_token()
    bell = _here.bell
    if bell is None or bell.loop is not token:
        bell = _here.bell = _Bell(token, token.run_sync_soon)
    waiter = _Flag()
    start(functools.partial(bell.answer, waiter))
    with anyio.CancelScope(shield=True):
        await waiter.event.wait()
    await anyio.lowlevel.checkpoint_if_cancelled()
    return waiter.outcome


class _Pool:
    """The worker threads of this process."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._mutex = threading.Lock()

    def run(self, call: Callable[[], Any], done: Callable[[Outcome], None]) -> None:
        """Call on a worker thread, in the caller's context, and hand over what comes of it."""

        def work() -> None:
            try:
                outcome: Outcome = (call(), None)
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                outcome = (None, error)
            done(outcome)

        with self._mutex:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="hansard-aio")
            self._threads.submit(contextvars.copy_context().run, work)


_pool: Final = _Pool()
# Threads do not live on in a forked child, so it starts its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.__init__)


async def threaded(call: Callable[[], T]) -> T:
    """The result of a call on a worker thread, which ends before a cancellation is raised."""
    return await settled(functools.partial(_pool.run, call))
