"""What a reader of a directory makes of one session: entries to be, files beside them, and what changes in place.

Stores that keep a session as a folder have three sorts of content. Lines (messages, steps) only ever grow: each becomes
one entry with its own bytes. Heads (a header, a sidecar, a meta file) are written anew with every change: each version
becomes one event, and the last one says what the session is. Files lie beside them as attachments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec

from ..codec import times, values
from ..errors import Invalid
from ..limits import KIB, LABELS_BYTES_MAX, MIB, STATE_BYTES_MAX
from ..model.entry import NODES, Json
from .planning import Facts, Spot
from .report import Damage
from .source import entry_id

ViewOf: TypeAlias = Callable[[Mapping[str, bytes]], "View"]
"""What a session is by its heads, given by their names; the same heads give the same view."""

Tell: TypeAlias = Callable[[Damage | str], None]
"""Takes what could not be read and belongs to no session; and as a text, what a person should know."""


class Payload(msgspec.Struct):
    """A foreign payload, verbatim."""

    format: str
    data: bytes
    files: dict[str, str] = {}
    """Names of side files by the URL that the payload has for them."""


class Item(msgspec.Struct):
    """An entry to be. Members of the body that are a Spot become the seq of what they stand for."""

    id: str
    kind: str
    body: dict[str, Json]
    at: str = ""
    line: tuple[int, int] | None = None
    """Number and digest, of an entry that holds a line of the source."""
    agent: str | None = None
    spot: Spot | None = None
    payload: Payload | None = None


class Head(msgspec.Struct):
    """One document of a source that is written anew with every change."""

    name: str
    payload: Payload
    type: str
    """Of the event that keeps it."""
    more: dict[str, Json] = {}
    """Further members of that event."""

    @property
    def digest(self) -> str:
        """The first 64 bits of the SHA-256 of what is kept."""
        extra = b"".join(f"\0{name}\0{value}".encode() for name, value in sorted(self.more.items()))
        return sha256(self.payload.data + extra).hexdigest()[:16]


class SideFile(msgspec.Struct):
    """A file beside the session."""

    name: str
    mime: str
    data: bytes


class SideDocument(msgspec.Struct):
    """A text beside the session: a document of its own."""

    category: str
    name: str
    text: str


class View(msgspec.Struct):
    """What the heads say that a session is: fields, state and metadata of its info."""

    set: dict[str, Json] = {}
    state: dict[str, Json] = {}
    metadata: dict[str, Json] = {}


def changes_between(before: View, now: View) -> dict[str, Json]:
    """The body of an update that leads from one view to another."""
    body: dict[str, Json] = {}
    fields = {name: value for name, value in now.set.items() if name not in before.set or before.set[name] != value}
    cleared = [name for name in before.set if name not in now.set]
    if "title" in now.set and fields.keys() & {"title", "title_source"}:
        # A title is one thing with who chose it; that one which was given gives way to a generated one is rare, and meant.
        fields |= {name: now.set[name] for name in ("title", "title_source") if name in now.set}
        if "title" in before.set and now.set.get("title_source") == "generated" != before.set.get("title_source"):
            cleared.append("title")
    if fields:
        body["set"] = fields
    if cleared:
        body["clear"] = cleared
    for name in ("state", "metadata"):
        keys = _keys(getattr(before, name), getattr(now, name))
        if keys:
            body[name] = keys
    return body


def _keys(before: Mapping[str, Json], now: Mapping[str, Json]) -> dict[str, Json]:
    changed = {key: value for key, value in now.items() if key not in before or before[key] != value}
    gone = [key for key in before if key not in now]
    return ({"set": changed} if changed else {}) | ({"remove": gone} if gone else {})


def _nothing(heads: Mapping[str, bytes]) -> View:  # noqa: ARG001 - the interface
    return View()


def _no_key(line: bytes) -> str:  # noqa: ARG001 - the interface
    return ""


class Bundle(msgspec.Struct):
    """One session of a source."""

    format: str
    path: str
    facts: Facts
    agent: str | None = None
    user: str | None = None
    name: str | None = None
    """Of a resident child: under its root, the name leads to it."""
    items: list[Item] = []
    heads: list[Head] = []
    files: list[SideFile] = []
    documents: list[SideDocument] = []
    view: ViewOf = _nothing
    updated: str = ""
    """When the heads were written."""
    key_of: Callable[[bytes], str] = _no_key
    """What stays the same in a line that the source writes anew in its place; "" for a line that it never does."""
    partial: bool = False
    """Its heads are damaged: they make a new session, but change none that is there."""
    notes: list[str] = []
    """What a person should know about how it came in."""
    damage: list[Damage] = []

    def view_now(self) -> View:
        """What the session is by the heads of the source."""
        return self.view_by({head.name: head.payload.data for head in self.heads})

    def view_by(self, heads: Mapping[str, bytes]) -> View:
        """What the session is by these heads, without what a session can't hold; that is in the log all the same."""
        view = self.view(heads)
        return View(
            _bounded(view.set, _FIELD_BYTES),
            _bounded(view.state, _STATE_BYTES),
            _bounded(view.metadata, _METADATA_BYTES),
        )


_LEVELS: Final = 150
_FIELD_BYTES: Final = 8 * MIB
_STATE_BYTES: Final = STATE_BYTES_MAX - 64 * KIB
_METADATA_BYTES: Final = LABELS_BYTES_MAX // 2


def storable(value: Json) -> bool:
    """Whether a body can hold a value: numbers of any length and any nesting are JSON, but not all of it can be kept."""
    try:
        values.encode_checked(value, levels=_LEVELS)
    except (Invalid, RecursionError):
        return False
    return True


def _bounded(members: dict[str, Json], size: int) -> dict[str, Json]:
    """The members that can be stored, without the largest ones where all together are more than `size` bytes."""
    found = {name: value for name, value in members.items() if storable(value) and storable(name)}
    sizes = {name: len(values.encode({name: value})) for name, value in found.items()}
    while sum(sizes.values()) > size:
        largest = max(sizes, key=lambda name: sizes[name])
        del found[largest], sizes[largest]
    return found


def digest_of(data: bytes) -> int:
    """The first 64 bits of the SHA-256."""
    return int.from_bytes(sha256(data).digest()[:8], "big")


_FRACTION: Final = re.compile(r"\.(\d{1,18})")


def instant(text: Json) -> tuple[int, int] | None:
    """A time in whole seconds and nanoseconds, for comparing; None for what is no time."""
    if not isinstance(text, str):
        return None
    found = _FRACTION.search(text)
    try:
        whole = times.microseconds(_FRACTION.sub("", text, count=1))
    except Invalid:
        return None
    return whole // 1_000_000, int(found.group(1)[:9].ljust(9, "0")) if found else 0


def line_item(
    number: int, kind: str, body: dict[str, Json], payload: Payload, *, at: str, digest: int, agent: str | None = None
) -> Item:
    """The entry of one line of the source."""
    item = Item(entry_id(number, digest), kind, body, at=at, line=(number, digest), agent=agent)
    item.spot, item.payload = Spot(), payload
    return item


def derived_item(item: Item, suffix: str, kind: str, body: dict[str, Json]) -> Item:
    """An entry that follows from a line."""
    return Item(item.id + suffix, kind, body, at=item.at, spot=Spot() if kind in NODES else None)
