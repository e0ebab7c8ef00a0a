"""The OpenAI Agents SDK on Hansard: a `Session` that is durable, atomic, safe between processes, and branches.

    session = HansardSession("support-4711", "file:///var/lib/agents")
    await Runner.run(agent, "Hello", session=session)

Items are kept verbatim, one message entry each. Nothing is ever rewritten: what is popped, cleared or compacted leaves
the visible path and stays on record until it is erased.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar
from uuid import uuid4
from weakref import ref

import anyio.lowlevel

try:
    from agents.memory import SessionSettings
    from agents.memory import session as _sdk
except ImportError as error:  # pragma: no cover - said to whoever lacks it
    _MISSING: Final = "the OpenAI Agents SDK is not installed: pip install 'hansard[openai-agents]'"
    raise ImportError(_MISSING) from error

from ..aio import AsyncSession, threaded
from ..errors import AlreadyExists, NotFound
from ..model.counts import count
from ..model.entry import NewEntry, usage
from ..model.info import SessionInfo
from ..store import Draft
from .openai_items import Item, entry, is_turn, newest, one_for_one, pop, replace, rewind
from .opened import AnyStore, opened

LabelsFrom: TypeAlias = "Sequence[str] | Callable[[Any], Mapping[str, str]]"
"""Names to look up in a run's context (keys of a mapping, else attributes), or what gives labels for a context."""

LABELS_FROM: Final = ("tenant_id", "user_id")

T = TypeVar("T")

_MAIN: Final = "main"
_BRANCHES: Final = "openai_agents_branches"
_Snapshot: Final = getattr(_sdk, "_CompactionSnapshot", None)


class HansardSession:
    """One conversation of the OpenAI Agents SDK, kept as the session with the same id.

    `store` is an open store of either door, or the place of one, which is then opened here and closed by `close()`.
    The session is made with the first items. `user`, `agent`, `project`, `labels` and `title` are given to a new one;
    one that is another user's raises AlreadyExists.
    Labels named by `labels_from` are taken from the context of each run. Several objects, tasks and processes may
    share a session; use one object from one event loop at a time.
    """

    def __init__(
        self,
        session_id: str,
        store: AnyStore = None,
        *,
        session_settings: SessionSettings | dict[str, Any] | None = None,
        user: str | None = None,
        agent: str | None = None,
        project: str | None = None,
        title: str | None = None,
        labels: Mapping[str, str] | None = None,
        labels_from: LabelsFrom = LABELS_FROM,
    ) -> None:
        """Open the store if it is only named; the session itself is not looked at yet."""
        self.session_id = session_id
        self.session_settings: SessionSettings | None = _settings(session_settings)
        self._store, self._owned = opened(store)
        self._described: dict[str, Any] = {"user": user, "agent": agent, "project": project, "title": title}
        self._labels = dict(labels or {})
        self._labels_from = labels_from
        self._labelled: Mapping[str, str] = {}
        self._session: AsyncSession | None = None
        self._runs: dict[int, _Calls] = {}
        self._closed = False

    async def get_items(self, limit: int | None = None, *, wrapper: Any = None) -> list[Item]:
        """The newest `limit` items in order; None means the settings' limit, else all. A negative limit is no limit.

        What other programs said in the session is given as items of the Responses API.
        """
        self._check_open()
        self._calls(wrapper)
        if limit is None and self.session_settings is not None:
            limit = self.session_settings.limit
        wanted = limit if limit is not None and limit > 0 else None

        async def read(session: AsyncSession) -> list[Item]:
            return [] if limit == 0 else await threaded(partial(newest, session.sync, wanted))

        return await self._with_existing(read, [])

    async def add_items(self, items: list[Item], *, wrapper: Any = None) -> None:
        """All items are durable together, with the usage and labels of the run that they came in."""
        self._check_open()
        if not items:
            return
        calls = self._calls(wrapper)
        known, spent = (calls.recorded, calls.entries()) if calls is not None else (0, [])
        entries = [*map(entry, items), *spent]
        labels = self._labels_of(wrapper)
        while not await self._add(entries, labels):
            # Another writer has made the session just now, or deleted it.
            await anyio.lowlevel.checkpoint()
        self._labelled = {**self._labelled, **labels}
        if calls is not None:
            calls.recorded = max(calls.recorded, known + len(spent))

    async def pop_item(self, *, wrapper: Any = None) -> Item | None:
        """The newest item, which is no longer part of the session; None if there is none. No two callers get one."""
        del wrapper

        async def take(session: AsyncSession) -> Item | None:
            popped: list[Item] = []

            def work(draft: Draft) -> None:
                popped[:] = pop(session.sync, draft)

            await session.modify(work)
            return popped[0] if popped else None

        return await self._with_existing(take, None)

    async def clear_session(self, *, wrapper: Any = None) -> None:
        """The session shows no items. They stay on record as a branch; delete or erase the session to be rid of them."""
        del wrapper

        async def clear(session: AsyncSession) -> None:
            await session.append(rewind(0))

        await self._with_existing(clear, None)

    async def create_branch_from_turn(self, turn_number: int, branch_name: str | None = None) -> str:
        """The session continues before its user message number `turn_number` (1, 2 …); the name of the new branch.

        No item is copied. What was there stays as the branch that was left.

        Raises:
            ValueError: there is no such turn, or the name is blank or taken.
        """
        if branch_name is not None and not branch_name.strip():
            msg = "branch_name: a name that is not blank, or None"
            raise ValueError(msg)
        session = await self._needed()
        made: list[str] = []

        def branch(draft: Draft) -> None:
            shown = session.sync.messages()
            turns = [place for place, message in enumerate(shown) if is_turn(message)]
            if not 0 < turn_number <= len(turns):
                msg = f"turn {turn_number}: session {self.session_id!r} has {len(turns)} user turns, counted from 1"
                raise ValueError(msg)
            current, heads = _named(draft.info)
            name = branch_name or f"branch-{len(heads) + 1}"
            if name == current or name in heads:
                msg = f"branch {name!r} exists already; give another name"
                raise ValueError(msg)
            at = turns[turn_number - 1]
            draft.append(rewind(shown[at - 1].seq if at else 0))
            draft.set(**{_BRANCHES: {"current": name, "heads": {**heads, current: draft.info.head}}})
            made[:] = [name]

        await session.modify(branch)
        return made[0]

    async def switch_to_branch(self, branch_id: str) -> None:
        """The session shows the branch with this name, and continues it.

        Raises:
            ValueError: there is no such branch.
        """

        def switch(draft: Draft) -> None:
            current, heads = _named(draft.info)
            if branch_id == current:
                return
            if branch_id not in heads:
                msg = f"branch {branch_id!r} does not exist; there are {', '.join(sorted({current, *heads}))}"
                raise ValueError(msg)
            left = {name: head for name, head in heads.items() if name != branch_id}
            draft.append(rewind(heads[branch_id]))
            draft.set(**{_BRANCHES: {"current": branch_id, "heads": {**left, current: draft.info.head}}})

        await (await self._needed()).modify(switch)

    async def list_branches(self) -> list[dict[str, Any]]:
        """The named branches: branch_id, message_count, user_turns, is_current."""
        session = await self._existing()
        if session is None:
            return []
        info = await session.info()
        current, heads = _named(info)
        found: list[dict[str, Any]] = []
        for name, head in {**heads, current: info.head}.items():
            said = await session.messages(to=head)
            turns = sum(map(is_turn, said))
            found.append({
                "branch_id": name, "message_count": len(said), "user_turns": turns, "is_current": name == current,
            })  # fmt: skip
        return found

    async def store_run_usage(self, result: Any) -> None:
        """The usage of a run is on record; what was recorded with its items, as it usually was, counts once."""
        calls = self._calls(result.context_wrapper, from_start=True)
        if calls is not None and (entries := calls.entries()):
            await (await self._needed()).append(entries)
            calls.recorded += len(entries)

    def close(self) -> None:
        """Every further call raises RuntimeError. The store is closed if it was opened here."""
        self._closed = True
        if self._owned:
            self._store.sync.close()

    async def _get_compaction_snapshot(
        self, limit: int, *, prune_prefix: Callable[[Item], bool] | None = None
    ) -> Any | None:
        """The newest items, and what replaces a suffix of them in one commit if nothing came between. Private there."""
        session = await self._existing()
        if session is None or _Snapshot is None or self._is_extended():
            return None
        shown = await threaded(partial(one_for_one, session.sync, limit + 1))
        if shown is None:
            return None
        kept = shown[-limit:]

        async def replace_suffix(start: int, output: list[Item]) -> bool:
            done: list[bool] = []

            def put(draft: Draft) -> None:
                done[:] = [replace(session.sync, draft, [seq for seq, _ in kept[start:]], output, prune_prefix)]

            await session.modify(put)
            return done[0]

        return _Snapshot([item for _, item in kept], len(shown) <= limit, replace_suffix)

    async def _atomic_replace_items(self, items: list[Item]) -> bool:
        """These items are all that the session shows, in one commit. Private there."""
        session = await self._existing()
        if session is None or self._is_extended():
            return False
        await session.append([rewind(0), *map(entry, items)])
        return True

    def _is_extended(self) -> bool:
        """A subclass has its own way with items, which must not be passed by."""
        kind = type(self)
        return (kind.get_items, kind.add_items) != (HansardSession.get_items, HansardSession.add_items)

    def _check_open(self) -> None:
        if self._closed:
            msg = f"{type(self).__name__} is closed; make a new one to go on with session {self.session_id!r}"
            raise RuntimeError(msg)

    async def _existing(self) -> AsyncSession | None:
        self._check_open()
        if self._session is None:
            try:
                session = await self._store.get(self.session_id)
                info = await session.info()
            except NotFound:
                return None
            user = self._described["user"]
            if user is not None and info.user != user:
                msg = f"session {self.session_id!r} is not user {user!r}'s; give another id, or no user to open any session"
                raise AlreadyExists(msg)
            self._labelled = info.labels
            self._session = session
        return self._session

    async def _with_existing(self, work: Callable[[AsyncSession], Awaitable[T]], otherwise: T) -> T:
        """What comes of work with the session; the other answer if there is none, also where it was deleted elsewhere."""
        session = await self._existing()
        if session is None:
            return otherwise
        try:
            return await work(session)
        except NotFound:
            self._session = None
        # It was deleted, or something in it is missing, which must not look like a session without items.
        again = await self._existing()
        return otherwise if again is None else await work(again)

    async def _add(self, entries: list[NewEntry], labels: dict[str, str]) -> bool:
        """The entries are in the session, made if need be; False if another writer made or deleted it meanwhile."""
        session = await self._existing()
        if session is None:
            return await self._begin(entries, labels)
        new = {name: value for name, value in labels.items() if self._labelled.get(name) != value}
        change = [NewEntry(kind="update", body={"labels": {"set": new}})] if new else []
        try:
            await session.append([*entries, *change])
        except NotFound:
            self._session = None
        return self._session is not None

    async def _needed(self) -> AsyncSession:
        session = await self._existing()
        if session is None:
            msg = f"session {self.session_id!r} has no items yet"
            raise ValueError(msg)
        return session

    async def _begin(self, entries: list[NewEntry], labels: dict[str, str]) -> bool:
        """The session is made with these first entries, in one commit; False if another writer just made it."""
        try:
            self._session = await self._store.create(
                id=self.session_id, labels=labels, entries=entries, **self._described
            )
        except AlreadyExists:
            return False
        return True

    def _labels_of(self, wrapper: Any) -> dict[str, str]:
        context = getattr(wrapper, "context", None)
        if context is None:
            return self._labels
        if callable(self._labels_from):
            return {**self._labels, **self._labels_from(context)}
        look = context.get if isinstance(context, Mapping) else partial(_attribute, context)
        found = {name: look(name) for name in self._labels_from}
        return {**self._labels, **{name: value for name, value in found.items() if isinstance(value, str)}}

    def _calls(self, wrapper: Any, *, from_start: bool = False) -> _Calls | None:
        """The model calls of a run. What a run brings with it when it is first seen was recorded before."""
        total = getattr(wrapper, "usage", None)
        if total is None or not hasattr(total, "request_usage_entries"):
            return None
        self._runs = {key: calls for key, calls in self._runs.items() if calls.total() is not None}
        calls = self._runs.get(id(total))
        if calls is None:
            seen = 0 if from_start else len(total.request_usage_entries)
            calls = self._runs[id(total)] = _Calls(ref(total), uuid4().hex, seen)
        return calls


@dataclass
class _Calls:
    """The model calls of one run, and how many of them are on record."""

    total: ref[Any]
    key: str
    recorded: int

    def entries(self) -> list[NewEntry]:
        """Those that are not. Their ids follow from the run, so that recording one twice adds nothing."""
        total = self.total()
        calls = total.request_usage_entries if total is not None else []
        return [
            usage(
                call_id=f"{self.key}:{number}",
                input=max(0, count(call.input_tokens) - _detail(call.input_tokens_details, "cached_tokens")),
                output=count(call.output_tokens),
                cache_read=_detail(call.input_tokens_details, "cached_tokens"),
                reasoning=_detail(call.output_tokens_details, "reasoning_tokens"),
            )
            for number, call in enumerate(calls[self.recorded :], self.recorded)
        ]


def _settings(given: SessionSettings | dict[str, Any] | None) -> SessionSettings:
    if given is None:
        return SessionSettings()
    if not isinstance(given, dict):
        return given
    unknown = sorted(set(given) - {field.name for field in fields(SessionSettings)})
    if unknown:
        msg = f"Unknown session settings: {', '.join(unknown)}"
        raise TypeError(msg)
    return SessionSettings(**given)


def _attribute(context: object, name: str) -> object:
    return getattr(context, name, None)


def _detail(details: object, name: str) -> int:
    return count(getattr(details, name, None))


def _named(info: SessionInfo) -> tuple[str, dict[str, int]]:
    """The name of the branch that is shown, and the heads of the others by name."""
    known = info.fields.get(_BRANCHES)
    if not isinstance(known, dict):
        return _MAIN, {}
    return str(known.get("current", _MAIN)), dict(known.get("heads") or {})
