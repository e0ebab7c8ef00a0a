"""A session as another program's files hold it, whole, and how its pieces are named in a log.

Such programs write a session's files anew with every change: lists that usually grow, and members that change. In the log
each element of a list is an entry (streamed deltas are kept together), and what is no list stands in `document` events,
member by member. The id of an entry says which stretch of which list it holds and what it is, so that the next import
compares names and writes only what is new. An event at an index replaces what the list had from there on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final, Protocol, TypeVar

import msgspec

from ..codec import times, values
from ..errors import Invalid
from ..model.entry import Json
from .jsontext import Piece, compact
from .report import FileReport

NAME_BYTES_MAX: Final = 200
_STRETCH: Final = re.compile(
    r"(?P<list>[a-z_]+(?:/[^\n]+)?)/(?P<index>\d+)(?:\+(?P<count>\d+))?:(?P<digest>[0-9a-f]{16})(?:~\d+)?"
)
_FRACTION: Final = re.compile(r"\.(\d{1,18})")


class Item(msgspec.Struct):
    """An element of a list, on its way into a log."""

    list: str
    piece: Piece
    type: str = ""
    """Of the event that it becomes."""
    role: str = ""
    """Set, it becomes a message."""
    at: str = ""
    run: str | None = None
    group: str = ""
    """Neighbours of one non-empty group are kept in one entry."""
    body: dict[str, Json] = {}
    """Further members of the entry's body."""


class Call(msgspec.Struct):
    """The usage of one model call, counted once by its key."""

    key: str
    body: dict[str, Json]
    at: str = ""


class Facts(msgspec.Struct):
    """What the files say that the session is, in the terms of SessionInfo."""

    set: dict[str, Json] = {}
    labels: dict[str, str] = {}
    metadata: dict[str, Json] = {}
    config: dict[str, Json] = {}

    def flat(self) -> dict[tuple[str, str], Json]:
        """By section and name."""
        return {
            (section, name): value
            for section in ("set", "labels", "metadata", "config")
            for name, value in getattr(self, section).items()
        }


class Record(msgspec.Struct):
    """One session of another program."""

    format: str
    native: str
    """The id that it has there."""
    digest: str
    """Of all its files: the same digest, the same content."""
    report: FileReport
    """Of its main file."""
    origin: dict[str, Json] = {}
    """What makes it one session, beside format and id."""
    parent: str | None = None
    agent: str | None = None
    user: str | None = None
    kind: str = "root"
    at: str = ""
    ended: str = ""
    """When it last changed; "" is `at`."""
    updated: str = ""
    """Orders the states of one session: a lower one is older and adds nothing."""
    anchors: list[str] = []
    """Two states are of one session only if they share one of these."""
    conversation: tuple[str, ...] = ()
    """Lists of messages. They only grow; where they don't, it is another session."""
    items: list[Item] = []
    """In the order of the log."""
    fields: dict[str, Piece] = {}
    order: dict[str, list[str]] = {}
    """Names of the members of each object that was opened, as they stand in the file."""
    files: list[str] = []
    """Which files there are, in words of the format."""
    clean: bool = False
    """There is nothing to tell of its files: the next import may pass over them as long as they are the same."""
    masked: bool = False
    """A secret was taken out of its fields."""
    exact: dict[str, tuple[str, bytes]] = {}
    """Files that are other than what their pieces give: the SHA-256 of that, and the file's own bytes."""
    facts: Facts = msgspec.field(default_factory=Facts)
    calls: list[Call] = []
    total: dict[str, float] = {}
    """Usage in all, where the files say so: input, output, cache_read, cache_write, cost."""
    gauge: Json = None
    """How full the context was after the last call."""


def keep_exact(record: Record, path: str, data: bytes, rebuilt: str) -> None:
    """Keep a file's own bytes if its pieces, put together again, are others."""
    again = rebuilt.encode("utf-8", "surrogatepass")
    if again != data:
        record.exact[path] = (sha256(again).hexdigest(), data)


class Stretch(msgspec.Struct, frozen=True):
    """A part of a list that one entry holds."""

    list: str
    index: int
    count: int
    digest: str

    @property
    def id(self) -> str:
        """The id of its entry, where that is free."""
        return f"{self.list}/{self.index}{f'+{self.count}' if self.count != 1 else ''}:{self.digest}"


def stretch_of(identity: str) -> Stretch | None:
    """The stretch that an entry holds by its id; None for any other entry."""
    found = _STRETCH.fullmatch(identity)
    if found is None:
        return None
    count = found["count"]
    return Stretch(found["list"], int(found["index"]), 1 if count is None else int(count), found["digest"])


def digest_of(pieces: Iterable[Piece]) -> str:
    """What names elements: 16 hex digits."""
    hasher = sha256()
    for one in pieces:
        text = compact(one.value) if one.text is None else "\0" + one.text
        hasher.update(text.encode("utf-8", "surrogatepass"))
        hasher.update(b"\n")
    return hasher.hexdigest()[:16]


def digest_of_value(value: Json) -> str:
    """What names a value: 16 hex digits."""
    return sha256(values.encode(value)).hexdigest()[:16]


def digest_of_files(files: dict[str, bytes]) -> str:
    """One digest for files and their names."""
    hasher = sha256()
    for name, data in sorted(files.items()):
        hasher.update(f"{len(name)}:{name}:{len(data)}:".encode("utf-8", "surrogateescape"))
        hasher.update(data)
    return hasher.hexdigest()


class _InTree(Protocol):
    """What has a place among sessions."""

    @property
    def native(self) -> str: ...
    @property
    def parent(self) -> str | None: ...


T = TypeVar("T", bound=_InTree)


def parents_first(found: Iterable[T]) -> list[T]:
    """All of them, each behind its parent, otherwise in their order."""
    listed = list(found)
    parent_of = {one.native: one.parent for one in listed}

    def depth(one: T) -> int:
        steps, parent = 0, one.parent
        while parent is not None and steps <= len(parent_of):
            steps, parent = steps + 1, parent_of.get(parent)
        return steps

    return sorted(listed, key=depth)


def short(name: str) -> str:
    """A name that can be part of an entry's id: itself, or its beginning and its hash."""
    whole = name.encode("utf-8", "surrogatepass")
    if len(whole) <= NAME_BYTES_MAX and "\n" not in name and name.isprintable():
        return name
    return f"{whole[:80].decode('ascii', 'ignore')}~{sha256(whole).hexdigest()[:32]}".replace("\n", " ")


def nanoseconds(text: Any) -> int | None:
    """A time in nanoseconds since 1970, for comparing; None for what is no time."""
    if not isinstance(text, str):
        return None
    found = _FRACTION.search(text)
    try:
        whole = times.microseconds(_FRACTION.sub("", text, count=1))
    except Invalid:
        return None
    return whole * 1000 + (int(found.group(1)[:9].ljust(9, "0")) if found else 0)


def sortable(number: int | None) -> str:
    """A number as text that sorts like it; "" for none, before all."""
    return "" if number is None else f"{max(number, 0):024d}"
