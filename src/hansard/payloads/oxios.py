"""A message of oxios: an object with one text, from a person or from the agent."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from .pieces import json_part, text_part

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The text of the message; the whole object where it has none."""
    if isinstance(payload, dict) and isinstance(payload.get("content"), str):
        return [text_part(payload["content"])]
    return [json_part(payload)]
