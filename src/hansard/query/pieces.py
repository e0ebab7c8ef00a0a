"""What of an entry is searched: its text, cut into pieces that name who said it. The same for every backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ..codec import values
from ..limits import TEXT_PIECE_TOKENS_MAX
from ..model.entry import Entry, Json, Part
from .search import TOOL_ROLE
from .tokens import spaced, tokens, tokens_at_most

PIECES_VERSION: Final = 1
"""Rises when tokens or pieces change: an index made by another version is made anew."""

OVERLAP_CHARS: Final = 200
"""A piece begins this much before the end of the one before, so that a phrase across the cut is found."""

_CHARS_MAX: Final = 48_000
_DECODER_TROUBLE: Final = (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError)


class Piece(msgspec.Struct, frozen=True):
    """A stretch of text of an entry."""

    role: str
    """Of the message; `tool` for what a tool was given or has answered, `title` or `summary`."""
    text: str
    tools: tuple[str, ...] = ()
    """Names of the tools that are called, or answer, as written."""
    is_error: bool = False
    """The tool answered with an error."""

    @property
    def tokens(self) -> list[str]:
        """Its tokens, at most TEXT_PIECE_TOKENS_MAX."""
        return tokens(self.text)

    @property
    def spaced(self) -> str:
        """Its tokens as one string, with spaces between them."""
        return spaced(self.text)


def pieces(entry: Entry, *, calls: Mapping[str, str] | None = None, shown: Sequence[Part] | None = None) -> list[Piece]:
    """The searchable pieces of an entry as it is written (an amended one is searched as its amendment says).

    - a message: its text with the names of the tools that it calls under its role; what tools are given and answer
      under the role `tool`, arguments and results apart;
    - a compaction: its summary; `created` and `update`: a title that they give. Nothing else, and nothing of an
      erased entry.

    `calls` says which tool an earlier call id was for, so that results know their tool; `calls_of` gathers it.
    `shown` are the parts of a message (`parts_in`), for who has them already.
    """
    body = entry.body
    if entry.erased or not isinstance(body, dict):
        return []
    if entry.kind == "message":
        return _message(body, {} if calls is None else calls, parts(body) if shown is None else shown)
    if entry.kind == "compaction":
        return _whole("summary", body.get("summary"))
    if entry.kind == "created":
        return _whole("title", body.get("title"))
    changed = body.get("set")
    if entry.kind == "update" and isinstance(changed, dict):
        return _whole("title", changed.get("title"))
    return []


def parts_in(entry: Entry) -> list[Part]:
    """The parts of an entry that is a message, else none. Decoding them is what costs: ask once, and pass them on."""
    return [] if entry.kind != "message" or entry.erased else parts(entry.body)


def calls_of(entry: Entry, *, shown: Sequence[Part] | None = None) -> dict[str, str]:
    """The tool calls of an entry: call id → name of the tool. `shown` as for `pieces`."""
    return {
        part["id"]: part["name"]
        for part in (parts_in(entry) if shown is None else shown)
        if part.get("type") == "tool_call" and isinstance(part.get("id"), str) and isinstance(part.get("name"), str)
    }


def parts(body: Json) -> list[Part]:
    """The parts of a message; none where its payload can't be decoded."""
    from ..payloads import parts_of

    try:
        found: Json = parts_of(body)
        return [part for part in found if isinstance(part, dict)]
    except _DECODER_TROUBLE:
        return []


def _whole(role: str, text: Json) -> list[Piece]:
    return [Piece(role, one) for one in cut(text)] if isinstance(text, str) else []


def _message(body: dict[str, Any], calls: Mapping[str, str], shown: Sequence[Part]) -> list[Piece]:
    role = body.get("role")
    role = role.casefold() if isinstance(role, str) else ""
    said: list[str] = []
    names: list[str] = []
    found: list[Piece] = []
    for part in shown:
        kind = part.get("type")
        if kind == "tool_call":
            name = part.get("name")
            own = (name,) if isinstance(name, str) else ()
            names += own
            found += _tool_pieces(part.get("arguments"), own)
        elif kind == "tool_result":
            own = _answering(part, calls)
            found += _tool_pieces(part.get("content"), own, is_error=part.get("is_error") is True)
        elif kind == "text" and isinstance(part.get("text"), str):
            said.append(part["text"])
    if role == TOOL_ROLE:
        return [*_cut_all(TOOL_ROLE, "\n\n".join(said), ()), *found]
    whole = "\n\n".join((*said, *dict.fromkeys(names)))
    return [*_cut_all(role, whole, tuple(dict.fromkeys(names))), *found]


def _answering(part: Part, calls: Mapping[str, str]) -> tuple[str, ...]:
    name, call = part.get("name"), part.get("call_id")
    if not isinstance(name, str):
        name = calls.get(call) if isinstance(call, str) else None
    return () if name is None else (name,)


def _tool_pieces(value: Json, names: tuple[str, ...], *, is_error: bool = False) -> list[Piece]:
    text = "\n".join(_strings(value))
    # A result without text is still an answer of that tool, and maybe an error.
    return [Piece(TOOL_ROLE, one, names, is_error) for one in cut(text) or [""]]


def _cut_all(role: str, text: str, names: tuple[str, ...]) -> list[Piece]:
    return [Piece(role, one, names) for one in cut(text)]


def _strings(value: Json, key: str = "") -> Iterator[str]:
    """The texts in a JSON value; of objects in the shape of parts only what is to be read."""
    if isinstance(value, str):
        if key not in ("type", "mime", "attachment", "data", "signature") and not _is_file(value, key):
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _strings(item, name)
    elif value is not None and not isinstance(value, bool):
        yield values.encode(value).decode()


def _is_file(value: str, key: str) -> bool:
    return key == "url" and value.startswith("data:")


def cut(text: str) -> list[str]:
    """A text in pieces of at most TEXT_PIECE_TOKENS_MAX tokens that overlap a little; none of a blank one."""
    # So few characters can't hold more tokens, whatever normalisation makes of them.
    if len(text) <= (TEXT_PIECE_TOKENS_MAX // 2 if text.isascii() else TEXT_PIECE_TOKENS_MAX // 10):
        return [text] if text and not text.isspace() else []
    return [one for one in _cut_long(text) if not one.isspace()]


def _cut_long(text: str) -> Iterable[str]:
    start = 0
    while True:
        end = min(len(text), start + _CHARS_MAX)
        if end < len(text):
            end = _boundary(text, start + _CHARS_MAX // 2, end)
        while _holds_more(text[start:end]):
            half = (end - start) // 2
            end = _boundary(text, start + half // 2, start + half)
        yield text[start:end]
        if end >= len(text):
            return
        start = _overlap(text, max(start + 1, end - OVERLAP_CHARS), end)


def _holds_more(text: str) -> bool:
    """Whether a text has too many tokens for one piece; counted only where a look at its words does not tell."""
    return tokens_at_most(text) > TEXT_PIECE_TOKENS_MAX and len(tokens(text)) > TEXT_PIECE_TOKENS_MAX


def _overlap(text: str, low: int, high: int) -> int:
    """The first place in a range where a word begins after white space; its beginning if there is none."""
    return next((place for place in range(low, high) if text[place - 1].isspace()), low)


def _boundary(text: str, low: int, high: int) -> int:
    """The last place in a range where a word begins after white space; its end if there is none."""
    for place in range(high, low, -1):
        if text[place - 1].isspace():
            return place
    return high
