"""Rows of `search.db`: how pieces of text become rows whose ids rise with time, and how a batch of them is written.

A row id is the millisecond of the entry and, in its 21 low bits, a count of the rows of that millisecond. So the
engine, which gives row ids in their order, gives hits in the order of time at no cost; within a millisecond the reader
sorts. (A millisecond with more than two million rows overflows into the next one.)
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import apsw
import msgspec

from ...codec import times
from ...model.entry import Entry, Part
from ...query import Piece, pieces
from ...query.search import TOOL_ROLE

TIE_BITS: Final = 21
_BUCKETS: Final = 1 << 42


def bucket_of(at_us: int) -> int:
    """The bucket of a time: its millisecond, the first or last one for times before 1970 or after 2109."""
    return min(max(at_us // 1_000, 0), _BUCKETS - 1)


def first_place(bucket: int) -> int:
    """The lowest row id of a bucket."""
    return bucket << TIE_BITS


def bucket_at(place: int) -> int:
    """The bucket of a row id."""
    return place >> TIE_BITS


class Covered(msgspec.Struct, frozen=True):
    """How far a session is in the index."""

    seq: int = 0
    hash: str = ""
    clean: int = 0
    """No row holds what the log's erase entries up to this seq took away."""
    unread: bool = False
    """The log could not be read to its end; to be tried again."""


class TextRow(msgspec.Struct, frozen=True):
    """A piece of text to be written."""

    session: str
    seq: int
    at_us: int
    tool: bool
    tags: str
    words: str


class Batch(msgspec.Struct):
    """What one transaction is to change."""

    generation: str = ""
    """Of the catalogue that `rev` counts in."""
    before: dict[str, Covered | None] = {}
    """What each session's row must still be: another process may have been here."""
    after: dict[str, Covered] = {}
    dropped: dict[str, None] = {}
    """Sessions to be removed first."""
    rows: list[TextRow] = []
    replaced: dict[tuple[str, int], None] = {}
    """Entries whose rows are removed first."""
    calls: dict[tuple[str, str], tuple[int, str]] = {}
    """(session, call) → (seq, name of the tool)."""
    rev: int = 0
    """All changes of the catalogue up to here are in the index once this batch is."""
    met: list[str] = []
    """Sessions that are in the index as they are."""
    chars: int = 0
    purge: bool = False
    """Erased text may be left in the file: it must be cleaned."""

    @property
    def full(self) -> bool:
        """Enough for one transaction."""
        return self.chars > 4_000_000 or len(self.rows) > 10_000 or len(self.after) + len(self.dropped) > 500

    @property
    def empty(self) -> bool:
        """Nothing to write."""
        return not (self.after or self.dropped or self.met or self.rev)

    def expect(self, session: str, now: Covered | None) -> None:
        """Say what the index has of a session now; only then may the batch change it."""
        self.before.setdefault(session, now)

    def take(
        self, session: str, entry: Entry, calls: Mapping[str, str], *, shown: Sequence[Part] | None = None
    ) -> None:
        """Add the rows of an entry as it is shown; `shown` are the parts of a message, for who has them."""
        found = pieces(entry, calls=calls, shown=shown)
        if not found:
            return
        at_us = times.microseconds(entry.at)
        for piece in found:
            words = piece.spaced
            self.chars += len(words) + 40
            self.rows.append(TextRow(session, entry.seq, at_us, piece.role == TOOL_ROLE, tags_of(piece), words))

    def replace(self, session: str, seq: int) -> None:
        """Remove the rows that the index has of an entry."""
        self.replaced[session, seq] = None

    def drop(self, session: str) -> None:
        """Remove a session, with what this batch has of it."""
        self.rows = [row for row in self.rows if row.session != session]
        self.calls = {key: call for key, call in self.calls.items() if key[0] != session}
        self.replaced = {key: None for key in self.replaced if key[0] != session}
        self.after.pop(session, None)
        self.dropped[session] = None


@functools.lru_cache(maxsize=512)
def tag(kind: str, value: str) -> str:
    """A token of the column `tags`: a letter and the value in hexadecimal, so that it can hold anything."""
    return kind + value.encode("utf-8", "surrogatepass").hex()[:240]


def tags_of(piece: Piece) -> str:
    """The tags of a piece: role, tools, error."""
    found = [tag("r", piece.role), *(tag("t", name.casefold()) for name in piece.tools)]
    if piece.is_error:
        found.append("e1")
    return " ".join(found)


class Overtaken(Exception):
    """Another process has written to one of the batch's sessions; nothing of the batch was."""


def write(con: apsw.Connection, batch: Batch) -> None:
    """Write a batch in the open transaction.

    Raises:
        Overtaken: the index is not as the batch expects it.
    """
    if meta(con, "generation") != batch.generation:
        raise Overtaken
    for session, expected in batch.before.items():
        if covered(con, session) != expected:
            raise Overtaken
    for session in batch.dropped:
        drop(con, session)
    for session, seq in batch.replaced:
        n = con.execute("SELECT n FROM sessions WHERE id = ?", (session,)).get
        _remove(con, con.execute("SELECT place, tool FROM places WHERE n = ? AND seq = ?", (n, seq)))
    number = meta(con, "pass") or 0
    numbers = {session: put_session(con, session, now, number) for session, now in batch.after.items()}
    con.executemany(
        "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?)",
        [(numbers[session], _bytes(call), seq, _bytes(name)) for (session, call), (seq, name) in batch.calls.items()],
    )
    _insert(con, batch.rows, numbers)
    con.executemany("UPDATE sessions SET pass = ? WHERE id = ?", [(number, session) for session in batch.met])
    if batch.rev:
        set_meta(con, "rev", max(batch.rev, meta(con, "rev") or 0))
    if batch.purge:
        set_meta(con, "purge", (meta(con, "purge") or 0) + 1)


def covered(con: apsw.Connection, session: str) -> Covered | None:
    """How far a session is in the index; None if it is not."""
    found = con.execute("SELECT seq, hash, clean, unread FROM sessions WHERE id = ?", (session,)).fetchone()
    return None if found is None else Covered(found[0], found[1], found[2], bool(found[3]))


def tool_called(con: apsw.Connection, session: str, call: str, before: int) -> str | None:
    """The tool that a call of a session was for, if the call was made by an entry up to `before`."""
    query = "SELECT name FROM calls WHERE n = (SELECT n FROM sessions WHERE id = ?) AND id = ? AND seq <= ?"
    found: bytes | None = con.execute(query, (session, _bytes(call), before)).get
    return None if found is None else found.decode("utf-8", "surrogatepass")


def drop(con: apsw.Connection, session: str) -> None:
    """Remove a session and all its text."""
    n = con.execute("SELECT n FROM sessions WHERE id = ?", (session,)).get
    if n is None:
        return
    _remove(con, con.execute("SELECT place, tool FROM places WHERE n = ?", (n,)))
    con.execute("DELETE FROM calls WHERE n = ?", (n,))
    con.execute("DELETE FROM sessions WHERE n = ?", (n,))


def _remove(con: apsw.Connection, places: Iterable[Any]) -> None:
    found = sorted(places)
    con.executemany("DELETE FROM said WHERE rowid = ?", [(place,) for place, tool in found if not tool])
    con.executemany("DELETE FROM output WHERE rowid = ?", [(place,) for place, tool in found if tool])
    con.executemany("DELETE FROM places WHERE place = ?", [(place,) for place, _ in found])


def put_session(con: apsw.Connection, session: str, now: Covered, number: int) -> int:
    """Say how far a session is in the index, as met in the pass of this number; the number that stands for its id."""
    query = """
        INSERT INTO sessions (id, seq, hash, clean, unread, pass) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
        SET seq = excluded.seq, hash = excluded.hash, clean = excluded.clean, unread = excluded.unread,
            pass = excluded.pass RETURNING n
    """
    return con.execute(query, (session, now.seq, now.hash, now.clean, now.unread, number)).get


def _insert(con: apsw.Connection, rows: list[TextRow], numbers: Mapping[str, int]) -> None:
    # In ascending order: the engine writes out what it has gathered whenever a row id is lower than the last one.
    ordered = sorted([(bucket_of(row.at_us), numbers[row.session], row.seq, place) for place, row in enumerate(rows)])
    places = _free_places(con, [bucket for bucket, *_ in ordered])
    found: list[tuple[int, int, int, int, bool]] = []
    texts: dict[bool, list[tuple[int, str, str]]] = {False: [], True: []}
    for at, (_, number, seq, place) in zip(places, ordered, strict=True):
        row = rows[place]
        found.append((at, number, seq, row.at_us, row.tool))
        texts[row.tool].append((at, f"s{number} {row.tags}", row.words))
    con.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?)", found)
    con.executemany("INSERT INTO said (rowid, tags, words) VALUES (?, ?, ?)", texts[False])
    con.executemany("INSERT INTO output (rowid, tags, words) VALUES (?, ?, ?)", texts[True])


def _free_places(con: apsw.Connection, buckets: list[int]) -> Iterator[int]:
    """A free row id in each of the buckets, which rise; in the next one where a bucket is full."""
    query = "SELECT max(place) FROM places WHERE place BETWEEN ? AND ?"
    highest: int | None = con.execute("SELECT max(place) FROM places").get
    last = -1
    for bucket in buckets:
        if bucket_at(last) < bucket or last < 0:
            # Most text is newer than all that is there.
            free = highest is None or highest < first_place(bucket)
            found = None if free else con.execute(query, (first_place(bucket), first_place(bucket + 1) - 1)).get
            last = first_place(bucket) - 1 if found is None else found
        if last + 1 == first_place(bucket_at(last + 1)) and bucket_at(last + 1) > bucket:
            found = con.execute(query, (last + 1, first_place(bucket_at(last + 1) + 1) - 1)).get
            last = last if found is None else found
        last += 1
        yield last


def meta(con: apsw.Connection, key: str) -> Any:
    """A value of the table meta."""
    return con.execute("SELECT value FROM meta WHERE key = ?", (key,)).get


def set_meta(con: apsw.Connection, key: str, value: int | str) -> None:
    """Set a value of the table meta."""
    con.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
