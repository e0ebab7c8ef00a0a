"""Where a store of a3s-code keeps what: names of files for ids in both layouts, and which files belong together."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from pathlib import Path
from typing import Final

import msgspec

from .regular import beginning

SEALED: Final = b"A3SE"
"""How an encrypted document begins."""
DOCUMENT_BYTES_MAX: Final = 256 * 1024 * 1024
"""a3s-code reads and writes no larger document."""

FRAGMENTS: Final = {
    "artifacts": "artifacts",
    "traces": "trace_events",
    "runs": "run_records",
    "verification": "verification_reports",
    "subagent_tasks": "subagent_tasks",
}
"""Folders of the parts of a session, and what the part is called in a snapshot."""
CHECKPOINTS: Final = ("loop_checkpoints", "workflow_checkpoints")
_V1: Final = "v1"


def safe_id(identity: str) -> str:
    """The name that the older layout gives an id. Different ids may share one."""
    return identity.replace("/", "_").replace("\\", "_").replace("..", "_")


def v1_name(identity: str) -> str:
    """The name that the newer layout gives an id."""
    return "id_" + urlsafe_b64encode(identity.encode()).decode().rstrip("=")


def id_of_v1(name: str) -> str | None:
    """The id that a name of the newer layout stands for; None if it stands for none."""
    if not name.startswith("id_"):
        return None
    coded = name[3:]
    try:
        return urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (Base64Error, ValueError):
        return None


class Place(msgspec.Struct, frozen=True):
    """A file of the store."""

    path: str
    """Within the store."""
    kind: str
    """session, snapshot, one of FRAGMENTS or CHECKPOINTS, wal, lease, or "" for what is none of these."""
    name: str = ""
    """Of its session, run or workflow, as the layout spells it."""

    @property
    def is_v1(self) -> bool:
        """It lies in the newer layout."""
        return self.path.startswith(f"{_V1}/")


def place_of(path: str) -> Place:
    """What a file is by its path."""
    parts = path.split("/")
    inner = parts[1:] if parts[0] == _V1 else parts
    stem, ending = (Path(inner[-1]).stem, Path(inner[-1]).suffix) if inner else ("", "")
    if parts[0] == _V1 and inner[:-1] == ["wal"]:
        return Place(path, "wal" if ending == ".ndjson" else "")
    if ending != ".json":
        return Place(path, "")
    if parts[0] == _V1 and inner == ["writer_lease.json"]:
        return Place(path, "lease")
    if parts[0] == _V1 and inner[:-1] == ["sessions"]:
        return Place(path, "snapshot", stem)
    if len(inner) == 3 and inner[0] == "artifacts" and inner[2] == "artifacts.json":
        return Place(path, "artifacts", inner[1])
    if len(inner) == 2 and (inner[0] in FRAGMENTS or inner[0] in CHECKPOINTS) and inner[0] != "artifacts":
        return Place(path, inner[0], stem)
    if len(parts) == 1:
        return Place(path, "session", stem)
    return Place(path, "")


def fragment_path(kind: str, name: str) -> str:
    """The path of a part of a session in the older layout."""
    return f"artifacts/{name}/artifacts.json" if kind == "artifacts" else f"{kind}/{name}.json"


def places(folder: Path) -> list[Place]:
    """All files of a store in sorted order; links are not followed."""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        inside = Path(place).relative_to(folder)
        found += [(inside / name).as_posix() for name in sorted(names)]
    return [place_of(path) for path in found]


def recognise(folder: Path) -> bool:
    """Whether a folder is a store of a3s-code, whatever is damaged in it."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return False
    folders = {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
    if _V1 in folders and any((folder / _V1 / name).is_dir() for name in ("sessions", "wal", *FRAGMENTS)):
        return True
    if len(folders.intersection((*FRAGMENTS, *CHECKPOINTS))) >= 2:
        return True
    files = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    return any(_looks_like_session(folder / name) for name in files[:50] if name.endswith(".json"))


def _looks_like_session(path: Path) -> bool:
    try:
        head = beginning(path)
    except OSError:
        return False
    return head.startswith(SEALED) or (b'"max_context_length"' in head and b'"config"' in head)
