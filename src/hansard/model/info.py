"""SessionInfo: what a session is now. It is the fold of its log, and every backend can compute it anew."""

from __future__ import annotations

import msgspec

from .documents import Document
from .entry import Json


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Totals over usage entries: tokens, US dollars, milliseconds. `input` excludes cached tokens."""

    calls: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cost: float = 0.0
    latency_ms: float = 0.0


class Lease(msgspec.Struct, frozen=True):
    """The newest lease of a session. Only appends with its `fence` (or without any) are taken while it is held."""

    owner: str
    fence: int
    """Rises by one with each lease of the session; kept after release."""
    ttl_ms: int
    at: str
    released: bool = False
    renewed_us: int = 0
    """When it was last renewed, by the store's clock; it stands in no entry, so only `info` and guards know it."""


class Segment(msgspec.Struct, frozen=True):
    """A stretch of a fork's history that lies in another session's log: its entries up to `last`, whose hash is `hash`."""

    session: str
    last: int
    hash: str


class SessionInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a session after its entry `seq`. None means "not said", except where a line says otherwise."""

    id: str
    kind: str = "root"
    """root, child, fork, or another word given at creation; only roots and forks are listed unless asked for."""
    root: str = ""
    """Id of the root of the tree; a root's own id."""
    parent: str | None = None
    """The session that spawned this one; None for a root."""
    depth: int = 0
    name: str | None = None
    """Name of a resident child: the same name under the same root is the same child."""
    segments: tuple[Segment, ...] = ()
    """Of a fork: where its history up to its own first entry lies, oldest first."""
    source: Json = None
    """Where an importer found it: format, native id, agent id."""

    agent: str | None = None
    user: str | None = None
    project: str | None = None
    slug: str | None = None
    number: int | None = None
    """Counts the sessions of one (agent, user): 1, 2, 3 …, never used twice."""
    labels: dict[str, str] = {}
    metadata: dict[str, Json] = {}
    config: dict[str, Json] = {}
    state: dict[str, Json] = {}

    title: str | None = None
    """As given or generated, else derived from the first user message."""
    title_source: str | None = None
    """given, generated or derived."""
    title_version: int = 0
    status: str | None = None
    """pending, running, paused, completed, error, cancelled, skipped, or another word."""
    error: Json = None
    model: str | None = None
    """The last one said by an update or a usage entry."""
    provider: str | None = None
    pinned: bool = False
    fields: dict[str, Json] = {}
    """Whatever else updates have set: question, tasks, goal, plan_mode, permission_mode, schedule_id, lifecycle …"""

    usage: Usage = Usage()
    """This session's own calls; a fork does not count its origin's."""
    context: Json = None
    """The context gauge of the last usage entry that had one: used, max, percent …"""
    message_count: int = 0
    """Messages on the visible path."""
    user_message_count: int = 0
    exchange_count: int = 0
    """User messages on the visible path that an assistant message follows."""
    entry_count: int = 0
    """Entries of its own log: all that is in its own files, and nothing of an origin."""
    error_count: int = 0
    """Tool results on record that say they are errors."""
    attachment_count: int = 0
    attachment_bytes: int = 0

    seq: int = 0
    """Number of the last entry."""
    head: int = 0
    """The node that the next one follows; 0 before the first."""
    path: tuple[tuple[int, int | None], ...] = ()
    """The visible path as (first, last) ranges of seq in the order of reading; last None is open. Empty: walk it."""
    summary: str | None = None
    """Of the last compaction on the path."""
    archive: str | None = None
    """Name of the document that the last compaction archived to."""
    documents: tuple[Document, ...] = ()
    """The session's own documents in their newest versions, sorted by key; a deleted one is listed without a hash."""
    cleared: int = 0
    """The entry that cleared the session; messages before it are on record and no search finds them. 0: none did."""
    amendments: tuple[tuple[int, int], ...] = ()
    """(seq of the amend entry, seq of its target), in the order of the log."""
    lease: Lease | None = None
    hash: str = ""
    """Of the last entry: two logs with one hash hold the same entries in the same order."""
    size: int = 0
    """Bytes of its own log."""

    created_at: str = ""
    updated_at: str = ""
    """Time of the last entry of any kind."""
    activity_at: str = ""
    """Time of the last message, event or usage."""
    touched_us: int = 0
    """The largest commit clock, in microseconds: never goes back, whatever times an importer gave."""

    format: int = 1
    needs: tuple[str, ...] = ()
    """Features without which the log can't be understood."""
    damaged: bool = False
    """A part of the log does not verify; this is the last that is known."""

    @property
    def is_empty(self) -> bool:
        """No user message on the visible path."""
        return self.user_message_count == 0


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file kept beside a session, named by its content."""

    sha256: str
    size: int
    mime: str = "application/octet-stream"
    name: str | None = None

    @property
    def part(self) -> dict[str, Json]:
        """The part that shows this attachment in a message."""
        part: dict[str, Json] = {"type": "file", "attachment": self.sha256, "mime": self.mime, "size": self.size}
        if self.name is not None:
            part["name"] = self.name
        return part


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message as history() gives it: amended, decoded from its raw payload where it has one."""

    seq: int
    """Of its entry; 0 for a message that stands in no log (a synthetic result)."""
    role: str
    parts: tuple[dict[str, Json], ...]
    id: str = ""
    at: str = ""
    agent: str | None = None
    name: str | None = None
    model: str | None = None
    metadata: dict[str, Json] = {}
    raw: Json = None
    """{"format": …, "text": …}: the foreign payload, verbatim, where the message came as one."""
    synthetic: bool = False
    """Made by history(): the summary of a compaction, or the missing result of an interrupted call."""
    pending: bool = False
    """Holds a tool call that a live run has still to answer."""

    @property
    def text(self) -> str:
        """The text parts, joined by newlines."""
        return "\n".join(part["text"] for part in self.parts if part.get("type") == "text" and "text" in part)


# msgspec makes its plan of a type when something is first read into it, and two threads that do so at once crash the
# interpreter. So the plans of all types that are read into are made where the types are, by the thread that imports.
msgspec.json.Decoder(SessionInfo)
