"""How far the conversation of one run of pydantic-ai is saved, and which of its messages are still to be.

A run does not only add to its history. Before it begins, pydantic-ai merges requests that follow one another; a run that
goes on without a prompt, or with the results of deferred calls, puts copies in the place of its last messages; and a
capability may trim or rewrite what was said. None of that is new: what is stored stays as it was said first. What a run
has said itself carries its run id.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

from pydantic_ai.conversation_store import (
    ConversationConflict,
    ConversationEntry,
    ConversationRecord,
    ConversationStore,
)
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelRequest, repair_messages
from pydantic_ai.tools import DeferredToolRequests
from pydantic_ai.usage import RunUsage

from ..model.entry import Json
from .attached import spelled_usually


def text_of(message: ModelMessage) -> str:
    """A message in pydantic-ai's JSON."""
    text = ModelMessagesTypeAdapter.dump_json([message])[1:-1].decode()
    return spelled_usually(text, _files)


def _files(message: Json) -> Iterator[Json]:
    """The files in a message: what a user or a tool gave, what a model made, what was spoken."""
    for part in message["parts"]:
        content = part.get("content")
        for item in (*(content if isinstance(content, list) else [content]), part.get("audio")):
            if isinstance(item, dict) and item.get("kind") == "binary":
                yield item


class Saved:
    """How far the conversation of one run is saved."""

    def __init__(self, store: ConversationStore, conversation_id: str, scope: str | None, run_id: str | None) -> None:
        """Nothing is known yet: begin."""
        self.revision: str | None = None
        self.live: list[ModelMessage] = []
        self.usage = RunUsage()
        self.resumed: ModelRequest | None = None
        """The request at the end of the history that this run goes on from without a prompt: it is no new one."""
        self._store, self._id, self._scope, self._run = store, conversation_id, scope, run_id
        self._record: ConversationRecord | None = None
        self._given: list[ModelMessage] = []
        self._own: list[ModelMessage] = []

    async def begin(self, given: Sequence[ModelMessage]) -> None:
        """Compare what the run was given with what is stored; messages beyond it are saved with the first step.

        Raises:
            ConversationConflict: the one is not the other, nor its newest messages.
        """
        self._record = await self._store.read_record(self._id)
        stored: list[ConversationEntry] = []
        if self._record is not None:
            if self._scope is not None and self._record.scope != self._scope:
                raise ConversationConflict(self._id)
            self.revision = self._record.revision
            stored = await self._store.read_history(self._record.head_id)
        known = _known([entry.message for entry in stored], given)
        if known is None:
            raise ConversationConflict(self._id)
        self._given = list(given[known:])

    async def save(self, messages: Sequence[ModelMessage], spent: RunUsage, *, deferred: Any = None) -> None:
        """Add the messages that are not stored yet, if there are any."""
        said = self._unsaved(messages)
        unsaved = [*self._given, *said]
        waiting = deferred if isinstance(deferred, DeferredToolRequests) else None
        if not unsaved and deferred is None:
            return
        old = self._record
        parent = old.head_id if old is not None else None
        entries: list[ConversationEntry] = []
        for message in unsaved:
            entries.append(ConversationEntry(parent_id=parent, message=message))
            parent = entries[-1].id
        record = ConversationRecord(
            conversation_id=self._id, head_id=parent, usage=copy(spent), deferred_tool_requests=waiting,
            scope=self._scope if old is None else old.scope,
        )  # fmt: skip
        if old is not None:
            record.forked_from, record.forked_at, record.branches = old.forked_from, old.forked_at, old.branches
        await self._store.write_record(record, new_entries=entries, expected_revision=self.revision)
        self._record, self.revision = record, record.revision
        self._given = []
        self._own += said

    async def rescue(self, error: BaseException) -> None:
        """Save what a run that failed has said. What hinders that is noted on its error, and does not replace it."""
        try:
            await self.save(self.live, self.usage)
        except Exception as hindrance:  # noqa: BLE001 - the run's own error is the one to raise
            error.add_note(f"the last messages of conversation {self._id!r} were not saved: {hindrance}")

    def _unsaved(self, messages: Sequence[ModelMessage]) -> list[ModelMessage]:
        """What the run itself has said and is not stored."""
        own = [message for message in messages if message.run_id == self._run and not self._is_resumed(message)]
        count = len(self._own)
        if all(one is other or one == other for one, other in zip(self._own, own, strict=False)) and len(own) >= count:
            return own[count:]
        return _beyond(self._own, own)

    def _is_resumed(self, message: ModelMessage) -> bool:
        given = self.resumed
        return given is not None and (
            message is given or (isinstance(message, ModelRequest) and message.parts == given.parts)
        )


def _beyond(said: Sequence[ModelMessage], now: Sequence[ModelMessage]) -> list[ModelMessage]:
    """The messages of a run that it has not said yet, where something has trimmed or rewritten what it has said.

    What is left of that is known by what it says; what was rewritten, by when it was said and by its calls.
    """
    left: defaultdict[Any, list[ModelMessage]] = defaultdict(list)
    for message in said:
        left[_origin_of(message)].append(message)
    others: list[ModelMessage] = []
    for message in now:
        known = left[_origin_of(message)]
        if message in known:
            known.remove(message)
        else:
            others.append(message)
    found: list[ModelMessage] = []
    for message in others:
        known = left[_origin_of(message)]
        if message.timestamp is not None and known:
            del known[0]
        else:
            found.append(message)
    return found


def _origin_of(message: ModelMessage) -> Any:
    """What stays of a message that is rewritten."""
    return message.kind, message.timestamp, tuple(getattr(part, "tool_call_id", None) for part in message.parts)


def _known(stored: Sequence[ModelMessage], given: Sequence[ModelMessage]) -> int | None:
    """How many of the given messages are stored already: all stored ones, or their newest; None if they differ."""
    found = _overlap(stored, given)
    if found is None:
        # What is read back equals what was said only as JSON: an image, or an object that a tool has returned.
        found = _overlap(list(map(text_of, stored)), list(map(text_of, given)))
    if found is not None:
        return found
    # A run gives out its history with requests merged and open calls answered; it is stored as it was said.
    for closed in (False, True):
        found = _shown(stored, given, closed=closed)
        if found is not None:
            return found
    return None


def _shown(stored: Sequence[ModelMessage], given: Sequence[ModelMessage], *, closed: bool) -> int | None:
    """As `_known`, of histories as pydantic-ai sends them. `closed`: with the calls at their ends answered."""
    shown, sent = _said(stored, closed=closed), _said(given, closed=closed)
    # Only where a message may be the last stored one is it worth while to compare what is before it.
    ends, parts = _parts_of(shown[-2:]), _parts_of(sent)
    for count in _counts(given):
        if any(part in parts and part not in ends for part in _parts_of(_dumped(given[count - 1 : count]))):
            continue
        said = _said(given[:count], closed=closed)
        if said and said == shown[-len(said) :]:
            return count
    return None


def _counts(given: Sequence[ModelMessage]) -> Iterator[int]:
    """How many of these may be stored, the last that no run has sent being perhaps new."""
    yield len(given)
    for count in range(len(given) - 1, 0, -1):
        if given[count].run_id is not None:
            return
        yield count


def _said(messages: Sequence[ModelMessage], *, closed: bool) -> list[tuple[str, list[str]]]:
    """What messages say as pydantic-ai would send them, without what it notes on them."""
    return _dumped(repair_messages(messages, repair_last_response=closed))


def _dumped(messages: Sequence[ModelMessage]) -> list[tuple[str, list[str]]]:
    """Of each message the kind and the parts, as JSON."""
    dumped = ModelMessagesTypeAdapter.dump_python(list(messages), mode="json")
    return [(message["kind"], list(map(json.dumps, message["parts"]))) for message in dumped]


def _parts_of(said: Sequence[tuple[str, list[str]]]) -> set[str]:
    return {part for _, parts in said for part in parts}


def _overlap(stored: Sequence[object], given: Sequence[object]) -> int | None:
    """How many of the given messages are stored already: all stored ones, or their newest; None if they differ."""
    for start in range(len(stored) + 1):
        rest = stored[start:]
        if len(rest) <= len(given) and (rest or not stored or not given) and list(given[: len(rest)]) == list(rest):
            return len(rest)
    return None
