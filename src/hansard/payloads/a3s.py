"""A message of a3s-code: typed blocks as in the Anthropic Messages API, and what the model thought beside them."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from .anthropic import content_parts
from .pieces import json_part

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The parts of the message, its reasoning first; the whole object where it has no content."""
    if not isinstance(payload, dict) or "content" not in payload:
        return [json_part(payload)]
    thought = payload.get("reasoning_content")
    parts: list[Part] = [{"type": "reasoning", "text": thought}] if isinstance(thought, str) and thought else []
    return parts + content_parts(payload["content"])
