"""Stores of a3s-code: sessions with their parts in files of their own, or as snapshots; either layout, or both at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..codec import times
from . import jsontext
from .a3s_files import Parts
from .a3s_paths import CHECKPOINTS, FRAGMENTS, SEALED, Place, id_of_v1, places, recognise
from .a3s_reading import FORMAT, Document, NoSession, session_of, session_record
from .a3s_wal import read_wal
from .directories import Advance
from .jsontext import Piece
from .planning import word
from .record import Record, keep_exact
from .recording import Recording
from .report import Damage, ExportReport, FileReport
from .shelving import keep

__all__ = ["export_sessions", "import_folder", "recognise"]

_KNOWN: Final = (".lock", ".tmp", ".health_check")


def import_folder(store: Any, folder: Path, *, dry_run: bool, advance: Advance) -> list[FileReport]:
    """Bring a store in; what is sealed or damaged is in the reports."""
    run = _Import(folder)
    run.read()
    recording = Recording(store, dry_run=dry_run)
    for done, record in enumerate(parents_first(run.records())):
        advance(done)
        recording.take(record)
    run.beside()
    run.checkpoints(store, dry_run=dry_run)
    return run.reports


class _Import:
    """One run over one store."""

    def __init__(self, folder: Path) -> None:
        self.reports: list[FileReport] = []
        self._folder = folder
        self._start = times.normal(datetime.fromtimestamp(folder.stat().st_mtime, UTC))
        self._documents: dict[str, Document] = {}
        self._bytes: dict[str, tuple[bytes, FileReport]] = {}
        self._sealed = 0

    def read(self) -> None:
        """Read every file; what can't be read stands in its report."""
        for place in places(self._folder):
            report = FileReport(str(self._folder / place.path), FORMAT)
            self.reports.append(report)
            path = self._folder / place.path
            if not place.kind:
                report.skipped = _why_not(path)
                continue
            if path.is_symlink():
                report.skipped = "a link; a3s-code follows none that leads out of the store, and we follow none"
                continue
            try:
                data = path.read_bytes()
                self._bytes[place.path] = (data, report)
                if data.startswith(SEALED):
                    report.skipped = (
                        "sealed: this file is encrypted; save the session unsealed with a3s-code and its key"
                    )
                elif place.kind != "wal":
                    text, value = jsontext.read(data)
                    self._documents[place.path] = Document(place, data, text, value, report)
            except OSError as error:
                report.damage.append(Damage("file", error.strerror or str(error)))
            except jsontext.NotJson as error:
                report.damage.append(Damage(error.place, error.reason))

    def _of(self, *kinds: str) -> list[Document]:
        return [document for document in self._documents.values() if document.place.kind in kinds]

    def records(self) -> list[Record]:
        """The sessions: snapshots first, then files of the older layout that no snapshot has taken the place of."""
        found: list[Record] = []
        known: set[str] = set()
        parts = {(part.place.kind, part.place.name, part.place.is_v1): part for part in self._of(*FRAGMENTS)}
        for main in [*self._of("snapshot"), *self._of("session")]:
            try:
                identity = str(session_of(main)["id"])
                if main.place.kind == "snapshot" and id_of_v1(main.place.name) != identity:
                    main.report.notes.append(
                        f"the name of the file is not that of session {identity!r}, which is in it"
                    )
                if main.place.kind == "session" and identity in known:
                    main.report.notes.append("an older state of the session: its snapshot came in instead")
                    self._take_parts(main.place, parts)
                    continue
                known.add(identity)
                mine = [*self._take_parts(main.place, parts), *self._checkpoints(identity)]
                found.append(self._record(main, mine))
            except (NoSession, RecursionError) as error:
                place = error.place if isinstance(error, NoSession) else "document"
                main.report.damage.append(Damage(place, getattr(error, "reason", str(error))))
        for part in parts.values():
            part.report.damage.append(Damage("file", "the session that it is a part of is not here, or can't be read"))
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
        return record

    def _take_parts(self, main: Place, parts: dict[tuple[str, str, bool], Document]) -> list[Document]:
        if main.kind == "snapshot":
            return []
        found = [parts.pop((kind, main.name, False), None) for kind in FRAGMENTS]
        return [part for part in found if part is not None]

    def _checkpoints(self, identity: str) -> list[Document]:
        found = [
            document
            for document in self._of("loop_checkpoints")
            if isinstance(document.value, dict) and document.value.get("session_id") == identity
        ]
        for document in found:
            del self._documents[document.place.path]
        return found

    def beside(self) -> None:
        """Tell of what is no session: the log, the lease, checkpoints."""
        snapshots = {str(session_of(one)["id"]): one.text for one in self._of("snapshot") if _is_session(one)}
        for path, (data, report) in self._bytes.items():
            if path.endswith(".ndjson"):
                read_wal(data, snapshots, report)
        for lease in self._of("lease"):
            value = lease.value if isinstance(lease.value, dict) else {}
            holder, at = word(value.get("holderId")), value.get("acquiredAtMs")
            since = f" since {times.stamp(at * 1000)}" if type(at) is int and 0 < at < 10**14 else ""
            lease.report.notes.append(f"the lease of writer {holder}{since} is not taken over")

    def checkpoints(self, store: Any, *, dry_run: bool) -> None:
        """Checkpoints that belong to no session that is here become documents of the store."""
        for checkpoint in self._of(*CHECKPOINTS):
            category = f"{FORMAT}/{checkpoint.place.kind}"
            keep(store, self._folder / checkpoint.place.path, checkpoint.report, category=category, dry_run=dry_run)


def _is_session(document: Document) -> bool:
    try:
        session_of(document)
    except NoSession:
        return False
    return True


def _why_not(path: Path) -> str:
    if path.name.endswith(_KNOWN):
        return "a leftover of a3s-code's own work, without content"
    return f"no file that a3s-code keeps in its store: {path.suffix or 'no ending'}"


def parents_first(records: list[Record]) -> list[Record]:
    """The records, each behind its parent, otherwise in their order."""
    parent_of = {record.native: record.parent for record in records}

    def depth(record: Record) -> int:
        steps, parent = 0, record.parent
        while parent is not None and steps <= len(parent_of):
            steps, parent = steps + 1, parent_of.get(parent)
        return steps

    return sorted(records, key=depth)


def export_sessions(store: Any, ids: Iterable[str], folder: Path) -> ExportReport:
    """Write sessions as a store of a3s-code."""
    from .a3s_writing import export

    return export(store, ids, folder)
