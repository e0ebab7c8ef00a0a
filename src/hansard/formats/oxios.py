"""State directories of oxios: a session, an agent record or a document in each file, one category a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..codec import times
from ..model.entry import Json
from . import jsontext
from .directories import Advance
from .oxios_reading import CATEGORIES, FORMAT, AgentFile, agent_record, object_of, session_record
from .record import Record
from .recording import Recording
from .report import Damage, ExportReport, FileReport
from .shelving import KINDS, keep

_HEAD_BYTES: Final = 4096


def recognise(folder: Path) -> bool:
    """Whether a folder is a state directory: sessions that begin like those of oxios, or several of its categories."""
    try:
        names = {entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)}
    except OSError:
        return False
    if len(names & CATEGORIES) >= 2 and ("sessions" in names or "personas" in names):
        return True
    return "sessions" in names and any(_looks_like_session(path) for path in _files(folder / "sessions")[:50])


def _looks_like_session(path: Path) -> bool:
    if path.suffix != ".json":
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return b'"user_messages"' in head and b'"user_id"' in head


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    except OSError:
        return []


def import_folder(store: Any, folder: Path, *, dry_run: bool, advance: Advance) -> list[FileReport]:
    """Bring a state directory in: sessions and agents as sessions, everything else as documents of the store."""
    run = _Import(store, folder, dry_run=dry_run)
    run.sessions()
    for done, record in enumerate(_parents_first(run.records)):
        run.recording.take(record)
        advance(done)
    run.others()
    return run.reports


class _Import:
    """One run over one directory."""

    def __init__(self, store: Any, folder: Path, *, dry_run: bool) -> None:
        self.recording = Recording(store, dry_run=dry_run)
        self.reports: list[FileReport] = []
        self.records: list[Record] = []
        self._store = store
        self._dry = dry_run
        self._folder = folder
        self._start = times.normal(datetime.fromtimestamp(folder.stat().st_mtime, UTC))

    def sessions(self) -> None:
        """Read the sessions and agents into records."""
        agents = self._agents()
        of_session: dict[str, list[AgentFile]] = {}
        for agent in agents:
            of_session.setdefault(agent.session or "", []).append(agent)
        for path in _files(self._folder / "sessions"):
            if path.suffix == ".md":
                continue
            found = self._object(path)
            if found is None:
                continue
            data, text, value, report = found
            mine = of_session.pop(path.stem, [])
            self.records.append(
                session_record(path.stem, data, text, value, agents=mine, report=report, start=self._start)
            )
        self.records += [agent_record(agent, self._start) for rest in of_session.values() for agent in rest]

    def _agents(self) -> list[AgentFile]:
        found: list[AgentFile] = []
        for path in _files(self._folder / "agents"):
            if path.suffix == ".md":
                continue
            read = self._object(path)
            if read is not None:
                data, text, value, report = read
                found.append(AgentFile(path.stem, data, text, value, report))
        return found

    def _object(self, path: Path) -> tuple[bytes, str, dict[str, Json], FileReport] | None:
        """Bytes, text and value of a file that has to hold an object; None if the report says why not."""
        report = FileReport(str(path), FORMAT)
        self.reports.append(report)
        if path.suffix != ".json":
            report.skipped = _why_not(path)
            return None
        try:
            data = path.read_bytes()
            text, value = jsontext.read(data)
        except OSError as error:
            report.damage.append(Damage("file", error.strerror or str(error)))
            return None
        except jsontext.NotJson as error:
            report.damage.append(Damage(error.place, error.reason))
            return None
        found = object_of(value, report)
        return None if found is None else (data, text, found, report)

    def others(self) -> None:
        """Bring in what is neither session nor agent: every other Markdown or JSON file is a document."""
        for place, folders, names in os.walk(self._folder):
            folders.sort()
            category = Path(place).relative_to(self._folder).as_posix()
            for name in sorted(names):
                path = Path(place, name)
                if category in ("sessions", "agents") and path.suffix != ".md":
                    continue
                report = FileReport(str(path), FORMAT)
                self.reports.append(report)
                if category == "." or path.suffix not in KINDS or path.is_symlink():
                    report.skipped = _why_not(path)
                else:
                    keep(self._store, path, report, category=category, dry_run=self._dry)


def _why_not(path: Path) -> str:
    if path.suffix == ".tmp":
        return "a temporary file that its writer left behind; oxios never reads it either"
    if path.is_symlink():
        return "a link; import the directory that it leads to"
    return "no file of a category, so none of the state that oxios keeps"


def _parents_first(records: list[Record]) -> list[Record]:
    parent_of = {record.native: record.parent for record in records}

    def depth(record: Record) -> int:
        steps, parent = 0, record.parent
        while parent is not None and steps <= len(parent_of):
            steps, parent = steps + 1, parent_of.get(parent)
        return steps

    return sorted(records, key=depth)


def export_sessions(store: Any, ids: Iterable[str], folder: Path) -> ExportReport:
    """Write sessions, runs and documents as a state directory."""
    from .oxios_writing import export

    return export(store, ids, folder)
