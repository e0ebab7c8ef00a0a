"""A message of Strands Agents (and of Bedrock's Converse API): `content` is a list of blocks named by their one key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..model.entry import Json, Part
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_of, text_part

VERSION: Final = 1

_KINDS: Final = {"image": "image", "video": "video", "audio": "audio"}
_DOCUMENTS: Final = {"pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "html": "text/html",
                     "csv": "text/csv"}  # fmt: skip


def decode(payload: Json) -> list[Part]:
    """The parts of a message, or of a bare list of blocks. Marks for a provider's cache are left out."""
    blocks = payload.get("content") if isinstance(payload, dict) else payload
    if isinstance(blocks, str):
        return [text_part(blocks)]
    if not isinstance(blocks, list):
        return [json_part(payload)]
    return [part for block in blocks for part in _parts(block)]


def _parts(block: Json) -> list[Part]:
    if not isinstance(block, dict):
        return [json_part(block)]
    if isinstance(block.get("text"), str):
        return [text_part(block["text"])]
    if isinstance(block.get("toolUse"), dict):
        call = block["toolUse"]
        return [call_part(call.get("toolUseId"), call.get("name"), call.get("input"))]
    if isinstance(block.get("toolResult"), dict):
        answer = block["toolResult"]
        failed = answer.get("status") == "error"
        return [result_part(answer.get("toolUseId"), _answer(answer.get("content")), is_error=failed)]
    if isinstance(block.get("reasoningContent"), dict):
        return [_reasoning(block["reasoningContent"])]
    if isinstance(block.get("citationsContent"), dict):
        return [part for inner in block["citationsContent"].get("content") or () for part in _parts(inner)]
    for kind in (*_KINDS, "document"):
        if isinstance(block.get(kind), dict):
            return [_file(kind, block[kind])]
    return [] if "cachePoint" in block else [json_part(block)]


def _answer(content: Json) -> Json:
    """What a tool gave: one text as it is, else parts."""
    if not isinstance(content, list):
        return content
    if len(content) == 1 and isinstance(content[0], dict):
        only = content[0]
        if isinstance(only.get("text"), str):
            return only["text"]
        if "json" in only:
            return only["json"]
    return [part for block in content for part in _answered(block)]


def _answered(block: Json) -> list[Part]:
    return [json_part(block["json"])] if isinstance(block, dict) and "json" in block else _parts(block)


def _reasoning(content: dict[str, Json]) -> Part:
    said = content.get("reasoningText")
    said = said if isinstance(said, dict) else {}
    part: Part = {"type": "reasoning", "text": said["text"] if isinstance(said.get("text"), str) else ""}
    if isinstance(said.get("signature"), str):
        part["signature"] = said["signature"]
    if "redactedContent" in content:
        part["redacted"] = content["redactedContent"]
    return part


def _file(kind: str, block: dict[str, Json]) -> Part:
    known = str(block.get("format", ""))
    mime = f"{_KINDS[kind]}/{known}" if kind in _KINDS else _DOCUMENTS.get(known, "application/octet-stream")
    source = block.get("source")
    source = source if isinstance(source, dict) else {}
    data = source.get("bytes")
    if isinstance(data, dict):
        return file_of_data(data.get("data"), mime, name=block.get("name"))
    where = source.get("location")
    url = where.get("uri") if isinstance(where, dict) else None
    return file_of_url(url, mime=mime, name=block.get("name")) if isinstance(url, str) else json_part({kind: block})


def encode(role: str, parts: Sequence[Part]) -> dict[str, Json]:
    """The message that says to Strands what a message says; bytes are wrapped in base64, as its sessions have them.

    Reasoning is left out: only its own provider can take it back. What a system message says is said by the user.
    """
    blocks = [_block(part) for part in parts if part.get("type") != "reasoning"]
    return {"role": "assistant" if role == "assistant" else "user", "content": blocks or [{"text": "(nothing)"}]}


def _block(part: Part) -> dict[str, Json]:
    kind = part.get("type")
    if kind == "tool_call":
        said = part.get("arguments")
        given = said if isinstance(said, dict) else {} if said is None else {"value": said}
        return {"toolUse": {"toolUseId": str(part.get("id", "")), "name": str(part.get("name", "")), "input": given}}
    if kind == "tool_result":
        status = "error" if part.get("is_error") else "success"
        content: list[Json] = [{"text": text_of(part.get("content"))}]
        return {"toolResult": {"toolUseId": str(part.get("call_id", "")), "status": status, "content": content}}
    if kind == "system":
        return {"text": str(part.get("text", ""))}
    url = str(part.get("url", ""))
    if kind == "file" and url.startswith("data:"):
        return _file_block(part, {"bytes": {"__bytes_encoded__": True, "data": url.partition(",")[2]}})
    return {"text": text_of([part])}


def _file_block(part: Part, source: dict[str, Json]) -> dict[str, Json]:
    top, _, known = str(part.get("mime", "")).partition("/")
    if top in _KINDS:
        return {top: {"format": known, "source": source}}
    kind = next((name for name, mime in _DOCUMENTS.items() if mime == part.get("mime")), None)
    if kind is None:
        return {"text": text_of([part])}
    return {"document": {"format": kind, "name": str(part.get("name") or "document"), "source": source}}
