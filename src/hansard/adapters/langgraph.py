"""LangGraph on Hansard: a checkpointer that writes what is new and nothing else, and a store for long-term memory.

    graph = builder.compile(checkpointer=HansardSaver("file:///var/lib/agents"))
    graph.invoke(input, {"configurable": {"thread_id": "support-4711"}})

A thread is the session with the same id. The messages of its state are the messages of the session, so a conversation
of LangGraph is listed, shown and searched as any other, and each step costs what it adds, however long the state is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self

try:
    from langgraph.checkpoint.base import (
        WRITES_IDX_MAP,
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        DeltaChannelHistory,
        get_checkpoint_id,
        get_checkpoint_metadata,
    )
    from langgraph.checkpoint.serde.base import SerializerProtocol
except ImportError as error:
    _MISSING: Final = "LangGraph is not installed: pip install 'hansard[langgraph]'"
    raise ImportError(_MISSING) from error

from langchain_core.runnables import RunnableConfig

from ..aio.running import threaded
from ..errors import Conflict, Invalid, NotFound
from ..model.entry import NewEntry
from ..model.requests import ANY
from ..store import Session, Store
from .following import Following
from .langgraph_async import AsyncTwins
from .langgraph_dropping import drop_runs, keep_newest
from .langgraph_places import config_of, place_of, thread_session, tuple_of
from .langgraph_store import HansardStore
from .langgraph_thread import WRITES, Thread, viewing
from .langgraph_values import Codec
from .langgraph_writing import EMPTY, Draft, taken
from .opened import AnyStore, opened

__all__ = ["HansardSaver", "HansardStore"]

FLAG: Final = "langgraph"
"""The field of a session that says that it is a thread; its value is the thread's id."""
_ATTEMPTS_MAX: Final = 200
_THREADS_KEPT: Final = 32
_SESSIONS_MAX: Final = 4096
_ON: Final = ("input", "loop")
"""How a run goes on from a checkpoint; "fork" and "update" go back on purpose."""
_APART: Final = frozenset(("channel_values", "channel_versions", "id"))


class HansardSaver(AsyncTwins):
    """Checkpoints in a Hansard store, for any number of threads, tasks and processes; both the sync and the async way.

    `store` is an open store of either door, or the place of one, which `close()` then closes. `conversation` names the
    channel whose messages are the session's. Two writers that go on from one checkpoint make two branches, as always in
    LangGraph: `heads()` shows them; with `on_fork="refuse"` the slower one gets a Conflict instead.

    Messages are given out as copies, but of a state of more than `copies` messages the older ones are shared with what
    this object gave out before, as long as nobody changes them; what is stored never depends on them.
    """

    def __init__(
        self,
        store: AnyStore = None,
        *,
        serde: SerializerProtocol | None = None,
        conversation: str = "messages",
        copies: int = 256,
        on_fork: Literal["branch", "refuse"] = "branch",
    ) -> None:
        """Stand on a store. Errors are those of hansard.open."""
        super().__init__(serde=serde)
        if on_fork not in ("branch", "refuse"):
            msg = f"on_fork: 'branch' or 'refuse', not {on_fork!r}"
            raise Invalid(msg)
        door, self._owned = opened(store)
        self.store: Store = door.sync
        self._conversation = conversation
        self._refuses = on_fork == "refuse"
        self._copies = copies
        self._threads = self._following()
        self._sessions: dict[str, Session] = {}

    def with_allowlist(self, extra_allowlist: Any) -> Self:
        """The same saver, whose serializer may also make these types."""
        clone: Any = super().with_allowlist(extra_allowlist)
        if clone is not self:
            clone._threads = clone._following()  # noqa: SLF001 - a copy of this object
        return clone

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that the config names, or the newest of its thread and namespace; None if there is none."""
        thread_id, ns = place_of(config)
        session = self._existing(thread_id)
        if session is None:
            return None
        try:
            with self._threads.of(session) as (thread, _, _):
                identity = get_checkpoint_id(config) or thread.newest(ns)
                record = thread.checkpoints.get(ns, {}).get(identity or "")
                if identity is None or record is None or record.hidden:
                    return None
                return tuple_of(thread, session, thread_id, ns, identity)
        except NotFound:
            return None

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints from the newest id on: of one namespace, one thread, or (None) all threads.

        `filter` keeps those whose metadata has all these values, `before` those with a smaller id; `limit` counts last.
        Nothing is locked while the caller looks at one.
        """
        given = config.get("configurable", {}) if config else {}
        wanted = get_checkpoint_id(config) if config else None
        bound = get_checkpoint_id(before) if before else None
        found: list[tuple[str, str, str]] = []
        for thread_id in [str(given["thread_id"])] if config else self._all_threads():
            for ns, identity in self._identities(thread_id):
                if (
                    given.get("checkpoint_ns") in (None, ns)
                    and wanted in (None, "", identity)
                    and (not bound or identity < bound)
                ):
                    found.append((identity, thread_id, ns))
        left = limit
        for identity, thread_id, ns in sorted(found, reverse=True):
            if left is not None and left <= 0:
                return
            one = self.get_tuple(config_of(thread_id, ns, identity))
            if one is None or any(one.metadata.get(key) != value for key, value in (filter or {}).items()):
                continue
            left = None if left is None else left - 1
            yield one

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """The checkpoint is durable, with the values of the channels that have new versions. The same id is replaced.

        Raises:
            Conflict: `on_fork="refuse"`, and another run has gone on from its parent.
        """
        thread_id, ns = place_of(config)
        codec = Codec(self.serde)
        rest = {key: value for key, value in checkpoint.items() if key not in _APART}
        body = {
            "ns": ns, "id": checkpoint["id"], "parent": get_checkpoint_id(config) or None,
            "versions": dict(checkpoint["channel_versions"]), "rest": codec.describe(rest),
            "metadata": codec.describe(dict(get_checkpoint_metadata(config, metadata))),
        }  # fmt: skip
        held = checkpoint["channel_values"]
        changed = {channel: taken(codec, held.get(channel, EMPTY)) for channel in new_versions}
        write = _Write(thread_id, body, changed, metadata.get("source"))
        for attempt in range(_ATTEMPTS_MAX):
            session = self._session(thread_id)
            try:
                if self._put(session, write):
                    return config_of(thread_id, ns, checkpoint["id"])
            except NotFound:
                self._forget(session.id)
            # Another process was faster; it gets a moment to go on, so that neither starves.
            time.sleep(random.uniform(0, 0.002 * min(attempt + 1, 20)))  # noqa: S311 - no secret
        msg = f"thread {thread_id!r}: {_ATTEMPTS_MAX} attempts to write a checkpoint met another writer; run it again"
        raise Conflict(msg, seq=self._session(thread_id).seq)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """The writes of a task are durable; the checkpoint they belong to may come later. Repeating adds nothing."""
        thread_id, ns = place_of(config)
        codec = Codec(self.serde)
        body = {
            "ns": ns, "checkpoint": config.get("configurable", {})["checkpoint_id"], "task": task_id, "path": task_path,
            "replaces": all(channel in WRITES_IDX_MAP for channel, _ in writes),
            "writes": [
                [WRITES_IDX_MAP.get(channel, place), channel, codec.describe(value)]
                for place, (channel, value) in enumerate(writes)
            ],
        }  # fmt: skip
        entry = NewEntry(kind=WRITES, body=body)
        for _ in range(_ATTEMPTS_MAX):
            session = self._session(thread_id)
            try:
                with self._threads.alone(session.id):
                    session.append(entry, set={FLAG: thread_id})
            except NotFound:
                self._forget(session.id)
            else:
                return
        msg = f"thread {thread_id!r} was deleted {_ATTEMPTS_MAX} times while writes were added to it; run it again"
        raise NotFound(msg)

    def delete_thread(self, thread_id: str) -> None:
        """The thread and the session that it is are gone."""
        self.store.delete(thread_session(str(thread_id)))
        self._forget(thread_session(str(thread_id)))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """All checkpoints of these runs are gone, with their writes, in every thread.

        Those that the state of a later one is still computed from are hidden and keep their place.
        """
        if run_ids:
            for thread_id in self._all_threads():
                drop_runs(self.store, self._threads, thread_session(thread_id), frozenset(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """The target thread has all checkpoints and writes of the source, at no cost whatever its length: it is a fork.

        Raises:
            AlreadyExists: the target thread is there.
        """
        source, target = thread_session(str(source_thread_id)), thread_session(str(target_thread_id))
        if self.store.exists(source):
            self.store.fork(source, id=target).update(set={FLAG: str(target_thread_id)})

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """With "keep_latest" each namespace has only its newest checkpoint; with "delete" the threads are gone.

        What no checkpoint shows any more is erased, unless a copy of the thread shows it.
        """
        if strategy not in ("keep_latest", "delete"):
            msg = f"strategy: 'keep_latest' or 'delete', not {strategy!r}"
            raise Invalid(msg)
        for thread_id in thread_ids:
            if strategy == "delete":
                self.delete_thread(thread_id)
            else:
                keep_newest(self.store, self._threads, thread_session(str(thread_id)))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """For each channel the writes of the checkpoint's ancestors since the nearest stored value, and that value."""
        thread_id, ns = place_of(config)
        found: dict[str, DeltaChannelHistory] = {channel: {"writes": []} for channel in channels}
        session = self._existing(thread_id) if channels else None
        if session is None:
            return found
        with self._threads.of(session) as (thread, _, _):
            target = thread.checkpoints.get(ns, {}).get(get_checkpoint_id(config) or thread.newest(ns) or "")
            waiting = set(channels)
            for identity in thread.chain(ns, target.parent if target else None):
                for write in reversed(thread.writes(session, ns, identity)):
                    if write[1] in waiting:
                        found[write[1]]["writes"].append(write)
                for channel in sorted(waiting):
                    at = thread.source(session, ns, thread.checkpoints[ns][identity].seq, channel)
                    if at is not None and at[1] != EMPTY:
                        found[channel]["seed"] = thread.value(session, channel, at)
                        waiting.discard(channel)
                if not waiting:
                    break
        for history in found.values():
            history["writes"].reverse()
        return found

    def get_next_version(self, current: str | int | None, channel: None) -> str:
        """A version greater than the current one, and unlike that of any other branch."""
        number = 0 if current is None else int(str(current).split(".")[0])
        return f"{number + 1:032}.{random.random():016}"  # noqa: S311 - no secret

    def heads(self, thread_id: str, *, checkpoint_ns: str = "") -> Sequence[RunnableConfig]:
        """The configs of the checkpoints that nobody went on from, the newest first: more than one after a fork."""
        session = self._existing(str(thread_id))
        if session is None:
            return []
        with self._threads.of(session) as (thread, _, _):
            ends = [one for one in thread.visible(checkpoint_ns) if not thread.children(checkpoint_ns, one)]
        return [config_of(str(thread_id), checkpoint_ns, one) for one in sorted(ends, reverse=True)]

    def close(self) -> None:
        """A store that was opened here is closed; one that was given stays open."""
        if self._owned:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await threaded(self.close)

    def _following(self) -> Following[Thread]:
        return Following(viewing(Codec(self.serde), copies=self._copies), keep=_THREADS_KEPT)

    def _existing(self, thread_id: str) -> Session | None:
        try:
            return self.store.get(thread_session(thread_id))
        except NotFound:
            return None

    def _session(self, thread_id: str) -> Session:
        """The session to write to, made if need be; one that was known may be gone, which the write then says."""
        name = thread_session(thread_id)
        found = self._sessions.get(name) or self._existing(thread_id) or self.store.get_or_create(name)
        if len(self._sessions) >= _SESSIONS_MAX:
            self._sessions.clear()
        self._sessions[name] = found
        return found

    def _forget(self, session: str) -> None:
        self._sessions.pop(session, None)
        self._threads.drop(session)

    def _all_threads(self) -> Iterator[str]:
        for info in self.store.sessions(fields={FLAG: ANY}):
            named = info.fields[FLAG]
            # A fork that was made elsewhere has its origin's fields.
            yield named if isinstance(named, str) and thread_session(named) == info.id else info.id

    def _identities(self, thread_id: str) -> Sequence[tuple[str, str]]:
        session = self._existing(thread_id)
        if session is None:
            return []
        with self._threads.of(session) as (thread, _, _):
            return [(ns, identity) for ns in thread.checkpoints for identity in thread.visible(ns)]

    def _put(self, session: Session, write: _Write) -> bool:
        """Write a checkpoint; False if somebody came between the look and the write."""
        with self._threads.of(session) as (thread, info, seq):
            ns, parent = write.body["ns"], write.body["parent"]
            others = [one for one in thread.children(ns, parent) if one != write.body["id"]]
            if self._refuses and others and write.source in _ON:
                msg = (
                    f"session {session.id!r}: another run has gone on from checkpoint {parent} with {others[0]}. "
                    "Run again from the newest checkpoint, or go back on purpose with update_state"
                )
                raise Conflict(msg, seq=info.seq)
            draft = Draft(
                thread, session, info, seq, conversation=self._conversation, compared=write.compared
            )  # fmt: skip
            draft.checkpoint(write.body, write.changed)
            try:
                session.append(draft.entries, expect=seq, set={FLAG: write.thread})
            except Conflict as error:
                if error.seq == seq:
                    raise
                return False
            draft.settled()
            return True


class _Write:
    """One checkpoint to be written, and what was found out about it at the first attempt."""

    def __init__(self, thread: str, body: dict[str, Any], changed: Mapping[str, Any], source: str | None) -> None:
        self.thread = thread
        self.body = body
        self.changed = changed
        self.source = source
        self.compared: dict[str, Any] = {}
