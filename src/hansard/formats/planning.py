"""What a reader makes of lines: entries to be, whose references to other entries are filled in when those are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec

from ..codec import times
from ..errors import Invalid
from ..model.entry import Json
from .source import Line, Unreadable, entry_id


class Spot:
    """The place of an entry in its log: `seq` is 0 until the entry is written, or found to be there."""

    __slots__ = ("seq",)

    def __init__(self) -> None:
        self.seq = 0


START: Final = Spot()
"""Before the first message."""


class Planned(msgspec.Struct, gc=False):
    """An entry to be, named by its line and a suffix."""

    kind: str
    body: dict[str, Json]
    line: int
    digest: int
    suffix: str = ""
    """"" for the one entry that holds the line itself."""
    at: str = ""
    spot: Spot | None = None
    """Takes the number that the entry gets."""
    refers: tuple[str, Spot] | None = None
    """The member of the body that names another entry's number."""
    raw: str = ""
    """The format of the payload that the writer puts into the body as `raw`; "" for none."""
    text: str | None = None
    """That payload; None if it is not UTF-8, then it is `data`."""
    data: bytes = b""
    around: tuple[str, str] | None = None
    """What stands before and after the payload in what it is decoded as."""
    note: str = ""
    """What a person should know about the line."""

    @property
    def id(self) -> str:
        """The id of the entry."""
        return entry_id(self.line, self.digest) + self.suffix


class Facts(msgspec.Struct):
    """What the first lines say about a session."""

    native: str
    """The id that the program gave it."""
    agent: str | None = None
    """The id of the sub-agent within the native session."""
    parent: str | None = None
    """The native id of the session that spawned it."""
    cwd: str | None = None
    title: str | None = None
    model: str | None = None
    at: str = ""
    metadata: dict[str, Json] = {}


Key = tuple[str, str | None]
"""Native session id and agent id: one session."""


class Planner(Protocol):
    """Makes entries of the lines of one session, in their order. Depends on the lines alone, and is told what counted."""

    def plan(self, line: Line) -> list[Planned]:
        """The entries of a line: exactly one holds the line itself."""
        ...

    def end(self) -> list[Planned]:
        """What the end of the file lets be written, too."""
        ...

    def counted(self, call: str, body: dict[str, Json]) -> None:
        """Told for each usage entry that is in the log already."""
        ...


class Reader(Protocol):
    """Reads the files of one format."""

    format: str

    def key(self, line: Line) -> Key:
        """The session that a line belongs to. Called once for each line, in their order."""
        ...

    def facts(self, key: Key, line: Line) -> Facts:
        """What is known about a session at its first line."""
        ...

    def planner(self, facts: Facts) -> Planner:
        """A planner for the session."""
        ...


class Clock:
    """Gives each line a time: its own, else that of the line before, else where the file begins."""

    def __init__(self, start: str) -> None:
        self.now = start

    def at(self, value: Json) -> str:
        """The time that a line says, in the spelling of logs."""
        said = moment(value)
        if said:
            self.now = said
        return self.now


def moment(value: Json) -> str:
    """RFC 3339 text of a time said as text, seconds or milliseconds; "" if it is none."""
    if isinstance(value, str):
        try:
            if len(value) == 24 and value[10] == "T" and value[19] == "." and value[23] == "Z" and value[:4].isdigit():
                # What nearly every line has; formatting the time anew would only add the zeros.
                datetime.fromisoformat(value)
                return f"{value[:23]}000Z"
            return times.normal(value) if value[:4].isdigit() else ""
        except (ValueError, Invalid):
            return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    seconds = value / 1000 if value > 100_000_000_000 else value
    return times.normal(seconds) if 0 < seconds < 250_000_000_000 else ""


_IN_NAME: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d)-(\d\d)-(\d\d))?")


def moment_of_name(name: str) -> str:
    """The time in a file name such as rollout-2025-08-24T15-07-09-….jsonl; taken as UTC, which the name does not say."""
    found = _IN_NAME.search(name)
    if found is None:
        return ""
    try:
        return times.normal(datetime(*(int(group or 0) for group in found.groups()), tzinfo=UTC))
    except (ValueError, Invalid):
        return ""


def raw_event(format: str, name: str, line: Line, at: str) -> Planned:  # noqa: A002 - the field's name
    """An event that holds the line."""
    return _raw("event", {"type": f"{format}.{name}"[:200] if name != "unreadable" else name}, format, line, at)


def raw_message(format: str, role: str, line: Line, at: str, spot: Spot) -> Planned:  # noqa: A002 - the field's name
    """A message that holds the line."""
    entry = _raw("message", {"role": role}, format, line, at)
    entry.spot = spot
    return entry


def _raw(kind: str, body: dict[str, Json], format: str, line: Line, at: str) -> Planned:  # noqa: A002
    # Text is enough to have the bytes again; a batch of thousands need not hold both.
    data = line.data if line.text is None else b""
    return Planned(kind, body, line.number, line.digest, at=at, raw=format, text=line.text, data=data)


def derived(kind: str, suffix: str, body: dict[str, Json], line: Line | tuple[int, int], at: str) -> Planned:
    """An entry that follows from a line."""
    number, digest = (line.number, line.digest) if isinstance(line, Line) else line
    return Planned(kind, body, number, digest, suffix=suffix, at=at)


def odd_event(format: str, line: Line, at: str) -> Planned | None:  # noqa: A002 - the field's name
    """The event of a line that is no JSON object; None if it is one."""
    if type(line.value) is dict:
        return None
    if isinstance(line.value, Unreadable):
        return raw_event(format, "unreadable", line, at)
    if line.value is None and (line.text is None or line.text.strip() != "null"):
        return raw_event(format, "blank", line, at)
    return raw_event(format, "value", line, at)


def word(value: Any) -> str | None:
    """A non-empty string, or None."""
    return value if isinstance(value, str) and value else None


def last_name(path: str) -> str | None:
    """The last component of a path of any system."""
    return word(re.split(r"[/\\]", path.rstrip("/\\"))[-1])
