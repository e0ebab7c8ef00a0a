"""A message of the Anthropic Messages API: `content` is one text or a list of typed blocks."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_part

VERSION: Final = 1


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
    if kind == "base64":
        return file_of_data(source.get("data"), source.get("media_type"), name=name)
    if kind == "url":
        return file_of_url(source.get("url"), mime=source.get("media_type"), name=name)
    if kind == "text" and isinstance(source.get("data"), str):
        return text_part(source["data"])
    return json_part(block)
