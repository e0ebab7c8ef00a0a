"""A message of a bamboo session: text, typed parts, reasoning, tool calls, or the result of one."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from .openai_responses import content_parts
from .pieces import call_part, file_of_url, json_part, result_part, text_part

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The parts of a message."""
    if not isinstance(payload, dict):
        return [json_part(payload)]
    own = _own(payload)
    if own is not None:
        return own
    content = _content(payload)
    if payload.get("role") == "tool":
        plain = content[0]["text"] if len(content) == 1 and content[0]["type"] == "text" else content
        failed = payload.get("tool_success") is False
        return [result_part(payload.get("tool_call_id"), plain if content else "", is_error=failed)]
    parts: list[Part] = []
    if isinstance(payload.get("reasoning"), str) and payload["reasoning"]:
        part: Part = {"type": "reasoning", "text": payload["reasoning"]}
        if isinstance(payload.get("reasoning_signature"), str):
            part["signature"] = payload["reasoning_signature"]
        parts.append(part)
    parts += content
    calls = payload.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        inner = call.get("function") if isinstance(call, dict) else None
        if isinstance(inner, dict):
            parts.append(call_part(call.get("id"), inner.get("name"), inner.get("arguments")))
        else:
            parts.append(json_part(call))
    return parts


def _own(message: dict[str, Json]) -> list[Part] | None:
    """The parts that an export of ours could not say otherwise, and so has put into the metadata."""
    metadata = message.get("metadata")
    kept = metadata.get("hansard") if isinstance(metadata, dict) else None
    parts = kept.get("parts") if isinstance(kept, dict) else None
    if isinstance(parts, list) and all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in parts):
        return parts
    return None


def _content(message: dict[str, Json]) -> list[Part]:
    blocks = message.get("content_parts")
    if isinstance(blocks, list) and blocks:
        return [_block(block) for block in blocks]
    content = message.get("content")
    return [] if content is None or content == "" else [text_part(content)]


def _block(block: Json) -> Part:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text" and isinstance(block.get("text"), str):
        return text_part(block["text"])
    if kind == "image_url" and isinstance(block.get("image_url"), dict):
        return file_of_url(block["image_url"].get("url"), kind="image")
    return content_parts([block])[0] if isinstance(block, dict) else json_part(block)
