"""One session on its way from a file into the store: what is there is found again, what is new is appended in batches.

An append says which seq it expects, so what entries name (where a rewind goes, what a compaction covers) is known before
it is written. If somebody else appended meanwhile, the whole file is read again; the ids make that exact. While one batch
is written and synced, the lines of the next one are read.
"""

from __future__ import annotations

import contextlib
from array import array
from hashlib import sha256
from typing import Any, Final

from ..errors import HansardError, NotFound
from ..limits import MIB
from ..model.entry import NODES, Json, NewEntry
from ..store.taking import Acknowledged, Taken, begin, take
from .planning import START, Facts, Planned, Planner
from .raw import raw_line, raw_of
from .report import SessionReport
from .source import Line, line_key

BATCH_BYTES: Final = MIB
BATCH_ENTRIES: Final = 2_000
NOTES_MAX: Final = 1_000
"""More notes on one file are not listed one by one."""

_HASHED: Final = 1_000
"""Names of lines that are hashed at a time."""


class Lines:
    """Names of the lines of one session, in their order, in 16 bytes a line."""

    def __init__(self) -> None:
        self.numbers = array("Q")
        self.digests = array("Q")

    def __len__(self) -> int:
        return len(self.numbers)

    def add(self, number: int, digest: int) -> None:
        """Add the next line."""
        self.numbers.append(number)
        self.digests.append(digest)

    def agrees(self, other: Lines) -> bool:
        """True if one is a beginning of the other."""
        size = min(len(self), len(other))
        return self.numbers[:size] == other.numbers[:size] and self.digests[:size] == other.digests[:size]

    def digest(self, size: int) -> str:
        """One digest for the first `size` lines."""
        hasher = sha256()
        for start in range(0, size, _HASHED):
            part = slice(start, min(start + _HASHED, size))
            ids = [
                f"{number}:{digest:016x}\n"
                for number, digest in zip(self.numbers[part], self.digests[part], strict=True)
            ]
            hasher.update("".join(ids).encode())
        return hasher.hexdigest()


class Logged:
    """What the log of a session holds of an import."""

    def __init__(self, session: Any) -> None:
        """Read the session's entries once."""
        self.lines = Lines()
        self.seqs = array("Q")
        self.nodes: dict[str, int] = {}
        self.tail: set[str] = set()
        self.usage: list[tuple[str, dict[str, Json]]] = []
        for entry in session.entries():
            key = line_key(entry.id)
            if key is not None:
                self.lines.add(*key)
                self.seqs.append(entry.seq)
                self.tail.clear()
                continue
            self.tail.add(entry.id)
            if entry.kind in NODES:
                self.nodes[entry.id] = entry.seq
            elif entry.kind == "usage" and isinstance(entry.body, dict) and isinstance(entry.body.get("call"), str):
                self.usage.append((entry.body["call"], entry.body))


class Feed:
    """The lines of one session, taken in their order."""

    def __init__(
        self,
        session: Any,
        planner: Planner,
        facts: Facts,
        report: SessionReport,
        logged: Logged | None,
        *,
        notes: list[str],
    ) -> None:
        """`session` is None in a dry run of a session that is not there. What is noted of new lines is added to `notes`."""
        self.session = session
        self.report = report
        self._notes = notes
        self._planner = planner
        self._logged = logged
        self._at = facts.at
        self._lines = Lines()
        self._batch: list[Planned] = []
        self._size = 0
        self._written = 0
        """The session's last seq once the batch that is being written is acknowledged."""
        self._begun: tuple[Acknowledged, int] | None = None
        """The batch that is being written, and how many entries it has."""
        self._dry = False
        for call, body in logged.usage if logged else ():
            planner.counted(call, body)

    def rehearse(self) -> None:
        """Write nothing from now on, only count."""
        self._dry = True

    def take(self, line: Line) -> None:
        """Take the next line: find it again, or add its entries to the batch. `flush_if_due` has to follow."""
        index = len(self._lines)
        planned = self._planner.plan(line)
        self._lines.add(line.number, line.digest)
        self._at = planned[-1].at or self._at
        self.report.lines += 1
        logged = self._logged
        if logged is not None and index < len(logged.lines):
            self.report.already += 1
            for entry in planned:
                if entry.spot is not None:
                    entry.spot.seq = logged.nodes.get(entry.id, 0) if entry.suffix else logged.seqs[index]
            return
        if len(self._notes) < NOTES_MAX:
            self._notes += [f"line {line.number}: {entry.note}" for entry in planned if entry.note]
        self._add(planned)

    def finish(self) -> None:
        """Take what the end of the file lets be written, write what is left, and note how far the import went."""
        logged = self._logged
        if logged is None or len(logged.lines) <= len(self._lines):
            tail = logged.tail if logged is not None and len(logged.lines) == len(self._lines) else ()
            self._add([entry for entry in self._planner.end() if entry.id not in tail])
            self._add(self._mark(tail))
        self._flush(last=True)
        self._settle()
        if self.session is not None:
            self.report.entries = self.session.info.entry_count

    def leave(self) -> None:
        """Go no further: what was begun ends one way or the other, and nobody asks which."""
        with contextlib.suppress(HansardError):
            self._settle()

    def _mark(self, tail: Any) -> list[Planned]:
        """An update that says which lines are in, so that the next import of the same file need not read the log."""
        size = len(self._lines)
        value = {"lines": size, "sha256": self._lines.digest(size)}
        number, digest = self._lines.numbers[-1], self._lines.digests[-1]
        mark = Planned("update", {"set": {"imported": value}}, number, digest, suffix=":imported", at=self._at)
        return [] if mark.id in tail else [mark]

    def _add(self, planned: list[Planned]) -> None:
        self._batch += planned
        size = self._size
        for entry in planned:
            size += len(entry.data) + len(entry.text or "") + 200
        self._size = size

    def flush_if_due(self) -> None:
        """Write the batch if it is large. To be called when the line is let go: its value is larger than its text."""
        if self._size >= BATCH_BYTES or len(self._batch) >= BATCH_ENTRIES:
            self._flush()

    def _flush(self, *, last: bool = False) -> None:
        batch, self._batch, self._size = self._batch, [], 0
        if not batch:
            return
        if self._dry:
            self.report.added += len(batch)
            return
        base = self.session.info.seq if self._begun is None else self._written
        entries = self._entries(batch, base)
        self._settle()
        begun = take(self.session, entries, expect=base) if last else begin(self.session, entries, expect=base)
        if isinstance(begun, int):
            self.report.added += len(entries)
        else:
            self._begun, self._written = (begun, len(entries)), base + len(entries)

    def _entries(self, batch: list[Planned], base: int) -> list[NewEntry]:
        """What a batch comes to behind the entry `base`."""
        entries: list[NewEntry] = []
        for entry in batch:
            if entry.raw:
                raw = entry.body["raw"] = raw_of(entry.raw, entry.text, entry.data, self._attach)
                if entry.around is not None:
                    raw["around"] = [*entry.around]
            if entry.spot is not None:
                entry.spot.seq = base + len(entries) + 1
            if entry.refers is None or _resolved(entry):
                maker = Taken if entry.raw and entry.at and not entry.suffix else NewEntry
                entries.append(maker(entry.kind, entry.body, entry.id, entry.at))
        return entries

    def _settle(self) -> None:
        """Wait for the batch that is being written."""
        if self._begun is not None:
            (acknowledged, count), self._begun = self._begun, None
            acknowledged()
            self.report.added += count

    def _attach(self, data: bytes, mime: str) -> str:
        return self.session.attach(data, mime=mime, record=False).sha256


def _resolved(entry: Planned) -> bool:
    """True if what the entry names is known; it is filled in."""
    member, spot = entry.refers or ("", START)
    entry.body[member] = spot.seq
    return bool(spot.seq) or spot is START


def complete(info: Any, lines: Lines) -> bool:
    """True if the session says that all these lines are in."""
    mark = info.fields.get("imported")
    if not isinstance(mark, dict):
        return False
    size = mark.get("lines")
    return isinstance(size, int) and size == len(lines) and mark.get("sha256") == lines.digest(size)


FED: Final = "claude.session_id"
"""Metadata of a session that an adapter feeds: the native id."""


def fed_digests(session: Any, format: str) -> set[int]:  # noqa: A002 - the field's name
    """The digests of the lines that an adapter has written into a session."""
    found: set[int] = set()
    for entry in session.entries(kinds=("message", "event")):
        raw = entry.body.get("raw") if isinstance(entry.body, dict) else None
        line = raw_line(raw, session.attachment) if isinstance(raw, dict) and raw.get("format") == format else None
        if line is not None:
            found.add(int.from_bytes(sha256(line).digest()[:8], "big"))
    return found


def existing(store: Any, identity: str) -> Any:
    """The session with an id, or None."""
    try:
        return store.get(identity)
    except NotFound:
        return None
