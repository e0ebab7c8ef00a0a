"""The rules by which bamboo reads a home, written down apart from our own reader: what breaks one makes it unloadable."""

from __future__ import annotations

import json
import re
from pathlib import Path

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?(Z|[+-]\d\d:\d\d)")
ROLES = ("system", "user", "assistant", "tool")


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check_message(message: dict) -> None:
    assert message["role"] in ROLES
    assert isinstance(message["content"], str)
    assert isinstance(message.get("id", ""), str)
    if message.get("phase") is not None:
        assert message["phase"] in ("commentary", "final_answer")
    for call in message.get("tool_calls") or ():
        assert {"id", "type", "function"} <= call.keys()
        assert isinstance(call["function"]["name"], str)
        assert isinstance(call["function"]["arguments"], str)
    for part in message.get("content_parts") or ():
        assert part["type"] in ("text", "image_url")
        assert isinstance(part["text"] if part["type"] == "text" else part["image_url"]["url"], str)
    for name in ("compressed", "never_compress", "tool_success"):
        assert isinstance(message.get(name, False), bool)
    assert "created_at" not in message or TIME.fullmatch(message["created_at"])


def check_header(header: dict) -> None:
    assert isinstance(header["id"], str)
    assert header["id"].strip()
    assert not any(piece in header["id"] for piece in ("/", "\\", ".."))
    for name in ("title", "model", "root_session_id"):
        assert isinstance(header.get(name, ""), str)
    for name in ("title_version", "metadata_version", "spawn_depth"):
        assert is_count(header.get(name, 0))
    assert header.get("kind", "root") in ("root", "child")
    assert isinstance(header.get("pinned", False), bool)
    for name in ("created_at", "updated_at"):
        assert TIME.fullmatch(header[name])
    assert header.get("reasoning_effort") in (None, "low", "medium", "high", "xhigh", "max")
    metadata = header.get("metadata", {})
    assert all(isinstance(value, str) for value in metadata.values())
    question = header.get("pending_question")
    if question is not None:
        assert {"tool_call_id", "question", "options", "allow_custom"} <= question.keys()
    summary = header.get("conversation_summary")
    if summary is not None:
        assert {"created_at", "updated_at", "content", "message_count", "token_count"} <= summary.keys()
        assert is_count(summary["message_count"])
    for event in header.get("compression_events", ()):
        assert {"id", "created_at", "messages_compressed", "segments_removed", "trigger_type"} <= event.keys()
        assert event["trigger_type"] in ("auto", "manual", "critical_overflow")
    reference = header.get("model_ref")
    assert reference is None or (isinstance(reference["provider"], str) and isinstance(reference["model"], str))


def load(home: Path) -> dict[str, dict]:
    """What bamboo of June 2026 loads: every session of the index, its sidecar with the messages of its file."""
    index = json.loads((home / "sessions.json").read_text(encoding="utf-8"))
    assert index["version"] in (2, 3, 4)
    assert TIME.fullmatch(index["updated_at"])
    found: dict[str, dict] = {}
    for identity, entry in index["sessions"].items():
        assert entry["id"] == identity
        assert entry["kind"] in ("root", "child")
        assert {"parent_session_id", "root_session_id", "spawn_depth", "message_count"} <= entry.keys()
        assert all(TIME.fullmatch(entry[name]) for name in ("created_at", "updated_at", "last_activity_at"))
        folder = home / entry["rel_path"]
        assert (folder / "attachments").is_dir()
        main = json.loads((folder / "session.json").read_text(encoding="utf-8"))
        check_header(main)
        for message in main["messages"]:
            check_message(message)
        merged = main
        if (folder / "runtime.json").exists():
            side = json.loads((folder / "runtime.json").read_text(encoding="utf-8"))
            check_header(side)
            assert side["messages"] == []
            merged = {**side, "messages": main["messages"]}
        assert entry["rel_path"].rpartition("/")[2] == main["id"] == identity
        found[identity] = merged
    return found
