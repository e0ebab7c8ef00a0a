"""A step of a crabtalk session that holds a message: of the OpenAI shape in its first era, of Anthropic blocks later."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from . import anthropic, openai_chat
from .pieces import json_part

VERSION: Final = 1

_BLOCKS: Final = frozenset(("thinking", "redacted_thinking", "tool_use", "tool_result", "image"))


def decode(payload: Json) -> list[Part]:
    """The parts of the message in a step; the whole step where it holds none."""
    message = payload.get("message") if isinstance(payload, dict) else None
    if not isinstance(message, dict):
        return [json_part(payload)]
    own = payload.get("hansard")
    parts = own.get("parts") if isinstance(own, dict) else None
    if isinstance(parts, list) and all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in parts):
        # What an export of ours could not say in blocks.
        return parts
    content = message.get("content")
    if isinstance(content, list) and any(isinstance(block, dict) and block.get("type") in _BLOCKS for block in content):
        return anthropic.content_parts(content)
    return openai_chat.decode(message) if {"content", "tool_calls"} & message.keys() else [json_part(message)]
