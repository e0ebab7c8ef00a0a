"""Sessions as files of a3s-code: what came from there in the layout it had, what was born here as a snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ..codec import values
from ..codec.names import name_of
from ..codec.times import microseconds
from ..errors import HansardError
from ..model.entry import Json
from ..model.info import SessionInfo
from .a3s_files import Parts
from .a3s_messages import Messages
from .a3s_paths import CHECKPOINTS, fragment_path, id_of_v1, place_of, safe_id, v1_name
from .a3s_reading import FORMAT, HANSARD, STATES
from .jsontext import Piece
from .placing import Folder, Taken, fits_in_a_name, writable
from .record import digest_of_value
from .recorded import Recorded
from .report import ExportReport, Refused, Written
from .shelving import content_of, documents_of

_ID_BYTES: Final = 150
"""A longer id gives a3s-code a temporary file whose name is too long."""
_NAME_BYTES: Final = 210
_STATES: Final = {
    **{ours: theirs for theirs, ours in STATES.items()}, "running": "Active", "pending": "Active", "cancelled": "Completed",
    "skipped": "Completed",
}  # fmt: skip
_EXACT_STATES: Final = frozenset((*STATES.values(), None))
_ORDER: Final = (
    "id", "config", "state", "messages", "context_usage", "total_usage", "total_cost", "model_name", "cost_records",
    "tool_names", "thinking_enabled", "thinking_budget", "created_at", "updated_at", "llm_config", "tasks", "parent_id",
    "tenant_id", "principal", "agent_template_id", "correlation_id", HANSARD,
)  # fmt: skip


def export(store: Any, ids: Iterable[str], target: Path) -> ExportReport:
    """Write the sessions; those that can't be written are in the report."""
    report = ExportReport(FORMAT, str(target))
    folder = Folder(target)
    sessions = [store.get(identity) for identity in ids]
    names = Names(folder)
    plans: dict[str, _Plan] = {}
    for session in sessions:
        try:
            plans[session.id] = names.place(session)
        except (HansardError, ValueError) as error:
            report.refused.append(Refused(session.id, str(error)))
    for session in [one for one in sessions if one.id in plans]:
        try:
            report.written.append(_Writing(session, plans, folder).run())
        except (HansardError, Taken, ValueError, RecursionError, UnicodeEncodeError) as error:
            report.refused.append(Refused(session.id, str(error)))
    _checkpoints(store, folder, report)
    return report


def _checkpoints(store: Any, folder: Folder, report: ExportReport) -> None:
    """Write the checkpoints of workflows, which belong to no session."""
    for kind in CHECKPOINTS:
        for document in documents_of(store, f"{FORMAT}/{kind}"):
            name = document.key.name
            path = f"{kind}/{name}.json" if id_of_v1(name) is None else f"v1/{kind}/{name}.json"
            try:
                data = content_of(store, document)
                folder.check_free(path, ours=lambda there, data=data: there == data)
                folder.write(path, data)
                report.documents.append(path)
            except (HansardError, Taken) as error:
                report.refused.append(Refused(path, str(error)))


class _Plan:
    """Under which id and where a session is written."""

    def __init__(self, identity: str, main: str, files: list[str]) -> None:
        self.identity = identity
        self.main = main
        self.files = files


class Names:
    """Ids and paths that no two sessions of an export share."""

    def __init__(self, folder: Folder) -> None:
        """Begin with none given away."""
        self._folder = folder
        self._ids: set[str] = set()

    def place(self, session: Any) -> _Plan:
        """Where a session goes: into the layout that it came in, as long as its place there is free."""
        info: SessionInfo = session.info
        source = info.source if isinstance(info.source, dict) else {}
        files: list[str] = []
        identity = info.id
        if source.get("format") == FORMAT:
            identity = str(source.get("session"))
            files = Recorded(FORMAT, session).files
        identity = self._id(identity, info.id, bounded=not files)
        stem = safe_id(identity)
        legacy = bool(files) and place_of(files[0]).kind == "session" and fits_in_a_name(stem, limit=_NAME_BYTES)
        if legacy and self._folder.name(stem, "\0", allowed=True) == stem:
            kinds = [place_of(path) for path in files[1:]]
            parts = [fragment_path(p.kind, stem) if p.kind != "loop_checkpoints" else p.path for p in kinds]
            return _Plan(identity, f"{stem}.json", parts)
        name = v1_name(identity)
        if self._folder.name(name, "\0", allowed=True) != name:
            identity = self._id(name_of(info.id), f"{info.id}~", bounded=True)
            name = self._folder.name(v1_name(identity), info.id, allowed=True)
        checkpoints = [path for path in files if place_of(path).kind == "loop_checkpoints"]
        return _Plan(identity, f"v1/sessions/{name}.json", checkpoints)

    def _id(self, wanted: str, identity: str, *, bounded: bool) -> str:
        """The id in a3s-code: the wanted one, if it can be one and no other session has it."""
        try:
            size = len(wanted.encode())
        except UnicodeEncodeError:
            size = 1 << 20
        fits = not any(sign in wanted for sign in "\0\r\n") and not (bounded and size > _ID_BYTES) and size < 1 << 20
        found, number = (wanted if fits else name_of(identity)), 1
        while found in self._ids:
            number += 1
            found = f"{name_of(identity)}~{number}"
        self._ids.add(found)
        return found


class _Writing:
    """One session on its way into files."""

    def __init__(self, session: Any, plans: dict[str, _Plan], folder: Folder) -> None:
        self._session = session
        self._info: SessionInfo = session.info
        self._plan = plans[session.id]
        self._plans = plans
        self._folder = folder
        self._notes: list[str] = []
        source = self._info.source if isinstance(self._info.source, dict) else {}
        self._native = str(source.get("session")) if source.get("format") == FORMAT else self._info.id
        self._recorded = Recorded(FORMAT, session, whole=True)

    def run(self) -> Written:
        """Write all files of the session, its own last, so that it is there only with its parts."""
        plan, recorded = self._plan, self._recorded
        messages = Messages(self._session)
        lists = {name: recorded.elements(name) for name in recorded.stretches}
        lists["messages"] = messages.pieces
        fields = dict(recorded.fields) if recorded.order else self._born()
        order = {name: list(names) for name, names in recorded.order.items()}
        order.setdefault("session", list(_ORDER))
        self._update(fields, messages)
        self._place_new(fields, order["session"])
        if plan.identity != self._native:
            lists["run_records"] = [_owned(one, plan.identity) for one in lists.get("run_records", [])]
        if place_of(plan.main).kind == "snapshot":
            fields.setdefault("schema_version", Piece(1))
        parts = Parts(fields, order, lists)
        found = {path: recorded.file(path, parts.text_of(path)) for path in [*plan.files, plan.main]}
        self._folder.check_free(plan.main, ours=self._is_ours)
        for path, data in found.items():
            self._folder.write(path, data)
        return Written(self._info.id, [plan.main, *plan.files], self._notes + messages.notes)

    def _is_ours(self, data: bytes) -> bool:
        try:
            value = values.decode(data)
        except ValueError:
            return False
        inner = value.get("session", value) if isinstance(value, dict) else None
        return isinstance(inner, dict) and inner.get("id") == self._plan.identity

    def _changed(self, fact: str, value: Json) -> bool:
        """Whether the session says something else of itself than its source did."""
        return self._recorded.facts.get(fact) != (None if value is None else digest_of_value(value))

    def _update(self, fields: dict[str, Piece], messages: Messages) -> None:
        """Bring in what is other than the source said."""
        info, recorded = self._info, self._recorded
        before = {name: one.value for name, one in fields.items()}
        said = fields["session/hansard"].value if f"session/{HANSARD}" in fields else None
        hansard: dict[str, Json] = dict(said) if isinstance(said, dict) else {}
        if self._plan.identity != self._native:
            fields["session/id"] = Piece(self._plan.identity)
            hansard["id"] = info.id
            self._notes.append(f"its id became {self._plan.identity!r}, which a3s-code can name a file by")
        if messages.roles:
            hansard["roles"] = messages.roles
        if self._changed("set.status", info.status):
            fields["session/state"] = Piece(_STATES.get(info.status or "", "Active"))
            if info.status not in _EXACT_STATES:
                hansard["status"] = info.status
                self._notes.append(
                    f"its status {info.status!r} became {fields['session/state'].value}; the true one is kept beside it"
                )
        if hansard:
            fields[f"session/{HANSARD}"] = Piece(hansard)
        self._config(fields)
        tasks = info.fields.get("tasks")
        if self._changed("set.tasks", tasks) and isinstance(tasks, list):
            fields["session/tasks"] = Piece(writable(tasks))
        self._parent(fields)
        same = (
            recorded.own == 0 and messages.kept == recorded.count("messages") and messages.kept == len(messages.pieces)
        )
        if recorded.order and not (same and before == {name: one.value for name, one in fields.items()}):
            fields["session/updated_at"] = Piece(_seconds(info.updated_at))

    def _config(self, fields: dict[str, Piece]) -> None:
        info, known = self._info, fields.get("session/config")
        config: dict[str, Json] = dict(known.value) if known is not None and isinstance(known.value, dict) else {}
        title = info.title if info.title_source in ("given", "generated") else None
        if self._changed("set.title", title):
            config["name"] = title or ""
        if self._recorded.order:
            config |= {name: item for name, item in info.config.items() if self._changed(f"config.{name}", item)}
        if config != (known.value if known is not None and isinstance(known.value, dict) else {}):
            fields["session/config"] = Piece(writable(config))

    def _parent(self, fields: dict[str, Piece]) -> None:
        parent = self._info.parent
        if parent is None:
            return
        plan = self._plans.get(parent)
        known = fields["session/parent_id"].value if "session/parent_id" in fields else None
        if plan is None and known is not None:
            return
        if plan is None:
            self._notes.append(f"its parent {parent} is not written beside it")
        name = parent if plan is None else plan.identity
        if name != known:
            fields["session/parent_id"] = Piece(name)

    def _place_new(self, fields: dict[str, Piece], known: list[str]) -> None:
        """Give members that the source did not have the place that a3s-code writes them at."""
        names = [name.removeprefix("session/") for name in fields if name.startswith("session/")]
        for name in names:
            if name in known:
                continue
            rank = _ORDER.index(name) if name in _ORDER else len(_ORDER)
            after = [n for n, other in enumerate(known) if other in _ORDER and _ORDER.index(other) < rank]
            known.insert(after[-1] + 1 if after else len(known), name)

    def _born(self) -> dict[str, Piece]:
        """The members of a session that a3s-code has never seen."""
        info, usage = self._info, self._info.usage
        workspace, prompt = info.fields.get("workspace"), info.config.get("system_prompt")
        read = usage.input + usage.cache_read + usage.cache_write
        model = "/".join(word for word in (info.provider, info.model) if word)
        found: dict[str, Json] = {
            "id": self._plan.identity,
            "config": {
                "name": "", "workspace": workspace if isinstance(workspace, str) else "",
                "system_prompt": prompt if isinstance(prompt, str) else None, "max_context_length": 200_000,
                "auto_compact": False, "auto_compact_threshold": 0.8, "storage_type": "file", "planning_mode": "Auto",
                "goal_tracking": False,
            },
            "state": "Active",
            "context_usage": {"used_tokens": 0, "max_tokens": 200_000, "percent": 0.0, "turns": 0},
            "total_usage": {
                "prompt_tokens": read, "completion_tokens": usage.output, "total_tokens": read + usage.output,
                "cache_read_tokens": usage.cache_read or None, "cache_write_tokens": usage.cache_write or None,
            },
            "total_cost": float(usage.cost), "cost_records": [], "tool_names": self._tools(), "thinking_enabled": False,
            "thinking_budget": None, "created_at": _seconds(info.created_at), "updated_at": _seconds(info.updated_at),
            "tasks": [],
        }  # fmt: skip
        if model:
            found["model_name"] = model
        if info.provider and info.model:
            found["llm_config"] = {"provider": info.provider, "model": info.model, "base_url": None}
        labels = {
            "tenant_id": "tenant",
            "principal": "principal",
            "agent_template_id": "agent_template",
            "correlation_id": "correlation",
        }
        found |= {member: info.labels[label] for member, label in labels.items() if label in info.labels}
        return {f"session/{name}": Piece(writable(value)) for name, value in found.items()}

    def _tools(self) -> list[Json]:
        parts = (part for message in self._session.messages() for part in message.parts)
        return sorted({str(part.get("name")) for part in parts if part.get("type") == "tool_call" and part.get("name")})


def _seconds(at: str) -> int:
    return microseconds(at) // 1_000_000


def _owned(one: Piece, identity: str) -> Piece:
    """A run record that is of the session by its new id, without which a3s-code refuses the snapshot."""
    value = one.value
    if not isinstance(value, dict) or not isinstance(value.get("snapshot"), dict):
        return one
    return Piece({**value, "snapshot": {**value["snapshot"], "session_id": identity}})
