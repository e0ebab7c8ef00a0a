"""Sessions as files of oxios: what came from there as it was, what was born or changed here as oxios would write it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ..codec import values
from ..errors import HansardError
from ..model.entry import Json
from ..model.info import SessionInfo
from .jsontext import Piece, compact, pretty, spelled, write_list, write_object
from .oxios_reading import CATEGORIES, FORMAT, HANSARD, STATUSES
from .oxios_runs import agent_status, own_runs, uuid_of
from .oxios_turns import Turns
from .placing import Folder, Taken, chrono, fits_in_a_name, writable
from .record import digest_of_value
from .recorded import Recorded
from .report import ExportReport, Refused, Written
from .shelving import content_of, documents_of

_NAME_BYTES: Final = 190
"""So that the name of a temporary file of oxios, too, fits into 255 bytes."""
_ORDER: Final = (
    "id", "user_id", "user_messages", "agent_responses", "trajectory_steps", "reasoning_records", "active_seed_id",
    "active_persona_id", "project_id", "parent_session_id", "created_at", "updated_at", "metadata",
)  # fmt: skip
_AGENT_ORDER: Final = (
    "id", "name", "status", "created_at", "project_id", "started_at", "completed_at", "error", "steps_completed",
    "steps_total", "tool_calls", "tokens_input", "tokens_output", "cost_usd", "model_id", "session_id",
)  # fmt: skip


def export(store: Any, ids: Iterable[str], target: Path) -> ExportReport:
    """Write the sessions; those that can't be written are in the report."""
    report = ExportReport(FORMAT, str(target))
    folder = Folder(target)
    sessions = [store.get(identity) for identity in ids]
    names: dict[str, str] = {}
    for session in sessions:
        try:
            names[session.id] = _name(folder, session.info)
        except (HansardError, ValueError) as error:
            report.refused.append(Refused(session.id, str(error)))
    for session in [one for one in sessions if one.id in names]:
        try:
            writing = _Writing(store, session, names, folder)
            written = writing.run() if not writing.is_run else writing.agent()
            report.written.append(written)
        except (HansardError, Taken, ValueError, RecursionError) as error:
            report.refused.append(Refused(session.id, str(error)))
    _documents(store, folder, set(names.values()), report)
    return report


def _documents(store: Any, folder: Folder, written: set[str], report: ExportReport) -> None:
    """Write the documents of the categories that oxios has; what was saved of a session only beside that session."""
    for category in sorted({*CATEGORIES, "sessions"}):
        for document in documents_of(store, category):
            key = document.key
            if category == "knowledge-saves" and key.name not in written and store.exists(key.name):
                continue
            path = f"{key.category}/{key.name}.{key.kind}"
            if any(sign in f"{key.category}/{key.name}" for sign in ("..", "\\", "//")) or "/" in key.name:
                report.refused.append(Refused(path, "oxios can't have a document of this name"))
                continue
            try:
                data = content_of(store, document)
                folder.check_free(path, ours=lambda there, data=data: there == data)
                folder.write(path, data)
                report.documents.append(path)
            except (HansardError, Taken) as error:
                report.refused.append(Refused(path, str(error)))


def _is_run(info: SessionInfo) -> bool:
    source = info.source if isinstance(info.source, dict) else {}
    return source.get("kind") == "agent" or (info.kind == "run" and source.get("format") != FORMAT)


def _name(folder: Folder, info: SessionInfo) -> str:
    """The stem of its file."""
    source = info.source if isinstance(info.source, dict) else {}
    wanted = str(source.get("session")) if source.get("format") == FORMAT else info.id
    if _is_run(info):
        return folder.name(uuid_of(wanted), info.id, allowed=True)
    allowed = fits_in_a_name(wanted, limit=_NAME_BYTES) and not any(sign in wanted for sign in ("..", "/", "\\"))
    return folder.name(wanted, info.id, allowed=allowed)


class _Writing:
    """One session on its way into files."""

    def __init__(self, store: Any, session: Any, names: dict[str, str], folder: Folder) -> None:
        self._store = store
        self._session = session
        self._info: SessionInfo = session.info
        self._names = names
        self._name = names[session.id]
        self._folder = folder
        self._notes: list[str] = []
        source = self._info.source if isinstance(self._info.source, dict) else {}
        self._native = str(source.get("session")) if source.get("format") == FORMAT else self._info.id
        self._recorded = Recorded(FORMAT, session, whole=True)
        self.is_run = _is_run(self._info)

    def run(self) -> Written:
        """Write the session's file, and those of its agents."""
        turns = Turns(self._session, self._recorded, self._name)
        fields = dict(self._recorded.fields) if "" in self._recorded.order else self._born()
        usual = self._members() - fields.keys()
        lists = {name: texts for name, texts in turns.lists().items() if texts or name in usual}
        if self._name != self._native or self._name != self._stem():
            fields["id"] = Piece(self._name)
        self._parent(fields)
        self._update(fields, turns)
        text = self._object(fields, lists, _ORDER)
        path = f"sessions/{self._name}.json"
        self._folder.check_free(path, ours=self._is_ours)
        agents = {f"{name}.json": pieces[0] for name, pieces in self._agents().items() if pieces}
        agents |= own_runs(self._store.runs(id=self._info.id), self._name, known=agents)
        self._folder.write(path, self._recorded.file(path, text))
        for name, piece in agents.items():
            self._folder.write(name, spelled(piece, 0).encode())
        return Written(self._info.id, [path, *agents], self._notes + turns.notes)

    def _stem(self) -> str:
        files = self._recorded.files
        return files[0].removeprefix("sessions/").removesuffix(".json") if files else self._name

    def _members(self) -> set[str]:
        return {*self._recorded.order.get("", ("user_messages", "agent_responses"))}

    def _agents(self) -> dict[str, list[Piece]]:
        return {
            name: self._recorded.elements(name)
            for name in sorted(self._recorded.stretches)
            if name.startswith("agents/")
        }

    def _is_ours(self, data: bytes) -> bool:
        try:
            value = values.decode(data)
        except ValueError:
            return False
        return isinstance(value, dict) and value.get("id") == self._name

    def _born(self) -> dict[str, Piece]:
        info = self._info
        found: dict[str, Json] = {"id": self._name, "user_id": info.user or "default"}
        persona = info.labels.get("persona") or info.fields.get("persona")
        found |= {"active_persona_id": persona} if isinstance(persona, str) else {}
        found |= {"project_id": info.project} if info.project else {}
        found |= {"created_at": chrono(info.created_at), "updated_at": chrono(info.updated_at), "metadata": {}}
        return {name: Piece(value) for name, value in found.items()}

    def _parent(self, fields: dict[str, Piece]) -> None:
        parent = self._info.parent
        known = fields["parent_session_id"].value if "parent_session_id" in fields else None
        if parent is None:
            return
        name = self._names.get(parent)
        if name is None:
            if known is not None:
                return
            self._notes.append(f"its parent {parent} is not written beside it")
            name = parent
        if known != name:
            fields["parent_session_id"] = Piece(name)

    def _changed(self, fact: str, value: Json) -> bool:
        """Whether the session says something else of itself than its source did."""
        return self._recorded.facts.get(f"set.{fact}") != (None if value is None else digest_of_value(value))

    def _update(self, fields: dict[str, Piece], turns: Turns) -> None:
        """Bring in what is other than the source said."""
        info = self._info
        metadata: dict[str, Json] = dict(fields["metadata"].value) if _is_object(fields.get("metadata")) else {}
        said = metadata.get(HANSARD)
        hansard: dict[str, Json] = dict(said) if isinstance(said, dict) else {}
        before = compact(metadata)
        title = info.title if info.title_source in ("given", "generated") else None
        if self._changed("title", title):
            metadata.pop("title", None)
            metadata |= {"title": title} if title is not None else {}
        if self._changed("status", info.status) and info.status is not None:
            hansard["status"] = info.status
            self._notes.append(f"oxios knows no status of sessions; {info.status!r} is kept in metadata.{HANSARD}")
        if self._name != self._native:
            hansard["id"] = self._info.id
            self._notes.append(f"its id became {self._name!r}, which oxios can name a file by")
        if turns.others:
            hansard["messages"] = turns.others
        if hansard:
            metadata[HANSARD] = hansard
        if compact(metadata) != before:
            fields["metadata"] = Piece(metadata)
        if self._changed("project", info.project) and (info.project or "project_id" in fields):
            fields["project_id"] = Piece(info.project)
        if "" in self._recorded.order and (turns.changed or compact(metadata) != before):
            fields["updated_at"] = Piece(chrono(info.updated_at))

    def _object(self, fields: dict[str, Piece], lists: dict[str, list[str]], usual: tuple[str, ...]) -> str:
        """The document, its members where they stood, new ones where oxios writes them."""
        known = [name for name in self._recorded.order.get("", ()) if name in fields or name in lists]
        for name in sorted({*fields, *lists}.difference(known), key=lambda one: _rank(one, usual)):
            rank = _rank(name, usual)
            after = [place for place, other in enumerate(known) if _rank(other, usual) < rank]
            known.insert(after[-1] + 1 if after else 0, name)
        found = [
            (name, write_list(lists[name], 1) if name in lists else spelled(_safe(fields[name]), 1)) for name in known
        ]
        return write_object(found, 0)

    def agent(self) -> Written:
        """Write the record of an agent."""
        recorded = self._recorded
        fields = dict(recorded.fields) if "" in recorded.order else self._born_agent()
        calls = [spelled(piece, 2) for piece in recorded.elements("tool_calls")]
        lists = {"tool_calls": calls} if calls or "tool_calls" in recorded.order.get("", ()) else {}
        if "" in recorded.order and self._changed("status", self._info.status) and self._info.status is not None:
            fields["status"] = Piece(agent_status(self._info.status))
        if self._name != self._native:
            fields["id"] = Piece(self._name)
            fields[HANSARD] = Piece({"id": self._info.id})
            self._notes.append(f"its id became {self._name!r}: agents of oxios have UUIDs")
        path = f"agents/{self._name}.json"
        self._folder.check_free(path, ours=self._is_ours)
        self._folder.write(path, recorded.file(path, self._object(fields, lists, _AGENT_ORDER)))
        return Written(self._info.id, [path], self._notes)

    def _born_agent(self) -> dict[str, Piece]:
        info = self._info
        status = agent_status(info.status or "completed")
        if info.status not in STATUSES.values():
            self._notes.append(f"its status {info.status!r} became {status}")
        found: dict[str, Json] = {"id": self._name, "name": info.title or info.agent or info.id, "status": status}
        found["created_at"] = chrono(info.created_at)
        error = info.error
        found |= {"error": error if isinstance(error, str) else pretty(error)} if error is not None else {}
        found |= {"steps_completed": info.entry_count, "tokens_input": info.usage.input}
        found |= {"tokens_output": info.usage.output, "cost_usd": float(info.usage.cost)}
        found |= {"model_id": info.model} if info.model else {}
        found |= {"session_id": self._names.get(info.parent, info.parent)} if info.parent else {}
        return {name: Piece(value) for name, value in found.items()}


def _rank(name: str, usual: tuple[str, ...]) -> int:
    return usual.index(name) if name in usual else len(usual)


def _is_object(piece: Piece | None) -> bool:
    return piece is not None and isinstance(piece.value, dict)


def _safe(piece: Piece) -> Piece:
    return Piece(writable(piece.value)) if piece.text is None else piece
