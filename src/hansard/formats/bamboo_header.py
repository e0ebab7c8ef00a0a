"""The header of a session as bamboo is to read it: what it came with, and what has changed here since."""

from __future__ import annotations

from typing import Any, Final

from ..codec import values
from ..model.entry import Json
from .bamboo_fields import NATIVE, OURS, STATUSES, effective, fields_of, obj_of, state_of
from .placing import chrono, writable
from .unbundling import Recorded

_EFFORTS: Final = frozenset(("low", "medium", "high", "xhigh", "max"))
_ORDER: Final = (
    "id", "title", "pinned", "title_version", "metadata_version", "kind", "parent_session_id", "root_session_id",
    "spawn_depth", "messages", "created_at", "updated_at", "task_list", "pending_question", "model", "model_ref",
    "reasoning_effort", "metadata", "token_budget", "token_usage", "conversation_summary", "prompt_snapshot",
    "compression_events", "compression_instructions", "agent_runtime_state", "runtime_metadata", "workspace",
)  # fmt: skip
_TYPED: Final = frozenset((
    "subagent_type", "last_run_status", "last_run_error", "provider_name", "skill_mode", "workspace_path",
    "reasoning_effort",
))  # fmt: skip
_BYPASS: Final = "bypass_permissions"
_RUNTIME: Final = frozenset(("plan_mode", "permission_mode", "waiting_for_children", _BYPASS))
_HERE: Final = frozenset(("imported", "last_run_status"))


class Header:
    """The members of a session file without its messages, changed step by step."""

    def __init__(self, recorded: Recorded, identity: str, lineage: dict[str, Json]) -> None:
        """`lineage` has kind, parent_session_id, root_session_id and spawn_depth."""
        self._info = recorded.info
        self._born = recorded.native is None
        base = effective({name: kept.data for name, kept in recorded.heads.items() if name in ("session", "runtime")})
        self._before = fields_of(base)
        self._state = state_of(base)
        base.pop("messages", None)
        base.pop("_bamboo_main_authority", None)
        self.members: dict[str, Any] = base
        self._begin(identity, lineage)

    def _begin(self, identity: str, lineage: dict[str, Json]) -> None:
        info, members = self._info, self.members
        members["id"] = identity
        members.update(lineage)
        if lineage["parent_session_id"] is None:
            del members["parent_session_id"]
        for name, value in (("title", "New Session"), ("pinned", False), ("title_version", 0), ("metadata_version", 0)):
            members.setdefault(name, value)
        members.setdefault("created_at", chrono(info.created_at))
        members["updated_at"] = chrono(max(info.updated_at, info.created_at))
        members.setdefault("model", "")
        if identity != info.id:
            self._note(NATIVE, info.id)

    def _note(self, name: str, value: str | None) -> None:
        """Set a value in the free metadata, and in its typed mirror where there is one; None removes it."""
        for holder in ("metadata", "runtime_metadata") if name in _TYPED else ("metadata",):
            found = {key: item for key, item in obj_of(self.members, holder).items() if key != name}
            if value is not None:
                found[name] = value
            if found:
                self.members[holder] = found
            else:
                self.members.pop(holder, None)

    def take_fields(self) -> None:
        """Take over what the session is now where that is not what it came with."""
        info = self._info
        fields = {name: value for name, value in info.fields.items() if name not in _HERE}
        now: dict[str, Json] = {
            **fields, "model": info.model, "provider": info.provider, "status": info.status, "error": info.error,
            "pinned": info.pinned or None,
            "title": info.title if info.title_source != "derived" or not self._before else self._before.get("title"),
        }  # fmt: skip
        changed = {
            name: now.get(name)
            for name in (*now, *self._before)
            if now.get(name) != self._before.get(name) and name not in ("title_source", *_HERE)
        }
        rest = {name: value for name, value in changed.items() if not self._set(name, value) and value is not None}
        self._take_ours(rest)

    def _set(self, name: str, value: Json) -> bool:
        """Set what a field of ours stands for; False if bamboo has nothing for it."""
        members = self.members
        if name == "title":
            members["title"] = value or ""
            members["title_version"] = int(members.get("title_version") or 0) + (
                1 if self._info.title_source == "given" else 0
            )
        elif name == "pinned":
            members["pinned"] = value is True
        elif name == "model":
            self._model(str(value or ""), self._info.provider)
        elif name == "provider":
            self._model(str(members.get("model") or ""), str(value) if value else None)
        elif name == "status":
            self._note("last_run_status", self._status(value))
        elif name == "error":
            text = value if isinstance(value, str) or value is None else values.encode(writable(value)).decode("utf-8")
            self._note("last_run_error", text)
        else:
            return self._member(name, value)
        return True

    def _member(self, name: str, value: Json) -> bool:
        plain = {"question": "pending_question", "workspace": "workspace", "reasoning_effort": "reasoning_effort"}
        notes = {
            "schedule_id": "created_by_schedule_id", "schedule_run_id": "schedule_run_id", "lifecycle": "lifecycle",
            "resident_name": "resident_name", "skill_mode": "skill_mode",
        }  # fmt: skip
        if value is None and name in plain:
            self.members.pop(plain[name], None)
        elif name == "workspace" and isinstance(value, str):
            self.members["workspace"] = value
            self._note("workspace_path", value)
        elif name == "reasoning_effort" and value in _EFFORTS:
            self.members["reasoning_effort"] = value
        elif name == "question" and isinstance(value, dict) and _is_question(value):
            self.members["pending_question"] = {"tool_call_id": "", "source": "pause_tool"} | value
        elif name in _RUNTIME and obj_of(self.members, "agent_runtime_state"):
            runtime = {key: item for key, item in self.members["agent_runtime_state"].items() if key != name}
            kept = {name: value} if value is not None else {"bypass_permissions": False} if name == _BYPASS else {}
            self.members["agent_runtime_state"] = runtime | kept
        elif name == "tasks" and isinstance(value, list) and obj_of(self.members, "task_list"):
            self.members["task_list"] = {**self.members["task_list"], "items": value}
        elif name in notes and (value is None or isinstance(value, str)):
            self._note(notes[name], value)
        else:
            return False
        return True

    def _model(self, model: str, provider: str | None) -> None:
        self.members["model"] = model
        if provider:
            self.members["model_ref"] = {"provider": provider, "model": model}
        else:
            self.members.pop("model_ref", None)

    def _status(self, value: Json) -> str | None:
        if not isinstance(value, str):
            return None
        said = self._info.fields.get("last_run_status")
        if isinstance(said, str) and STATUSES.get(said) == value:
            return said
        return "suspended" if value == "paused" else value

    def _take_ours(self, rest: dict[str, Json]) -> None:
        """Keep what bamboo has no member for, so that an import of ours finds it again."""
        info = self._info
        ours: dict[str, Json] = {}
        if rest:
            ours["fields"] = rest
        if info.state != self._state or self._born:
            ours["state"] = info.state
        metadata = {name: value for name, value in info.metadata.items() if name not in ("import_notes", "orphan_of")}
        if metadata:
            ours["metadata"] = metadata
        if info.agent and info.agent != "bamboo" and info.depth == 0:
            ours["agent"] = info.agent
        if info.user:
            ours["user"] = info.user
        if info.name and not self._before.get("resident_name"):
            self._note("lifecycle", "resident")
            self._note("resident_name", info.name)
        if info.agent and info.depth:
            self._note("subagent_type", info.agent)
        if ours:
            self._note(OURS, values.encode(writable(ours)).decode("utf-8"))

    def compressed(self, summary: str, at: str, count: int, event: str) -> None:
        """The conversation has a summary that stands for `count` messages."""
        said = chrono(at)
        self.members["conversation_summary"] = {
            "created_at": said, "updated_at": said, "content": summary, "message_count": count,
            "token_count": len(summary) // 4 + 1,
        }  # fmt: skip
        happened: dict[str, Json] = {
            "id": event, "created_at": said, "messages_compressed": count, "segments_removed": 0,
            "usage_before_percent": 0.0, "usage_after_percent": 0.0, "summary_tokens": len(summary) // 4 + 1,
            "trigger_type": "auto", "compression_ratio": 0.0, "latency_ms": 0,
        }  # fmt: skip
        events = self.members.get("compression_events")
        self.members["compression_events"] = [*(events if isinstance(events, list) else ()), happened]

    def ordered(self, *, children: dict[str, Json]) -> dict[str, Json]:
        """The members in bamboo's order, unknown ones last, with `messages` empty."""
        members: dict[str, Json] = {**self.members, "messages": []}
        runtime = members.get("agent_runtime_state")
        if isinstance(runtime, dict) and runtime:
            members["agent_runtime_state"] = {**runtime, "children": children}
        found = {name: members[name] for name in _ORDER if name in members} | members
        return {name: value for name, value in found.items() if value is not None}


def _is_question(value: dict[str, Json]) -> bool:
    """Whether bamboo can read it as a pending question."""
    return (
        isinstance(value.get("tool_call_id", ""), str)
        and isinstance(value.get("question"), str)
        and isinstance(value.get("options"), list)
        and all(isinstance(option, str) for option in value["options"])
        and isinstance(value.get("allow_custom"), bool)
    )


def index_entry(header: dict[str, Json], place: str, *, messages: int, attachments: bool) -> dict[str, Json]:
    """The entry of the index that bamboo would make of a header."""
    runtime = obj_of(header, "agent_runtime_state")
    notes = {**obj_of(header, "metadata"), **obj_of(header, "runtime_metadata")}
    entry: dict[str, Json] = {
        "id": header["id"], "kind": header.get("kind", "root"), "rel_path": place, "title": header.get("title", ""),
        "title_version": header.get("title_version", 0), "pinned": header.get("pinned", False),
        "parent_session_id": header.get("parent_session_id"), "root_session_id": header.get("root_session_id", ""),
        "spawn_depth": header.get("spawn_depth", 0), "model": header.get("model", ""),
        "model_ref": header.get("model_ref"), "reasoning_effort": header.get("reasoning_effort"),
        "gold_config_json": _blank(notes.get("gold_config")),
        "created_by_schedule_id": _blank(notes.get("created_by_schedule_id")),
        "schedule_run_id": _blank(notes.get("schedule_run_id")), "created_at": header.get("created_at"),
        "updated_at": header.get("updated_at"), "last_activity_at": header.get("updated_at"),
        "message_count": messages, "has_attachments": attachments,
        "has_pending_question": header.get("pending_question") is not None, "plan_mode": runtime.get("plan_mode"),
        "bypass_permissions": runtime.get("bypass_permissions") is True,
        "last_run_status": _blank(notes.get("last_run_status")), "last_run_error": _blank(notes.get("last_run_error")),
        "token_usage": header.get("token_usage"), "subagent_type": _blank(notes.get("subagent_type")),
        "lifecycle": _blank(notes.get("lifecycle")), "resident_name": _blank(notes.get("resident_name")),
    }  # fmt: skip
    return {name: value for name, value in entry.items() if value is not None or name == "parent_session_id"}


def _blank(value: Json) -> Json:
    return value if isinstance(value, str) and value.strip() else None
