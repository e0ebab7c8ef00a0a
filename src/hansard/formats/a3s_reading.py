"""Sessions of a3s-code, as its files hold them, into records.

Both layouts say the same: the session's own data, and beside it artifacts, traces, runs with their events, reports and
tasks of sub-agents, as parts of one snapshot or in files of their own.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ..codec import values
from ..model.entry import Json
from .a3s_paths import FRAGMENTS, Place
from .a3s_runs import calls_of, odd_of, run_items, totals_of
from .jsontext import ObjectText, Piece, list_pieces, piece
from .masking import masked
from .planning import last_name, moment, word
from .record import Facts, Item, Record, digest_of_files, short, sortable
from .report import Damage, FileReport

FORMAT: Final = "a3s"
HANSARD: Final = "hansard"
"""The member of the session's data in which an export says what a3s-code has no place for; it ignores the member."""
SESSION_LISTS: Final = ("messages", "cost_records")
ENVELOPE_LISTS: Final = tuple(FRAGMENTS.values())
_TYPES: Final = {
    "cost_records": "a3s.cost",
    "artifacts": "a3s.artifact",
    "trace_events": "a3s.trace",
    "verification_reports": "a3s.verification_report",
    "subagent_tasks": "a3s.subagent_task",
}
STATES: Final = {"Paused": "paused", "Completed": "completed", "Error": "error"}
"""Active and Unknown say nothing: a3s-code writes Active whatever happens."""
_ANCHORS_MAX: Final = 100


class Document(msgspec.Struct):
    """One file, read."""

    place: Place
    data: bytes
    text: str
    value: Json
    report: FileReport


class NoSession(ValueError):
    """A document is not the session that it should be; says where it differs."""

    def __init__(self, reason: str, *, place: str) -> None:
        """Keep place and reason apart."""
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


def session_of(document: Document) -> dict[str, Json]:
    """The session's own data in a document of either layout.

    Raises:
        NoSession: there is none, or one without id.
    """
    value = document.value
    if not isinstance(value, dict):
        reason = f"an object was expected, not {type(value).__name__}"
        raise NoSession(reason, place="document")
    is_snapshot = "schema_version" in value or "session" in value
    if is_snapshot and value.get("schema_version") != 1:
        reason = f"the version of a snapshot is 1, not {values.shown(value.get('schema_version'))}"
        raise NoSession(reason, place="/schema_version")
    session = value.get("session") if is_snapshot else value
    where = "/session" if is_snapshot else ""
    if not isinstance(session, dict):
        reason = "the session is no object"
        raise NoSession(reason, place=where)
    if word(session.get("id")) is None:
        reason = "the session has no id"
        raise NoSession(reason, place=f"{where}/id")
    return session


def session_record(main: Document, parts: list[Document], start: str) -> Record:
    """The record of a session; `parts` are the files that belong to it."""
    data = session_of(main)
    at = moment(data.get("created_at")) or start
    ended = moment(data.get("updated_at")) or at
    record = Record(
        format=FORMAT,
        native=native_of(data),
        digest=digest_of(main, parts),
        report=main.report,
        parent=word(data.get("parent_id")),
        agent="a3s-code",
        at=at,
        ended=ended,
        updated=sortable(data["updated_at"]) if type(data.get("updated_at")) is int else "",
        conversation=("messages",),
        files=[main.place.path, *(part.place.path for part in parts)],
        facts=_facts(data, main.report),
    )
    reading = _Reading(record, at)
    if data is main.value:
        reading.session(ObjectText(main.text, data))
    else:
        body = ObjectText(main.text, main.value)
        reading.session(body.inner("session"))
        reading.envelope(body)
    for part in parts:
        reading.part(part)
    reading.finish(data)
    if reading.runs:
        record.facts.set["run_id"] = reading.runs[-1]
    created = data.get("created_at")
    record.anchors = [f"created_at {created}"] if type(created) is int else []
    record.anchors += [f"run {name}" for name in reading.runs[:_ANCHORS_MAX]]
    return record


def native_of(data: dict[str, Json]) -> str:
    """The id of a session: that which an export of ours notes, else the one that it has there."""
    said = data.get(HANSARD)
    return (word(said.get("id")) if isinstance(said, dict) else None) or str(data["id"])


def digest_of(main: Document, parts: list[Document]) -> str:
    """One digest for all files of a session."""
    return digest_of_files({main.place.path: main.data, **{part.place.path: part.data for part in parts}})


class _Reading:
    """The pieces of one session, collected from its files."""

    def __init__(self, record: Record, at: str) -> None:
        self._record = record
        self._at = at
        self._costs: list[Json] = []
        self.runs: list[str] = []
        self._events: set[str] = set()
        self._turns: list[tuple[str, Json]] = []

    def session(self, body: ObjectText) -> None:
        """The session's own data."""
        roles = _roles(body.value)
        self._record.order["session"] = list(body.spans)
        for name in body.spans:
            if name in SESSION_LISTS and isinstance(body.value[name], list):
                for place, one in enumerate(body.items(name)):
                    self._add(name, one, roles.get(str(place)) or role_of(one.value))
            else:
                self._record.fields[f"session/{name}"] = self._without_secrets(name, body.member(name))
        costs = body.value.get("cost_records")
        self._costs = costs if isinstance(costs, list) else []

    def _without_secrets(self, name: str, one: Piece) -> Piece:
        if name not in ("config", "llm_config"):
            return one
        value, places = masked(one.value, name)
        if not places:
            return one
        self._record.masked = True
        self._record.report.notes.append(f"masked, as no secret enters a store: {', '.join(places)}")
        return Piece(value)

    def envelope(self, body: ObjectText) -> None:
        """What a snapshot holds beside the session."""
        self._record.order[""] = list(body.spans)
        for name in body.spans:
            if name in ENVELOPE_LISTS and isinstance(body.value[name], list):
                self._list(name, body.items(name), level=2)
            elif name != "session":
                self._record.fields[name] = body.member(name)

    def part(self, part: Document) -> None:
        """A file beside the session's own."""
        kind, value = part.place.kind, part.value
        if kind == "loop_checkpoints":
            whole = piece(part.text, value, 0)
            at = moment(value.get("checkpoint_ms")) if isinstance(value, dict) else ""
            name = f"loop_checkpoints/{short(part.place.name)}"
            self._record.items.append(Item(name, whole, type="a3s.loop_checkpoint", at=at or self._at))
        elif kind == "artifacts" and isinstance(value, dict):
            body = ObjectText(part.text, value)
            self._record.order[kind] = list(body.spans)
            for name in body.spans:
                if name == "artifacts" and isinstance(value[name], list):
                    self._list(name, body.items(name), level=2)
                else:
                    self._record.fields[f"{kind}/{name}"] = body.member(name)
        elif isinstance(value, list) and kind in FRAGMENTS:
            self._list(FRAGMENTS[kind], list_pieces(part.text), level=1)
        else:
            # Kept whole, so that an export gives it back, and told, because a3s-code can't read it either.
            self._record.fields[f"{kind}//"] = piece(part.text, value, 0)
            part.report.damage.append(Damage("document", f"{kind} is not what a3s-code keeps there"))

    def _list(self, name: str, pieces: list[Piece], *, level: int) -> None:
        for one in pieces:
            if name == "run_records":
                found = run_items(one, level=level, start=self._at, session=self._record, names=self._events)
                self._record.items += found.items
                self._turns += found.turns
                self.runs += [found.run] if found.run else []
            else:
                self._add(name, one, "")

    def _add(self, name: str, one: Piece, role: str) -> None:
        value: dict[str, Json] = one.value if isinstance(one.value, dict) else {}
        when = value.get("timestamp") if name == "cost_records" else value.get("started_ms")
        at = moment(when) if name in ("cost_records", "subagent_tasks") else ""
        self._record.items.append(
            Item(name, one, type=_TYPES.get(name, ""), role=role if name == "messages" else "", at=at or self._at)
        )

    def finish(self, data: dict[str, Json]) -> None:
        """Usage: single calls where they are told, and the totals."""
        self._record.calls = calls_of(self._costs, self._turns, data)
        self._record.total = totals_of(data)
        self._record.report.notes += odd_of(self._costs, self._turns, data)
        self._record.gauge = _gauge(data.get("context_usage"))


def _roles(data: dict[str, Json]) -> dict[str, str]:
    said = data.get(HANSARD)
    roles = said.get("roles") if isinstance(said, dict) else None
    return {place: role for place, role in roles.items() if isinstance(role, str)} if isinstance(roles, dict) else {}


def role_of(value: Json) -> str:
    """The role of a message: results of tools come as the user's."""
    role = value.get("role") if isinstance(value, dict) else None
    if not isinstance(role, str) or not role:
        return "user"
    blocks: Any = value.get("content")
    if role == "user" and isinstance(blocks, list) and blocks:
        results = (isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)
        return "tool" if all(results) else role
    return role


def _facts(data: dict[str, Json], report: FileReport) -> Facts:
    config = data.get("config")
    config = config if isinstance(config, dict) else {}
    facts = Facts()
    facts.config = masked(config, "config")[0]
    provider, model = model_of(data)
    workspace = word(config.get("workspace"))
    said = data.get(HANSARD)
    status = word(said.get("status")) if isinstance(said, dict) else None
    tasks = data.get("tasks", data.get("todos"))
    fields: dict[str, Json] = {
        "title": word(config.get("name")), "status": status or STATES.get(str(data.get("state"))), "model": model,
        "provider": provider, "workspace": workspace, "project": last_name(workspace) if workspace else None,
        "tasks": tasks if isinstance(tasks, list) and tasks else None,
    }  # fmt: skip
    facts.set = {name: value for name, value in fields.items() if value is not None}
    labels = {
        "tenant": "tenant_id",
        "principal": "principal",
        "agent_template": "agent_template_id",
        "correlation": "correlation_id",
    }
    facts.labels = {name: text for name, member in labels.items() if (text := word(data.get(member))) is not None}
    if data.get("state") not in ("Unknown", "Active", *STATES):
        report.damage.append(Damage("/state", f"{values.shown(data.get('state'))} is no state of a3s-code"))
    return facts


def model_of(data: dict[str, Json]) -> tuple[str | None, str | None]:
    """Provider and model of a session."""
    llm = data.get("llm_config")
    llm = llm if isinstance(llm, dict) else {}
    provider, model = word(llm.get("provider")), word(llm.get("model"))
    name = word(data.get("model_name"))
    if name is None:
        return provider, model
    first, slash, rest = name.partition("/")
    return (provider or (first if slash else None)), (model or (rest if slash else name))


def _gauge(usage: Json) -> Json:
    if not isinstance(usage, dict) or not usage.get("used_tokens"):
        return None
    names = {"used": "used_tokens", "max": "max_tokens", "percent": "percent", "turns": "turns"}
    return {name: usage[member] for name, member in names.items() if member in usage}
