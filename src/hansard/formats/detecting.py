"""Which program wrote a file, told from its first 64 KiB; names are never enough."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from ..codec import values
from ..model.entry import Json
from .source import HEAD_BYTES, head_of

SUPPORTED: Final = ("claude-code", "codex", "codex-json", "jsonl", "json", "hansard")
"""Formats that can be read."""

_ZIP: Final = b"PK\x03\x04"
# Tuples, as what a hostile line gives as its type may be no text, and nothing that can be hashed.
_CLAUDE_TYPES: Final = (
    "file-history-snapshot", "queue-operation", "last-prompt", "ai-title", "custom-title", "permission-mode", "progress",
)  # fmt: skip
_CODEX_TYPES: Final = ("session_meta", "response_item", "event_msg", "turn_context", "compacted")
_SESSION_MEMBERS: Final = frozenset(("session_id", "sessionId", "session", "messages", "items", "conversation"))


class Detected(msgspec.Struct, frozen=True):
    """The answer: a format that can be read, or the reason why the file can't be."""

    format: str | None
    reason: str = ""


def detect(source: str | os.PathLike[str] | bytes) -> str | None:
    """The format of a file, of its first 64 KiB, or of a whole folder, if it can be read; None if not. `examine` says why."""
    return examine(source).format


def examine(source: str | os.PathLike[str] | bytes) -> Detected:
    """The format of a file, of its first 64 KiB or of a whole folder, or why it can't be read.

    Raises:
        OSError: the file can't be read.
    """
    if not isinstance(source, bytes) and Path(source).is_dir():
        from .directories import recognise

        shown = recognise(source)
        return Detected(shown, "" if shown else "a folder, and not the directory of a program that is known")
    head = source[:HEAD_BYTES] if isinstance(source, bytes) else head_of(Path(source))
    ending = "" if isinstance(source, bytes) else Path(source).suffix
    refused = _refusal(head)
    if refused:
        return Detected(None, refused)
    rows = _objects(head)
    if not rows and b"\x00" in head[:1024]:
        return Detected(None, "binary, not a transcript")
    for row in rows:
        name = _of_row(row)
        if name in SUPPORTED:
            return Detected(name)
        if name is not None:
            return Detected(None, f"not supported yet: {name}")
    first = head.lstrip().partition(b"\n")[0].strip()
    if first[:1] == b"{" and len(first) > 1 and ending in (".jsonl", ".ndjson"):
        return Detected("jsonl")
    if first[:1] in (b"{", b"[") and (ending == ".json" or not rows):
        return _document(head)
    if any(rows):
        return Detected("jsonl")
    return Detected(None, "no transcript that is known: neither JSON lines nor a JSON document with a session")


def _refusal(head: bytes) -> str:
    start = head.lstrip()[:64].lower()
    if not head:
        return "empty file"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the file itself; fetch it with git lfs pull"
    if start.startswith((b"<!doctype", b"<html")):
        return "HTML, not a transcript"
    if _is_archive(head):
        return "a Hansard archive; import it by itself: hansard import FILE, or hansard.formats.archive.read_archive()"
    if head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00", _ZIP)):
        return "compressed; unpack it first"
    if head.startswith(b"SQLite format 3\x00"):
        return "not supported yet: a SQLite database"
    return ""


def _is_archive(head: bytes) -> bool:
    """Whether a zip file begins as those do that we write: with the log of a session, or, of none, with the manifest."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    of_session = name.startswith(b"sessions/") and name.endswith(b"/log.jsonl")
    return head.startswith(_ZIP) and (of_session or name == b"manifest.json")


def _objects(head: bytes) -> list[dict[str, Json]]:
    """The objects that stand on a line of their own. An unfinished last line is judged by nothing."""
    found: list[dict[str, Json]] = []
    for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        if line.lstrip()[:1] != b"{":
            continue
        try:
            value = values.decode(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _of_row(row: dict[str, Json]) -> str | None:
    """The format that one line shows beyond doubt."""
    kind = row.get("type")
    if row.get("kind") == "created" and "digest" in row and row.get("seq") is not None:
        return "hansard"
    if isinstance(row.get("payload"), dict) and kind in _CODEX_TYPES:
        return "codex"
    if row.get("record_type") == "state" or ({"id", "timestamp", "instructions"} <= row.keys() and kind is None):
        return "codex"
    if kind == "thread.started" and "thread_id" in row:
        return "codex exec --json"
    if {"sessionId", "projectHash"} <= row.keys():
        return "Gemini CLI"
    if kind == "session" and "version" in row and "cwd" in row:
        return "pi"
    if "working_dir" in row and "message_count" in row:
        return "Goose"
    if {"schema_version", "steps"} <= row.keys():
        return "ATIF"
    if "mapping" in row and "current_node" in row:
        return "ChatGPT export"
    if kind == "system" and row.get("subtype") == "init" and "session_id" in row:
        return "Claude stream-json"
    if "role" not in row and isinstance(row.get("messages"), list):
        return "OpenAI chat JSONL"
    if isinstance(row.get("conversations"), list):
        return "ShareGPT"
    if {"session_id", "ts", "text"} == row.keys() or {"display", "timestamp", "project"} <= row.keys():
        return "a list of prompts, not a transcript"
    return _claude(row)


def _claude(row: dict[str, Json]) -> str | None:
    message = row.get("message")
    if isinstance(message, dict) and "parts" in message:
        # Programs that grew out of Gemini CLI write the same envelope around other messages.
        return "jsonl"
    if {"parentUuid", "isSidechain", "leafUuid"} & row.keys() or row.get("type") in _CLAUDE_TYPES:
        return "claude-code"
    if row.get("type") in ("user", "assistant") and "uuid" in row and isinstance(message, dict):
        return "claude-code"
    return None


def _document(head: bytes) -> Detected:
    """One JSON value over many lines: judged by the names that its beginning shows."""
    names = _leading_names(head)
    if names[:1] == ["session"] and "items" in head.decode("utf-8", "replace") and b'"instructions"' in head:
        return Detected("codex-json")
    known = {
        "projectHash": "Gemini CLI",
        "trajectory": "SWE-agent",
        "trajectory_format": "mini-swe-agent",
        "schema_version": "ATIF",
        "mapping": "ChatGPT export",
        "chat_messages": "Claude.ai export",
        "conversations": "ShareGPT",
    }
    for name in names:
        if name in known:
            return Detected(None, f"not supported yet: {known[name]}")
    return Detected("json") if _shows_session(head) else Detected(None, "a JSON document without a session in it")


def _shows_session(head: bytes) -> bool:
    return bool(_SESSION_MEMBERS.intersection(_leading_names(head)))


def _leading_names(head: bytes) -> list[str]:
    """Names of the members of the outermost object, as far as the beginning shows them by their indentation."""
    import re

    text = head.decode("utf-8", "replace")
    indents = re.findall(r'(?m)^([ \t]*)"([^"\\\n]{1,60})"\s*:', text)
    least = min((len(space) for space, _ in indents), default=0)
    found = [name for space, name in indents if len(space) == least]
    return found or re.findall(r'[{,]\s*"([^"\\\n]{1,60})"\s*:', text[:2000])[:20]
