"""Lines of JSON whose dialect is not known: each line is kept, and what plainly is a message becomes one."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json
from .planning import Clock, Facts, Key, Planned, Spot, moment, moment_of_name, odd_event, raw_event, raw_message, word
from .source import Line

FORMAT: Final = "jsonl"

_ROLES: Final = {
    "user": "user", "human": "user", "assistant": "assistant", "ai": "assistant", "model": "assistant",
    "gemini": "assistant", "system": "system", "developer": "system", "tool": "tool", "function": "tool",
    "tool_result": "tool",
}  # fmt: skip
_TIMES: Final = ("timestamp", "time", "created_at", "createdAt", "ts", "created")
_IDS: Final = ("sessionId", "session_id", "conversation_id", "thread_id")
_CONTENTS: Final = ("content", "text", "parts", "tool_calls", "tool_output")


class JsonlReader:
    """Reads one file: one session, named by the first id that its lines say, else by the file."""

    def __init__(self, stem: str, head: list[dict[str, Json]], start: str, *, format: str = FORMAT) -> None:  # noqa: A002
        """`stem` is the file's name without its ending, `head` its first objects, `start` a time if no line has one."""
        self.format = format
        ids = (found for row in head for name in _IDS if (found := word(row.get(name))))
        self._key: Key = (next(ids, stem), None)
        times = (at for row in head if (at := _time_of(row)))
        self._at = next(times, "") or moment_of_name(stem) or start
        self._cwd = next((cwd for row in head if (cwd := word(row.get("cwd")))), None)

    def key(self, line: Line) -> Key:  # noqa: ARG002 - the interface
        """The one session of the file."""
        return self._key

    def facts(self, key: Key, line: Line) -> Facts:  # noqa: ARG002 - the interface
        """What the first lines say."""
        return Facts(native=self._key[0], cwd=self._cwd, at=self._at)

    def planner(self, facts: Facts) -> JsonlPlanner:
        """A planner for the session."""
        return JsonlPlanner(facts, self.format)


class JsonlPlanner:
    """The entries of one file's lines."""

    def __init__(self, facts: Facts, format: str) -> None:  # noqa: A002 - the field's name
        self._clock = Clock(facts.at)
        self._format = format

    def counted(self, call: str, body: dict[str, Json]) -> None:
        """Nothing is counted: an unknown dialect's numbers may be sums."""

    def end(self) -> list[Planned]:
        """Nothing waits for the end of the file."""
        return []

    def plan(self, line: Line) -> list[Planned]:
        """The entry of one line."""
        row = line.value
        at = self._clock.at(_time_of(row) if isinstance(row, dict) else None)
        odd = odd_event(self._format, line, at)
        if odd is not None:
            return [odd]
        role = role_of(row)
        if role is None:
            return [raw_event(self._format, word(row.get("type")) or "record", line, at)]
        entry = raw_message(self._format, role, line, at, Spot())
        model = word(row.get("model"))
        if role == "assistant" and model:
            entry.body["model"] = model
        return [entry]


def _time_of(row: dict[str, Json]) -> str:
    return next((at for name in _TIMES if (at := moment(row.get(name)))), "")


def role_of(row: dict[str, Json]) -> str | None:
    """The role of a line that plainly holds a message, or None."""
    message = row.get("message")
    holder = message if isinstance(message, dict) else row
    if not isinstance(message, str) and not any(holder.get(name) for name in _CONTENTS):
        return None
    role = _ROLES.get(str(holder.get("role", row.get("type"))))
    parts = holder.get("parts")
    if isinstance(parts, list) and any(isinstance(part, dict) and "functionResponse" in part for part in parts):
        return "tool"
    return role
