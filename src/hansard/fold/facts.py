"""What a session is, apart from its path: the running values that an entry can set, and the info made of them."""

from __future__ import annotations

from typing import Final

import msgspec

from ..limits import PATH_RANGES_MAX
from ..model.documents import Document
from ..model.entry import Json
from ..model.info import Lease, Segment, SessionInfo, Usage
from .path import Path

KNOWN_NEEDS: Final[frozenset[str]] = frozenset()
"""Features of a log that this version understands beside format 1."""


class Facts(msgspec.Struct, omit_defaults=True):
    """The values, named as in SessionInfo where they are the same. Every object in here is replaced, never changed."""

    id: str = ""
    kind: str = "root"
    root: str = ""
    parent: str | None = None
    depth: int = 0
    name: str | None = None
    segments: tuple[Segment, ...] = ()
    source: Json = None
    agent: str | None = None
    user: str | None = None
    project: str | None = None
    slug: str | None = None
    number: int | None = None
    labels: dict[str, str] = {}
    metadata: dict[str, Json] = {}
    config: dict[str, Json] = {}
    state: dict[str, Json] = {}
    title: str | None = None
    """Given or generated."""
    title_source: str | None = None
    title_version: int = 0
    derived: str | None = None
    """The title that the first user text makes."""
    status: str | None = None
    error: Json = None
    model: str | None = None
    provider: str | None = None
    pinned: bool = False
    fields: dict[str, Json] = {}
    usage: Usage = Usage()
    context: Json = None
    cleared: int = 0
    entry_count: int = 0
    error_count: int = 0
    attachment_count: int = 0
    attachment_bytes: int = 0
    seq: int = 0
    amendments: tuple[tuple[int, int], ...] = ()
    documents: tuple[Document, ...] = ()
    lease: Lease | None = None
    fence: int = 0
    """Of the newest lease there ever was."""
    hash: str = ""
    size: int = 0
    created_at: str = ""
    updated_at: str = ""
    activity_at: str = ""
    touched_us: int = 0
    format: int = 1
    needs: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Those of `needs` that this version does not know."""
    last_counted: int = 0
    """The last entry that is no lease."""


_SAME: Final = tuple(
    name for name in Facts.__struct_fields__ if name in SessionInfo.__struct_fields__ and not name.startswith("title")
)


def make_info(facts: Facts, path: Path) -> SessionInfo:
    """The info of a session with these facts and this path."""
    trail = path.trail
    messages, users, exchanges, _ = trail.counts
    ranges = path.ranges()
    title, source = facts.title, facts.title_source
    if title is None and facts.derived is not None:
        title, source = facts.derived, "derived"
    return SessionInfo(
        **{name: getattr(facts, name) for name in _SAME},
        title=title,
        title_source=source,
        title_version=facts.title_version,
        message_count=messages,
        user_message_count=users,
        exchange_count=exchanges,
        head=trail.head,
        path=ranges if len(ranges) <= PATH_RANGES_MAX else (),
        summary=trail.summary,
        archive=trail.archive,
    )
