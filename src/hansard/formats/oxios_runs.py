"""Runs that were begun here, as agent records of oxios."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import NAMESPACE_URL, UUID, uuid5

from ..codec import times
from ..errors import Invalid
from ..model.entry import Json
from ..store import Run
from .jsontext import Piece, pretty
from .oxios_reading import STATUSES
from .placing import chrono, writable


def own_runs(runs: Iterable[Run], session: str, *, known: Mapping[str, Piece]) -> dict[str, Piece]:
    """The records of the runs of a session, by their paths; `known` are those that came from oxios, which are written already.

    `session` is the name that the session has there.
    """
    there = {value.get("id") for value in (piece.value for piece in known.values()) if isinstance(value, dict)}
    found: dict[str, Piece] = {}
    for run in runs:
        path = f"agents/{uuid_of(run.id)}.json"
        if run.id not in there and path not in known:
            found[path] = Piece(writable(_record(run, session)))
    return found


def _record(run: Run, session: str) -> dict[str, Json]:
    record: dict[str, Json] = {
        "id": uuid_of(run.id), "name": run.agent or run.task or "agent", "status": agent_status(run.status),
        "created_at": _moment(run.started_at),
    }  # fmt: skip
    if run.project is not None and is_uuid(run.project):
        record["project_id"] = run.project
    record["started_at"] = _moment(run.started_at)
    if run.ended_at:
        record["completed_at"] = _moment(run.ended_at)
    if run.error is not None:
        record["error"] = run.error if isinstance(run.error, str) else pretty(run.error)
    elif run.status == "dead":
        record["error"] = "it ended without saying so"
    record |= {"steps_completed": run.steps, "tokens_input": run.usage.input, "tokens_output": run.usage.output}
    return record | {"cost_usd": float(run.usage.cost), "session_id": session}


def _moment(text: str) -> str:
    """A time as oxios spells it; what somebody wrote that is none becomes the beginning of 1970."""
    try:
        return chrono(times.normal(text))
    except Invalid:
        return "1970-01-01T00:00:00Z"


def agent_status(status: str) -> str:
    """The status of an agent that stands for one of ours."""
    known = {ours: theirs for theirs, ours in STATUSES.items()} | {"dead": "Failed"}
    return known.get(status, status if status in STATUSES else "Completed")


def uuid_of(identity: str) -> str:
    """The UUID that stands for an id: agents of oxios have no other ids."""
    return identity if is_uuid(identity) else str(uuid5(NAMESPACE_URL, identity))


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID in its usual spelling."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
