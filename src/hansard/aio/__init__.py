"""The async door: the same stores and sessions for asyncio and trio, one method for each, with nothing decided twice.

Each method runs its synchronous twin on a worker thread; `append` and `commit` go into the backend's commit queue
instead. Either way a mutation that is cancelled settles first, and then the cancellation is raised: what happened is
never unknown. Answers are collected, and the event loop is woken once for all that are ready.

Functions that are passed in (`modify`, `count`, `progress`) are plain functions and are called on the worker thread.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

import anyio

from .. import opening
from ..backend import Answer
from ..model.entry import Entry, Json
from ..model.info import SessionInfo
from ..model.requests import Appended
from ..opening import AnyClock
from ..store import LeaseHandle, Session, SnapshotStore, Store
from ..store.drafting import attach_all, draft_append
from ..store.filters import Filters, When
from ..store.following import WATCH_POLL_S
from ..store.overview import watcher_of
from ..store.place import Place, place_of
from ..store.reading import check_after, check_poll, check_timeout
from ..store.redacting import Redact
from ..store.retention import RetentionPolicy
from . import following
from .documents import AsyncDocuments
from .running import Outcome, settled, threaded
from .twins import Twin, call, plain, stream
from .working import AsyncRun

__all__ = [
    "AsyncDocuments", "AsyncLease", "AsyncRun", "AsyncSession", "AsyncSnapshotStore", "AsyncStore", "Opening", "open",
    "threaded",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")


class AsyncLease(Twin):
    """A lease that was taken; as LeaseHandle, released at the end of `async with`."""

    sync: LeaseHandle

    @property
    def owner(self) -> str:
        """The worker that holds it."""
        return self.sync.owner

    @property
    def fence(self) -> int:
        """The number of the lease; renewals keep it."""
        return self.sync.fence

    async def held(self) -> bool:
        """Nobody has taken a newer one, and this was not released. It may have run out."""
        return await threaded(lambda: self.sync.held)

    renew = plain(LeaseHandle.renew)
    release = plain(LeaseHandle.release)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.release()


def _hot(
    method: Callable[Concatenate[Any, P], R], give: Callable[[Appended], R]
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """The async twin of an append: encoded here, then one of many in the backend's commit queue."""

    @functools.wraps(method)
    async def twin(self: AsyncSession, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return give(await _commit(self.sync, *args, **kwargs))

    return twin


def _async_session(session: Session) -> AsyncSession:
    return AsyncSession(session)


def _async_sessions(sessions: list[Session]) -> list[AsyncSession]:
    return [AsyncSession(session) for session in sessions]


def _async_store(store: Store) -> AsyncStore:
    return AsyncStore(store)


async def _commit(session: Session, *args: Any, **kwargs: Any) -> Appended:
    documents = kwargs.pop("documents", None)
    if documents:
        return await threaded(functools.partial(session.commit, *args, documents=documents, **kwargs))
    place = place_of(session)
    drafted = draft_append(place, session.id, *args, **kwargs)
    if drafted.files:
        await threaded(lambda: attach_all(place, session.id, drafted))
    backend = place.backend

    def start(done: Callable[[Outcome], None]) -> None:
        backend.submit(session.id, drafted.request, lambda answer: done(_outcome(answer)))

    appended = await settled(start)
    place.saved()
    return appended


def _outcome(answer: Answer) -> Outcome:
    return (None, answer) if isinstance(answer, BaseException) else (answer, None)


class AsyncSession(Twin):
    """One session of a store; as Session. What are properties there are methods without arguments here."""

    sync: Session

    @property
    def id(self) -> str:
        """The id of the session."""
        return self.sync.id

    async def info(self) -> SessionInfo:
        """What the session is now; includes every acknowledged append of any process."""
        return await threaded(lambda: self.sync.info)

    async def seq(self) -> int:
        """Number of the last entry: what `append(expect=…)` compares."""
        return await threaded(lambda: self.sync.seq)

    async def state(self) -> dict[str, Json]:
        """The state: an object whose top-level keys are set and removed one by one."""
        return await threaded(lambda: self.sync.state)

    async def title(self) -> str | None:
        """As given or generated, else derived from the first user message."""
        return await threaded(lambda: self.sync.title)

    append = _hot(Session.append, lambda appended: appended.seq)
    commit = _hot(Session.commit, lambda appended: appended)
    entries = stream(Session.entries)
    last = plain(Session.last)
    entry = plain(Session.entry)
    history = plain(Session.history)
    messages = plain(Session.messages)
    payload = plain(Session.payload)
    branches = plain(Session.branches)
    attachment = plain(Session.attachment)
    update = plain(Session.update)
    rename = plain(Session.rename)
    tag = plain(Session.tag)
    modify = plain(Session.modify)
    attach = plain(Session.attach)
    lease = call(Session.lease, AsyncLease)
    erase = plain(Session.erase)
    delete = plain(Session.delete)
    rewind = plain(Session.rewind)
    amend = plain(Session.amend)
    compact = plain(Session.compact)
    fork = call(Session.fork, _async_session)
    spawn = call(Session.spawn, _async_session)
    children = call(Session.children, _async_sessions)
    ask = plain(Session.ask)
    answer = plain(Session.answer)
    clear = plain(Session.clear)
    usage = plain(Session.usage)
    trajectory = plain(Session.trajectory)

    @functools.wraps(Session.run)
    def run(self, **asked: Any) -> AsyncRun:
        """A run on this session, begun and ended by `async with`; as Session.run."""
        return AsyncRun(lambda: self.sync.run(**asked), _async_session)

    @property
    def documents(self) -> AsyncDocuments:
        """The documents of this session: their versions are entries of its log, and a fork inherits them."""
        return AsyncDocuments(self.sync.documents)

    async def wait(self, *, after: int | None = None, timeout_s: float = 60.0) -> int:
        """The session's last seq, as soon as it is greater than `after` (None: than now), or when the time is over."""
        check_timeout(timeout_s)
        last = await self.seq() if after is None else check_after(after)
        return await following.wait(self.sync, after=last, timeout_s=timeout_s)

    def tail(self, after: int | None = None) -> AsyncIterator[Entry]:
        """Entries as they come, of any process, for ever: those after `after`, or (None) after the first look."""
        return following.Tail(self.sync, None if after is None else check_after(after))


class _Watch(AsyncIterator[SessionInfo]):
    """Sessions as they change. Between two looks no thread is held."""

    def __init__(self, store: Store, since: When | None, poll_s: float, filters: Filters) -> None:
        """Look at nothing yet."""
        self._watcher = watcher_of(store, since, filters)
        self._poll_s = poll_s
        self._ready: deque[SessionInfo] = deque()

    async def __anext__(self) -> SessionInfo:
        while not self._ready:
            self._ready.extend(await threaded(self._watcher.look))
            if not self._ready:
                await anyio.sleep(self._poll_s)
        return self._ready.popleft()


class AsyncStore(Twin):
    """An open store of sessions; as Store. Use it with `async with`, or close it."""

    sync: Store

    @property
    def backend_name(self) -> str:
        """The name of the backend: memory, file and so on."""
        return self.sync.backend_name

    @property
    def capabilities(self) -> frozenset[str]:
        """What the backend can do, in words of `hansard.backend.CAPABILITIES`."""
        return self.sync.capabilities

    @property
    def _place(self) -> Place:
        return place_of(self.sync)

    create = call(Store.create, _async_session)
    get = call(Store.get, _async_session)
    resolve = call(Store.resolve, _async_session)
    get_or_create = call(Store.get_or_create, _async_session)
    fork = call(Store.fork, _async_session)
    exists = plain(Store.exists)
    info = plain(Store.info)
    find = plain(Store.find)
    sessions = stream(Store.sessions)
    search = plain(Store.search)
    latest = call(Store.latest, lambda session: None if session is None else AsyncSession(session))
    usage = plain(Store.usage)
    entries = stream(Store.entries)
    runs = stream(Store.runs)
    trim_runs = plain(Store.trim_runs)
    cleanup = plain(Store.cleanup)
    prune = plain(Store.prune)
    backup = plain(Store.backup)
    restore = plain(Store.restore)

    @functools.wraps(Store.run)
    def run(self, **asked: Any) -> AsyncRun:
        """A run of an agent that has no session, begun and ended by `async with`; as Store.run."""
        return AsyncRun(lambda: self.sync.run(**asked), _async_session)

    @property
    def retention(self) -> RetentionPolicy | None:
        """The policy that the store was opened with."""
        return self.sync.retention

    def watch(
        self, since: When | None = None, *, poll_s: float = WATCH_POLL_S, **filters: Unpack[Filters]
    ) -> AsyncIterator[SessionInfo]:
        """Sessions as any process changes them, for ever: what each is now, at least once after its last change."""
        check_poll(poll_s)
        return _Watch(self.sync, since, poll_s, filters)

    delete = plain(Store.delete)
    tenant = call(Store.tenant, _async_store)
    collect_garbage = plain(Store.collect_garbage)
    reset = plain(Store.reset)

    @property
    def documents(self) -> AsyncDocuments:
        """The documents of the store: named Markdown and JSON with versions."""
        return AsyncDocuments(self.sync.documents)

    attachment = plain(Store.attachment)
    check = plain(Store.check)
    heads = plain(Store.heads)
    copy = plain(Store.copy)
    copy_store = plain(Store.copy_store)
    reindex = plain(Store.reindex)
    health = plain(Store.health)
    close = plain(Store.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.close()


class AsyncSnapshotStore(Twin):
    """The sessions of a store as whole snapshots; as SnapshotStore."""

    sync: SnapshotStore

    def __init__(self, store: AsyncStore) -> None:
        """Stand on an open store."""
        super().__init__(SnapshotStore(store.sync))

    @property
    def backend_name(self) -> str:
        """The name of the backend: memory, file and so on."""
        return self.sync.backend_name

    save = plain(SnapshotStore.save)
    load = plain(SnapshotStore.load)
    digest = plain(SnapshotStore.digest)
    delete = plain(SnapshotStore.delete)
    list = plain(SnapshotStore.list)
    exists = plain(SnapshotStore.exists)
    health = plain(SnapshotStore.health)


class Opening:
    """A store that is about to be opened: await it, or enter it with `async with`."""

    def __init__(self, start: Callable[[], Coroutine[Any, Any, AsyncStore]]) -> None:
        """Open nothing yet."""
        self._start = start
        self._store: AsyncStore | None = None

    def __await__(self) -> Generator[Any, Any, AsyncStore]:
        return self._start().__await__()

    async def __aenter__(self) -> AsyncStore:
        self._store = await self._start()
        return self._store

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._store is not None:
            await self._store.__aexit__(kind, error, trace)


def open(  # noqa: A001 - as hansard.open
    url: str | os.PathLike[str] | None = None,
    *,
    clock: AnyClock | None = None,
    create: bool = True,
    tenant: str | None = None,
    retention: RetentionPolicy | None = None,
    redact: Redact | None = None,
    read_only: bool = False,
) -> Opening:
    """An open store, as hansard.open: `async with hansard.aio.open() as store`, or `store = await …`.

    Raises:
        NotFound, Invalid, Unavailable, Unsupported: as hansard.open, when it is awaited.
    """

    async def start() -> AsyncStore:
        opened: list[Store] = []
        try:
            await threaded(
                lambda: opened.append(
                    opening.open(
                        url,
                        clock=clock,
                        create=create,
                        tenant=tenant,
                        retention=retention,
                        redact=redact,
                        read_only=read_only,
                    )
                )
            )
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                for store in opened:
                    await threaded(store.close)
            raise
        return AsyncStore(opened[-1])

    return Opening(start)
