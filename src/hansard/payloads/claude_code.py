"""A line of a Claude Code transcript: an Anthropic message inside an envelope."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from . import anthropic, plain
from .pieces import json_part

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The parts of the message in the line; lines without one are shown whole."""
    message = payload.get("message") if isinstance(payload, dict) else None
    if not isinstance(message, dict):
        return [json_part(payload)]
    if message.get("role") != "tool" and isinstance(message.get("content"), (str, list)):
        return anthropic.content_parts(message["content"])
    return plain.decode(message)
