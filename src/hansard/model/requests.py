"""What the store asks of a backend, and what comes back: plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from .entry import Json
from .info import SessionInfo

T = TypeVar("T")

Clock: TypeAlias = Callable[[], int]
"""Microseconds since 1970, UTC."""


class Keys(msgspec.Struct, frozen=True, omit_defaults=True):
    """Changes of one JSON object, key by key. With `replace`, `set` is the whole new object."""

    set: dict[str, Json] = {}
    remove: tuple[str, ...] = ()
    replace: bool = False

    def __bool__(self) -> bool:
        """True if it can change anything."""
        return bool(self.set or self.remove or self.replace)


class Changes(msgspec.Struct, frozen=True, omit_defaults=True):
    """Changes of a session's fields; it becomes the body of one `update` entry, empty members left out.

    `set` holds fields of SessionInfo and any others (title, status, model, pinned, persona …); null is a value.
    `clear` lists fields to be as if never set.
    """

    set: dict[str, Json] = {}
    clear: tuple[str, ...] = ()
    state: Keys = Keys()
    config: Keys = Keys()
    metadata: Keys = Keys()
    labels: Keys = Keys()

    def __bool__(self) -> bool:
        """True if it can change anything."""
        return bool(self.set or self.clear or self.state or self.config or self.metadata or self.labels)


class Creation(msgspec.Struct, frozen=True):
    """A session to be. It becomes the body of its `created` entry."""

    id: str = ""
    """"" draws a UUIDv7, or derives it from root and name for a resident child."""
    kind: str = "root"
    parent: str | None = None
    name: str | None = None
    agent: str | None = None
    user: str | None = None
    project: str | None = None
    labels: dict[str, str] = {}
    metadata: dict[str, Json] = {}
    config: dict[str, Json] = {}
    source: Json = None
    title: str | None = None
    at: str = ""
    """When it began; "" is now."""


# Planned here, not at the first use: two threads that plan one type at once crash the interpreter.
msgspec.json.Decoder(Changes)


class Appended(msgspec.Struct, frozen=True):
    """The answer to an append, true and durable."""

    seq: int
    """Last entry of this append; without any, the session's last."""
    seqs: tuple[int, ...] = ()
    """One for each entry of the append, in its order, those already there included."""
    ids: tuple[str, ...] = ()
    added: int = 0
    """How many of them are new."""


class Created(msgspec.Struct, frozen=True):
    """The answer to a creation."""

    id: str
    seq: int
    new: bool
    """False: a session with this id, or of this (agent, user), was there and is returned."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of results in their order. `cursor` asks for the next one; None after the last."""

    items: tuple[T, ...]
    cursor: str | None = None
    complete: bool = True
    """False while an index is being rebuilt: there may be more than is said here."""

    def __iter__(self):  # noqa: ANN204 - Iterator[T], which pyright infers
        """The items."""
        return iter(self.items)

    def __len__(self) -> int:
        """The number of items on this page."""
        return len(self.items)


class Hit(msgspec.Struct, frozen=True):
    """A place that a search found."""

    session: str
    seq: int
    at: str
    role: str
    """Of the message; "title" or "summary" where that was found."""
    snippet: str
    """A piece of the text around the first match, plain."""
    score: float = 0.0
    title: str | None = None
    """Of the session."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that check() found. `damage` fails a check, `note` does not."""

    session: str
    severity: str
    message: str
    path: str = ""
    line: int = 0
    offset: int = 0


class Erasure(msgspec.Struct, frozen=True):
    """What an erasure did, and what it can't reach."""

    seqs: tuple[int, ...]
    attachments: tuple[str, ...] = ()
    """Hashes of the attachments that went with them."""
    forks: tuple[str, ...] = ()
    """Forks whose copies of these entries were erased too."""
    unreached: tuple[str, ...] = ()
    """What may still hold the text, in words."""


class Garbage(msgspec.Struct, frozen=True):
    """A thing that nothing refers to."""

    session: str
    """In whose keeping it was; "" is the store."""
    what: str
    """attachment, leftover …"""
    name: str
    size: int


class Health(msgspec.Struct, frozen=True):
    """The answer of a store that could make a write durable a moment ago; not `ok` if it was opened to be read only."""

    backend: str
    ok: bool
    details: dict[str, Json] = {}


class _Any:
    """The one value of ANY."""

    def __repr__(self) -> str:
        return "ANY"


ANY: Final = _Any()
"""A filter that is not set, where None asks for "not said"."""

SessionPage: TypeAlias = Page[SessionInfo]
