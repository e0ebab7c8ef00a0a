"""Rollouts of early Codex that are one JSON document, and unknown documents that hold messages.

Each of the file's own lines is kept, so the raw record is the file. An item that is written over several lines becomes
a message in the entry of its longest line, with what stands around it; so its text is there once. The line of any other
is an event, behind which follows the message, named by the line with `:1`, `:2` … for the first, second … item. A
document that was written anew has other lines: it is another record.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ..codec import values
from ..limits import KIB, MIB
from ..model.entry import Json
from .codex import INJECTED
from .jsonl import role_of
from .jsontext import ObjectText, elements
from .planning import Facts, Key, Planned, Spot, derived, moment, moment_of_name, raw_event, raw_message, word
from .source import Line

DOCUMENT_BYTES_MAX: Final = 64 * MIB
"""A larger document is kept line by line, without messages."""

_OWN_LINE_MIN: Final = 200
"""A shorter line is no place for a message: what stands around it would be said twice."""

_AROUND_MAX: Final = 64 * KIB
_LISTS: Final = ("items", "messages", "conversation")
_IDS: Final = ("session_id", "sessionId", "id")


class DocumentReader:
    """Reads one document: one session."""

    def __init__(self, stem: str, data: bytes, start: str, *, format: str) -> None:  # noqa: A002 - the field's name
        """`data` is the whole file, or nothing where it is too large or no JSON."""
        self.format = "codex" if format == "codex-json" else format
        document = _document(data)
        session = document.get("session")
        self._session = session if isinstance(session, dict) else document
        ids = (found for name in _IDS if (found := word(self._session.get(name))))
        self._key: Key = (next(ids, stem), None)
        self._at = moment(self._session.get("timestamp")) or moment_of_name(stem) or start
        name = next((name for name in _LISTS if isinstance(document.get(name), list)), None)
        self.items: list[Json] = [] if name is None else document[name]
        self.places = {} if name is None else _places(data.decode("utf-8", "replace"), document, name)

    def key(self, line: Line) -> Key:  # noqa: ARG002 - the interface
        """The one session of the file."""
        return self._key

    def facts(self, key: Key, line: Line) -> Facts:  # noqa: ARG002 - the interface
        """What the document says about itself."""
        cwd = word(self._session.get("cwd")) or word(self._session.get("workspace"))
        return Facts(native=self._key[0], cwd=cwd, title=word(self._session.get("title")), at=self._at)

    def planner(self, facts: Facts) -> DocumentPlanner:
        """A planner for the session."""
        return DocumentPlanner(facts, self)


class Place(msgspec.Struct, frozen=True):
    """A line of the document that is said to be one of its items, or the last line of one."""

    item: int
    around: tuple[str, str] | None = None
    """What stands before and after the line in the item; None: the item ends in the line."""


class DocumentPlanner:
    """The entries of one document."""

    def __init__(self, facts: Facts, reader: DocumentReader) -> None:
        self._at = facts.at
        self._reader = reader

    def counted(self, call: str, body: dict[str, Json]) -> None:
        """Nothing is counted."""

    def end(self) -> list[Planned]:
        """Nothing waits for the end of the file."""
        return []

    def plan(self, line: Line) -> list[Planned]:
        """The event that keeps one line of the file, or the message whose longest line it is, and messages that end in it."""
        found: list[Planned] = []
        own = raw_event(self._reader.format, "line", line, self._at)
        for place in self._reader.places.get(line.number, ()):
            item = self._reader.items[place.item]
            role = _role(item) if isinstance(item, dict) else None
            if role is None:
                continue
            if place.around is not None:
                own = entry = raw_message("codex", role, line, self._at, Spot())
                entry.around = place.around
            else:
                entry = derived("message", f":{place.item + 1}", {"role": role}, line, self._at)
                entry.spot, entry.raw, entry.text = (
                    Spot(),
                    "codex",
                    values.encode(item).decode("utf-8", "surrogatepass"),
                )
                found.append(entry)
            if role == "user" and _injected(item):
                entry.body["metadata"] = {"meta": True}
        return [own, *found]


def _places(text: str, document: dict[str, Json], name: str) -> dict[int, list[Place]]:
    """Number of a line → the items whose messages stand there, in their order."""
    try:
        start = ObjectText(text, document).spans[name][0]
        spans = [(begin, end) for _, begin, end in elements(text, start)]
    except (ValueError, LookupError, RecursionError):
        spans = []
    found: dict[int, list[Place]] = {}
    number, line_start = 1, 0
    for item in range(len(document[name])):
        begin, end = spans[item] if item < len(spans) else (len(text), len(text))
        longest: tuple[int, int, int] | None = None
        line_end = text.find("\n", line_start)
        while 0 <= line_end < end:
            size = line_end - line_start
            if line_start > begin and size >= max(_OWN_LINE_MIN, longest[1] - longest[0] + 1 if longest else 0):
                longest = line_start, line_end, number
            number, line_start = number + 1, line_end + 1
            line_end = text.find("\n", line_start)
        if longest is not None and end - begin - (longest[1] - longest[0]) <= _AROUND_MAX:
            around = text[begin : longest[0]], text[longest[1] : end]
            found.setdefault(longest[2], []).append(Place(item, around))
        else:
            found.setdefault(number, []).append(Place(item))
    return found


def _role(item: dict[str, Json]) -> str | None:
    kind = item.get("type")
    if kind in ("reasoning", "function_call", "local_shell_call", "custom_tool_call"):
        return "assistant"
    if isinstance(kind, str) and kind.endswith("_output"):
        return "tool"
    return role_of(item) or ("assistant" if item.get("role") == "assistant" else None)


def _injected(item: dict[str, Json]) -> bool:
    content = item.get("content")
    blocks = content if isinstance(content, list) else [{"text": content}]
    texts = [str(block["text"]) for block in blocks if isinstance(block, dict) and isinstance(block.get("text"), str)]
    return bool(texts) and all(INJECTED.match(text) for text in texts)


def _document(data: bytes) -> dict[str, Json]:
    try:
        value = values.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
