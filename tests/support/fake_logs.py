"""Logs that are easily told: each line is the JSON of what changes in the info. What the index is tested on."""

from __future__ import annotations

import json
import os
import threading
from hashlib import sha256
from pathlib import Path

from hansard.backends.file.catalogue import Catalogue
from hansard.backends.file.rows import Row
from hansard.codec.names import name_of
from hansard.model.info import SessionInfo

FOLD_VERSION = 3


def place_of(session: str) -> str:
    """Where a root lies."""
    return f"sessions/{name_of(session)}"


def info_of(session: str, seq: int = 1, **fields) -> SessionInfo:
    """An info that differs by seq in all times."""
    time = f"2026-11-21T08:00:00.{seq:06d}Z"
    times = {"created_at": "2026-11-21T08:00:00.000000Z", "updated_at": time, "activity_at": time}
    return SessionInfo(**{"id": session, "root": session, "seq": seq, "touched_us": seq, **times, **fields})


def row_of(session: str, seq: int = 1, *, version: int = FOLD_VERSION, inode: int = 7, **fields) -> Row:
    """A row without a log."""
    size = 100 * seq
    digest = sha256(f"{session}{seq}{fields}".encode()).hexdigest()
    return Row(
        place=place_of(session),
        inode=inode,
        mtime_ns=seq,
        size=size,
        offset=size,
        hash=digest,
        fold_version=version,
        fold=b"fold %d" % seq,
        info=info_of(session, seq, **fields),
    )


class FakeLogs:
    """A store's folder with logs, and their reader."""

    def __init__(self, root: Path, version: int = FOLD_VERSION) -> None:
        self.root = root
        self.version = version
        self.folded: list[tuple[str, int]] = []
        self.broken: dict[str, Exception] = {}
        self.unreadable: dict[str, Row] = {}
        self.before_fold = lambda place: None
        self._mutex = threading.Lock()
        (root / "sessions").mkdir(exist_ok=True)

    def unread(self, place: str) -> Row | None:
        return self.unreadable.get(place)

    def append(self, session: str, *, child_of: str | None = None, **fields) -> str:
        """Write one line; the place."""
        place = place_of(session) if child_of is None else f"{place_of(child_of)}/children/{name_of(session)}"
        folder = self.root / place
        folder.mkdir(parents=True, exist_ok=True)
        if child_of is not None:
            (self.root / place_of(session)).write_text(name_of(child_of) + "\n")
        with (folder / "log.jsonl").open("ab") as log:
            log.write(json.dumps({"id": session, **fields}).encode() + b"\n")
        return place

    def row(self, place: str, *, version: int | None = None) -> Row | None:
        """What the log of a place says now."""
        path = self.root / place / "log.jsonl"
        try:
            with path.open("rb") as log:
                data, stat = log.read(), os.fstat(log.fileno())
        except FileNotFoundError:
            return None
        lines = [json.loads(line) for line in data.splitlines()]
        if not lines:
            return None
        fields: dict = {}
        for line in lines:
            fields |= line
        session = fields.pop("id")
        return Row(
            place=place,
            inode=stat.st_ino,
            mtime_ns=stat.st_mtime_ns,
            size=stat.st_size,
            offset=len(data),
            hash=sha256(data).hexdigest(),
            fold_version=self.version if version is None else version,
            fold=data,
            info=info_of(session, len(lines), **fields),
        )

    def fold_on(self, place: str, row: Row | None) -> Row | None:
        """The reader that the indexer asks."""
        with self._mutex:
            self.folded.append((place, row.offset if row is not None else 0))
        self.before_fold(place)
        if place in self.broken:
            raise self.broken[place]
        return self.row(place)


def create_and_put(folder: Path, number: int, barrier) -> None:
    """What one of several processes does that create a catalogue at once."""
    barrier.wait()
    catalogue = Catalogue(folder / "index.db", fold_version=FOLD_VERSION)
    for n in range(10):
        assert catalogue.put([row_of(f"{number}-{n}")], wait_ms=20_000)
    catalogue.close()
