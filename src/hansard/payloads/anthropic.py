"""A message of the Anthropic Messages API: `content` is one text or a list of typed blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..model.entry import Json, Part
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_part
from .saying import answered, arguments_of, call_id, given, inline, is_answer, told, tool_name, words

VERSION: Final = 1

_IMAGES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


def decode(payload: Json) -> list[Part]:
    """The parts of a message, of a bare content list, or of a bare text."""
    if isinstance(payload, dict) and "content" in payload:
        return content_parts(payload["content"])
    if isinstance(payload, (list, str)):
        return content_parts(payload)
    return [json_part(payload)]


def content_parts(content: Json) -> list[Part]:
    """The parts of `content`; none for null."""
    if content is None:
        return []
    if isinstance(content, list):
        return [block_part(block) for block in content]
    return [text_part(content)]


def block_part(block: Json) -> Part:
    """The part of one block; a json part where the block is of no known type."""
    if isinstance(block, str):
        return text_part(block)
    if not isinstance(block, dict):
        return json_part(block)
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        return text_part(block["text"])
    if kind == "thinking" and isinstance(block.get("thinking"), str):
        part: Part = {"type": "reasoning", "text": block["thinking"]}
        if isinstance(block.get("signature"), str) and block["signature"]:
            part["signature"] = block["signature"]
        return part
    if kind == "redacted_thinking":
        return {"type": "reasoning", "text": "", "redacted": block.get("data")}
    if kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        return call_part(block.get("id"), block.get("name"), block.get("input"))
    if isinstance(kind, str) and kind.endswith("tool_result"):
        content = block.get("content")
        inner = content_parts(content) if isinstance(content, list) else content
        return result_part(block.get("tool_use_id"), inner, is_error=block.get("is_error") is True)
    if kind in ("image", "document") and isinstance(block.get("source"), dict):
        return _file(block)
    return json_part(block)


def _file(block: dict[str, Json]) -> Part:
    source, name = block["source"], block.get("title")
    kind = source.get("type")
    picture = block["type"] == "image"
    if kind == "base64":
        return file_of_data(source.get("data"), source.get("media_type"), name=name)
    if kind == "url":
        said = source.get("media_type", None if picture else "application/pdf")
        return file_of_url(source.get("url"), mime=said, name=name, kind="image" if picture else None)
    if kind == "text" and isinstance(source.get("data"), str):
        return text_part(source["data"])
    return json_part(block)


def encode(role: str, parts: Sequence[Part]) -> dict[str, Json]:
    """The message that says to Claude what a message says, without content if it says nothing there.

    Reasoning is left out: only its own provider can take it back. What a system message says is said by the user.
    """
    if is_answer(role, parts):
        return {"role": role, "content": [_answer(part) for part in answered(parts)]}
    results, system, rest = told(role, parts)
    said = [*map(_resulted, results), *({"type": "text", "text": text} for text in system), *map(_piece, rest)]
    return {"role": "user", "content": said}


def _answer(part: Part) -> dict[str, Json]:
    if part.get("type") != "tool_call":
        return {"type": "text", "text": words([part])}
    said = {"id": call_id(part.get("id")), "name": tool_name(part), "input": arguments_of(part)}
    return {"type": "tool_use", **said}


def _resulted(part: Part) -> dict[str, Json]:
    content = [_piece(item) for item in given(part.get("content"))]
    result: dict[str, Json] = {"type": "tool_result", "tool_use_id": call_id(part.get("call_id")), "content": content}
    return {**result, **({"is_error": True} if part.get("is_error") else {})}


def _piece(part: Part) -> dict[str, Json]:
    url, mime = part.get("url"), str(part.get("mime", "")).replace("image/jpg", "image/jpeg")
    data = inline(part)
    is_image = mime in _IMAGES or (mime == "image/*" and data is None)
    kind = "image" if is_image else "document" if mime == "application/pdf" else None
    if part.get("type") != "file" or not isinstance(url, str) or kind is None:
        return {"type": "text", "text": words([part]) or "(nothing)"}
    if data is None:
        return {"type": kind, "source": {"type": "url", "url": url}}
    return {"type": kind, "source": {"type": "base64", "media_type": mime, "data": data}}
