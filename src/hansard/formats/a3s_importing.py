"""One run over a store of a3s-code: first who is there, then each session with its parts, then what is beside them.

Files are read twice, and memory holds one session at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from ..codec import times
from . import jsontext
from .a3s_files import Parts
from .a3s_paths import (
    CHECKPOINTS,
    DOCUMENT_BYTES_MAX,
    FRAGMENTS,
    SEALED,
    Place,
    fragment_path,
    id_of_v1,
    places,
)
from .a3s_reading import FORMAT, Document, NoSession, digest_of, native_of, session_of, session_record
from .a3s_wal import read_wal, snapshot_digest
from .directories import Advance
from .jsontext import Piece
from .planning import word
from .record import Record, keep_exact, parents_first
from .recording import Recording
from .regular import changed_at, contents
from .report import Damage, FileReport
from .shelving import keep

_LEFTOVERS: Final = (".lock", ".tmp", ".health_check")


class _Head(msgspec.Struct):
    """A session that is there."""

    place: Place
    native: str
    parent: str | None


class StoreImport:
    """One run over one store."""

    def __init__(self, store: Any, folder: Path, *, dry_run: bool) -> None:
        """Begin with nothing read."""
        self.reports: list[FileReport] = []
        self._store = store
        self._dry = dry_run
        self._folder = folder
        self._start = changed_at(folder)
        self._report_of: dict[str, FileReport] = {}
        self._places: dict[str, Place] = {}
        self._heads: list[_Head] = []
        self._parts: set[str] = set()
        """Paths of parts that no session has claimed."""
        self._checkpoints: dict[str, str] = {}
        """Sessions of loop checkpoints, by path."""
        self._digests: dict[str, str] = {}
        """Of snapshots, by session, as the write-ahead log names them."""

    def survey(self) -> None:
        """Look at every file: which sessions there are, which parts, what is none of a3s-code's."""
        for place in places(self._folder):
            report = FileReport(str(self._folder / place.path), FORMAT)
            self.reports.append(report)
            self._report_of[place.path] = report
            path = self._folder / place.path
            if not place.kind:
                report.skipped = _why_not(path)
            elif path.is_symlink() or not path.is_file():
                report.skipped = (
                    "a link or no regular file; a3s-code follows no link out of its store, and we follow none"
                )
            else:
                self._places[place.path] = place
        self._parts = {place.path for place in self._places.values() if place.kind in FRAGMENTS}
        has_log = any(place.kind == "wal" for place in self._places.values())
        for kind in ("snapshot", "session"):
            for place in [one for one in self._places.values() if one.kind == kind]:
                self._look(place, named=has_log)
        for place in [one for one in self._places.values() if one.kind == "loop_checkpoints"]:
            document = self._read(place)
            owner = document.value.get("session_id") if document and isinstance(document.value, dict) else None
            if isinstance(owner, str):
                self._checkpoints[place.path] = owner

    def _look(self, place: Place, *, named: bool) -> None:
        """Note the session of a file, unless a snapshot has taken its place."""
        document = self._read(place)
        if document is None:
            return
        try:
            session = session_of(document)
        except NoSession as error:
            document.report.damage.append(Damage(error.place, error.reason))
            return
        identity = str(session["id"])
        if place.kind == "session" and any(head.native == identity for head in self._heads if head.place.is_v1):
            document.report.notes.append("an older state of the session: its snapshot came in instead")
            self._claim(place)
            return
        if place.kind == "snapshot":
            if id_of_v1(place.name) != identity:
                document.report.notes.append(
                    f"the name of the file is not that of session {identity!r}, which is in it"
                )
            if named:
                self._digests[identity] = snapshot_digest(document.text)
        self._heads.append(_Head(place, identity, word(session.get("parent_id"))))

    def _read(self, place: Place) -> Document | None:
        """A file's text and value; None if its report says why not."""
        report = self._report_of[place.path]
        report.damage.clear()
        data = self._bytes(place)
        if data is None:
            return None
        if data.startswith(SEALED):
            report.skipped = "sealed: this file is encrypted; save the session unsealed with a3s-code and its key"
            return None
        try:
            text, value = jsontext.read(data)
        except jsontext.NotJson as error:
            report.damage.append(Damage(error.place, error.reason))
            return None
        return Document(place, data, text, value, report)

    def _bytes(self, place: Place) -> bytes | None:
        report = self._report_of[place.path]
        path = self._folder / place.path
        try:
            if path.stat().st_size > DOCUMENT_BYTES_MAX:
                report.damage.append(Damage("file", "larger than the 256 MiB that a3s-code reads"))
                return None
            return contents(path)
        except OSError as error:
            report.damage.append(Damage("file", error.strerror or str(error)))
            return None

    def sessions(self, advance: Advance) -> None:
        """Bring in the sessions, parents first."""
        recording = Recording(self._store, dry_run=self._dry)
        done = 0
        for head in parents_first(self._heads):
            main = self._read(head.place)
            parts = [part for path in self._claim(head.place) if (part := self._read(self._places[path])) is not None]
            mine = [path for path, owner in self._checkpoints.items() if owner == head.native]
            parts += [part for path in mine if (part := self._read(self._places[path])) is not None]
            for path in mine:
                del self._checkpoints[path]
                del self._places[path]
            if main is None:
                continue
            try:
                native = native_of(session_of(main))
                if not recording.passes(FORMAT, native, digest_of(main, parts), main.report):
                    recording.take(self._record(main, parts))
            except (NoSession, RecursionError) as error:
                main.report.damage.append(Damage("document", str(error)))
            done += len(main.data) + sum(len(part.data) for part in parts)
            advance(done)

    def _claim(self, main: Place) -> list[str]:
        """The paths of the parts of a session of the older layout, which are nobody else's from now on."""
        if main.kind == "snapshot":
            return []
        found = [path for kind in FRAGMENTS if (path := fragment_path(kind, main.name)) in self._parts]
        self._parts.difference_update(found)
        return found

    def _record(self, main: Document, parts: list[Document]) -> Record:
        record = session_record(main, parts, self._start)
        lists: dict[str, list[Piece]] = {}
        for item in record.items:
            lists.setdefault(item.list, []).append(item.piece)
        pieces = Parts(record.fields, record.order, lists)
        # A file with a masked secret in it must not be kept beside its pieces.
        for document in parts if record.masked else [main, *parts]:
            keep_exact(record, document.place.path, document.data, pieces.text_of(document.place.path))
        reports = [document.report for document in (main, *parts)]
        record.clean = not any(report.damage or report.notes for report in reports)
        return record

    def beside(self) -> None:
        """Tell of what is no session: parts of none, the log, the lease; checkpoints become documents."""
        for path in sorted(self._parts):
            report = self._report_of[path]
            if self._read(self._places[path]) is not None:
                report.damage.append(Damage("file", "the session that it is a part of is not here, or can't be read"))
        for place in list(self._places.values()):
            report = self._report_of[place.path]
            if place.kind == "wal" and (data := self._bytes(place)) is not None:
                read_wal(data, self._digests, report)
            elif place.kind == "lease":
                self._lease(place, report)
            elif place.kind in CHECKPOINTS and not report.damage:
                category = f"{FORMAT}/{place.kind}"
                keep(self._store, self._folder / place.path, report, category=category, dry_run=self._dry)

    def _lease(self, place: Place, report: FileReport) -> None:
        document = self._read(place)
        value = document.value if document is not None and isinstance(document.value, dict) else {}
        holder, at = word(value.get("holderId")), value.get("acquiredAtMs")
        if holder is not None:
            since = f" since {times.stamp(at * 1000)}" if type(at) is int and 0 < at < 10**14 else ""
            report.notes.append(f"the lease of writer {holder}{since} is not taken over")


def _why_not(path: Path) -> str:
    if path.name.endswith(_LEFTOVERS):
        return "a leftover of a3s-code's own work, without content"
    return f"no file that a3s-code keeps in its store: {path.suffix or 'no ending'}"
