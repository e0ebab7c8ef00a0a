"""The rules by which crabtalk reads its sessions, written down apart from our own reader, for both of its eras."""

from __future__ import annotations

import json
from pathlib import Path

BLOCKS = {
    "text": ("text",),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id", "content"),
    "thinking": ("thinking",),
    "image": ("source",),
}
EVENTS = {
    "tool_start": ("calls", "ts"),
    "tool_result": ("call_id", "duration_ms", "ts"),
    "done": ("model", "iterations", "stop_reason", "usage", "ts"),
    "user_steered": ("content", "ts"),
}


def kind_of(step: object, era: int) -> str | None:
    if not isinstance(step, dict):
        return None
    if isinstance(step.get("archive_name"), str) and isinstance(step.get("archived_at"), str):
        return "compact"
    if isinstance(step.get("compact"), str):
        return "legacy"
    if "event" in step:
        return "event" if all(name in step for name in EVENTS.get(step["event"], ("no such event",))) else None
    message = step.get("message")
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return None
    return "entry" if era == 1 or are_blocks(message.get("content")) else None


def are_blocks(content: object) -> bool:
    if not isinstance(content, list):
        return False
    for block in content:
        if not isinstance(block, dict) or not all(name in block for name in BLOCKS.get(block.get("type"), ("none",))):
            return False
        if block["type"] == "tool_use" and not isinstance(block["input"], dict):
            return False
        inner = block["content"] if block["type"] == "tool_result" else ""
        if not isinstance(inner, str) and not are_blocks(inner):
            return False
    return True


def load(folder: Path, *, era: int) -> tuple[list[dict], str | None]:
    """The history and the archive's name that crabtalk loads; names are sorted as text, temporary files included."""
    meta = json.loads((folder / "meta").read_text(encoding="utf-8"))
    assert all(isinstance(meta[name], str) for name in ("agent", "created_by", "created_at"))
    history: list[dict] = []
    archive: str | None = None
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("step-"):
            continue
        step = json.loads(path.read_bytes())
        kind = kind_of(step, era)
        assert kind is not None, f"{path} would be skipped by crabtalk of era {era}: {step}"
        if kind in ("compact", "legacy"):
            history, archive = [], step.get("archive_name")
        elif kind == "entry":
            history.append(step)
    return history, archive
