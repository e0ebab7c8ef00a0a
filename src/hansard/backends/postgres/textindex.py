"""Writing the text index: what sessions said since it last looked, cut into tokens and stored behind the acknowledgement.

An amendment's text is stored under the entry that it amends. What is stored is a superset of what can be found: whoever
searches checks each place against the entry itself.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from typing import Any, Final

import msgspec

from ...codec import times
from ...errors import HansardError, Invalid
from ...limits import MIB
from ...model.entry import Entry
from ...query import Piece, pieces
from ...query.hits import amended
from ...query.pieces import calls_of, parts
from ...query.search import TOOL_ROLE
from ...query.tokens import BREAK
from . import sources
from .connecting import Connection, execute
from .core import Core
from .doubts import repeated
from .packing import line_at
from .rows import raw, unraw
from .statements import statements

TEXTS: Final = statements("texts")
LARGE: Final = "z*"
"""A word that stands for all words of a piece which has more of them than a row can hold."""

_BATCH_ENTRIES: Final = 500
_BATCH_BYTES: Final = 2 * MIB
_WORDS_BYTES_MAX: Final = MIB * 3 // 4
_WORDS_MAX: Final = 100_000
"""That one statement adds."""
_MANY: Final = 100
_BETWEEN: Final = "\x1f"
"""Stands between words on their way to the server; the tokeniser takes it for white space."""


def spelled(tenant: bytes, kind: str, word: str) -> str:
    """A word of the index: the tenant's own, and told apart from words of other kinds (w, r, t, e)."""
    own = sha256(tenant).hexdigest()[:8] + ":" if tenant else ""
    return f"{own}{kind}{word}"


def tag(value: str) -> str:
    """A value as a word that can hold anything."""
    return raw(value).hex()[:240]


def call_key(call: str) -> bytes:
    """What stands for the id of a tool call, which may be long."""
    return sha256(raw(call)).digest()[:16]


class _Row(msgspec.Struct):
    seq: int
    at_us: int
    tool: bool
    words: list[str]


class _Batch(msgspec.Struct):
    """Entries of one session, as rows."""

    rows: list[_Row] = []
    calls: dict[bytes, tuple[int, str]] = {}

    def take(self, core: Core, entry: Entry, shown: Entry, calls: Mapping[str, str]) -> None:
        """Add the rows of an entry as it is shown."""
        at_us = times.microseconds(entry.at)
        for piece in pieces(shown, calls=calls):
            words = words_of(core.tenant, piece)
            self.rows.append(_Row(entry.seq, at_us, piece.role == TOOL_ROLE, words))


def words_of(tenant: bytes, piece: Piece) -> list[str]:
    """The words that find a piece."""
    found = {spelled(tenant, "w", token) for token in piece.tokens if token != BREAK}
    if sum(len(word.encode()) + 8 for word in found) > _WORDS_BYTES_MAX:
        found = {spelled(tenant, LARGE, "")}
    found.add(spelled(tenant, "r", tag(piece.role)))
    found |= {spelled(tenant, "t", tag(name.casefold())) for name in piece.tools}
    if piece.is_error:
        found.add(spelled(tenant, "e", "1"))
    return sorted(found)


def catch_up(core: Core, *, session: str | None = None, seconds: float | None = None) -> bool:
    """Index what was appended since; whether all of it was within the time."""
    end: float | None = None
    after = b""
    while True:
        found = _behind(core, session, after)
        if seconds is not None and end is None:
            # Finding what is behind may take long by itself; that is no reason to index nothing.
            end = time.monotonic() + seconds
        for root, name, seq, done in found:
            if not _catch_up_one(core, core.at(name, root), seq, done, end):
                return False
        if session is not None or len(found) < _MANY:
            return True
        after = found[-1][1]


def _catch_up_one(core: Core, here: dict[str, Any], seq: int, done: int, end: float | None) -> bool:
    """Index one session from `done` up to `seq`; whether that was within the time."""
    while done < seq:
        if end is not None and time.monotonic() > end:
            return False
        upto = _near(core, here, done, seq)
        if repeated(core.db, partial(_index, core, asked={**here, "seq": upto, "was": done})):
            done = upto
            continue
        # Another indexer was faster, or the session is gone or, after a repair, shorter.
        now = core.db.rows(TEXTS["behind_one"], here)
        if not now:
            return True
        seq, done = min(seq, now[0][2]), now[0][3]
    return True


def _near(core: Core, here: dict[str, Any], done: int, seq: int) -> int:
    """How far one step goes, during which nobody can append: few entries, and few bytes unless one entry has more."""
    last, size = min(seq, done + _BATCH_ENTRIES), 0
    if last == done + 1:
        return last
    for begins, length in core.db.rows(TEXTS["sizes"], {**here, "first": done + 1, "last": last}):
        size += length
        if size > _BATCH_BYTES and begins > done + 1:
            return begins - 1
    return last


def _behind(core: Core, session: str | None, after: bytes) -> list[Any]:
    if session is None:
        return core.db.rows(TEXTS["behind"], {"tenant": core.tenant, "after": after, "most": _MANY})
    return core.db.rows(TEXTS["behind_one"], core.at(session, core.head(session).root))


def _index(core: Core, con: Connection, *, asked: dict[str, Any]) -> bool:
    """Index the entries of a session behind `was`, up to `seq`; False if another indexer was faster."""
    claimed = execute(con, TEXTS["claim"], asked)
    if not claimed:
        return False
    rows = partial(execute, con)
    first = max(claimed[0][0], asked["was"] + 1)
    part = sources.Stretch(asked["root"], asked["session"], first, asked["seq"])
    entries = list(_readable(sources.raw_lines(rows, core, part)))
    batch = _Batch()
    known = _calls_before(con, asked, entries)
    for entry in entries:
        for call, name in calls_of(entry).items():
            batch.calls.setdefault(call_key(call), (entry.seq, name))
            known.setdefault(call, name)
        batch.take(core, entry, entry, known)
    _take_amended(core, con, asked, entries, batch, own_first=claimed[0][0])
    _write(con, asked, batch)
    return True


def _readable(lines: Iterable[tuple[int, bytes]]) -> Iterable[Entry]:
    for _, line in lines:
        entry = _indexable(line)
        if entry is not None:
            yield entry


def _indexable(line: bytes | None) -> Entry | None:
    """The entry of a line; None of a damaged one, which may say anything, also of when it was."""
    entry = sources.readable(line)
    with contextlib.suppress(Invalid):
        if entry is not None:
            times.microseconds(entry.at)
            return entry
    return None


def _calls_before(con: Connection, asked: dict[str, Any], entries: list[Entry]) -> dict[str, str]:
    """The tools that the answers among these entries may be of, as far as the calls were indexed before."""
    wanted = {call_key(call): call for entry in entries for call in answered(entry)}
    if not wanted:
        return {}
    found = execute(con, TEXTS["calls"], {**_here(asked), "calls": list(wanted)})
    return {wanted[bytes(key)]: unraw(bytes(name)) for key, _, name in found}


def answered(entry: Entry) -> set[str]:
    """The ids of the calls that an entry, or what an amendment shows in another's place, answers."""
    body = entry.body
    if entry.erased or not isinstance(body, dict):
        return set()
    if entry.kind == "amend":
        body = body.get("body")
    elif entry.kind != "message":
        return set()
    found = [part.get("call_id") for part in parts(body)] if isinstance(body, dict) else []
    return {call for call in found if isinstance(call, str)}


def _take_amended(
    core: Core, con: Connection, asked: dict[str, Any], entries: list[Entry], batch: _Batch, *, own_first: int
) -> None:
    """Store what amendments show under the session's own entries that they amend; inherited ones are the origin's."""
    amends = {entry.seq: entry for entry in entries if entry.kind == "amend" and not entry.erased}
    aims = {seq: entry.body.get("seq") for seq, entry in amends.items() if isinstance(entry.body, dict)}
    wanted = sorted({aim for aim in aims.values() if type(aim) is int and aim >= own_first})
    if not wanted:
        return
    here = _here(asked)
    found = execute(con, sources.ENTRIES["some"], {**here, "seqs": wanted})
    targets = {seq: _indexable(line_at(seq, first, data)) for seq, first, data in found}
    ids = {call_key(call): call for entry in amends.values() for call in answered(entry)}
    named = execute(con, TEXTS["calls"], {**here, "calls": list(ids)})
    calls = {ids[bytes(key)]: unraw(bytes(name)) for key, _, name in named}
    for entry in entries:
        calls |= {call: name for call, name in calls_of(entry).items() if call not in calls}
    for seq, aim in aims.items():
        target = targets.get(aim) if type(aim) is int else None
        shown = None if target is None else amended(target, amends[seq])
        if target is not None and shown is not None:
            batch.take(core, target, shown, calls)


def _here(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in ("tenant", "root", "session")}


def _write(con: Connection, asked: dict[str, Any], batch: _Batch) -> None:
    here = _here(asked)
    if batch.calls:
        calls = {
            "calls": list(batch.calls),
            "seqs": [seq for seq, _ in batch.calls.values()],
            "names": [raw(name) for _, name in batch.calls.values()],
        }
        execute(con, TEXTS["add_calls"], {**here, **calls})
    if not batch.rows:
        return
    seqs = sorted({row.seq for row in batch.rows})
    last: dict[int, int] = dict(execute(con, TEXTS["next_piece"], {**here, "seqs": seqs}))
    numbers: list[int] = []
    for row in batch.rows:
        last[row.seq] = last.get(row.seq, -1) + 1
        numbers.append(last[row.seq])
    for some in _by_size(list(zip(batch.rows, numbers, strict=True))):
        rows = {
            "seqs": [row.seq for row, _ in some], "pieces": [number for _, number in some],
            "ats": [row.at_us for row, _ in some], "tools": [row.tool for row, _ in some],
            "words": [_BETWEEN.join(row.words) for row, _ in some],
        }  # fmt: skip
        execute(con, TEXTS["add"], {**here, **rows})


def _by_size(rows: list[tuple[_Row, int]]) -> Iterator[list[tuple[_Row, int]]]:
    """Rows, as many at a time as one statement adds within its deadline."""
    some: list[tuple[_Row, int]] = []
    words = 0
    for one in rows:
        words += len(one[0].words)
        some.append(one)
        if words > _WORDS_MAX:
            yield some
            some, words = [], 0
    if some:
        yield some


class Background:
    """Goes on indexing where a search had not the time to; at most one thread, gone when all is done."""

    def __init__(self, core: Core) -> None:
        """Start nothing yet."""
        self._core = core
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None

    def go_on(self) -> None:
        """Index all that is behind, soon, on another thread."""
        with self._mutex:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._work, name="hansard-indexer", daemon=True)
                # Where none can be started the next search goes on.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def _work(self) -> None:
        # What it can't do now the next search does, or says that it is missing.
        with contextlib.suppress(HansardError):
            catch_up(self._core)

    def close(self) -> None:
        """Return when the thread has ended; the store's connections are closed already."""
        with self._mutex:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()


def rebuild(core: Core, progress: Any) -> None:
    """Index all that is not, however long that takes: other indexers and searchers go on meanwhile."""
    total = core.db.rows(TEXTS["indexed"], {"tenant": core.tenant})[0][0]
    while not catch_up(core, seconds=1.0):
        left = core.db.rows(TEXTS["indexed"], {"tenant": core.tenant})[0][0]
        if progress is not None:
            progress("text", max(0, total - left), total)
    if progress is not None:
        progress("text", total, total)
