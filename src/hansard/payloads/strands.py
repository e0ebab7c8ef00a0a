"""A message of Strands Agents (and of Bedrock's Converse API): `content` is a list of blocks named by their one key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..model.entry import Json, Part
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_part
from .saying import answered, arguments_of, call_id, given, inline, is_answer, told, tool_name, words

VERSION: Final = 1

_KINDS: Final = ("image", "video", "audio", "document")
_MIMES: Final = {
    "image": {name: f"image/{name}" for name in ("png", "jpeg", "gif", "webp")},
    "video": {
        "flv": "video/x-flv", "mkv": "video/x-matroska", "mov": "video/quicktime", "mpeg": "video/mpeg",
        "mp4": "video/mp4", "three_gp": "video/3gpp", "webm": "video/webm", "wmv": "video/x-ms-wmv",
    },
    "document": {
        "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "html": "text/html", "csv": "text/csv",
        "doc": "application/msword", "xls": "application/vnd.ms-excel",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    },
}  # fmt: skip
"""The formats that Strands knows of each kind of file."""
_FORMATS: Final = {mime: (kind, name) for kind, known in _MIMES.items() for name, mime in known.items()}
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9()\[\]-]+")
"""What may not stand in the name of a document."""


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
    for kind in _KINDS:
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
    mime = _MIMES.get(kind, {}).get(known) or ("application/octet-stream" if kind == "document" else f"{kind}/{known}")
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

    Reasoning is left out: only its own provider can take it back, so of a message of reasoning alone no content is
    left. What a system message says is said by the user.
    """
    if is_answer(role, parts):
        return {"role": role, "content": [_called(part) or {"text": words([part])} for part in answered(parts)]}
    results, system, rest = told(role, parts)
    content = [*map(_resulted, results), *({"text": text} for text in system), *map(_block, rest)]
    return {"role": "user", "content": content}


def _resulted(part: Part) -> dict[str, Json]:
    status = "error" if part.get("is_error") else "success"
    content: list[Json] = [_block(item) for item in given(part.get("content"))]
    return {"toolResult": {"toolUseId": call_id(part.get("call_id")), "status": status, "content": content}}


def _called(part: Part) -> dict[str, Json] | None:
    if part.get("type") != "tool_call":
        return None
    return {
        "toolUse": {"toolUseId": call_id(part.get("id")), "name": tool_name(part), "input": arguments_of(part)},
    }


def _block(part: Part) -> dict[str, Json]:
    data = inline(part) if part.get("type") == "file" else None
    kind, name = _FORMATS.get(str(part.get("mime", "")).replace("image/jpg", "image/jpeg"), (None, ""))
    if data is None or kind is None:
        return {"text": words([part])}
    block: dict[str, Json] = {"format": name, "source": {"bytes": {"__bytes_encoded__": True, "data": data}}}
    if kind == "document":
        block["name"] = _NO_NAME.sub(" ", str(part.get("name", ""))).strip() or "document"
    return {kind: block}
