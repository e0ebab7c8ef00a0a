"""One checkpoint on its way into a thread's log: what is there is named, what is new is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage

from ..codec import values
from ..model.entry import NewEntry, usage
from ..model.info import SessionInfo
from ..store import Session
from .langgraph_lists import pieces_of
from .langgraph_thread import CHECKPOINT, KEPT, MESSAGE, SAID, VALUE, VALUED, Last, Thread
from .langgraph_values import FORMAT, Frozen, Known, frozen, key_of, message_data, role_of

EMPTY: Final = {"e": True}
"""Describes a channel that has a version and no value."""

_INLINE_BYTES_MAX: Final = 1024
"""A described value above this size is an entry of its own, so that the same value is written once."""


class Draft:
    """The entries of one checkpoint, made behind a known end of the log."""

    def __init__(
        self,
        thread: Thread,
        session: Session,
        info: SessionInfo,
        seq: int,
        *,
        conversation: str,
        compared: dict[str, tuple[Last, int]],
    ) -> None:
        """`conversation` is the channel whose messages are those of the session, in the root namespace.

        `compared` keeps for another attempt how far lists are the same.
        """
        self.entries: list[NewEntry] = []
        self._thread = thread
        self._session = session
        self._seq = seq
        self._head = info.head
        self._conversation = conversation
        self._compared = compared
        self._new_ids: dict[str, int] = {}
        self._lasts: dict[str, tuple[list[Any], Known]] = {}
        self._remembered: list[tuple[int, Frozen | None]] = []

    def _add(self, entry: NewEntry) -> int:
        self.entries.append(entry)
        seq = self._seq + len(self.entries)
        if entry.id:
            self._new_ids[entry.id] = seq
        return seq

    def _seq_of(self, identity: str) -> int | None:
        return self._new_ids.get(identity) or self._thread.ids.get(identity)

    def checkpoint(self, body: dict[str, Any], changed: Mapping[str, Any]) -> None:
        """Add the checkpoint, with the values of the channels that changed; those without a value are empty."""
        ns = body["ns"]
        described = {channel: self._described(ns, channel, value) for channel, value in changed.items()}
        self._add(NewEntry(kind=CHECKPOINT, body={**body, "values": described}))

    def settled(self) -> None:
        """The entries are written: what was made of them is what the next checkpoint is compared with."""
        seq = self._seq + len(self.entries)
        for message_seq, one in self._remembered:
            self._thread.remember(message_seq, one)
        for channel, (keys, known) in self._lasts.items():
            self._thread.last[channel] = Last(seq, keys, known)

    def _described(self, ns: str, channel: str, value: Any) -> Any:
        if value is EMPTY:
            return EMPTY
        if type(value) is list and value:
            return {"l": self._list(ns, channel, value)}
        described = self._thread.codec.describe(value)
        encoded = values.encode(described)
        if len(encoded) <= _INLINE_BYTES_MAX:
            return described
        identity = VALUED + key_of(described).hex()
        return {"v": self._seq_of(identity) or self._add(NewEntry(kind=VALUE, body=described, id=identity))}

    def _list(self, ns: str, channel: str, value: Sequence[Any]) -> list[Any]:
        ground = self._thread.ground(self._session, channel) or Last(0, [], Known())
        at, same = self._compared.get(channel, (ground, -1))
        if at is not ground or same < 0:
            same = ground.known.same_until(value)
            self._compared[channel] = ground, same
        keys, known = ground.keys[:same], ground.known.first(value[:same])
        spoken = ns == "" and channel == self._conversation
        items: list[Any] = []
        for element in value[same:]:
            before = next((key for key in reversed(keys) if type(key) is int), 0)
            seq = self._message(element, ground.keys, before=before if spoken else None)
            one = frozen(element)
            if seq is None:
                items.append(self._thread.codec.describe(element))
                keys.append(key_of(items[-1]))
            else:
                items.append(seq)
                keys.append(seq)
                self._remembered.append((seq, one))
            known.append(one, element)
        if spoken:
            self._show(keys)
        self._lasts[channel] = keys, known
        return pieces_of(ground.keys, keys, items, ground.seq, same)

    def _message(self, element: Any, ground: Sequence[Any], *, before: int | None) -> int | None:
        """The seq of a message's entry, written if it is not there; None for what is kept in the list itself.

        `before` is the message before it in the conversation, None outside of one. The same words in another place are
        another message there, unless they were in the list already and have only moved.
        """
        if not self._thread.codec.plain or not isinstance(element, BaseMessage) or frozen(element) is None:
            return None
        data = message_data(element)
        if data is None:
            return None
        text = values.encode(data).decode("utf-8", "surrogatepass")
        name = key_of({"m": data}).hex()
        identity = KEPT + name if before is None else f"{SAID}{name}:{before}"
        there = self._seq_of(identity)
        alike = self._thread.messages.get(name, ())
        there = there or next((seq for seq in alike if before is None or seq in ground), None)
        if there is not None:
            return there
        body: dict[str, Any] = {"role": role_of(element), "raw": {"format": FORMAT, "text": text}}
        if before is None:
            return self._add(NewEntry(kind=MESSAGE, body=body, id=identity))
        if element.name:
            body["name"] = element.name
        if model := element.response_metadata.get("model_name"):
            body["model"] = str(model)
        # Messages follow the one before them in the state, so a state that goes back in time makes a branch.
        parent = before if before != self._head else None
        seq = self._add(NewEntry(kind="message", body=body, id=identity, parent=parent))
        if parent is None:
            self._head = seq
        self._usage(element)
        return seq

    def _usage(self, message: BaseMessage) -> None:
        if not isinstance(message, AIMessage) or not message.usage_metadata or not message.id:
            return
        told = message.usage_metadata
        cached = told.get("input_token_details") or {}
        read, written = cached.get("cache_read") or 0, cached.get("cache_creation") or 0
        entry = usage(
            message.response_metadata.get("model_name"),
            call_id=message.id,
            input=max(0, told["input_tokens"] - read - written),
            output=told["output_tokens"],
            cache_read=read,
            cache_write=written,
            reasoning=(told.get("output_token_details") or {}).get("reasoning") or 0,
        )
        if entry.id not in self._thread.usage and entry.id not in self._new_ids:
            self._add(entry)

    def _show(self, keys: Sequence[Any]) -> None:
        """The visible end of the conversation is the last message of the state."""
        last = next((key for key in reversed(keys) if type(key) is int), 0)
        if last != self._head:
            self._add(NewEntry(kind="head", body={"to": last}))
            self._head = last
