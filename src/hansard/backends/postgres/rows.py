"""What the table of sessions holds of each: the head of its log, its fold, and columns to filter and sort by."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec

from ...codec import values
from ...fold import FOLD_VERSION, Fold
from ...model.entry import Json
from ...model.info import SessionInfo
from ...query import title_key

LISTED: Final = frozenset(("root", "fork"))
"""Kinds that are listed unless others are asked for."""

REPLACEMENT: Final = "\ufffd"
"""Stands for what PostgreSQL's text can't hold."""

TEXT_CHARS_MAX: Final = 200
"""Characters of a text column; whoever asks about longer text asks the fold."""

STALE: Final = 0
"""Fold version of a row whose log must be read before anything is said of it."""

DAMAGED: Final = -1
"""Fold version of a row whose log was read and does not verify."""

_BAD: Final = {0: REPLACEMENT, **dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT)}
_BIGINT_MAX: Final = 2**63 - 1


def raw(text: str) -> bytes:
    """An id, or any text, as bytea columns hold it; sorts as code points do."""
    return text.encode("utf-8", "surrogatepass")


def unraw(data: bytes) -> str:
    """The text of such bytes."""
    return data.decode("utf-8", "surrogatepass")


class Head(msgspec.Struct, frozen=True):
    """The row of a session, as far as a writer needs it."""

    root: bytes
    session: bytes
    seq: int
    hash: bytes
    first_seq: int
    fold_version: int
    fold: bytes
    state: bytes | None
    renewed_fence: int
    renewed_us: int
    has_prefix: bool
    """Every line before its own first is under its own key."""

    @property
    def id(self) -> str:
        """Of the session."""
        return unraw(self.session)

    def folded(self) -> Fold | None:
        """The fold; None if the log must be read for it."""
        if self.fold_version != FOLD_VERSION:
            return None
        try:
            return Fold.load(self.fold, state=decode_state(self.state))
        except ValueError:
            return None

    def known_info(self) -> SessionInfo:
        """What the row says of the session, whatever version wrote it; of a damaged one what is known up to there."""
        try:
            info = Fold.load(self.fold, state=decode_state(self.state)).info()
        except ValueError:
            info = SessionInfo("")
        if not info.id:
            # Nothing of its log can be read, but it is here.
            info = SessionInfo(self.id)
        info = with_renewal(info, self.renewed_fence, self.renewed_us)
        # A log that is damaged in its first line has a fold that knows nothing, not even whose it is.
        return msgspec.structs.replace(info, id=self.id, damaged=info.damaged or self.fold_version == DAMAGED)


def without_renewal(info: SessionInfo) -> SessionInfo:
    """The info as it follows from the log alone, which is what a listing gives."""
    return with_renewal(info, info.lease.fence, 0) if info.lease is not None and info.lease.renewed_us else info


def with_renewal(info: SessionInfo, fence: int, renewed_us: int) -> SessionInfo:
    """The info with when its lease was renewed, if that lease was."""
    lease = info.lease
    if lease is None or lease.renewed_us == renewed_us or lease.fence != fence:
        return info
    return msgspec.structs.replace(info, lease=msgspec.structs.replace(lease, renewed_us=renewed_us))


def encode_state(state: dict[str, Json]) -> bytes | None:
    """The state as it is stored; None for an empty one."""
    return values.encode(state) if state else None


def decode_state(data: bytes | None) -> dict[str, Json]:
    """The state of what is stored."""
    if not data:
        return {}
    found: dict[str, Json] = values.decode(data)
    return found


def clean(text: str | None) -> str | None:
    """The text as a column holds it."""
    if text is None:
        return None
    short = text[:TEXT_CHARS_MAX]
    return short if short.isascii() and "\0" not in short else short.translate(_BAD)


def clamp(number: int) -> int:
    """The number, or the nearest that a column can hold: a log may say anything."""
    return number if -_BIGINT_MAX <= number <= _BIGINT_MAX else max(-_BIGINT_MAX, min(_BIGINT_MAX, number))


def marks_of(info: SessionInfo) -> list[int]:
    """The marks of the labels and metadata of a session, sorted."""
    found = {mark("labels", key, value) for key, value in info.labels.items()}
    found |= {mark("metadata", key, value) for key, value in info.metadata.items()}
    return sorted(found)


def mark(container: str, key: str, value: Json) -> int:
    """The mark of one key and value: equal values have equal marks, and few others."""
    digest = blake2b(values.encode([container, key, _canonical(value)]), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _canonical(value: Json) -> Json:
    """Equal for values that `hansard.query.same` calls equal: 1 is 1.0, and objects have no order."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: _canonical(value[key]) for key in sorted(value)}
    return value


def usual_columns(fold: Fold) -> dict[str, Any]:
    """The values of the columns that every append changes."""
    messages, entries, size, updated_at, activity_at = fold.tally
    return {
        "message_count": clamp(messages),
        "entry_count": clamp(entries),
        "size": clamp(size),
        "updated_at": clean(updated_at),
        "activity_at": clean(activity_at),
        "touched_us": clamp(fold.touched_us),
    }


def columns(info: SessionInfo) -> dict[str, Any]:
    """The values of the columns that say what a session is now."""
    return {
        "listed": info.kind in LISTED,
        "kind": clean(info.kind),
        "parent": None if info.parent is None else raw(info.parent),
        "name": clean(info.name),
        "agent": clean(info.agent),
        "user": clean(info.user),
        "project": clean(info.project),
        "slug": clean(info.slug),
        "number": None if info.number is None else clamp(info.number),
        "depth": clamp(info.depth),
        "title": clean(info.title),
        "title_key": raw(title_key(info.title)),
        "status": clean(info.status),
        "model": clean(info.model),
        "provider": clean(info.provider),
        "pinned": info.pinned,
        "damaged": info.damaged,
        "is_empty": info.is_empty,
        "is_fork": bool(info.segments),
        "is_error": info.error is not None,
        "created_at": clean(info.created_at),
        "message_count": clamp(info.message_count),
        "entry_count": clamp(info.entry_count),
        "size": clamp(info.size),
        "updated_at": clean(info.updated_at),
        "activity_at": clean(info.activity_at),
        "touched_us": clamp(info.touched_us),
    }
