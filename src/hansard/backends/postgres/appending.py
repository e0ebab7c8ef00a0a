"""The statement of an append: the head of a log moves on and the lines are added, or nothing is changed.

There are three forms of it. What every append of messages needs has two, for one row of lines and for several, and what
such an append changes of the session's row is all they know. Whatever sets fields, or has ids that may be there already,
takes the third.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from ...fold import FOLD_VERSION, Fold
from .. import commit
from .connecting import Connection
from .core import SQL
from .packing import Rows
from .rows import clamp, clean, columns, encode_state, usual_columns
from .wire import BIGINT, BLOBS, BOOL, BYTEA, NUMBERS, TEXT, Wired, blobs, eight, number, numbers

_TYPES: Final = {
    **dict.fromkeys(("tenant", "root", "session", "hash", "was_hash", "fold", "state", "parent", "title_key"), BYTEA),
    **dict.fromkeys(("seq", "was_seq", "fold_version", "was_version", "message_count", "entry_count", "size"), BIGINT),
    **dict.fromkeys(("agent", "user", "project", "slug", "title", "status", "model", "provider"), TEXT),
    **dict.fromkeys(("new_state", "pinned", "is_empty", "is_error"), BOOL),
    **dict.fromkeys(("updated_at", "activity_at"), TEXT),
    "touched_us": BIGINT, "seqs": NUMBERS, "ids": BLOBS, "lines": BLOBS, "given": BLOBS,
    "first": BIGINT, "key": BYTEA, "line": BYTEA,
}  # fmt: skip
_CHANGE: Final = Wired("append", SQL["append"], _TYPES)
_ROWS: Final = Wired("append_rows", SQL["append_rows"], _TYPES)
_ROW: Final = Wired("append_row", SQL["append_row"], _TYPES)
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


def move_on(con: Connection, log: Log, group: commit.Group, rows: Rows, meanwhile: Callable[[], None]) -> bool:
    """Whether the group was written as these rows, if it changes of the session's row only what every group does.

    `meanwhile` is done while the server works. Errors as `Wired.run` says.
    """
    fold = group.fold
    messages, entries, size, updated_at, activity_at = fold.tally
    packed: dict[str, bytes | None] = {
        "tenant": log.tenant, "root": log.root, "session": log.session,
        "was_seq": eight(log.seq), "was_hash": log.hash, "was_version": eight(log.version),
        "seq": eight(fold.seq), "hash": group.hash, "fold_version": _VERSION, "fold": fold.dump(state=False),
        "message_count": eight(clamp(messages)), "entry_count": eight(clamp(entries)), "size": eight(clamp(size)),
        "updated_at": _text(updated_at), "activity_at": _text(activity_at),
        "touched_us": eight(clamp(fold.touched_us)),
    }  # fmt: skip
    if len(rows.lines) == 1:
        packed.update(first=eight(rows.seqs[0]), key=rows.keys[0], line=rows.lines[0])
        return _ROW.count(con, packed, meanwhile) > 0
    packed.update(seqs=numbers(rows.seqs), ids=blobs(rows.keys), lines=blobs(rows.lines))
    return _ROWS.count(con, packed, meanwhile) > 0


def change(
    con: Connection, log: Log, before: Fold, group: commit.Group, rows: Rows, *, given: Sequence[bytes]
) -> tuple[bool, list[bytes]]:
    """Whether the group was written as these rows, whatever it changes but the marks; if not, rows with a given key.

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
        "seqs": rows.seqs, "ids": rows.keys, "lines": rows.lines,
        "new_state": new_state, "state": encode_state(info.state) if new_state else None, "given": given,
    })  # fmt: skip
    return number(first[0]) > 0, [line for _, line in found if line is not None]
