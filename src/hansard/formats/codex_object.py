"""Rollouts of early Codex that are one JSON document, and unknown documents that hold messages.

The file's own lines are kept as events, so the raw record is the file; after the last one follow messages that are
derived from the document, named by the last line with `:1`, `:2` … A document that was written anew has other lines:
it is another record.
"""

from __future__ import annotations

from typing import Final

from ..codec import values
from ..limits import MIB
from ..model.entry import Json
from .codex import INJECTED
from .jsonl import role_of
from .planning import Facts, Key, Planned, Spot, derived, moment, moment_of_name, raw_event, word
from .source import Line

DOCUMENT_BYTES_MAX: Final = 64 * MIB
"""A larger document is kept line by line, without messages."""

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
        found = next((document[name] for name in _LISTS if isinstance(document.get(name), list)), [])
        self.items: list[Json] = found

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


class DocumentPlanner:
    """The entries of one document."""

    def __init__(self, facts: Facts, reader: DocumentReader) -> None:
        self._at = facts.at
        self._reader = reader
        self._last = (0, 0)

    def counted(self, call: str, body: dict[str, Json]) -> None:
        """Nothing is counted."""

    def plan(self, line: Line) -> list[Planned]:
        """The event that keeps one line of the file."""
        self._last = (line.number, line.digest)
        return [raw_event(self._reader.format, "line", line, self._at)]

    def end(self) -> list[Planned]:
        """The messages of the document."""
        return [
            entry for n, item in enumerate(self._reader.items, 1) if (entry := self._message(n, item)) is not None
        ]  # fmt: skip

    def _message(self, number: int, item: Json) -> Planned | None:
        if not isinstance(item, dict):
            return None
        role = _role(item)
        if role is None:
            return None
        body: dict[str, Json] = {"role": role}
        if role == "user" and _injected(item):
            body["metadata"] = {"meta": True}
        entry = derived("message", f":{number}", body, self._last, self._at)
        entry.spot, entry.raw, entry.text = Spot(), "codex", values.encode(item).decode("utf-8", "surrogatepass")
        return entry


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
