"""The statement of an append: the head of a log moves on and the lines are added, or nothing is changed.

There are three forms of it. What every append of messages needs has two, for one row of lines and for several, and what
such an append changes of the session's row is all they know. Whatever sets fields, or has ids that may be there already,
takes the third.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from ...fold import FOLD_VERSION
from .. import commit
from .connecting import Connection
from .core import SQL
from .known import Known
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

Here: TypeAlias = Mapping[str, bytes]
"""The tenant, root and session that name a log."""


def _text(said: str) -> bytes:
    return (clean(said) or "").encode()


def move_on(
    con: Connection, here: Here, was: Known, group: commit.Group, rows: Rows, *, meanwhile: Callable[[], None]
) -> bool:
    """Whether the group was written as these rows, if it changes of the session's row only what every group does.

    `was` is what the writer takes the log to be; `meanwhile` is done while the server works. Errors as `Wired.run` says.
    """
    fold = group.fold
    messages, entries, size, updated_at, activity_at = fold.tally
    updated = _text(updated_at)
    packed: dict[str, bytes | None] = {
        **here, "was_seq": eight(was.seq), "was_hash": was.hash, "was_version": eight(was.version),
        "seq": eight(fold.seq), "hash": group.hash, "fold_version": _VERSION, "fold": fold.dump(state=False),
        "message_count": eight(messages), "entry_count": eight(entries), "size": eight(size),
        "updated_at": updated, "activity_at": updated if activity_at == updated_at else _text(activity_at),
        "touched_us": eight(clamp(fold.touched_us)),
    }  # fmt: skip
    if len(rows.lines) == 1:
        packed["first"], packed["key"], packed["line"] = eight(rows.seqs[0]), rows.keys[0], rows.lines[0]
        return _ROW.count(con, packed, meanwhile) > 0
    packed["seqs"], packed["ids"], packed["lines"] = numbers(rows.seqs), blobs(rows.keys), blobs(rows.lines)
    return _ROWS.count(con, packed, meanwhile) > 0


def change(
    con: Connection, here: Here, was: Known, group: commit.Group, rows: Rows, *, given: Sequence[bytes]
) -> tuple[bool, list[bytes]]:
    """Whether the group was written as these rows, whatever it changes but the marks; if not, rows with a given key.

    Errors as `Wired.run` says.
    """
    fold = group.fold
    info = fold.info()
    new_state = was.fold.state is not fold.state
    first, *found = _CHANGE.run(con, {
        **usual_columns(fold), **columns(info), **here,
        "was_seq": was.seq, "was_hash": was.hash, "was_version": was.version,
        "seq": fold.seq, "hash": group.hash, "fold_version": FOLD_VERSION, "fold": fold.dump(state=False),
        "seqs": rows.seqs, "ids": rows.keys, "lines": rows.lines,
        "new_state": new_state, "state": encode_state(info.state) if new_state else None, "given": given,
    })  # fmt: skip
    return number(first[0]) > 0, [line for _, line in found if line is not None]
