"""Rows of the catalogue, and how they become columns and come back."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from ...codec import values
from ...model.entry import Json
from ...model.info import SessionInfo
from .layout import LOG

LISTED: Final = frozenset(("root", "fork"))
"""Kinds that are listed unless others are asked for."""

REPLACEMENT: Final = "\ufffd"

_BAD: Final = {0: REPLACEMENT, **dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT)}
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(SessionInfo)


class Row(msgspec.Struct, frozen=True):
    """What the catalogue holds of one session: all that can be said of its log's first `offset` bytes."""

    place: str
    """Folder of the session, relative to the store."""
    inode: int
    mtime_ns: int
    size: int
    """Of the log when it was read, as are inode and mtime."""
    offset: int
    """Bytes of the log that the fold covers: the end of a commit. 0: this version can't use the fold."""
    hash: str
    """Of the last covered line."""
    fold_version: int
    fold: bytes
    info: SessionInfo

    @property
    def id(self) -> str:
        """Of the session."""
        return self.info.id


class Seen(NamedTuple):
    """What of a row tells whether its log has changed."""

    id: str
    inode: int
    mtime_ns: int
    size: int
    offset: int
    fold_version: int

    @property
    def stamp(self) -> tuple[int, int, int]:
        """What `stamp` gives for a log that has not changed."""
        return self.inode, self.size, self.mtime_ns


class Reader(Protocol):
    """What the indexer asks of the logs."""

    def fold_on(self, place: str, row: Row | None) -> Row | None:
        """The row of what the log of a place holds now.

        Folds on from `row` if it has a fold (`offset > 0`) and the line that ends at its offset has its hash, else
        anew. None: no session is there. A damaged log gives the last that is known, with `info.damaged` set.
        Called without any lock of the caller's; may raise any HansardError, which is kept as a problem.
        """
        ...

    def unread(self, place: str) -> Row | None:
        """The row of a session that nothing is known of but its place, as its log can't be read; None if not even its id."""
        ...


class Change(NamedTuple):
    """A session that changed, or went, since a revision."""

    rev: int
    id: str
    place: str
    seq: int
    hash: str
    gone: bool


NOTHING: Final = (0, 0, 0)
"""The stamp in the row of a session whose log is lost."""


def stamp(store: Path, place: str) -> tuple[int, int, int] | None:
    """(inode, size, mtime in ns) of the log of a place; None: there is none."""
    try:
        found = os.lstat(f"{store}/{place}/{LOG}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def clean(text: str) -> str:
    """The text as a column holds it: without what SQLite and others can't carry."""
    return text if text.isascii() and "\0" not in text else text.translate(_BAD)


def _clean(text: str | None) -> str | None:
    return None if text is None else clean(text)


def signed(number: int) -> int:
    """A file system's 64-bit number as SQLite can hold it; the other way round by `unsigned`."""
    return (number + 2**63) % 2**64 - 2**63


def unsigned(number: int) -> int:
    """The number that `signed` was given."""
    return number % 2**64


def clamp(number: int) -> int:
    """The number, or the nearest that a column can hold: a log may say anything."""
    return max(-(2**63), min(2**63 - 1, number))


def encode_info(info: SessionInfo) -> tuple[bytes, bytes, bytes | None]:
    """(info without its state, state, digest of the state); of an empty state b"" and None."""
    bare = msgspec.structs.replace(info, state={}) if info.state else info
    try:
        body = _encoder.encode(bare)
    except UnicodeEncodeError:
        body = values.encode(msgspec.to_builtins(bare))
    state = values.encode(info.state) if info.state else b""
    return body, state, blake2b(state, digest_size=16).digest() if state else None


def decode_info(body: bytes, state: bytes | None) -> SessionInfo:
    """The info of its two pieces.

    Raises:
        msgspec.DecodeError: they are not what was written; the file that they stand in is damaged.
    """
    try:
        return _decoded_info(body, state)
    except ValueError as error:
        msg = f"a row is damaged: {error}"
        raise msgspec.DecodeError(msg) from None


def _decoded_info(body: bytes, state: bytes | None) -> SessionInfo:
    try:
        info = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        info = msgspec.convert(values.decode(body), SessionInfo)
    if state:
        found: Json = values.decode(state)
        info = msgspec.structs.replace(info, state=found)
    return info


COLUMNS: Final = (
    "id", "place", "inode", "mtime_ns", "size", "covered", "hash", "fold_version", "rev", "state_sum", "listed", "kind",
    "root", "parent", "name", "agent", "user", "project", "slug", "number", "title", "status", "model", "provider",
    "pinned", "damaged", "seq", "created_at", "updated_at", "activity_at", "touched_us", "depth", "message_count",
    "is_empty", "is_fork", "is_error", "labelled",
)  # fmt: skip


def columns(row: Row, rev: int, state_sum: bytes | None) -> tuple[Any, ...]:
    """The values of COLUMNS."""
    info = row.info
    number = None if info.number is None else clamp(info.number)
    texts = (info.kind, info.root, info.parent, info.name, info.agent, info.user, info.project, info.slug)
    more = (info.title, info.status, info.model, info.provider)
    flags = (info.is_empty, bool(info.segments), info.error is not None)
    return (
        *(info.id, row.place, signed(row.inode), row.mtime_ns, row.size, row.offset, row.hash, row.fold_version, rev),
        *(state_sum, int(info.kind in LISTED), *map(_clean, texts), number, *map(_clean, more)),
        *(int(info.pinned), int(info.damaged), clamp(info.seq)),
        *map(clean, (info.created_at, info.updated_at, info.activity_at)),
        *(clamp(info.touched_us), clamp(info.depth), clamp(info.message_count), *map(int, flags), len(info.labels)),
    )
