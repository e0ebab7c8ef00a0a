"""pydantic-ai on Hansard: a `ConversationStore` in which a conversation is a session, and a capability that saves runs.

    store = HansardConversationStore("file:///var/lib/agents")
    agent = Agent(model, capabilities=[SaveConversation(store)])

Each message is one entry, verbatim. A fork shares its origin's entries, a branch moves the visible end, and a revision
changes with every message that anybody adds to the session, through pydantic-ai or not.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, cast

from anyio import CancelScope
from pydantic import ConfigDict, TypeAdapter

try:
    from pydantic_ai import ModelRequestNode
    from pydantic_ai.capabilities import AbstractCapability, WrapRunHandler
    from pydantic_ai.conversation_store import (
        ConversationConflict,
        ConversationEntry,
        ConversationRecord,
        ConversationStore,
    )
    from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse
    from pydantic_ai.run import AgentRunResult
    from pydantic_ai.tools import RunContext
    from pydantic_ai.usage import RunUsage
except ImportError as error:  # pragma: no cover - said to whoever lacks it
    _MISSING: Final = "pydantic-ai is not installed, or too old: pip install 'hansard[pydantic-ai]'"
    raise ImportError(_MISSING) from error

from ..aio import threaded
from ..errors import AlreadyExists, Conflict, NotFound
from ..model.counts import count
from ..model.entry import NewEntry, usage
from ..model.info import SessionInfo
from ..store import Draft, Session, Store
from .opened import AnyStore, opened
from .pydantic_ai_messages import Places, history, message_entry
from .pydantic_ai_saving import Saved, text_of

_FIELD: Final = "pydantic_ai"
_SCOPE: Final = "scope"
_records: Final = TypeAdapter(
    list[ConversationRecord], config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
)


class HansardConversationStore(ConversationStore):
    """Conversations of pydantic-ai, each the session with the same id. Any session of the store can be loaded.

    `store` is an open store of either door, or the place of one, which is then opened here and closed by `close()`.
    `project` is given to new conversations, and only those of the project are listed.

    Deleting a conversation deletes its session with all its branches. Forks of it keep the entries that they show, so
    what was said before the fork is gone only when they are deleted too, or when its entries are erased
    (`session.erase`), which reaches the forks.
    """

    def __init__(self, store: AnyStore = None, *, project: str | None = None) -> None:
        """Open the store if it is only named."""
        self._async_store, self._owned = opened(store)
        self._project = project
        self._places = Places(self._store)

    @property
    def _store(self) -> Store:
        return self._async_store.sync

    def close(self) -> None:
        """The store is closed if it was opened here."""
        if self._owned:
            self._store.close()

    async def read_record(self, conversation_id: str) -> ConversationRecord | None:
        """The record of a conversation, or of any session; None if there is none."""
        return await threaded(partial(self._record_of, conversation_id))

    async def read_records(self, *, scope: str | None = None, limit: int | None = None) -> Sequence[ConversationRecord]:
        """The records with this scope, the newest first."""
        return await threaded(partial(self._records_of, scope, limit))

    async def write_record(
        self,
        record: ConversationRecord,
        *,
        new_entries: Sequence[ConversationEntry] = (),
        expected_revision: str | None,
    ) -> None:
        """The record and its new entries are durable, in one commit; only a new fork takes two.

        Raises:
            ConversationConflict: the revision is not the expected one, or an entry that is named is not there.
        """
        try:
            if expected_revision is not None:
                await threaded(partial(self._replace, record, new_entries, expected_revision))
            elif record.head_id is not None and record.head_id not in {entry.id for entry in new_entries}:
                await threaded(partial(self._begin_fork, record, new_entries))
            else:
                await threaded(partial(self._begin, record, new_entries))
        except (AlreadyExists, Conflict, NotFound):
            raise ConversationConflict(record.conversation_id) from None

    async def delete_record(self, conversation_id: str, *, expected_revision: str) -> None:
        """The conversation is deleted with everything in it; forks keep what they show.

        Raises:
            ConversationConflict: the revision is not the expected one.
        """

        def delete() -> None:
            # The mark makes every other writer's revision stale before anything is removed.
            session = self._store.get(conversation_id)
            session.modify(lambda draft: self._mark(draft, expected_revision))
            session.delete(force=True)

        try:
            await threaded(delete)
        except (Conflict, NotFound):
            raise ConversationConflict(conversation_id) from None

    async def read_entry(self, entry_id: str) -> ConversationEntry:
        """The entry with this id, wherever it is. Of a conversation that was not read here before, it is looked for.

        Raises:
            NotFound: no session has it. It is a LookupError.
        """
        return (await self.read_history(entry_id, limit=1))[0]

    async def read_history(self, head_id: str | None, *, limit: int | None = None) -> list[ConversationEntry]:
        """The entries up to this one, read in one pass over what they cost.

        Raises:
            NotFound: no session has the entry. It is a LookupError.
        """
        if head_id is None:
            return []
        return await threaded(partial(self._history, head_id, limit))

    def _record_of(self, conversation_id: str) -> ConversationRecord | None:
        try:
            session = self._store.get(conversation_id)
            return self._record(session, session.info)
        except NotFound:
            return None

    def _record(self, session: Session, info: SessionInfo) -> ConversationRecord | None:
        known = info.fields.get(_FIELD)
        known = known if isinstance(known, dict) and known.get("conversation_id") == info.id else None
        if known is not None and known.get("deleted"):
            return None
        head = session.entry(info.head) if info.head else None
        head_id = head.id if head is not None else None
        if head is not None:
            self._places.remember(head.id, info.id, head.seq)
        if known is None:
            return ConversationRecord(
                conversation_id=info.id, head_id=head_id, usage=_usage_of(info), scope=info.labels.get(_SCOPE),
                forked_from=info.segments[-1].session if info.segments else None,
                revision=f"seq:{info.head}", updated_at=_datetime(info.updated_at),
            )  # fmt: skip
        record = _records.validate_python([known])[0]
        for tip in record.branches:
            self._places.expect(tip, info.id)
        if record.head_id == head_id:
            return record
        # Somebody went on with the session in another way: a copy that was loaded before is stale.
        return dataclasses.replace(
            record, head_id=head_id, revision=f"{record.revision}@{info.head}", updated_at=_datetime(info.updated_at)
        )

    def _records_of(self, scope: str | None, limit: int | None) -> list[ConversationRecord]:
        filters: dict[str, Any] = {} if scope is None else {"labels": {_SCOPE: scope}}
        if self._project is not None:
            filters["project"] = self._project
        found: list[ConversationRecord] = []
        for info in self._store.sessions(order="-updated", **filters) if limit != 0 else ():
            # A session may have changed, by a title for example, since its conversation was saved.
            if limit is not None and len(found) >= limit and _datetime(info.updated_at) <= found[limit - 1].updated_at:
                break
            record = self._record(self._store.get(info.id), info)
            if record is not None:
                bisect.insort(found, record, key=lambda record: -record.updated_at.timestamp())
        return found[:limit]

    def _begin(self, record: ConversationRecord, new_entries: Sequence[ConversationEntry]) -> None:
        if new_entries and new_entries[0].parent_id is not None:
            raise ConversationConflict(record.conversation_id)
        self._clear_deleted(record.conversation_id)
        entries = [made for entry in new_entries for made in _written(entry)]
        labels = None if record.scope is None else {_SCOPE: record.scope}
        self._store.create(
            id=record.conversation_id, project=self._project, labels=labels, entries=[*entries, _noted(record)]
        )

    def _begin_fork(self, record: ConversationRecord, new_entries: Sequence[ConversationEntry]) -> None:
        self._clear_deleted(record.conversation_id)
        origin, seq = self._places.find(cast("str", record.head_id), first=record.forked_from)
        labels = None if record.scope is None else {_SCOPE: record.scope}
        fork = self._store.get(origin).fork(at=seq, id=record.conversation_id, project=self._project, labels=labels)
        moved = [] if fork.info.head == seq else [NewEntry(kind="head", body={"to": seq})]
        fork.append([*moved, *(made for entry in new_entries for made in _written(entry)), _noted(record)])

    def _replace(self, record: ConversationRecord, new_entries: Sequence[ConversationEntry], expected: str) -> None:
        session = self._store.get(record.conversation_id)
        follows = new_entries[0].parent_id if new_entries else record.head_id

        def write(draft: Draft) -> None:
            current = self._checked(session, draft, expected)
            if follows != current.head_id:
                to = 0 if follows is None else self._places.seq(session, follows)
                draft.append(NewEntry(kind="head", body={"to": to}))
            draft.append([*(made for entry in new_entries for made in _written(entry)), _noted(record)])

        session.modify(write)

    def _mark(self, draft: Draft, expected: str) -> None:
        self._checked(self._store.get(draft.info.id), draft, expected)
        draft.set(**{_FIELD: {"conversation_id": draft.info.id, "deleted": True}})

    def _checked(self, session: Session, draft: Draft, expected: str) -> ConversationRecord:
        record = self._record(session, draft.info)
        if record is None or record.revision != expected:
            raise ConversationConflict(draft.info.id)
        return record

    def _clear_deleted(self, conversation_id: str) -> None:
        """Finish a deletion that a crash has cut short."""
        if self._store.exists(conversation_id):
            session = self._store.get(conversation_id)
            known = session.info.fields.get(_FIELD)
            if isinstance(known, dict) and known.get("deleted") and known.get("conversation_id") == conversation_id:
                session.delete(force=True)

    def _history(self, head_id: str, limit: int | None) -> list[ConversationEntry]:
        where, seq = self._places.find(head_id)
        session = self._store.get(where)
        found = history(session, to=seq, limit=limit)
        messages = ModelMessagesTypeAdapter.validate_json(f"[{','.join(placed.text for placed in found)}]")
        return [
            ConversationEntry(id=placed.id, parent_id=placed.parent_id, message=message)
            for placed, message in zip(found, messages, strict=True)
        ]


@dataclasses.dataclass
class SaveConversation(AbstractCapability[Any]):
    """Saves each run as it goes: before tools run, after each step, and when the run ends, fails or is cancelled.

    Give it to an agent, and the conversation to each run: `agent.run(prompt, conversation=await store.load(id))`, or
    `conversation_id=` for a new one. The history of the run has to be the stored one, or its newest messages.
    """

    store: HansardConversationStore
    scope: str | None = None

    _saved: Saved | None = dataclasses.field(default=None, repr=False, compare=False)

    async def for_run(self, ctx: RunContext[Any]) -> AbstractCapability[Any]:
        """A copy that knows how far the conversation is saved."""
        saved = Saved(self.store, str(ctx.conversation_id), self.scope, ctx.run_id)
        return dataclasses.replace(self, _saved=saved)

    async def wrap_run(self, ctx: RunContext[Any], *, handler: WrapRunHandler) -> AgentRunResult[Any]:
        """Run, and save what there is, however it ends.

        Raises:
            ConversationConflict: the conversation is not as the run was given it, or was saved by somebody else.
        """
        saved = cast("Saved", self._saved)
        await saved.begin(ctx.messages)
        try:
            result = await handler()
        except BaseException as error:
            with CancelScope(shield=True):
                await saved.rescue(error)
            raise
        await saved.save(result.all_messages(), result.usage, deferred=result.output)
        advance = getattr(result, "_conversation_saved", None)
        if advance is not None and saved.revision is not None:
            advance(saved.revision)
        return result

    async def before_node_run(self, ctx: RunContext[Any], *, node: Any) -> Any:
        """What the run has said so far is durable before its next step, such as a tool, begins."""
        saved = cast("Saved", self._saved)
        saved.live, saved.usage = ctx.messages, ctx.usage
        if isinstance(node, ModelRequestNode) and node.is_resuming_without_prompt:
            saved.resumed = node.request
        await saved.save(ctx.messages, ctx.usage)
        return node


def _written(entry: ConversationEntry) -> list[NewEntry]:
    """The message of an entry, verbatim, and the usage of the model call that it is the answer of."""
    message = entry.message
    text = text_of(message)
    at = message.timestamp.isoformat() if message.timestamp is not None and message.timestamp.tzinfo else ""
    kinds = {part.part_kind for part in message.parts}
    if not isinstance(message, ModelResponse):
        return [message_entry(text, kind="request", parts=kinds, entry_id=entry.id, at=at)]
    spent = message.usage
    cached, written = count(spent.cache_read_tokens), count(spent.cache_write_tokens)
    call = usage(
        message.model_name, call_id=entry.id, at=at,
        input=max(0, count(spent.input_tokens) - cached - written), output=count(spent.output_tokens),
        cache_read=cached, cache_write=written,
    )  # fmt: skip
    said = message_entry(text, kind="response", parts=kinds, entry_id=entry.id, at=at, model=message.model_name)
    return [said, call] if spent.has_values() else [said]


def _noted(record: ConversationRecord) -> NewEntry:
    """The entry that keeps a record."""
    return NewEntry(kind="update", body={"set": {_FIELD: _records.dump_python([record], mode="json")[0]}})


def _usage_of(info: SessionInfo) -> RunUsage:
    """What a session that pydantic-ai has not written has spent."""
    known = info.usage
    return RunUsage(
        requests=known.calls, input_tokens=known.input + known.cache_read + known.cache_write,
        output_tokens=known.output, cache_read_tokens=known.cache_read, cache_write_tokens=known.cache_write,
    )  # fmt: skip


def _datetime(text: str) -> datetime:
    return datetime.fromisoformat(text)
