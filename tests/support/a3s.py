"""Small stores of a3s-code in both layouts, as its writer leaves them."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

IMAGE = b"\x89PNG\r\n\x1a\n" + Random(7).randbytes(3000)
RUN = "run-11111111-2222-4333-8444-555555555555"
MS = 1_795_213_270_000
_WAL = "a3s.code.session-store-wal-entry"


def text(role: str, said: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": said}], **more}


def data(identity: str, messages: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """The session's own data."""
    return {
        "id": identity,
        "config": {
            "name": "", "workspace": "/home/ana/quay", "system_prompt": "Be brief.", "max_context_length": 200000,
            "auto_compact": False, "auto_compact_threshold": 0.8, "storage_type": "file",
            "permission_policy": {"deny": [{"rule": "Bash(rm:*)"}], "allow": [], "ask": [], "odd": 1},
            "planning_mode": "Auto", "goal_tracking": False,
        },
        "state": "Active",
        "messages": talk() if messages is None else messages,
        "context_usage": {"used_tokens": 0, "max_tokens": 200000, "percent": 0.0, "turns": 0},
        "total_usage": {
            "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "cache_read_tokens": 40,
            "cache_write_tokens": None,
        },
        "total_cost": 0.5,
        "model_name": "openai/fake-1",
        "cost_records": [],
        "tool_names": ["read", "bash"],
        "thinking_enabled": False,
        "thinking_budget": None,
        "created_at": MS // 1000,
        "updated_at": MS // 1000 + 60,
        "llm_config": {"provider": "openai", "model": "fake-1", "base_url": None},
        "tasks": [{"id": "t1", "content": "count", "status": "pending", "priority": "medium"}],
        **more,
    }  # fmt: skip


def talk() -> list[dict[str, Any]]:
    source = {"type": "base64", "media_type": "image/png", "data": b64encode(IMAGE).decode()}
    return [
        {"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": "Count the boats"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "bash", "input": {"command": "ls", "n": 1.0}},
            ],
            "reasoning_content": "harbour first",
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "3\n", "is_error": False, "trust": "x"}
            ],
        },
        text("assistant", "Three."),
    ]


def runs(identity: str) -> list[dict[str, Any]]:
    usage = {"prompt_tokens": 60, "completion_tokens": 12, "total_tokens": 72, "cache_read_tokens": None}
    events: list[dict[str, Any]] = [{"type": "agent_start", "prompt": "Count"}, {"type": "turn_start", "turn": 1}]
    events += [{"type": "text_delta", "text": word} for word in ("I ", "look", ".")]
    events += [{"type": "tool_output_delta", "id": "c1", "name": "bash", "delta": f"{n}\n"} for n in range(300)]
    events += [{"type": "turn_end", "turn": 1, "usage": usage}, {"type": "never_heard_of", "deep": {"z": [1e-7]}}]
    return [
        {
            "snapshot": {
                "id": RUN, "session_id": identity, "status": "completed", "prompt": "Count", "created_at_ms": MS,
                "updated_at_ms": MS + 900, "result_text": "Three.", "event_count": len(events) + 3,
            },
            "events": [
                {"sequence": n + 3, "timestamp_ms": MS + n, "event": event} for n, event in enumerate(events)
            ],
        }
    ]  # fmt: skip


ARTIFACT = {
    "artifact_id": "tool-output:bash:ab12", "artifact_uri": "a3s://tool-output/bash/ab12", "tool_name": "bash",
    "content": "3\n" * 10, "original_bytes": 20, "shown_bytes": 4,
}  # fmt: skip
TRACE = {"schema": "a3s.trace_event.v1", "kind": "tool_execution", "name": "bash", "success": True, "exit_code": 0}
REPORT = {"schema": "a3s.verification_report.v1", "subject": "unit", "status": "passed", "checks": []}


def dumps(value: Any) -> bytes:
    """As a3s-code writes JSON: one number is spelled in a way that Python does not."""
    return json.dumps(value, indent=2, ensure_ascii=False).replace("1e-07", "1e-7").encode()


def legacy() -> dict[str, bytes]:
    """A store of the older layout: two sessions whose ids the layout mixes up, and one with all its parts."""
    parts: dict[str, Any] = {
        "artifacts/plain/artifacts.json": {"artifacts": [ARTIFACT]},
        "traces/plain.json": [TRACE],
        "runs/plain.json": runs("plain"),
        "verification/plain.json": [REPORT],
    }
    files = {"plain.json": dumps(data("plain")), "__escape.json": dumps(data("../escape", [text("user", "out?")]))}
    files["child.json"] = dumps(data("child", [text("user", "from above")], parent_id="plain"))
    return files | {path: dumps(value) for path, value in parts.items()}


def name(identity: str) -> str:
    return "id_" + urlsafe_b64encode(identity.encode()).decode().rstrip("=")


def snapshot(identity: str) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "session": data(identity, tenant_id="acme"),
        "artifacts": [ARTIFACT],
        "retained_artifact_uris": [ARTIFACT["artifact_uri"]],
        "trace_events": [TRACE],
        "run_records": runs(identity),
        "verification_reports": [],
        "subagent_tasks": [
            {
                "task_id": "t",
                "parent_session_id": identity,
                "child_session_id": "c",
                "started_ms": MS,
                "status": "running",
            }
        ],
        "session_review": {"schema": "a3s.code.session-review-store.v1", "sessionId": identity, "findings": []},
    }


def wal(*entries: tuple[str, bytes, str]) -> bytes:
    """Lines for (session, file, phase)."""
    lines: list[str] = []
    for number, (session, file, phase) in enumerate(entries, 1):
        dense = json.dumps(json.loads(file), separators=(",", ":"), ensure_ascii=False).replace("1e-07", "1e-7")
        digest = "sha256:" + sha256(f"a3s.code.session-store-snapshot.identity.v1\0{dense}".encode()).hexdigest()
        said = {
            "schema": f"{_WAL}.v1", "sequence": number, "session_id": session, "snapshot_digest": digest, "phase": phase,
            "recorded_at_ms": MS,
        }  # fmt: skip
        own = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
        entry = sha256(f"{_WAL}.identity.v1\0{own}".encode()).hexdigest()
        camel = dict(
            zip(
                ("schema", "sequence", "sessionId", "snapshotDigest", "phase", "recordedAtMs"),
                said.values(),
                strict=True,
            )
        )
        lines.append(json.dumps({**camel, "entryDigest": f"sha256:{entry}"}, separators=(",", ":"), ensure_ascii=False))
    return ("\n".join(lines) + "\n").encode()


def v1() -> dict[str, bytes]:
    """A store of the newer layout, with an older file of one of its sessions beside it."""
    alpha, under = dumps(snapshot("team/alpha")), dumps(snapshot("team_alpha"))
    return {
        f"v1/sessions/{name('team/alpha')}.json": alpha,
        f"v1/sessions/{name('team_alpha')}.json": under,
        "v1/loop_checkpoints/" + name(RUN) + ".json": dumps(
            {"schema_version": 1, "run_id": RUN, "session_id": "team/alpha"}
        ),
        "v1/wal/session-store.ndjson": wal(("team/alpha", alpha, "committed"), ("team_alpha", under, "intent")),
        "v1/wal/session-store.lock": b"",
        "v1/writer_lease.json": dumps({"schema": "x", "epoch": 1, "holderId": "host:1", "acquiredAtMs": MS}),
        "team_alpha.json": dumps(data("team_alpha", [text("user", "old")])),
    }


def build(folder: Path, files: dict[str, bytes]) -> Path:
    """The directory on disk."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
