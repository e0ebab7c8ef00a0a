"""Small directories of other programs for the tests, and ways to damage them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hansard.formats.crabtalk_memory import ARCHIVE, NOTE, Memory, write_memories

PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


def samples() -> Path:
    place = os.environ.get("HANSARD_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples"
    if not Path(place).is_dir():
        pytest.skip(f"no sample directories of other programs at {place}; set HANSARD_SAMPLES")
    return Path(place)


def copied(name: str, goal: Path) -> Path:
    """A sample in a folder of the test's own, with the empty folders that version control can't carry."""
    shutil.copytree(samples() / name, goal)
    for path in (goal, *goal.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    if name == "bamboo_home":
        sessions = goal / "sessions"
        for start in ("405397c8", "6c0810f8", "f3d6db06"):
            root = next(sessions.glob(start + "*"))
            (root / "attachments").mkdir()
            (root / "children").mkdir()
        for child in next(sessions.glob("9dcd3da1*")).glob("children/*"):
            (child / "attachments").mkdir()
    if name == "crabtalk_sessions":
        (goal / "crab_user_2").mkdir()
        shutil.copy(samples() / "crabtalk_memory.db", goal.parent / "memory.db")
        (goal.parent / "memory.db").chmod(0o644)
    return goal


def dump(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")
    return path


def bamboo_message(number: int, role: str, content: str, **fields: object) -> dict[str, object]:
    return {
        "id": f"m{number}",
        "role": role,
        "content": content,
        **fields,
        "created_at": f"2026-06-01T08:00:{number:02d}Z",
    }


def bamboo_session(identity: str, messages: list[dict[str, object]], **fields: object) -> dict[str, object]:
    updated = fields.pop("updated_at", "2026-06-01T08:00:59.500Z")
    return {
        "id": identity,
        "title": "New Session",
        "pinned": False,
        "title_version": 0,
        "metadata_version": 0,
        "kind": "root",
        "root_session_id": identity,
        "spawn_depth": 0,
        "messages": messages,
        "created_at": "2026-06-01T08:00:00Z",
        "updated_at": updated,
        "model": "model-a",
        **fields,
    }


def turns(count: int) -> list[dict[str, object]]:
    return [bamboo_message(n, "user" if n % 2 else "assistant", f"words number {n}") for n in range(1, count + 1)]


def bamboo_home(home: Path) -> Path:
    """A root with a child and an attachment, and a second root, in the form of June 2026."""
    root, child, other = "root-1", "child-1", "root-2"
    url = f"bamboo-attachment://{root}/pic"
    shown = {"content_parts": [{"type": "image_url", "image_url": {"url": url}}]}
    records = {
        f"sessions/{root}": bamboo_session(root, [bamboo_message(9, "user", "see", **shown), *turns(3)], title="One"),
        f"sessions/{root}/children/{child}": bamboo_session(
            child, turns(2), kind="child", parent_session_id=root, root_session_id=root, spawn_depth=1
        ),
        f"sessions/{other}": bamboo_session(other, turns(4), metadata={"last_run_status": "completed"}),
    }
    entries = {}
    for place, record in records.items():
        dump(home / place / "session.json", record)
        dump(home / place / "runtime.json", {**record, "messages": []})
        (home / place / "attachments").mkdir()
        entries[record["id"]] = {
            "id": record["id"], "kind": record["kind"], "rel_path": place, "title": record["title"], "pinned": False,
            "parent_session_id": record.get("parent_session_id"), "root_session_id": record["root_session_id"],
            "spawn_depth": record["spawn_depth"], "model": record["model"], "created_at": record["created_at"],
            "updated_at": record["updated_at"], "last_activity_at": record["updated_at"],
            "message_count": len(record["messages"]), "has_attachments": record["id"] == root,
        }  # fmt: skip
    (home / "sessions" / root / "attachments" / "pic.png").write_bytes(PIXEL)
    line = {
        "ts": "2026-06-01T08:00:04Z",
        "session_id": root,
        "model": "model-a",
        "input_tokens": 10,
        "output_tokens": 4,
    }
    (home / "sessions" / root / "token-usage.jsonl").write_text(json.dumps(line) + "\n")
    dump(home / "sessions.json", {"version": 2, "updated_at": "2026-06-01T08:01:00Z", "sessions": entries})
    (home / ".runtime_sidecar_migrated").write_text("runtime-sidecar-v1\n")
    return home


def step(folder: Path, number: int, value: object) -> Path:
    path = folder / f"step-{number:06d}"
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    return path


def crabtalk_session(sessions: Path, name: str, sender: str, *steps: object, **meta: object) -> Path:
    folder = sessions / name
    folder.mkdir(parents=True)
    for number, value in enumerate(steps, 1):
        step(folder, number, value)
    said = {
        "agent": "crab", "created_by": sender, "created_at": "2026-05-01T09:00:00+00:00", "title": "",
        "updated_at": "2026-05-01T09:09:00+00:00", "message_count": len(steps), **meta,
    }  # fmt: skip
    (folder / "meta").write_text(json.dumps(said, separators=(",", ":")))
    return folder


def said(role: str, content: object, **fields: object) -> dict[str, object]:
    return {**fields, "message": {"role": role, "content": content}}


def crabtalk_home(home: Path) -> Path:
    """Three sessions, one of them compacted, with the memory file beside them."""
    sessions = home / "sessions"
    crabtalk_session(sessions, "crab_ana_1", "ana", said("user", "hello"), said("assistant", "hi"), title="Greeting")
    boundary = {"archive_name": "crab-ana-2-1", "archived_at": "2026-05-01T09:05:00+00:00"}
    crabtalk_session(
        sessions,
        "crab_ana_2",
        "ana",
        said("user", "before"),
        said("assistant", "done"),
        boundary,
        said("user", "after"),
    )
    done = {
        "event": "done", "model": "m", "iterations": 1, "stop_reason": "text_response",
        "usage": {"input_tokens": 5, "output_tokens": 2}, "ts": "2026-05-01T09:08:00+00:00",
    }  # fmt: skip
    crabtalk_session(sessions, "crab_bea_1", "bea", said("user", [{"type": "text", "text": "blocks"}]), done)
    archive = Memory(2, 1_777_000_000, ARCHIVE, "crab-ana-2-1", "Ana asked, it was done.")
    (home / "memory.db").write_bytes(
        write_memories([Memory(1, 1_777_000_000, NOTE, "tea", "likes tea", ["drink"]), archive])
    )
    return home


DAMAGES = ("truncated", "flipped", "emptied", "deleted", "a folder", "a pipe", "a link to itself", "deeply nested")


def files_of(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def damaged(folder: Path, file: Path, how: str) -> None:
    """Damage one file of a directory."""
    path = folder / file
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) * 2 // 3])
    elif how == "flipped":
        place = len(data) // 2
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x90]) + data[place + 1 :] if data else b"\x90")
    elif how == "emptied":
        path.write_bytes(b"")
    elif how == "deeply nested":
        path.write_bytes(b"[" * 100_000)
    else:
        path.unlink()
        if how == "a folder":
            path.mkdir()
            (path / "file").write_bytes(data)
        elif how == "a pipe":
            os.mkfifo(path)
        elif how == "a link to itself":
            path.symlink_to(path.name)


def each_damage(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file of a directory with every damage."""
    for file in files_of(folder):
        for how in DAMAGES:
            yield file, how
