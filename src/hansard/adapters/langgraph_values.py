"""LangGraph's values as JSON and back: readable where they are plain, by the saver's serializer where they are not.

A value is described by an object with one member: `j` a JSON value as it is, `m` a LangChain message, `a` a list, `t` a
tuple and `o` an object of such descriptions, `d` a snapshot of a delta channel, `s` what the serializer made of it (its
name for the type, base64). Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import marshal
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Generator, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    messages_from_dict,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import (
    _DeltaSnapshot,  # pyright: ignore[reportPrivateUsage] - the value that savers are told to look for
)

from ..codec import values
from ..errors import Invalid
from ..payloads.langchain import ROLES

FORMAT: Final = "langchain"

_MESSAGES: Final = frozenset(
    (AIMessage, AIMessageChunk, ChatMessage, FunctionMessage, HumanMessage, SystemMessage, ToolMessage)
)
_SCALARS: Final = frozenset((str, int, float, bool, type(None)))
_NUMBERS: Final = frozenset((int, float, bool))
_UNSAFE: Final = "pickle"
_new, _assign = object.__new__, object.__setattr__
_fields_of, _extra_of = attrgetter("__dict__"), attrgetter("__pydantic_extra__")


class Codec:
    """Describes values, and makes them again, with one serializer."""

    def __init__(self, serde: SerializerProtocol) -> None:
        """`serde` has dumps_typed and loads_typed."""
        self.serde = serde
        self.plain: Final = type(serde) is JsonPlusSerializer
        """Whether values may stand as they are; a serializer that encrypts sees all of them."""

    def describe(self, value: Any) -> dict[str, Any]:
        """What is written for a value. A delta channel's snapshot is told apart also where the rest is encrypted.

        Raises:
            Invalid: the serializer would pickle it.
        """
        if not self.plain:
            return {"d": self._serialized(value.value)} if type(value) is _DeltaSnapshot else self._serialized(value)
        return self._readable(value, 0) or self._serialized(value)

    def _readable(self, value: Any, level: int) -> dict[str, Any] | None:
        if _is_json(value):
            return {"j": value}
        if level > 20:
            return None
        if type(value) in _MESSAGES:
            data = message_data(value)
            return {"m": data} if data is not None else None
        if type(value) is _DeltaSnapshot:
            return {"d": self._readable(value.value, level + 1) or self._serialized(value.value)}
        if type(value) is list or type(value) is tuple:
            kind = "a" if type(value) is list else "t"
            return {kind: [self._readable(item, level + 1) or self._serialized(item) for item in value]}
        if type(value) is dict and all(type(key) is str for key in value):
            return {
                "o": {key: self._readable(item, level + 1) or self._serialized(item) for key, item in value.items()}
            }
        return None

    def _serialized(self, value: Any) -> dict[str, Any]:
        kind, data = self.serde.dumps_typed(value)
        _refuse_pickle(kind)
        return {"s": [kind, b64encode(data).decode("ascii")]}

    def value(self, description: dict[str, Any]) -> Any:
        """The value again, every time a new one.

        Raises:
            Invalid: it is described in a way that this version does not know, or was pickled.
        """
        for kind, content in description.items():
            if kind == "j":
                return _copied(content)
            if kind == "s":
                _refuse_pickle(content[0])
                return self.serde.loads_typed((content[0], b64decode(content[1])))
            if kind == "m":
                return message_of(content)
            if kind in ("a", "t"):
                items = [self.value(item) for item in content]
                return items if kind == "a" else tuple(items)
            if kind == "d":
                return _DeltaSnapshot(self.value(content))
            if kind == "o":
                return {key: self.value(item) for key, item in content.items()}
        msg = f"a value is described by {sorted(description)}, which this version of Hansard does not know; use a newer one"
        raise Invalid(msg)


def _refuse_pickle(kind: str) -> None:
    if kind.partition("+")[0] == _UNSAFE:
        msg = (
            "a value would have to be pickled, and what is unpickled can run any code. Keep it out of the graph's "
            "state, or make it a dataclass or a pydantic model, which the serializer knows"
        )
        raise Invalid(msg)


def key_of(description: dict[str, Any]) -> bytes:
    """A name for what is described: equal descriptions have equal ones."""
    return sha256(values.encode(description)).digest()[:16]


def _is_json(value: Any, room: int = 100) -> bool:
    """Whether a value comes back from JSON exactly as it is. Never looks at what is foreign, whose repr may be costly."""
    kind = type(value)
    if kind is str:
        return value.isascii() or _is_unicode(value)
    if kind is int:
        return value.bit_length() < 1024
    if kind is float:
        return value - value == 0
    if kind is dict:
        return room > 0 and all(type(key) is str and _is_json(item, room - 1) for key, item in value.items())
    if kind is list:
        return room > 0 and all(_is_json(item, room - 1) for item in value)
    return kind is bool or value is None


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def message_data(message: BaseMessage) -> dict[str, Any] | None:
    """A message as `message_to_dict` writes it; None if that is no JSON."""
    data = {"type": message.type, "data": message.model_dump()}
    return data if _is_json(data) else None


def message_of(data: dict[str, Any]) -> BaseMessage:
    """The message again."""
    return messages_from_dict([data])[0]


def role_of(message: BaseMessage) -> str:
    """The role in a Hansard conversation."""
    return message.role if isinstance(message, ChatMessage) else ROLES.get(message.type, message.type)


class Frozen:
    """A message as it was when it was written or read, to tell whether an object is still the same, and to make copies.

    A state of 10,000 messages comes by at every step. Comparing it with what was frozen takes a few milliseconds, where
    serializing it takes a few hundred; and a message that was changed in place is noticed.
    """

    __slots__ = ("_dicts", "_lists", "_nested", "_set", "exact", "fields", "kind")

    def __init__(self, message: BaseMessage) -> None:
        """Take a copy of everything in the message."""
        self.kind = type(message)
        self.fields = {name: _copied(value) for name, value in message.__dict__.items()}
        nested = [(name, value) for name, value in self.fields.items() if type(value) not in _SCALARS]
        # Most are empty, and an empty one is made faster than it is copied.
        self._dicts = tuple(name for name, value in nested if value == {} and type(value) is dict)
        self._lists = tuple(name for name, value in nested if value == [] and type(value) is list)
        self._nested = tuple(name for name, value in nested if value or name not in self._dicts + self._lists)
        self._set = set(message.model_fields_set)
        # 1 == True == 1.0, so where there are numbers, equal fields are not enough to be the same.
        self.exact = _marshalled(self.fields) if _has_number(self.fields) else b""

    def thawed(self) -> BaseMessage:
        """A new message, equal and independent."""
        new = _new(self.kind)
        fields = self.fields.copy()
        for name in self._dicts:
            fields[name] = {}
        for name in self._lists:
            fields[name] = []
        for name in self._nested:
            fields[name] = _copied(fields[name])
        _assign(new, "__dict__", fields)
        # Which fields were given at construction is the same for all copies.
        _assign(new, "__pydantic_fields_set__", self._set)
        _assign(new, "__pydantic_extra__", {})
        _assign(new, "__pydantic_private__", None)
        return new

    def is_(self, message: Any) -> bool:
        """Whether a message is the same; False also where that can't be told cheaply."""
        return (
            type(message) is self.kind
            and _fields_of(message) == self.fields
            and not message.__pydantic_extra__
            and (not self.exact or self.exact == _marshalled(_fields_of(message)))
        )


def frozen(value: Any) -> Frozen | None:
    """A message frozen; None for what can't be told apart cheaply."""
    if type(value) not in _MESSAGES or value.__pydantic_extra__ != {} or value.__pydantic_private__:
        return None
    return Frozen(value)


class Known:
    """The elements that a list had, frozen, in a shape in which thousands are compared at once."""

    def __init__(self) -> None:
        self._elements: list[Frozen | None] = []
        self._objects: list[Any] = []
        self._fields: list[Any] = []
        self._kinds: list[type | None] = []
        self._exact: list[int] = []

    def append(self, one: Frozen | None, value: Any) -> None:
        """Add an element as it was frozen, None for one that can't be compared, and the object itself."""
        if one is not None and one.exact:
            self._exact.append(len(self._elements))
        self._elements.append(one)
        self._objects.append(value)
        self._fields.append(None if one is None else one.fields)
        self._kinds.append(None if one is None else one.kind)

    def first(self, values: Sequence[Any]) -> Known:
        """The first elements, which are the same as these objects, in an object of their own."""
        new, size = Known(), len(values)
        new._elements, new._objects = self._elements[:size], list(values)
        new._fields, new._kinds = self._fields[:size], self._kinds[:size]
        new._exact = self._exact[: bisect_left(self._exact, size)]
        return new

    def same_until(self, given: Sequence[Any]) -> int:
        """How many elements from the first on are the same as these."""
        size = min(len(self._elements), len(given))
        if self._are(given[:size]):
            return size
        return next((place for place in range(size) if not self._is(place, given[place])), size)

    def _are(self, given: Sequence[Any]) -> bool:
        # A few comparisons of whole lists are far cheaper than 10,000 of two messages.
        size = len(given)
        return (
            list(map(type, given)) == self._kinds[:size]
            and list(map(_fields_of, given)) == self._fields[:size]
            and not any(map(_extra_of, given))
            and all(self._is(place, given[place]) for place in self._exact if place < size)
        )

    def _is(self, place: int, value: Any) -> bool:
        one = self._elements[place]
        return one is not None and one.is_(value)

    def messages(self, *, copies: int) -> list[BaseMessage] | None:
        """The elements, the newest as copies; None if some element can't be made of what is known.

        Of the others those objects are given out again that are as they were when they were written.
        """
        if None in self._kinds:
            return None
        shared = max(0, len(self._elements) - copies)
        objects = self._objects[:shared]
        same = self._are(objects)
        with _without_collection():
            for place in () if same else range(shared):
                if not self._is(place, objects[place]):
                    objects[place] = self._thawed(place)
            return [*objects, *map(self._thawed, range(shared, len(self._elements)))]

    def _thawed(self, place: int) -> Any:
        one = self._elements[place]
        return None if one is None else one.thawed()


@contextlib.contextmanager
def _without_collection() -> Generator[None]:
    """No garbage collection while many objects are made, all of which stay: it would look at each again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {key: _copied(item) for key, item in value.items()} if value else {}
    if kind is list:
        return [_copied(item) for item in value] if value else []
    return copy.deepcopy(value)


def _has_number(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return any(_has_number(item) for item in value.values())
    if kind is list:
        return any(_has_number(item) for item in value)
    return kind in _NUMBERS or kind not in _SCALARS


def _marshalled(fields: dict[str, Any]) -> bytes:
    try:
        return marshal.dumps(fields, 2)
    except ValueError:
        # Never equal to another: such a message is compared by what is written for it.
        return repr(id(fields)).encode()
