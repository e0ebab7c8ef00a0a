"""JSON documents taken apart without losing a byte: values, and the text that each stands in.

A document that another program rewrites whole comes back byte for byte only if what was spelled oddly (a number, a
repeated key, other white space) is kept as it was. So every piece knows its value and, where the usual spelling of the
value is not what the file says, its text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import msgspec

from ..codec import values
from ..limits import DEPTH_MAX
from ..model.entry import Json

INDENT: Final = "  "
_scan = json.JSONDecoder(strict=True)
_BLANK: Final = " \t\r\n"


class NotJson(ValueError):
    """The bytes are no JSON document. `place` says where: a byte, or line and column."""

    def __init__(self, reason: str, *, place: str) -> None:
        """Keep place and reason apart."""
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class Piece(msgspec.Struct, frozen=True):
    """A JSON value, and its text where that is not the usual spelling."""

    value: Json
    text: str | None = None


def read(data: bytes) -> tuple[str, Json]:
    """The text and value of a document.

    Raises:
        NotJson: it is none, or one that can't be stored; says where.
    """
    if not data:
        reason = "the file is empty"
        raise NotJson(reason, place="byte 0")
    try:
        # Editors of Windows put a mark there, which says nothing.
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        reason = "not UTF-8"
        raise NotJson(reason, place=f"byte {error.start}") from None
    try:
        # The standard library names line and column; it is strict where serde_json is, but for NaN and infinities.
        value = json.loads(text, parse_constant=_no_constant)
        values.check_value(value, "document")
    except json.JSONDecodeError as error:
        raise NotJson(error.msg, place=f"line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        reason = f"nested deeper than {DEPTH_MAX} levels"
        raise NotJson(reason, place="byte 0") from None
    except ValueError as error:
        raise NotJson(str(error), place="document") from None
    return text, value


def _no_constant(name: str) -> Json:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)


def pretty(value: Json, level: int = 0) -> str:
    """The value as serde_json writes it: two spaces a level, no blank at the end; `level` is where it stands."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text.replace("\n", "\n" + INDENT * level) if level else text


def compact(value: Json) -> str:
    """The value on one line without blanks."""
    return values.encode(value).decode("utf-8", "surrogatepass")


def piece(text: str, value: Json, level: int) -> Piece:
    """The piece that stands as `text` at a level of a document."""
    return Piece(value) if pretty(value, level) == text else Piece(value, text)


def spelled(one: Piece, level: int) -> str:
    """The text of a piece at a level."""
    return pretty(one.value, level) if one.text is None else one.text


def members(text: str, start: int = 0) -> Iterator[tuple[str, int, int]]:
    """Key, begin and end of each member's value of the object that begins at `start`, as often as it stands there."""
    place = _skip(text, start) + 1
    while True:
        place = _skip(text, place)
        if text[place] == "}":
            return
        if text[place] == ",":
            place = _skip(text, place + 1)
        key, place = _scan.raw_decode(text, place)
        begin = _skip(text, _skip(text, place) + 1)
        _, place = _scan.raw_decode(text, begin)
        yield key, begin, place


def elements(text: str, start: int = 0) -> Iterator[tuple[Json, int, int]]:
    """Value, begin and end of each element of the array that begins at `start`."""
    place = _skip(text, start) + 1
    while True:
        place = _skip(text, place)
        if text[place] == "]":
            return
        if text[place] == ",":
            place = _skip(text, place + 1)
        value, end = _scan.raw_decode(text, place)
        yield value, place, end
        place = end


def _skip(text: str, place: int) -> int:
    while text[place] in _BLANK:
        place += 1
    return place


class ObjectText:
    """An object in a document: its members as pieces, in their order."""

    def __init__(self, text: str, value: dict[str, Json], *, start: int = 0, level: int = 0) -> None:
        """`level` is that of the object itself. A key that stands twice has the last value, as when it is parsed."""
        self._text = text
        self._level = level + 1
        self.spans = {key: (begin, end) for key, begin, end in members(text, start)}
        self.value = value

    def __contains__(self, key: str) -> bool:
        return key in self.spans

    def member(self, key: str) -> Piece:
        """The piece of a member."""
        begin, end = self.spans[key]
        return piece(self._text[begin:end], self.value[key], self._level)

    def inner(self, key: str) -> ObjectText:
        """The object that a member holds."""
        return ObjectText(self._text, self.value[key], start=self.spans[key][0], level=self._level)

    def items(self, key: str) -> list[Piece]:
        """The elements of the list that a member holds."""
        return list_pieces(self._text, start=self.spans[key][0], level=self._level)


def list_pieces(text: str, *, start: int = 0, level: int = 0) -> list[Piece]:
    """The elements of the array that begins at `start` and stands at `level`."""
    return [piece(text[begin:end], value, level + 1) for value, begin, end in elements(text, start)]


def write_list(texts: list[str], level: int) -> str:
    """An array of elements that are spelled for `level + 1`."""
    if not texts:
        return "[]"
    pad = "\n" + INDENT * (level + 1)
    return "[" + pad + ("," + pad).join(texts) + "\n" + INDENT * level + "]"


def write_object(found: list[tuple[str, str]], level: int) -> str:
    """An object of members whose values are spelled for `level + 1`."""
    if not found:
        return "{}"
    pad = "\n" + INDENT * (level + 1)
    lines = (f"{json.dumps(key, ensure_ascii=False)}: {value}" for key, value in found)
    return "{" + pad + ("," + pad).join(lines) + "\n" + INDENT * level + "}"
