"""How a call leaves the event loop and comes back: worker threads, one wake-up for many answers, and no call half done."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias, TypeVar

import anyio
import anyio.lowlevel

T = TypeVar("T")

Outcome: TypeAlias = "tuple[Any, BaseException | None]"
"""What a call came to: its result, or its error."""

Start: TypeAlias = Callable[[Callable[[Outcome], None]], None]
"""Sets a call going, which hands its outcome over on any thread."""

_THREADS: Final = 32


class _Call(ABC):
    """One call: how it is set going, and what it came to."""

    __slots__ = ("_bell", "begun", "outcome", "start")

    def __init__(self, bell: _Bell, start: Start) -> None:
        self._bell = bell
        self.start = start
        self.begun = False
        self.outcome: Outcome | None = None

    def begin(self) -> None:
        """Set it going. An error of that is its outcome, too."""
        self.begun = True
        try:
            self.start(self.end)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self.end((None, error))

    def end(self, outcome: Outcome) -> None:
        """Hand the outcome over; called on any thread."""
        self.outcome = outcome
        self._bell.ring(self)

    @abstractmethod
    def wake(self) -> None:
        """Let the task go on that waits for the outcome; called in the thread of its event loop."""


class _FutureCall(_Call):
    """Waited for in asyncio."""

    __slots__ = ("future",)

    def __init__(self, bell: _Bell, start: Start, future: asyncio.Future[None]) -> None:
        super().__init__(bell, start)
        self.future = future

    def wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class _EventCall(_Call):
    """Waited for in trio."""

    __slots__ = ("event",)

    def __init__(self, bell: _Bell, start: Start) -> None:
        super().__init__(bell, start)
        self.event = anyio.Event()

    def wake(self) -> None:
        self.event.set()


class _Bell:
    """Brings outcomes from other threads into one event loop, waking it once for all that are ready."""

    def __init__(self, loop: object, wake: Callable[[Callable[[], None]], object]) -> None:
        self.loop = loop
        self._wake = wake
        self._asked: list[_FutureCall] = []
        self._ready: deque[_Call] = deque()
        self._rung = False

    def gather(self, call: _FutureCall, soon: Callable[[Callable[[], None]], object]) -> None:
        """Begin a call once all tasks that can run now have run: what they ask for is handed over together."""
        if not self._asked:
            soon(self._begin_all)
        self._asked.append(call)

    def _begin_all(self) -> None:
        asked, self._asked = self._asked, []
        for call in asked:
            if not call.future.cancelled():
                call.begin()

    def ring(self, call: _Call) -> None:
        """Have the task of an ended call go on; called on any thread."""
        self._ready.append(call)
        # No lock: whoever finds it rung put the call there before the loop looks, and a second ring does no harm.
        if not self._rung:
            self._rung = True
            try:
                self._wake(self._deliver)
            except RuntimeError:
                # The event loop has ended, and with it everybody who could wait for this.
                self._ready.clear()
                self._rung = False

    def _deliver(self) -> None:
        self._rung = False
        ready = self._ready
        while ready:
            ready.popleft().wake()


class _Here(threading.local):
    """The bell of the event loop that last waited in this thread."""

    bell: _Bell | None = None


_here: Final = _Here()


async def settled(start: Start) -> Any:
    """The result of what `start` sets going. A cancellation is raised before it starts, or when it has ended."""
    try:
        on_asyncio = asyncio.current_task() is not None
    except RuntimeError:
        on_asyncio = False
    result, error = await (_settled_on_asyncio(start) if on_asyncio else _settled_on_trio(start))
    if error is not None:
        raise error
    return result


async def _settled_on_asyncio(start: Start) -> Outcome:
    loop = asyncio.get_running_loop()
    bell = _here.bell
    if bell is None or bell.loop is not loop:
        bell = _here.bell = _Bell(loop, loop.call_soon_threadsafe)
    call = _FutureCall(bell, start, loop.create_future())
    bell.gather(call, loop.call_soon)
    try:
        await call.future
    except asyncio.CancelledError:
        # What was cancelled before this task came to wait is cancelled before the loop gets to begin the call.
        if call.begun:
            await _ended(call, loop)
        raise
    return call.outcome or (None, None)


async def _ended(call: _FutureCall, loop: asyncio.AbstractEventLoop) -> None:
    """Wait for the end of a call, however often this task is cancelled."""
    # The shield keeps anyio from cancelling again and again; Task.cancel() comes through, and is counted as it is.
    with anyio.CancelScope(shield=True):
        while call.outcome is None:
            future = call.future = loop.create_future()
            try:
                await future
            except asyncio.CancelledError:
                continue


async def _settled_on_trio(start: Start) -> Outcome:
    import trio

    await anyio.lowlevel.checkpoint_if_cancelled()
    token = trio.lowlevel.current_trio_token()
    bell = _here.bell
    if bell is None or bell.loop is not token:
        bell = _here.bell = _Bell(token, token.run_sync_soon)
    call = _EventCall(bell, start)
    call.begin()
    with anyio.CancelScope(shield=True):
        await call.event.wait()
    await anyio.lowlevel.checkpoint_if_cancelled()
    return call.outcome or (None, None)


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
