"""LangGraph's values as JSON and back: readable where they are plain, by the saver's serializer where they are not.

A value is described by an object with one member: `j` a JSON value as it is, `m` a LangChain message, `a` a list, `t` a
tuple and `o` an object of such descriptions, `d` a snapshot of a delta channel, `s` what the serializer made of it (its
name for the type, base64). Nothing is ever unpickled.
"""

from __future__ import annotations

import copy
from base64 import b64decode, b64encode
from hashlib import sha256
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

MESSAGES: Final = frozenset(
    (AIMessage, AIMessageChunk, ChatMessage, FunctionMessage, HumanMessage, SystemMessage, ToolMessage)
)
_SCALARS: Final = frozenset((str, int, float, bool, type(None)))
_UNSAFE: Final = "pickle"


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
        if is_json(value):
            return {"j": value}
        if level > 20:
            return None
        if type(value) in MESSAGES:
            data = message_data(value)
            return {"m": data} if data is not None else None
        if type(value) is _DeltaSnapshot:
            return {"d": self._readable(value.value, level + 1) or self._serialized(value.value)}
        if type(value) is list or type(value) is tuple:
            kind = "a" if type(value) is list else "t"
            return {kind: [self._readable(item, level + 1) or self._serialized(item) for item in value]}
        if type(value) is dict and all(map(_is_key, value)):
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
                return copied(content)
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
    return name_of(values.encode(description))


def name_of(encoded: bytes) -> bytes:
    """The name of a description that is encoded."""
    return sha256(encoded).digest()[:16]


def is_json(value: Any, room: int = 100) -> bool:
    """Whether a value comes back from JSON exactly as it is. Never looks at what is foreign, whose repr may be costly."""
    kind = type(value)
    if kind is str:
        return value.isascii() or _comes_back(value)
    if kind is int:
        return value.bit_length() < 1024
    if kind is float:
        return value - value == 0
    if kind is dict:
        return room > 0 and all(_is_key(key) and is_json(item, room - 1) for key, item in value.items())
    if kind is list:
        return room > 0 and all(is_json(item, room - 1) for item in value)
    return kind is bool or value is None


def _is_key(value: Any) -> bool:
    return type(value) is str and (value.isascii() or _comes_back(value))


def _comes_back(value: str) -> bool:
    """Whether a text is one in JSON; of two halves of a character side by side, JSON makes the character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") == value
    return True


def message_data(message: BaseMessage) -> dict[str, Any] | None:
    """A message as `message_to_dict` writes it; None if that is no JSON."""
    data = {"type": message.type, "data": message.model_dump()}
    return data if is_json(data) else None


def message_of(data: dict[str, Any]) -> BaseMessage:
    """The message again."""
    return messages_from_dict([data])[0]


def role_of(message: BaseMessage) -> str:
    """The role in a Hansard conversation."""
    return message.role if isinstance(message, ChatMessage) else ROLES.get(message.type, message.type)


def copied(value: Any) -> Any:
    """A copy that shares nothing that can be changed."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {key: copied(item) for key, item in value.items()} if value else {}
    if kind is list:
        return [copied(item) for item in value] if value else []
    return copy.deepcopy(value)
