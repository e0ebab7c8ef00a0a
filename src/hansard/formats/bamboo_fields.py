"""What the header of a bamboo session says about it, in the words that Hansard has for the same things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..codec import values
from ..model.entry import Json
from .bamboo_json import members_of
from .bundles import View, instant
from .planning import word

STATUSES: Final = {"suspended": "paused", "timeout": "error"}
"""Statuses that have another word here; all others are the same, or are kept as they are."""

COMPACTION: Final = "compaction:"
"""Entries of this kind that follow from a summary of bamboo's own have an id that begins so."""

NATIVE: Final = "hansard.id"
"""The key of a session's free metadata that holds its id here, where bamboo could not take that."""

OWN: Final = "hansard"
"""The key of a message's metadata that holds what bamboo has no word for: its `role`, or its `parts`."""

OURS: Final = "hansard.session"
"""The key of a session's free metadata that holds, as JSON text, what bamboo has no member for."""


def header_of(data: bytes) -> dict[str, Json]:
    """The members of a session file, or of a sidecar; of a damaged one, those that are whole."""
    return members_of(data.decode("utf-8", "replace"))


def effective(heads: Mapping[str, bytes]) -> dict[str, Json]:
    """The header that counts: the sidecar's if it is as new as the session file or newer, else the session file's."""
    main = header_of(heads["session"]) if "session" in heads else {}
    side = header_of(heads["runtime"]) if "runtime" in heads else {}
    if not side or not main:
        return side or main
    return main if is_stale(main, side) else side


def is_stale(main: dict[str, Json], side: dict[str, Json]) -> bool:
    """Whether the sidecar is older than the session file, which was restored or edited then."""
    ours, theirs = instant(main.get("updated_at")), instant(side.get("updated_at"))
    return ours is not None and (theirs is None or theirs < ours)


def view_of(heads: Mapping[str, bytes]) -> View:
    """Fields, state and metadata of the session that these heads describe."""
    header = effective(heads)
    view = View(set=fields_of(header), state=state_of(header))
    ours = ours_of(header)
    view.set |= {name: value for name, value in obj_of(ours, "fields").items() if name not in view.set}
    view.metadata |= obj_of(ours, "metadata")
    if "state" in ours:
        view.state = obj_of(ours, "state")
    notes = heads.get("notes")
    if notes:
        view.metadata["import_notes"] = notes.decode("utf-8", "replace").split("\n")
    return view


def ours_of(header: dict[str, Json]) -> dict[str, Json]:
    """What an export of ours has put beside the members that bamboo has."""
    text = obj_of(header, "metadata").get(OURS)
    try:
        found = values.decode(text.encode()) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def obj_of(holder: dict[str, Json], name: str) -> dict[str, Json]:
    """A member that is an object; an empty one if it is none."""
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def known(header: dict[str, Json], name: str) -> Json:
    """A well-known value: the typed one, else the one in the free metadata; None if both are blank."""
    for member in ("runtime_metadata", "metadata"):
        value = obj_of(header, member).get(name)
        if value is not None and value != "" and not (isinstance(value, str) and not value.strip()):
            return value
    return None


def fields_of(header: dict[str, Json]) -> dict[str, Json]:
    """The fields of the session's info."""
    runtime, reference = obj_of(header, "agent_runtime_state"), obj_of(header, "model_ref")
    status = word(known(header, "last_run_status"))
    tasks = header.get("task_list", header.get("todo_list"))
    found: dict[str, Json] = {
        "model": word(header.get("model")) or word(reference.get("model")),
        "provider": word(reference.get("provider")) or word(known(header, "provider_name")),
        "status": STATUSES.get(status, status) if status else None,
        "last_run_status": status if status in STATUSES else None,
        "error": known(header, "last_run_error"),
        "workspace": word(header.get("workspace")) or known(header, "workspace_path"),
        "reasoning_effort": header.get("reasoning_effort") or known(header, "reasoning_effort"),
        "question": header.get("pending_question"),
        "tasks": tasks.get("items") if isinstance(tasks, dict) else None,
        "plan_mode": runtime.get("plan_mode"),
        "bypass_permissions": runtime.get("bypass_permissions") or None,
        "permission_mode": runtime.get("permission_mode"),
        "waiting_for_children": runtime.get("waiting_for_children"),
        "schedule_id": known(header, "created_by_schedule_id"),
        "schedule_run_id": known(header, "schedule_run_id"),
        "lifecycle": known(header, "lifecycle"),
        "resident_name": known(header, "resident_name"),
        "skill_mode": known(header, "skill_mode") or known(header, "mode"),
    }
    found = {name: value for name, value in found.items() if value is not None}
    title = word(header.get("title"))
    if title is not None and title.strip():
        given = isinstance(header.get("title_version"), int) and header["title_version"] > 0
        found |= {"title": title, "title_source": "given" if given else "generated"}
    if header.get("pinned") is True:
        found["pinned"] = True
    return found


def state_of(header: dict[str, Json]) -> dict[str, Json]:
    """The state: the header as it is, without the messages and without counts of children, which are derived."""
    state = {name: value for name, value in header.items() if name != "messages"}
    runtime = state.get("agent_runtime_state")
    if isinstance(runtime, dict) and runtime.get("children"):
        state["agent_runtime_state"] = {**runtime, "children": {}}
    if state.get("kind", "root") == "root":
        # A root's budget is a stale cache, which bamboo itself discards when it loads one.
        state.pop("token_budget", None)
    return state
