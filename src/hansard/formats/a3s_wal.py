"""The write-ahead log of a3s-code's newer layout, read to tell what it says; it holds digests only, never content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from ..codec import values
from ..model.entry import Json
from .jsontext import compact
from .report import Damage, FileReport

_SNAPSHOT: Final = b"a3s.code.session-store-snapshot.identity.v1\0"
_ENTRY: Final = b"a3s.code.session-store-wal-entry.identity.v1\0"
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^\s"]++|\s++')


def snapshot_digest(text: str) -> str:
    """The digest by which the log names a snapshot that is stored as this text."""
    dense = "".join(token for token in _TOKEN.findall(text) if not token.isspace())
    return "sha256:" + sha256(_SNAPSHOT + dense.encode("utf-8", "surrogatepass")).hexdigest()


def read_wal(data: bytes, snapshots: Mapping[str, str], report: FileReport) -> None:
    """Say what is wrong with a log, and which sessions it knows otherwise than they are.

    `snapshots` gives the digest of each session that has one, by its id.
    """
    last: dict[str, tuple[str, str, int]] = {}
    lines = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        entry = _entry(line)
        if entry is None:
            torn = number == len(lines)
            reason = (
                "a torn last line; a3s-code can't open the store with it" if torn else "no line of a write-ahead log"
            )
            report.damage.append(Damage(f"line {number}", reason))
            continue
        if entry.get("entryDigest") != _entry_digest(entry):
            report.damage.append(Damage(f"line {number}", "the line does not have its digest"))
            continue
        last[str(entry["sessionId"])] = (str(entry["phase"]), str(entry["snapshotDigest"]), number)
    for session, (phase, digest, number) in last.items():
        report.notes += _told(session, phase, digest, number, snapshots.get(session))


def _told(session: str, phase: str, digest: str, number: int, found: str | None) -> list[str]:
    if found is None:
        return [f"line {number}: session {session} is not in the store any more"]
    same = found == digest
    if phase == "intent":
        done = "and was written" if same else "and was not written; what was there before came in"
        return [f"line {number}: a save of session {session} was begun {done}"]
    return [] if same else [f"line {number}: session {session} has changed since, past the log"]


def _entry(line: bytes) -> dict[str, Json] | None:
    try:
        value = values.decode(line)
    except (ValueError, RecursionError):
        return None
    names = {"schema", "sequence", "sessionId", "snapshotDigest", "phase", "recordedAtMs", "entryDigest"}
    return value if isinstance(value, dict) and names <= value.keys() else None


def _entry_digest(entry: dict[str, Json]) -> str:
    said = {
        "schema": entry["schema"], "sequence": entry["sequence"], "session_id": entry["sessionId"],
        "snapshot_digest": entry["snapshotDigest"], "phase": entry["phase"], "recorded_at_ms": entry["recordedAtMs"],
    }  # fmt: skip
    return "sha256:" + sha256(_ENTRY + compact(said).encode("utf-8", "surrogatepass")).hexdigest()
