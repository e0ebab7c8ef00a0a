"""A small state directory as oxios writes it, and what an import has to make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MAIN = "0b7d4f6e-51c2-4d0e-9d60-0e8f1d2c3b4a"
THREAD = "7f3c2b1a-90de-4c5b-8a79-6655443322aa"
AGENT = "3d1e9c52-7b8a-4f60-9c1d-2e3f4a5b6c7d"
LONE = "c0ffee00-1111-4222-8333-444455556666"


def main_session() -> dict[str, Any]:
    return {
        "id": MAIN,
        "user_id": "web-user",
        "user_messages": [
            {"content": "Count the boats", "timestamp": "2026-08-20T09:15:02.118204911Z"},
            {"content": "여기도! 📄", "timestamp": "2026-08-20T09:17:40.005Z"},
            {"content": "And the last one?", "timestamp": "2026-08-20T09:18:00Z"},
        ],
        "agent_responses": [
            {
                "content": "There are three.", "session_id": MAIN, "phase_reached": "executed", "evaluation_passed": True,
                "timestamp": "2026-08-20T09:15:31.880114002Z", "trajectory_range": {"start": 0, "end": 2},
            },
            {
                "content": "Here, too.", "session_id": MAIN, "phase_reached": None, "evaluation_passed": None,
                "timestamp": "2026-08-20T09:18:00Z", "mood": "calm",
            },
        ],
        "trajectory_steps": [
            {
                "tool_name": name, "tool_args": {"pattern": "boat"}, "output_summary": "3", "duration_ms": 41,
                "is_error": number == 1, "tool_call_id": f"legacy-{number}", "timestamp": "2026-08-20T09:15:31.880100Z",
            }
            for number, name in enumerate(("grep", "wc"))
        ],
        "reasoning_records": [
            {
                "content": "Look first.", "source": "thinking", "timestamp": "2026-08-20T09:15:31.880113Z",
                "segments": [{"before_step": 0, "text": "Look first."}],
            }
        ],
        "active_persona_id": "harbour",
        "project_id": "quay",
        "created_at": "2026-08-20T09:15:02.117900001Z",
        "updated_at": "2026-08-20T09:18:00.003411090Z",
        "metadata": {"title": "Boats", "ratio": 0.1},
    }  # fmt: skip


def thread() -> dict[str, Any]:
    return {
        "id": THREAD,
        "user_id": "web-user",
        "user_messages": [{"content": "Aside", "timestamp": "2026-08-20T10:00:00Z"}],
        "agent_responses": [],
        "parent_session_id": MAIN,
        "created_at": "2026-08-20T09:59:59Z",
        "updated_at": "2026-08-20T10:00:00Z",
        "metadata": {},
    }


def agent(identity: str, session: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": identity, "name": "counter", "status": "Completed" if session else "Failed",
        "created_at": "2026-08-20T09:15:03Z", "steps_completed": 1,
        "tool_calls": [
            {"tool": "grep", "input": "{}", "output": "3", "duration_ms": 4, "is_error": False, "tool_call_id": "c1"}
        ],
        "tokens_input": 1830, "tokens_output": 212, "cost_usd": 0.0123, "model_id": "prov/model-x",
    }  # fmt: skip
    return found | ({"session_id": session} if session else {"error": "out of budget"})


def dumps(value: Any) -> bytes:
    """As oxios writes JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def files() -> dict[str, bytes]:
    """The files of the directory by their paths."""
    return {
        f"sessions/{MAIN}.json": dumps(main_session()),
        f"sessions/{THREAD}.json": dumps(thread()),
        # A number that Python spells another way, and a member that no version of oxios has.
        "sessions/telegram-7.json": (
            b'{\n  "id": "telegram-7",\n  "user_id": "telegram:7",\n  "user_messages": [],\n  "agent_responses": [],\n'
            b'  "odd": 1e-7,\n  "created_at": "2026-08-22T07:01:01.000010Z",\n'
            b'  "updated_at": "2026-08-22T07:01:01.000010Z",\n  "metadata": {}\n}'
        ),
        f"agents/{AGENT}.json": dumps(agent(AGENT, MAIN)),
        f"agents/{LONE}.json": dumps(agent(LONE, None)),
        "personas/index.json": dumps({"schema_version": 2, "personas": [{"id": "harbour"}]}),
        f"knowledge-saves/{MAIN}.json": dumps([{"message_index": 1, "knowledge_path": "notes/boats.md"}]),
        "memory/facts/boats.md": "# Boats\n\nThey float – mostly.\n".encode(),
        "memory/facts/boats.json": b'{"float": 1e-7}',
    }


def build(folder: Path, found: dict[str, bytes] | None = None) -> Path:
    """The directory on disk."""
    for name, data in (files() if found is None else found).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
