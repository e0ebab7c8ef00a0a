"""Files into sessions: the driver of an import, over the public store API alone.

A file is read as a stream; memory holds one batch, and 16 bytes a line where a session has to be compared. What was
written is durable batch by batch, so an import that was killed goes on where it was. Running it again adds nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from hashlib import sha256
from typing import Any, Final, TypeAlias

from ..errors import AlreadyExists, Conflict, Corrupt, Invalid, Unsupported
from ..limits import ID_BYTES_MAX, MIB
from ..model.entry import Json
from ..model.info import SessionInfo
from ..model.requests import ANY
from ..store.aside import indexing_aside
from .collecting import Source, collect, reader_of
from .directories import directory_format
from .feeding import FED, Feed, Lines, Logged, complete, existing, fed_digests
from .planning import Facts, Key, Reader, last_name
from .report import FileReport, ImportReport, SessionReport
from .report import Unreadable as UnreadableLine
from .source import HEAD_BYTES, Line, Unreadable, first_values, lines_of

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (path, bytes done, bytes in all)."""

_ATTEMPTS: Final = 5
_LARGE_BYTES: Final = 16 * MIB
"""From so many bytes on, a second process is worth its start: it indexes what comes in."""

_UNREADABLE_MAX: Final = 1_000
"""More unreadable lines of one file are kept, but not listed one by one."""


def import_paths(
    store: Any,
    paths: Iterable[str | os.PathLike[str]],
    *,
    format: str = "auto",  # noqa: A002 - the field's name
    progress: Progress | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Import files and folders into a store; afterwards every line of them that could be kept is in a session.

    Folders are walked in sorted order, sessions come before their sub-agents. What can't be imported is in the report
    with its reason. With `dry_run` nothing is written and the report says what would be.

    Raises:
        NotFound: a path does not exist.
        Invalid: the format is not one that can be read.
        Unavailable: the store can't write; what was reported before is in.
    """
    sources = collect(paths, format)
    run = _Run(store, dry_run=dry_run)
    report = ImportReport(dry_run=dry_run)
    total, done = sum(source.size for source in sources), 0
    with indexing_aside(store) if total >= _LARGE_BYTES and not dry_run else nullcontext():
        for source in sources:
            if progress is not None:
                progress(str(source.path), done, total)

            def advance(size: int, source: Source = source, done: int = done) -> None:
                if progress is not None:
                    progress(str(source.path), done + size, total)

            report.files += run.take(source, advance)
            done += source.size
    if progress is not None and sources:
        progress("", total, total)
    return report


class _Run:
    """What the files of one import share."""

    def __init__(self, store: Any, *, dry_run: bool) -> None:
        self.store = store
        self.dry_run = dry_run
        self.ids: dict[tuple[str, str], str] = {}
        """(format, native id) of what was imported in this run → id in the store."""
        self._fed: dict[str, list[SessionInfo]] | None = None

    def fed(self, native: str) -> list[SessionInfo]:
        """The sessions with a native id that an adapter feeds, its sub-agents among them. One look for a whole run."""
        if self._fed is None:
            self._fed = {}
            for info in self.store.sessions(kind=("root", "child"), metadata={FED: ANY}):
                self._fed.setdefault(str(info.metadata[FED]), []).append(info)
        return self._fed.get(native, [])

    def take(self, source: Source, advance: Callable[[int], None]) -> list[FileReport]:
        """Import one file or one whole directory."""
        if source.whole and not source.refused:
            module = directory_format(source.format)
            return module.import_folder(self.store, source.path, dry_run=self.dry_run, advance=advance)
        return [self._take_file(source, advance)]

    def _take_file(self, source: Source, advance: Callable[[int], None]) -> FileReport:
        """Import one file, again from its beginning if another writer came between."""
        report = FileReport(str(source.path), source.format)
        if source.refused:
            report.skipped, report.damage = source.refused, source.damage
            return report
        for attempt in range(_ATTEMPTS):
            report = FileReport(str(source.path), source.format)
            try:
                _FileImport(self, source, report).run(advance)
            except (Conflict, AlreadyExists) as error:
                report.skipped = f"{error} (tried {attempt + 1} times)"
                continue
            except (Invalid, Corrupt, Unsupported, OSError) as error:
                report.skipped = str(error)
            break
        return report


class _FileImport:
    """One pass over one file."""

    def __init__(self, run: _Run, source: Source, report: FileReport) -> None:
        self._run = run
        self._source = source
        self._report = report
        self._head: list[dict[str, Json]] = []
        if source.format in ("claude-code", "codex", "jsonl"):
            self._head = first_values(source.path)
        self._reader = self._fresh_reader()
        self._document = source.format in ("codex-json", "json")
        self._feeds: dict[Key, Feed | None] = {}
        self._lines: dict[Key, Lines] | None = None

    def _fresh_reader(self) -> Reader:
        return reader_of(self._source, self._head)

    def run(self, advance: Callable[[int], None]) -> None:
        """Take every line; afterwards all of them are durable and the report is filled in."""
        try:
            self._run_through(advance)
        except BaseException:
            for feed in self._feeds.values():
                if feed is not None:
                    feed.leave()
            raise

    def _run_through(self, advance: Callable[[int], None]) -> None:
        done = told = 0
        for line in lines_of(self._source.path):
            done += len(line.data) + 1
            if isinstance(line.value, Unreadable):
                if line.torn and not self._document:
                    self._report.torn = line.number
                    break
                self._note(line.number, line.value)
            feed = self._feed(self._reader.key(line), line)
            if feed is not None:
                feed.take(line)
                del line
                feed.flush_if_due()
            if done - told >= HEAD_BYTES * 4:
                told = done
                advance(done)
        for feed in self._feeds.values():
            if feed is not None:
                feed.finish()

    def _note(self, number: int, found: Unreadable) -> None:
        listed = self._report.unreadable
        if not self._document and len(listed) < _UNREADABLE_MAX:
            listed.append(UnreadableLine(number, found.reason))

    def _feed(self, key: Key, line: Line) -> Feed | None:
        """The feed of a session; None if all its lines are there."""
        if key in self._feeds:
            return self._feeds[key]
        facts = self._reader.facts(key, line)
        feed = self._open(key, facts)
        self._feeds[key] = feed
        return feed

    def _open(self, key: Key, facts: Facts) -> Feed | None:
        """Find the session that these lines belong to, or make it."""
        base = _identity(facts)
        origin = _origin(self._reader.format, facts)
        if self._is_fed(key, facts, origin):
            return None
        number = 1
        while True:
            identity = base if number == 1 else f"{base}~{number}"
            session = existing(self._run.store, identity)
            report = SessionReport(identity)
            if number > 1:
                report.note = f"{base} is another record; this file has other lines and became {identity}"
            if session is None:
                return self._begin(facts, report, origin)
            if session.info.source == origin:
                fits, feed = self._resume(session, key, facts, report)
                if fits:
                    return feed
            number += 1

    def _is_fed(self, key: Key, facts: Facts, origin: Json) -> bool:
        """Whether an adapter mirrors this session while the program writes it: then it is not imported a second time."""
        fed = next((info for info in self._run.fed(facts.native) if info.source == origin), None)
        if fed is None:
            return False
        wanted = self._lines_of(key).digests
        there = fed_digests(self._run.store.get(fed.id), self._reader.format)
        known = sum(digest in there for digest in wanted)
        if not known:
            return False
        report = SessionReport(fed.id, entries=fed.entry_count, already=known, lines=len(wanted))
        report.note = f"{fed.id} is fed by the adapter of the Claude Agent SDK, so nothing was added to it"
        if known < len(wanted):
            report.note += (
                f"; it lacks {len(wanted) - known} of the lines, which import_session_to_store() of the SDK adds"
            )
        self._report.sessions.append(report)
        self._remember(facts, fed.id)
        return True

    def _begin(self, facts: Facts, report: SessionReport, origin: Json) -> Feed:
        session: Any = None
        orphan = False
        if self._run.dry_run:
            pass
        else:
            parent = self._parent(facts)
            orphan = facts.parent is not None and parent is None
            metadata = dict(facts.metadata)
            if orphan:
                metadata["orphan_of"] = facts.parent
            known: dict[str, Any] = {
                "id": report.id,
                "agent": self._reader.format if self._reader.format in ("claude-code", "codex") else None,
                "project": last_name(facts.cwd) if facts.cwd else None,
                "title": facts.title,
                "metadata": metadata,
                "source": origin,
                "at": facts.at,
            }
            maker = self._run.store.create if parent is None else parent.spawn
            session = maker(**{name: value for name, value in known.items() if value})
        if orphan:
            report.note = f"{facts.parent} is not in the store, so this sub-agent is a session of its own"
        return self._fed(session, facts, report, None)

    def _resume(self, session: Any, key: Key, facts: Facts, report: SessionReport) -> tuple[bool, Feed | None]:
        """Whether a session is this record, and a feed that goes on with it; None if it holds all lines."""
        lines = self._lines_of(key)
        if complete(session.info, lines):
            report.lines = report.already = len(lines)
            report.entries = session.info.entry_count
            self._report.sessions.append(report)
            self._remember(facts, report.id)
            return True, None
        logged = Logged(session)
        if not logged.lines.agrees(lines):
            return False, None
        return True, self._fed(session, facts, report, logged)

    def _fed(self, session: Any, facts: Facts, report: SessionReport, logged: Logged | None) -> Feed:
        feed = Feed(session, self._reader.planner(facts), facts, report, logged, notes=self._report.notes)
        if self._run.dry_run:
            feed.rehearse()
        self._report.sessions.append(report)
        self._remember(facts, report.id)
        return feed

    def _remember(self, facts: Facts, identity: str) -> None:
        if facts.agent is None:
            self._run.ids[self._reader.format, facts.native] = identity

    def _parent(self, facts: Facts) -> Any:
        """The session that spawned this one, if it is in the store."""
        named = [facts.parent, facts.native if facts.agent is not None else None]
        for native in named:
            if native is None or (native == facts.native and facts.agent is None):
                continue
            parent = existing(self._run.store, self._run.ids.get((self._reader.format, native), native))
            source = parent.info.source if parent is not None else None
            if isinstance(source, dict) and source.get("format") == self._reader.format:
                return parent
        return None

    def _lines_of(self, key: Key) -> Lines:
        """The names of a session's lines in this file, read ahead."""
        if self._lines is None:
            self._lines = {}
            reader = self._fresh_reader()
            for line in lines_of(self._source.path):
                if line.torn and not self._document:
                    break
                self._lines.setdefault(reader.key(line), Lines()).add(line.number, line.digest)
        return self._lines[key]


def _origin(format: str, facts: Facts) -> dict[str, Json]:  # noqa: A002 - the field's name
    """What makes a source one session: format, native id, agent id."""
    found: dict[str, Json] = {"format": format, "session": facts.native}
    if facts.agent is not None:
        found["agent"] = facts.agent
    return found


def _identity(facts: Facts) -> str:
    """The id in the store: the native one, for sub-agents with their own behind it."""
    native = facts.native if facts.agent is None else f"{facts.native}/agent-{facts.agent}"
    whole = native.encode("utf-8", "replace")
    if len(whole) <= ID_BYTES_MAX - 16:
        return whole.decode()
    return f"{whole[:200].decode('utf-8', 'ignore')}~{sha256(whole).hexdigest()[:32]}"
