"""A message of ours as a step of crabtalk, in blocks, which the readers of both of its eras take."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import TypeAlias

from ..model.entry import Json, Part
from ..payloads import crabtalk
from .crabtalk_session import OWN
from .placing import chrono, writable
from .unbundling import Said

Bytes: TypeAlias = Callable[[str], bytes | None]
"""The bytes of an attachment by its hash; None if it is gone."""


def step_bytes(value: Json) -> bytes:
    """A step as crabtalk writes it: one line without blanks."""
    return json.dumps(writable(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def moment_text(at: str) -> str:
    """A time of ours as crabtalk spells it."""
    return chrono(at).removesuffix("Z") + "+00:00"


def message_step(said: Said, *, agent: str | None, attachment: Bytes) -> dict[str, Json]:
    """The step of a message. A guest's turn, by another agent than the session's, says whose it is."""
    role, parts = str(said.body.get("role") or "user"), said.parts
    results = [part for part in parts if part.get("type") == "tool_result"]
    message: dict[str, Json] = {
        "role": "user" if role == "tool" else role,
        "content": [_block(part, attachment) for part in _thoughts_first(parts)],
    }
    step: dict[str, Json] = {"message": message}
    guest = said.entry.agent
    if guest and guest != agent:
        step = {"agent": guest, **step}
    own: dict[str, Json] = {}
    if role == "tool" and len(results) != len(parts):
        own["role"] = role
    if not _same(crabtalk.decode(step), parts):
        own["parts"] = parts
    metadata = said.body.get("metadata")
    if isinstance(metadata, dict) and metadata:
        own["metadata"] = metadata
    return {**step, OWN: own} if own else step


def _thoughts_first(parts: list[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: part.get("type") != "reasoning")


def _same(found: list[Part], parts: list[Part]) -> bool:
    """Whether our own reader makes the same parts; files are compared by the importer, which cuts them out again."""

    def plain(items: list[Part]) -> list[Part]:
        return [{"type": "file"} if item.get("type") == "file" else item for item in items]

    return plain(found) == plain(parts)


def _block(part: Part, attachment: Bytes) -> dict[str, Json]:
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "text": str(part.get("text", ""))}
    if kind == "reasoning":
        thought: dict[str, Json] = {"type": "thinking", "thinking": str(part.get("text", ""))}
        return {**thought, "signature": part["signature"]} if isinstance(part.get("signature"), str) else thought
    if kind == "tool_call":
        given = part.get("arguments")
        known = given if isinstance(given, dict) else {"arguments": given}
        return {"type": "tool_use", "id": str(part.get("id", "")), "name": str(part.get("name", "")), "input": known}
    if kind == "tool_result":
        return _result(part, attachment)
    if kind == "file":
        return _file(part, attachment)
    return {"type": "text", "text": json.dumps(writable(part.get("value", part)), ensure_ascii=False)}


def _result(part: Part, attachment: Bytes) -> dict[str, Json]:
    content = part.get("content")
    inner: Json
    if isinstance(content, list) and content and all(isinstance(item, dict) and "type" in item for item in content):
        inner = [_block(item, attachment) for item in content]
    else:
        inner = content if isinstance(content, str) else json.dumps(writable(content), ensure_ascii=False)
    block: dict[str, Json] = {"type": "tool_result", "tool_use_id": str(part.get("call_id", ""))}
    if isinstance(part.get("name"), str):
        block["name"] = part["name"]
    return {**block, "content": inner}


def _file(part: Part, attachment: Bytes) -> dict[str, Json]:
    digest, mime = part.get("attachment"), part.get("mime")
    data = attachment(digest) if isinstance(digest, str) else None
    if data is not None:
        media = mime if isinstance(mime, str) else "application/octet-stream"
        return {"type": "image", "source": {"type": "base64", "media_type": media, "data": b64encode(data).decode()}}
    if isinstance(part.get("url"), str):
        return {"type": "image", "source": {"type": "url", "url": part["url"]}}
    return {"type": "text", "text": f"[file {part.get('name') or digest or ''}]"}


def usage_event(body: dict[str, Json], at: str) -> dict[str, Json]:
    """The event that says what a call of a model has used."""
    names = {
        "input_tokens": "input", "cache_read_tokens": "cache_read", "cache_write_tokens": "cache_write",
        "output_tokens": "output", "reasoning_tokens": "reasoning",
    }  # fmt: skip
    usage: dict[str, Json] = {name: body.get(member, 0) for name, member in names.items()}
    return {
        "event": "done", "model": str(body.get("model") or ""), "iterations": 1, "stop_reason": "text_response",
        "usage": usage, "ts": moment_text(at),
    }  # fmt: skip
