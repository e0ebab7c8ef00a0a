"""One checkpoint on its way into a thread's log: what is there is named, what is new is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, cast

from langchain_core.messages import AIMessage, BaseMessage

from ..codec import values
from ..model.counts import count
from ..model.entry import NewEntry, usage
from ..model.info import SessionInfo
from ..store import Session
from .langgraph_known import Compared, Frozen, Known, frozen
from .langgraph_lists import pieces_of
from .langgraph_thread import CHECKPOINT, KEPT, MESSAGE, SAID, VALUE, VALUED, Last, Thread
from .langgraph_values import FORMAT, Codec, key_of, message_data, name_of, role_of

EMPTY: Final = {"e": True}
"""Describes a channel that has a version and no value."""

_INLINE_BYTES_MAX: Final = 1024
"""A described value above this size is an entry of its own, so that the same value is written once."""

_LOOKED_UP_MIN: Final = 8
"""With more elements than these to look at, those that have only moved are looked for first."""


def taken(codec: Codec, value: Any) -> Any:
    """A value as it is now, for a node may change it in place while it waits to be written.

    A list is copied, since its elements are compared with those that were there; of all else it is the description.
    """
    if value is EMPTY:
        return value
    return list(value) if type(value) is list and value else values.encode(codec.describe(value))


class _Element(NamedTuple):
    """An element of a list: what it is known by, what stands for it in the list, and itself as it was frozen."""

    key: int | bytes
    item: Any
    one: Frozen | None


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
        compared: dict[str, tuple[Last, Compared]],
    ) -> None:
        """`conversation` is the channel whose messages are those of the session, in the root namespace.

        `compared` keeps for another attempt where lists differ.
        """
        self.entries: list[NewEntry] = []
        self._thread = thread
        self._session = session
        self._seq = seq
        self._head = info.head
        self._conversation = conversation
        self._compared = compared
        self._new_ids: dict[str, int] = {}
        self._lasts: dict[str, tuple[list[Any], Callable[[], Known]]] = {}
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
        """Add the checkpoint, with the values of the channels that changed, as `taken` has them."""
        ns = body["ns"]
        described = {channel: self._described(ns, channel, value) for channel, value in changed.items()}
        self._add(NewEntry(kind=CHECKPOINT, body={**body, "values": described}))

    def settled(self) -> None:
        """The entries are written: what was made of them is what the next checkpoint is compared with."""
        seq = self._seq + len(self.entries)
        for message_seq, one in self._remembered:
            self._thread.remember(message_seq, one)
        for channel, (keys, known) in self._lasts.items():
            self._thread.last[channel] = Last(seq, keys, known())

    def _described(self, ns: str, channel: str, value: Any) -> Any:
        if value is EMPTY:
            return EMPTY
        if isinstance(value, list):
            return {"l": self._list(ns, channel, cast("list[Any]", value))}
        described = values.decode(value)
        if len(value) <= _INLINE_BYTES_MAX:
            return described
        identity = VALUED + name_of(value).hex()
        return {"v": self._seq_of(identity) or self._add(NewEntry(kind=VALUE, body=described, id=identity))}

    def _list(self, ns: str, channel: str, value: Sequence[Any]) -> list[Any]:
        ground = self._thread.ground(self._session, channel) or Last(0, [], Known())
        spoken = ns == "" and channel == self._conversation
        shared = min(len(ground.keys), len(value))
        keys, new = ground.keys[:shared], dict[int, _Element]()
        compared = self._comparison(channel, ground, value)
        places = [*compared.differing, *range(shared, len(value))]
        moved = ground.known.places() if len(places) > _LOOKED_UP_MIN else {}
        for place in places:
            before = _last_number(keys, place) if spoken else None
            element = _moved(ground, moved, value[place]) or self._element(value[place], ground.keys, before=before)
            if place == len(keys):
                keys.append(element.key)
            elif element.key == keys[place]:
                continue
            keys[place] = element.key
            new[place] = element
        same = min(new, default=shared)
        if spoken:
            self._show(keys)
        ones = [new[place].one if place in new else ground.known.frozen_at(place) for place in range(same, len(value))]
        self._lasts[channel] = keys, partial(compared.followed, ones)
        items = [new[place].item if place in new else keys[place] for place in range(same, len(value))]
        return pieces_of(ground.keys, keys, items, ground.seq, same)

    def _comparison(self, channel: str, ground: Last, value: Sequence[Any]) -> Compared:
        found = self._compared.get(channel)
        if found is None or found[0] is not ground:
            found = self._compared[channel] = ground, ground.known.compared(value)
        return found[1]

    def _element(self, value: Any, ground: Sequence[Any], *, before: int | None) -> _Element:
        one = frozen(value)
        seq = self._message(value, ground, before=before) if one is not None else None
        if seq is None:
            described = self._thread.codec.describe(value)
            return _Element(key_of(described), described, one)
        self._remembered.append((seq, one))
        return _Element(seq, seq, one)

    def _message(self, element: BaseMessage, ground: Sequence[Any], *, before: int | None) -> int | None:
        """The seq of a message's entry, written if it is not there; None for what is kept in the list itself.

        `before` is the message before it in the conversation, None outside of one. The same words in another place are
        another message there, unless they were in the list already and have only moved.
        """
        data = message_data(element) if self._thread.codec.plain else None
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
        read, written = count(cached.get("cache_read")), count(cached.get("cache_creation"))
        entry = usage(
            message.response_metadata.get("model_name"),
            call_id=message.id,
            input=max(0, count(told.get("input_tokens")) - read - written),
            output=count(told.get("output_tokens")),
            cache_read=read,
            cache_write=written,
            reasoning=count((told.get("output_token_details") or {}).get("reasoning")),
        )
        if entry.id not in self._thread.usage and entry.id not in self._new_ids:
            self._add(entry)

    def _show(self, keys: Sequence[Any]) -> None:
        """The visible end of the conversation is the last message of the state."""
        last = _last_number(keys, len(keys))
        if last != self._head:
            self._add(NewEntry(kind="head", body={"to": last}))
            self._head = last


def _moved(ground: Last, places: Mapping[int, int], value: Any) -> _Element | None:
    """An element that was elsewhere in the list before and is an entry, so that it needs no describing."""
    place = places.get(id(value))
    if place is None or type(ground.keys[place]) is not int or not ground.known.is_at(place, value):
        return None
    return _Element(ground.keys[place], ground.keys[place], ground.known.frozen_at(place))


def _last_number(keys: Sequence[Any], stop: int) -> int:
    """The last message before a place; 0 if there is none."""
    return next((keys[place] for place in range(stop - 1, -1, -1) if type(keys[place]) is int), 0)
