"""Sessions and agent records of oxios, as its files hold them, into records.

A session has two lists of messages, steps and thoughts, all with their own times. They come in as one sequence: by time,
each list in its own order, at one time a person's message first, then steps, thoughts, answers. What an answer's range
of steps means is kept as links to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import merge
from typing import Any, Final

from ..codec import values
from ..limits import KIB
from ..model.counts import count, is_amount, odd
from ..model.entry import Json
from .jsontext import ObjectText, Piece, pretty, spelled, write_list, write_object
from .planning import moment, word
from .record import Call, Facts, Item, Record, Stretch, digest_of, digest_of_files, keep_exact, nanoseconds, sortable
from .report import Damage, FileReport

FORMAT: Final = "oxios"
HANSARD: Final = "hansard"
"""The member of `metadata` in which an export says what oxios has no place for."""

CATEGORIES: Final = frozenset((
    "agents", "personas", "cron", "knowledge-saves", "token-maxing", "email_sent", "seeds", "evals", "agent_groups",
    "memory",
))  # fmt: skip
"""Of documents; sessions aside."""

OTHERS: Final = "hansard_messages"
"""The list of messages that stand in the metadata, because oxios has no role for them."""

LISTS: Final = ("user_messages", "trajectory_steps", "reasoning_records", "agent_responses")
"""In the order that they have at one time."""
_ROLES: Final = {"user_messages": "user", "agent_responses": "assistant"}
_METADATA_BYTES: Final = 32 * KIB

STATUSES: Final = {
    "Starting": "pending",
    "Running": "running",
    "Idle": "paused",
    "Stopped": "cancelled",
    "Failed": "error",
    "Completed": "completed",
}
"""Of agents."""


class AgentFile:
    """One agent record, read."""

    def __init__(self, stem: str, data: bytes, text: str, value: dict[str, Json], report: FileReport) -> None:
        """Keep the file's name without its ending, bytes, text and value."""
        self.stem = stem
        self.data = data
        self.text = text
        self.value = value
        self.report = report
        if wrong := odd(value, ("tokens_input", "tokens_output"), ("cost_usd",)):
            report.notes.append(wrong)

    @property
    def session(self) -> str | None:
        """The session that it worked in."""
        return word(self.value.get("session_id"))


def session_record(
    stem: str,
    data: bytes,
    text: str,
    value: dict[str, Json],
    *,
    agents: list[AgentFile],
    report: FileReport,
    start: str,
) -> Record:
    """The record of a session file; `agents` are the records of the agents that worked in it."""
    body = ObjectText(text, value)
    said = told_by_hansard(value.get("metadata"))
    native = word(said.get("id")) or stem
    if value.get("id") != stem:
        report.notes.append(
            f"the id inside is {values.shown(value.get('id'))}; oxios goes by the file's name, and so do we"
        )
    at = moment(value.get("created_at")) or start
    lists = [name for name in LISTS if isinstance(value.get(name), list)]
    record = Record(
        format=FORMAT,
        native=native,
        digest=digest_of_files({"session": data, **{f"agents/{agent.stem}": agent.data for agent in agents}}),
        report=report,
        parent=word(value.get("parent_session_id")),
        agent=FORMAT,
        user=word(value.get("user_id")),
        at=at,
        ended=moment(value.get("updated_at")) or at,
        updated=sortable(nanoseconds(value.get("updated_at"))),
        anchors=[f"created_at {value['created_at']}"] if word(value.get("created_at")) else [],
        conversation=("user_messages", "agent_responses"),
        fields={name: body.member(name) for name in body.spans if name not in lists},
        order={"": list(body.spans)},
        files=[f"sessions/{stem}.json"],
        facts=_facts(value, report),
    )
    for agent in agents:
        _add_agent(record, agent, at)
    record.items += _merged(body, lists, at)
    record.total = _totals(agents)
    keep_exact(record, record.files[0], data, document_text(record, lists))
    record.items = _with_others(record.items, said.get("messages"), at)
    return record


def _with_others(items: list[Item], others: Json, at: str) -> list[Item]:
    """The items with the messages that an export of ours had no list for, each where it stood."""
    waiting = [one for one in others if isinstance(one, dict)] if isinstance(others, list) else []
    found: list[Item] = []
    said = 0
    for item in [*items, None]:
        is_message = item is None or item.list in _ROLES
        while waiting and is_message and (item is None or waiting[0].get("after", 0) <= said):
            one = waiting.pop(0)
            role = word(one.get("role")) or "system"
            found.append(Item(OTHERS, Piece(one), role=role, at=moment(one.get("at")) or at))
        if item is not None:
            found.append(item)
            said += is_message
    return found


def told_by_hansard(metadata: Json) -> dict[str, Json]:
    """What an export of ours said of the session, in the metadata of the file."""
    said = metadata.get(HANSARD) if isinstance(metadata, dict) else None
    return said if isinstance(said, dict) else {}


def _facts(value: dict[str, Json], report: FileReport) -> Facts:
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    facts = Facts()
    persona, seed, project = word(value.get("active_persona_id")), word(value.get("active_seed_id")), project_of(value)
    facts.labels = {name: text for name, text in (("persona", persona), ("seed", seed)) if text is not None}
    said = told_by_hansard(metadata)
    fields = {
        "title": word(metadata.get("title")),
        "project": project,
        "persona": persona,
        "status": word(said.get("status")),
    }
    facts.set = {name: text for name, text in fields.items() if text is not None}
    shown = {name: item for name, item in metadata.items() if name != HANSARD}
    if len(values.encode(shown)) <= _METADATA_BYTES:
        facts.metadata = shown
    else:
        report.notes.append("its metadata is too large to be listed; it is kept with the session's record")
    return facts


def project_of(value: dict[str, Json]) -> str | None:
    """The project of a session: its field, else the names that older versions had in the metadata."""
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    first = str(metadata.get("project_ids") or "").partition(",")[0].strip()
    return word(value.get("project_id")) or word(metadata.get("project_id")) or word(first)


def _merged(body: ObjectText, lists: list[str], start: str) -> list[Item]:
    """All elements in one order."""
    streams = [_timed(body.items(name), name, rank, start) for rank, name in enumerate(LISTS) if name in lists]
    items: list[Item] = []
    # merge() is stable and looks at heads only, so that a list whose times go back keeps its own order.
    for _, _, _, item in merge(*streams, key=lambda found: (found[0], found[1])):
        items.append(item)
    _link_steps(items)
    return items


def _timed(pieces: list[Piece], name: str, rank: int, start: str) -> list[tuple[int, int, int, Item]]:
    found: list[tuple[int, int, int, Item]] = []
    now, at = nanoseconds(start) or 0, start
    for place, piece in enumerate(pieces):
        value: dict[str, Json] = piece.value if isinstance(piece.value, dict) else {}
        said = nanoseconds(value.get("timestamp"))
        if said is not None:
            now, at = said, moment(value["timestamp"]) or at
        found.append((now, rank, place, _item(name, piece, value, at)))
    return found


def _item(name: str, piece: Piece, value: dict[str, Json], at: str) -> Item:
    if name == "trajectory_steps":
        return Item(name, piece, type="step", at=at, body=step_body(value, "tool_name", "tool_args", "output_summary"))
    if name == "reasoning_records":
        said = {"text": value.get("content"), "source": value.get("source")}
        return Item(name, piece, type="reasoning", at=at, body=_said(said))
    return Item(name, piece, role=_ROLES[name], at=at, body=_answer(value) if name == "agent_responses" else {})


def step_body(value: dict[str, Json], name: str, arguments: str, output: str) -> dict[str, Json]:
    """A step in the terms of `Session.trajectory`, from an object that has other names for them."""
    call = word(value.get("tool_call_id"))
    said = {
        "name": value.get(name),
        "arguments": value.get(arguments),
        "summary" if output == "output_summary" else "output": value.get(output),
        "duration_ms": value.get("duration_ms"),
        "error": True if value.get("is_error") is True else None,
        "started_at": value.get("timestamp"),
        # oxios numbers its steps anew with every turn: such a name says nothing.
        "tool_call_id": None if call is None or call.startswith("legacy-") else call,
    }
    return _said(said)


def _said(values_: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in values_.items() if value is not None}


def _link_steps(items: list[Item]) -> None:
    """Each step that an answer's range names says which answer that is."""
    steps = [item for item in items if item.list == "trajectory_steps"]
    answers = [item for item in items if item.list == "agent_responses"]
    for place, answer in enumerate(answers):
        value = answer.piece.value
        span = value.get("trajectory_range") if isinstance(value, dict) else None
        first, end = (span.get("start"), span.get("end")) if isinstance(span, dict) else (None, None)
        if type(first) is not int or type(end) is not int:
            continue
        link = Stretch(answer.list, place, 1, digest_of([answer.piece])).id
        for step in steps[max(first, 0) : max(end, 0)]:
            step.body.setdefault("answer", link)


def _answer(value: dict[str, Json]) -> dict[str, Json]:
    """What an answer says beside its text: how it was judged."""
    metadata: dict[str, Json] = {
        name: value[name] for name in ("phase_reached", "evaluation_passed", "seed_id") if value.get(name) is not None
    }
    return {"metadata": metadata} if metadata else {}


def _add_agent(record: Record, agent: AgentFile, start: str) -> None:
    whole = Piece(agent.value) if _usual(agent) else Piece(agent.value, agent.text)
    record.items.append(_run(f"agents/{agent.stem}", whole, agent, start))
    record.calls += agent_calls(agent)
    record.facts.set["run_id"] = _identity(agent)


def _identity(agent: AgentFile) -> str:
    return word(agent.value.get("id")) or agent.stem


def _run(name: str, piece: Piece, agent: AgentFile, start: str) -> Item:
    """What an agent did, in the terms of `Store.runs`."""
    value = agent.value
    status = STATUSES.get(str(value.get("status")), word(value.get("status")))
    call = next((one.body for one in agent_calls(agent)), {})
    said: dict[str, Json] = {
        "run": _identity(agent), "agent": word(value.get("name")), "status": status, "error": value.get("error"),
        "started_at": moment(value.get("started_at")) or moment(value.get("created_at")) or None,
        "ended_at": moment(value.get("completed_at")) or None,
        "steps": value.get("steps_completed") if type(value.get("steps_completed")) is int else None,
        "usage": {"calls": 1, **{one: call[one] for one in ("input", "output", "cost") if one in call}} if call else None,
    }  # fmt: skip
    ended = status not in ("pending", "running", "paused")
    at = moment(value.get("created_at")) or start
    kind = "run.ended" if ended else "run.started"
    return Item(name, piece, type=kind, at=at, run=_identity(agent), body=_said(said))


def _usual(agent: AgentFile) -> bool:
    return pretty(agent.value) == agent.text


def agent_calls(agent: AgentFile) -> list[Call]:
    """The usage of an agent, as one call: oxios counts no single ones."""
    value = agent.value
    body: dict[str, Json] = {"input": count(value.get("tokens_input")), "output": count(value.get("tokens_output"))}
    cost = value.get("cost_usd")
    if is_amount(cost) and cost:
        body["cost"] = cost
    model = word(value.get("model_id"))
    if model is not None:
        body["model"] = model
    if not any(body.get(name) for name in ("input", "output", "cost")):
        return []
    body["call"] = f"agent {agent.stem}"
    at = moment(value.get("completed_at")) or moment(value.get("created_at"))
    return [Call(f"agent/{agent.stem}", body, at)]


def _totals(agents: list[AgentFile]) -> dict[str, float]:
    total: dict[str, float] = {}
    for agent in agents:
        for call in agent_calls(agent):
            for name in ("input", "output", "cost"):
                total[name] = total.get(name, 0) + (call.body.get(name) or 0)
    return total


def agent_record(agent: AgentFile, start: str) -> Record:
    """The record of an agent that worked in no session that is here: a session of kind `run`."""
    value = agent.value
    body = ObjectText(agent.text, value)
    at = moment(value.get("created_at")) or start
    lists = ["tool_calls"] if isinstance(value.get("tool_calls"), list) else []
    said = value.get(HANSARD)
    native = word(said.get("id")) if isinstance(said, dict) else None
    facts = Facts()
    status = STATUSES.get(str(value.get("status")), word(value.get("status")))
    names: Mapping[str, Any] = {
        "title": word(value.get("name")), "status": status, "project": word(value.get("project_id")),
        "model": word(value.get("model_id")), "error": value.get("error"),
    }  # fmt: skip
    facts.set = {name: item for name, item in names.items() if item is not None}
    facts.set["run_id"] = _identity(agent)
    if agent.session is not None:
        facts.labels = {"session": agent.session}
    record = Record(
        format=FORMAT,
        native=native or agent.stem,
        digest=digest_of_files({"agent": agent.data}),
        report=agent.report,
        origin={"kind": "agent"},
        kind="run",
        agent=FORMAT,
        at=at,
        ended=moment(value.get("completed_at")) or at,
        anchors=[f"created_at {value['created_at']}"] if word(value.get("created_at")) else [],
        fields={name: body.member(name) for name in body.spans if name not in lists},
        order={"": list(body.spans)},
        files=[f"agents/{agent.stem}.json"],
        facts=facts,
        calls=agent_calls(agent),
        total=_totals([agent]),
    )
    for name in lists:
        for piece in body.items(name):
            when = moment(piece.value.get("timestamp")) if isinstance(piece.value, dict) else ""
            said = step_body(piece.value, "tool", "input", "output") if isinstance(piece.value, dict) else {}
            record.items.append(Item(name, piece, type="step", at=when or at, run=_identity(agent), body=said))
    record.items.append(_run("run", Piece(None), agent, start))
    keep_exact(record, record.files[0], agent.data, document_text(record, lists))
    return record


def document_text(record: Record, lists: list[str]) -> str:
    """The text that the pieces of a record give."""
    found: dict[str, list[str]] = {name: [] for name in lists}
    for item in record.items:
        if item.list in found:
            found[item.list].append(spelled(item.piece, 2))
    texts = {name: write_list(elements, 1) for name, elements in found.items()}
    texts |= {name: spelled(one, 1) for name, one in record.fields.items()}
    return write_object([(name, texts[name]) for name in record.order[""]], 0)


def object_of(value: Json, report: FileReport) -> dict[str, Json] | None:
    """The value if it is an object; else the report says what is wrong."""
    if isinstance(value, dict):
        return value
    report.damage.append(Damage("document", f"an object was expected, not {type(value).__name__}"))
    return None
