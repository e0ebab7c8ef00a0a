"""The rows of one session, as the backend's writers would make them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from hansard.backend import Request
from hansard.backends import commit
from hansard.backends.creation import created_entry
from hansard.backends.derive import slug_of
from hansard.backends.postgres.connecting import Settings
from hansard.backends.postgres.core import Core
from hansard.backends.postgres.creating import plan_first
from hansard.backends.postgres.packing import packed
from hansard.backends.postgres.pool import Database
from hansard.backends.postgres.rows import columns, encode_state, marks_of, raw
from hansard.backends.postgres.textindex import words_of
from hansard.codec import times
from hansard.codec.line import GENESIS, seal
from hansard.fold import FOLD_VERSION, Fold
from hansard.model.entry import NewEntry
from hansard.model.requests import Creation
from hansard.query import pieces

Row: TypeAlias = tuple[Any, ...]

TABLES = ("ids", "sessions", "marks", "entries", "texts")
COLUMNS = (
    "tenant", "root", "session", "seq", "hash", "first_seq", "fold_version", "fold", "state", "text_seq",
    "renewed_fence", "renewed_us", "listed", "kind", "parent", "name", "agent", "user", "project", "slug", "number",
    "depth", "title", "title_key", "status", "model", "provider", "pinned", "damaged", "is_empty", "is_fork",
    "is_error", "message_count", "entry_count", "size", "created_at", "updated_at", "activity_at", "touched_us",
    "active_in", "touched_in", "unread",
)  # fmt: skip
"""Of the table of sessions, in order."""


def core_at(now_us: int) -> Core:
    """What the writers' functions ask for; it never connects."""
    return Core(Database(Settings("")), b"", lambda: now_us)


def rows_of(creation: Creation, turn: Sequence[NewEntry], *, place: int, now_us: int) -> Iterator[tuple[str, Row]]:
    """The rows of one session, each with its table: made, then appended to once, then indexed."""
    entry = created_entry(creation, id=creation.id, number=place, slug=slug_of(creation.agent, creation.user, place))
    made = Request(sealed=(seal(entry, now_us=now_us),))
    first = plan_first(core_at(now_us), Fold(), GENESIS, made, at=lambda _: None)
    asked = Request(sealed=tuple(seal(one, now_us=now_us) for one in turn))
    second = commit.plan(first.fold, first.hash, [asked], find=lambda _: None, at=lambda _: None, now_us=now_us)
    info, name = second.fold.info(), raw(creation.id)
    row = {
        **columns(info), "tenant": b"", "root": name, "session": name, "seq": info.seq, "hash": second.hash,
        "first_seq": 1, "fold_version": FOLD_VERSION, "fold": second.fold.dump(state=False),
        "state": encode_state(info.state), "text_seq": info.seq, "renewed_fence": 0, "renewed_us": 0,
        "active_in": info.activity_at[:18], "touched_in": info.touched_us >> 24, "unread": False,
    }  # fmt: skip
    yield "ids", (b"", name, name)
    for group in (first, second):
        stored = packed(group.entries, group.lines)
        for seq, key, lines in zip(stored.seqs, stored.keys, stored.lines, strict=True):
            yield "entries", (b"", name, name, seq, key, lines)
    yield "sessions", tuple(row[column] for column in COLUMNS)
    for mark in marks_of(info):
        yield "marks", (b"", name, name, mark)
    for one in (*first.entries, *second.entries):
        for number, piece in enumerate(pieces(one, calls={})):
            words = " ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words_of(b"", piece))
            yield "texts", (b"", name, name, one.seq, number, times.microseconds(one.at), piece.role == "tool", words)
