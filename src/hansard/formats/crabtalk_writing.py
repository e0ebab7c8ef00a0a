"""Sessions as folders of crabtalk: a file a step, the meta file last, and archives in the memory file beside them.

A session that was imported from crabtalk and not changed since is written from the bytes that it came with. Others keep
the steps that they came with and get new ones behind them.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from ..codec import times
from ..errors import HansardError, Invalid
from ..model.entry import Entry, Json
from .crabtalk_memory import ARCHIVE, Memories, Memory, read_memories, write_memories
from .crabtalk_message import message_step, moment_text, step_bytes, usage_event
from .crabtalk_session import OWN, meta_of
from .crabtalk_shelving import unshelve
from .crabtalk_slugs import free_name, sender_slug
from .placing import Folder, Taken
from .report import ExportReport, Refused, Written
from .source import line_key
from .unbundling import Recorded, Said

FORMAT: Final = "crabtalk"
_STEPS_MAX: Final = 999_999
"""The highest number that a reader which sorts names as text still puts in its place."""


class Shelf:
    """The memory file of an export: what is in it, and what comes to it."""

    def __init__(self, path: Path) -> None:
        """Take over the entries of the file that is there.

        Raises:
            Invalid: the file is damaged, so adding to it would lose what is behind the damage.
        """
        self.path = path
        found = read_memories(path.read_bytes()) if path.is_file() else Memories()
        if found.damage:
            msg = f"{path}: {found.damage}; repair it, or choose another folder"
            raise Invalid(msg)
        self._entries = {entry.name: entry for entry in found.entries}
        self._next = found.next_id
        self.changed = False

    def put(self, name: str, content: str, at: str, known: dict[str, Json], *, stem: str) -> str:
        """Keep an archive; the name that it has now, another one if something else has that."""
        there = self._entries.get(name)
        if there is not None and there.kind == ARCHIVE and there.content == content:
            return name
        if not name or there is not None:
            name = self._next_name(stem)
        number = known.get("id")
        if not isinstance(number, int) or number < 1 or any(entry.id == number for entry in self._entries.values()):
            number = max(self._next, *(entry.id + 1 for entry in self._entries.values()), 1)
        created, aliases = known.get("created_s"), known.get("aliases")
        self._entries[name] = Memory(
            number,
            created if isinstance(created, int) else times.microseconds(at) // 1_000_000,
            ARCHIVE,
            name,
            content,
            [str(alias) for alias in aliases] if isinstance(aliases, list) else [],
        )
        self.changed = True
        return name

    def add_notes(self, store: Any, report: ExportReport) -> None:
        """Keep the notes and topics of the store, which belong to no session."""
        entries = list(self._entries.values())
        before = len(entries)
        self._next = max(self._next, unshelve(store, entries, report))
        self._entries = {entry.name: entry for entry in entries}
        self.changed = self.changed or len(entries) > before

    def _next_name(self, stem: str) -> str:
        most = 0
        for name in self._entries:
            number = name.removeprefix(f"{stem}-")
            if number != name and number.isascii() and number.isdigit() and str(int(number)) == number:
                most = max(most, int(number))
        return f"{stem}-{most + 1}"

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return write_memories(self._entries.values(), next_id=self._next)


class Output(msgspec.Struct):
    """What a session becomes: its files in the order in which they are written."""

    name: str
    files: dict[str, bytes]
    notes: list[str]


def export_sessions(store: Any, ids: Iterable[str], folder: Path) -> ExportReport:
    """Write the sessions. Errors as for `export_directory`."""
    report = ExportReport(FORMAT, str(folder))
    sessions, memory = places_of(folder)
    shelf = Shelf(memory)
    home = Folder(sessions)
    pairs: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    for identity in ids:
        try:
            recorded = Recorded(store.get(identity), FORMAT)
            output = _output(recorded, sessions, pairs, shelf)
            _write(home, output, shelf)
        except (HansardError, Taken) as error:
            report.refused.append(Refused(identity, str(error)))
            continue
        prefix = "" if sessions == folder else f"{sessions.name}/"
        files = [f"{prefix}{output.name}/{name}" for name in output.files]
        report.written.append(Written(identity, files, output.notes))
    shelf.add_notes(store, report)
    if shelf.changed:
        Folder(shelf.path.parent).write(shelf.path.name, shelf.data)
    if shelf.path.is_file():
        report.documents.append(str(shelf.path))
    return report


def places_of(folder: Path) -> tuple[Path, Path]:
    """The folder of sessions and the memory file of an export into a folder.

    A folder that is crabtalk's own gets the sessions in its `sessions`; one that is called so has the memory file above.
    """
    inner = folder / "sessions"
    if inner.is_dir() or (folder / "config.toml").is_file():
        return inner, folder / "memory.db"
    if folder.name == "sessions" and not (folder / "memory.db").is_file():
        return folder, folder.parent / "memory.db"
    return folder, folder / "memory.db"


def _output(
    recorded: Recorded, sessions: Path, pairs: dict[tuple[str, str], tuple[str | None, str | None]], shelf: Shelf
) -> Output:
    notes: list[str] = []
    name = free_name(recorded, sessions, pairs, notes)
    stem = sender_slug(name)
    if recorded.unchanged and "meta" in recorded.heads:
        files = {
            _file_of(entry, number): recorded.payload(entry) or b"" for number, entry in sorted(recorded.lines.items())
        }
        _keep_archives(recorded, shelf, stem)
        return Output(name, {**files, "meta": recorded.heads["meta"].data}, notes)
    steps = _Steps(recorded, shelf, stem).all()
    files = _numbered(steps)
    files["meta"] = step_bytes(_meta(recorded))
    notes += _left_out(recorded)
    return Output(name, files, notes)


def _file_of(entry: Entry, number: int) -> str:
    named = entry.body.get("file") if isinstance(entry.body, dict) else None
    return named if isinstance(named, str) else f"step-{number:06d}"


def _keep_archives(recorded: Recorded, shelf: Shelf, stem: str) -> None:
    for entry in recorded.entries:
        body: dict[str, Json] = entry.body if isinstance(entry.body, dict) else {}
        name = body.get("archive")
        if entry.kind != "compaction" or not isinstance(name, str):
            continue
        text = recorded.summary_of(Said(entry, body))
        if text is not None:
            shelf.put(name, text, entry.at, body.get("memory") or {}, stem=stem)


class Step(msgspec.Struct):
    """One step to be: its bytes, and its number and name if it had them before."""

    data: bytes
    number: int = 0
    name: str = ""


class _Steps:
    """The steps of a session that was born here, or has changed since it came."""

    def __init__(self, recorded: Recorded, shelf: Shelf, stem: str) -> None:
        self._recorded = recorded
        self._shelf = shelf
        self._stem = stem
        self._said = {said.entry.seq: said for said in recorded.said()}

    def all(self) -> list[Step]:
        """The steps in their order: those that came, and what has been said since."""
        found: list[Step] = []
        for entry in self._recorded.entries:
            found += self._steps_of(entry)
        return found

    def _steps_of(self, entry: Entry) -> list[Step]:
        recorded = self._recorded
        number = line_key(entry.id) if recorded.native is not None else None
        said = self._said.get(entry.seq)
        if number is not None and (said is not None or entry.kind == "event"):
            kept = recorded.payload(entry)
            return [] if kept is None or entry.erased else [Step(kept, number[0], _file_of(entry, number[0]))]
        if entry.kind == "compaction" and said is not None and ":compact" not in entry.id:
            return self._boundary(said)
        if entry.kind == "compaction" and said is not None:
            self._keep(said)
        elif said is not None:
            return [Step(self._message(said))]
        elif entry.kind == "usage" and not entry.erased and ":usage" not in entry.id and isinstance(entry.body, dict):
            return [Step(step_bytes(usage_event(entry.body, entry.at)))]
        return []

    def _message(self, said: Said) -> bytes:
        if said.payload is not None:
            return said.payload
        recorded = self._recorded
        return step_bytes(message_step(said, agent=recorded.info.agent, attachment=recorded.attachment))

    def _keep(self, said: Said) -> str:
        body = said.body
        text, name = self._recorded.summary_of(said), body.get("archive")
        if text is None:
            return str(name or "")
        named = name if isinstance(name, str) else ""
        return self._shelf.put(named, text, said.entry.at, body.get("memory") or {}, stem=self._stem)

    def _boundary(self, said: Said) -> list[Step]:
        """The boundary, and again what it keeps, because nothing before it is read any more."""
        name = self._keep(said)
        boundary = {"archive_name": name, "archived_at": moment_text(said.entry.at)}
        steps = [Step(step_bytes(boundary))]
        keep, covers = said.body.get("keep"), said.body.get("covers")
        first = keep if isinstance(keep, int) else covers + 1 if isinstance(covers, int) else said.entry.seq
        return steps + [
            Step(self._message(other))
            for seq, other in self._said.items()
            if first <= seq < said.entry.seq and other.entry.kind == "message"
        ]


def _numbered(steps: list[Step]) -> dict[str, bytes]:
    """The steps under their names: those that had one keep it, unless there are too many for it."""
    most = max((step.number for step in steps), default=0)
    anew = most + sum(not step.number for step in steps) > _STEPS_MAX
    files: dict[str, bytes] = {}
    number = 0 if anew else most
    for step in steps:
        if step.number and not anew:
            files[step.name] = step.data
            continue
        number += 1
        files[f"step-{number:06d}"] = step.data
    return files


def _meta(recorded: Recorded) -> dict[str, Json]:
    info = recorded.info
    kept = recorded.heads.get("meta")
    meta = dict(meta_of(kept.data)) if kept is not None else {}
    own: dict[str, Json] = {}
    if recorded.native is None or "~" in info.id:
        own = {"id": info.id, "agent": info.agent, "user": info.user}
    fields = {name: value for name, value in info.fields.items() if name != "imported"}
    fields |= {
        name: value
        for name, value in (("status", info.status), ("provider", info.provider), ("project", info.project))
        if value is not None
    } | ({"pinned": True} if info.pinned else {})
    metadata = {name: value for name, value in info.metadata.items() if name not in meta and name != "import_notes"}
    own |= {name: value for name, value in (("fields", fields), ("state", info.state), ("metadata", metadata)) if value}
    meta |= {
        "agent": meta.get("agent") or info.agent or "agent",
        "created_by": meta.get("created_by") or info.user or "user",
        "created_at": meta.get("created_at") or moment_text(info.created_at),
        "title": (info.title or "") if info.title_source in ("given", "generated") else "",
        "updated_at": moment_text(max(info.updated_at, info.created_at)),
        "message_count": info.message_count + (info.summary is not None),
    }
    if info.summary is not None:
        meta["summary"] = info.summary
    if own:
        meta[OWN] = own
    return meta


def _left_out(recorded: Recorded) -> list[str]:
    counted: dict[str, int] = {}
    for entry in recorded.later:
        if entry.kind == "event" or entry.kind.startswith("x-") or entry.kind == "document":
            counted[entry.kind] = counted.get(entry.kind, 0) + 1
    found = [f"crabtalk has no place for its {count} entries of kind {kind}" for kind, count in counted.items()]
    if recorded.info.parent is not None:
        found.append(
            f"crabtalk knows no children: it is a session of its own there, and was one of {recorded.info.parent}"
        )
    return found


def _write(home: Folder, output: Output, shelf: Shelf) -> None:
    """Write the archives, then the steps, the meta file last.

    Raises:
        Taken: the folder holds another session, or steps that this one does not have.
    """
    folder = home.root / output.name
    if folder.is_dir():
        _check_ours(folder, output)
    if shelf.changed:
        Folder(shelf.path.parent).write(shelf.path.name, shelf.data)
        shelf.changed = False
    for name, data in output.files.items():
        home.write(f"{output.name}/{name}", data)


def _check_ours(folder: Path, output: Output) -> None:
    for path in sorted(folder.iterdir()):
        if path.name == "meta":
            continue
        if path.name not in output.files or path.read_bytes() != output.files[path.name]:
            digest = sha256(output.files.get(path.name, b"")).hexdigest()[:8]
            msg = f"{path}: it is of another session, or has gone on there (ours is {digest}); choose an empty folder"
            raise Taken(msg)
