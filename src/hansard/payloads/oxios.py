"""A message of oxios: an object with one text, from a person or from the agent."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from .pieces import json_part, text_part

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The text of the message, or the parts of one that oxios has no place for; the whole object where it has neither."""
    if isinstance(payload, dict) and isinstance(payload.get("content"), str):
        return [text_part(payload["content"])]
    if isinstance(payload, dict) and isinstance(payload.get("parts"), list):
        return [part if _is_part(part) else json_part(part) for part in payload["parts"]]
    return [json_part(payload)]


def _is_part(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str)
