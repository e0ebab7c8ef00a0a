"""State directories of oxios: a session, an agent record or a document in each file, one category a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from ..model.entry import Json
from . import jsontext
from .directories import Advance
from .oxios_reading import CATEGORIES, FORMAT, AgentFile, agent_record, object_of, session_record
from .planning import word
from .record import Record, parents_first
from .recording import Recording
from .regular import beginning, changed_at, contents
from .report import Damage, ExportReport, FileReport
from .shelving import KINDS, keep


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
        head = beginning(path)
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
    run.survey()
    run.sessions(advance)
    run.others()
    return run.reports


class _Head(msgspec.Struct):
    """A session that is there."""

    path: Path
    native: str
    parent: str | None
    report: FileReport


class _Import:
    """One run over one directory. Session files are read twice, and memory holds one at a time."""

    def __init__(self, store: Any, folder: Path, *, dry_run: bool) -> None:
        self.reports: list[FileReport] = []
        self._recording = Recording(store, dry_run=dry_run)
        self._store = store
        self._dry = dry_run
        self._folder = folder
        self._start = changed_at(folder)
        self._agents: dict[str, list[AgentFile]] = {}
        """By the session that they worked in; "" for none."""
        self._heads: list[_Head] = []

    def survey(self) -> None:
        """Look at the sessions and agents: which there are, and what they belong to."""
        for path in self._files_of("agents"):
            report = self._report(path)
            found = _object(path, report)
            if found is not None:
                agent = AgentFile(path.stem, *found, report)
                self._agents.setdefault(agent.session or "", []).append(agent)
        for path in self._files_of("sessions"):
            report = self._report(path)
            found = _object(path, report)
            if found is not None:
                self._heads.append(_Head(path, path.stem, word(found[2].get("parent_session_id")), report))

    def _files_of(self, category: str) -> list[Path]:
        return [path for path in _files(self._folder / category) if path.suffix != ".md"]

    def _report(self, path: Path) -> FileReport:
        report = FileReport(str(path), FORMAT)
        self.reports.append(report)
        return report

    def sessions(self, advance: Advance) -> None:
        """Bring in the sessions, parents first, each with its agents; then the agents of none."""
        done = 0
        for head in parents_first(self._heads):
            found = _object(head.path, head.report)
            if found is not None:
                mine = self._agents.pop(head.native, [])
                self._take(session_record, head.path.stem, *found, agents=mine, report=head.report, start=self._start)
                done += len(found[0])
                advance(done)
        for agents in self._agents.values():
            for agent in agents:
                self._take(agent_record, agent, self._start)

    def _take(self, read: Callable[..., Record], *given: Any, **named: Any) -> None:
        try:
            self._recording.take(read(*given, **named))
        except RecursionError:
            report = named["report"] if "report" in named else given[0].report
            report.damage.append(Damage("document", "nested too deep"))

    def others(self) -> None:
        """Bring in what is neither session nor agent: every other Markdown or JSON file is a document."""
        for place, folders, names in os.walk(self._folder):
            folders.sort()
            category = Path(place).relative_to(self._folder).as_posix()
            for name in sorted(names):
                path = Path(place, name)
                if category in ("sessions", "agents") and path.suffix != ".md":
                    continue
                report = self._report(path)
                if category == "." or path.suffix not in KINDS or path.is_symlink() or not path.is_file():
                    report.skipped = _why_not(path)
                else:
                    keep(self._store, path, report, category=category, dry_run=self._dry)


def _why_not(path: Path) -> str:
    if path.suffix == ".tmp":
        return "a temporary file that its writer left behind; oxios never reads it either"
    if path.is_symlink():
        return "a link; import the directory that it leads to"
    return "no file of a category, so none of the state that oxios keeps"


def _object(path: Path, report: FileReport) -> tuple[bytes, str, dict[str, Json]] | None:
    """Bytes, text and value of a file that has to hold an object; None if the report says why not."""
    if path.suffix != ".json":
        report.skipped = _why_not(path)
        return None
    try:
        data = contents(path)
        text, value = jsontext.read(data)
    except OSError as error:
        report.damage.append(Damage("file", error.strerror or str(error)))
        return None
    except jsontext.NotJson as error:
        report.damage.append(Damage(error.place, error.reason))
        return None
    found = object_of(value, report)
    return None if found is None else (data, text, found)


def export_sessions(store: Any, ids: Iterable[str], folder: Path) -> ExportReport:
    """Write sessions, runs and documents as a state directory."""
    from .oxios_writing import export

    return export(store, ids, folder)
