"""The statement of an append: the head of a log moves on and the lines are added, or nothing is changed.

There are three forms of it. What every append of messages needs has two, for few lines and for many, and what such an
append changes of the row is all they know. Whatever sets fields, or has ids that may be there already, takes the third.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec

from ...fold import FOLD_VERSION, Fold
from .. import commit
from .connecting import Connection
from .core import SQL
from .rows import clamp, clean, columns, encode_state, raw, usual_columns
from .wire import BIGINT, BLOBS, BOOL, BYTEA, NUMBERS, TEXT, Wired, blobs, eight, number, numbers

Found: TypeAlias = dict[bytes, bytes]
"""Lines that are there already, by their ids."""

_FEW: Final = 4
"""A question, a call, its result and an answer."""
_TYPES: Final = {
    **dict.fromkeys(("tenant", "root", "session", "hash", "was_hash", "fold", "state", "parent", "title_key"), BYTEA),
    **dict.fromkeys(("seq", "was_seq", "fold_version", "was_version", "message_count", "entry_count", "size"), BIGINT),
    **dict.fromkeys(("agent", "user", "project", "slug", "title", "status", "model", "provider"), TEXT),
    **dict.fromkeys(("new_state", "pinned", "is_empty", "is_error"), BOOL),
    **dict.fromkeys(("updated_at", "activity_at"), TEXT),
    "touched_us": BIGINT, "seqs": NUMBERS, "ids": BLOBS, "lines": BLOBS, "given": BLOBS,
    **{f"{name}_{place}": kind for place in range(1, _FEW + 1) for name, kind in (("seq", BIGINT), ("id", BYTEA), ("line", BYTEA))},
}  # fmt: skip
_CHANGE: Final = Wired("append", SQL["append"], _TYPES)
_MANY_LINES: Final = Wired("append_usual", SQL["append_usual"], _TYPES)
_FEW_LINES: Final = Wired("append_few", SQL["append_few"], _TYPES)
_PLACES: Final = tuple((f"seq_{place}", f"id_{place}", f"line_{place}") for place in range(1, _FEW + 1))
_VERSION: Final = eight(FOLD_VERSION)


class Log(msgspec.Struct, frozen=True):
    """A log, and the head that the writer takes it to have."""

    tenant: bytes
    root: bytes
    session: bytes
    seq: int
    hash: bytes
    version: int


def _text(said: str) -> bytes:
    return (clean(said) or "").encode()


def move_on(con: Connection, log: Log, group: commit.Group, meanwhile: Callable[[], None]) -> bool:
    """Whether the group was written, if it changes of the row only what every group does; one round trip.

    `meanwhile` is done while the server works. Errors as `Wired.run` says.
    """
    fold, lines = group.fold, group.lines
    messages, entries, size, updated_at, activity_at = fold.tally
    packed: dict[str, bytes | None] = {
        "tenant": log.tenant, "root": log.root, "session": log.session,
        "was_seq": eight(log.seq), "was_hash": log.hash, "was_version": eight(log.version),
        "seq": eight(fold.seq), "hash": group.hash, "fold_version": _VERSION, "fold": fold.dump(state=False),
        "message_count": eight(clamp(messages)), "entry_count": eight(clamp(entries)), "size": eight(clamp(size)),
        "updated_at": _text(updated_at), "activity_at": _text(activity_at),
        "touched_us": eight(clamp(fold.touched_us)),
    }  # fmt: skip
    if len(lines) > _FEW:
        packed["seqs"] = numbers([entry.seq for entry in group.entries])
        packed["ids"] = blobs([raw(entry.id) for entry in group.entries])
        packed["lines"] = blobs(lines)
        return _MANY_LINES.count(con, packed, meanwhile) > 0
    count = len(lines)
    for place, (seq, name, line) in enumerate(_PLACES):
        if place < count:
            entry = group.entries[place]
            packed[seq], packed[name], packed[line] = eight(entry.seq), raw(entry.id), lines[place]
        else:
            packed[seq] = packed[name] = packed[line] = None
    return _FEW_LINES.count(con, packed, meanwhile) > 0


def change(con: Connection, log: Log, before: Fold, group: commit.Group, given: Sequence[bytes]) -> tuple[bool, Found]:
    """Whether the group was written, whatever it changes but the marks; if not, lines that have one of the given ids.

    Errors as `Wired.run` says.
    """
    fold = group.fold
    info = fold.info()
    new_state = before.state is not fold.state
    first, *found = _CHANGE.run(con, {
        **usual_columns(fold), **columns(info),
        "tenant": log.tenant, "root": log.root, "session": log.session,
        "was_seq": log.seq, "was_hash": log.hash, "was_version": log.version,
        "seq": fold.seq, "hash": group.hash, "fold_version": FOLD_VERSION, "fold": fold.dump(state=False),
        "seqs": [entry.seq for entry in group.entries], "ids": [raw(entry.id) for entry in group.entries],
        "lines": group.lines, "new_state": new_state, "state": encode_state(info.state) if new_state else None,
        "given": given,
    })  # fmt: skip
    return number(first[0]) > 0, {name: line for _, name, line in found if name is not None and line is not None}
