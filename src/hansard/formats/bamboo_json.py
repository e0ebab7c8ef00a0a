"""A session file of bamboo taken apart without changing a byte: what stands around the messages, and each message.

The text before the first message and the text behind the last one are together a JSON document without messages; with
the messages and what stood between them put back, it is the file again. Of a file that breaks off or is damaged in its
middle, what stands before the damage is taken.
"""

from __future__ import annotations

import json
from typing import Final, NoReturn

import msgspec

from ..codec import values
from ..model.entry import Json

MEMBER: Final = "messages"
_SPACE: Final = " \t\n\r"
_MARK: Final = "\ufeff"
"""Editors of Windows put it at the beginning of a file."""


class Parts(msgspec.Struct):
    """A session file in pieces."""

    head: str
    """Up to the first message, or to the end of the list's opening bracket."""
    messages: list[str]
    between: list[str]
    """What stands between a message and the next one."""
    tail: str
    damage: str = ""
    """Why not all of it could be read; then the tail is empty and the head need not be JSON."""
    place: int = 0
    """The byte of the damage."""

    @property
    def shell(self) -> str:
        """The document without its messages."""
        return self.head + self.tail


class _Stop(Exception):
    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


_decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_constant)


def take_apart(data: bytes) -> Parts:
    """The pieces of a session file; with `damage`, those before it."""
    broken = ""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        text, broken = data[: error.start].decode("utf-8"), "not UTF-8"
    parts = Parts("", [], [], "")
    try:
        _walk(text, parts)
    except _Stop as stop:
        if not parts.head:
            parts.head = text[: stop.place]
        parts.tail = ""
        parts.damage = broken or str(stop)
        parts.place = len(text[: stop.place].encode("utf-8"))
    else:
        if broken:
            parts.damage, parts.place = broken, len(text.encode("utf-8"))
    return parts


def put_together(shell: str, split: int, messages: list[str], between: list[str]) -> str:
    """The file again: the reverse of `take_apart`."""
    pieces = [shell[:split]]
    for number, message in enumerate(messages):
        pieces += (between[number - 1], message) if number else (message,)
    return "".join((*pieces, shell[split:]))


def members_of(text: str) -> dict[str, Json]:
    """The members that a document without messages has; of one that breaks off, those that are whole."""
    text = text.removeprefix(_MARK)
    try:
        found = values.decode(text.encode("utf-8", "surrogatepass"))
        return found if isinstance(found, dict) else {}
    except (ValueError, RecursionError):
        pass
    found = {}
    try:
        place = _after(text, 0, "{")
        while True:
            name, start = _name(text, place)
            _, end = _value(text, start)
            found[name] = values.decode(text[start:end].encode("utf-8", "surrogatepass"))
            place = _after(text, end, ",")
    except (_Stop, ValueError, RecursionError):
        return found


def _walk(text: str, parts: Parts) -> None:
    place = _after(text, len(_MARK) if text.startswith(_MARK) else 0, "{")
    if _next(text, place) != "}":
        while True:
            name, start = _name(text, place)
            place = _list(text, start, parts) if name == MEMBER and text[start] == "[" else _value(text, start)[1]
            if _next(text, place) != ",":
                break
            place = _after(text, place, ",")
    place = _after(text, place, "}")
    if text[place:].strip(_SPACE):
        raise _Stop(place, "something stands behind the document")
    if not parts.head:
        raise _Stop(place, "it has no list of messages")


def _list(text: str, start: int, parts: Parts) -> int:
    """Take the messages of the list that begins here; the place behind it."""
    place = start + 1
    parts.messages, parts.between, parts.tail = [], [], ""
    if _next(text, place) == "]":
        parts.head, parts.tail = text[:place], text[place:]
        return _after(text, place, "]")
    first = _skip(text, place)
    parts.head = text[:first]
    begin = first
    while True:
        _, end = _value(text, begin)
        parts.messages.append(text[begin:end])
        if _next(text, end) != ",":
            break
        begin = _skip(text, _after(text, end, ","))
        parts.between.append(text[end:begin])
    parts.tail = text[end:]
    return _after(text, end, "]")


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _SPACE:
        place += 1
    return place


def _next(text: str, place: int) -> str:
    place = _skip(text, place)
    return text[place : place + 1]


def _after(text: str, place: int, mark: str) -> int:
    """The place behind the mark that must come next."""
    place = _skip(text, place)
    if text[place : place + 1] != mark:
        found = f"{text[place]!r} stands" if place < len(text) else "it ends"
        raise _Stop(place, f"{found} where {mark!r} belongs")
    return place + 1


def _name(text: str, place: int) -> tuple[str, int]:
    """The name of the member that begins here, and where its value begins."""
    place = _skip(text, place)
    if text[place : place + 1] != '"':
        raise _Stop(place, "a member's name is missing")
    name, end = _value(text, place)
    place = _skip(text, _after(text, end, ":"))
    if place >= len(text):
        raise _Stop(place, "it ends where a value belongs")
    return name, place


def _value(text: str, place: int) -> tuple[Json, int]:
    try:
        return _decoder.raw_decode(text, place)
    except json.JSONDecodeError as error:
        raise _Stop(error.pos, error.msg) from None
    except (ValueError, RecursionError) as error:
        raise _Stop(place, str(error) or "nested too deep") from None
