"""A line of a Codex rollout, or an item of an old one: items of the Responses API, with or without an envelope."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from . import openai_chat, openai_responses
from .pieces import json_part, text_part

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The parts of the item in the line; the copies for the screen show their text."""
    if not isinstance(payload, dict):
        return [json_part(payload)]
    item = payload.get("payload")
    if not isinstance(item, dict):
        return _bare(payload)
    if payload.get("type") == "event_msg":
        return [_event(item)]
    return openai_responses.item_parts(item)


def _bare(item: dict[str, Json]) -> list[Part]:
    # Files of mid 2025 hold chat messages beside bare items.
    if "role" in item and "type" not in item:
        return openai_chat.decode(item)
    return openai_responses.item_parts(item)


def _event(item: dict[str, Json]) -> Part:
    kind = item.get("type")
    if kind in ("user_message", "agent_message") and isinstance(item.get("message"), str):
        return text_part(item["message"])
    if kind in ("agent_reasoning", "agent_reasoning_raw_content") and isinstance(item.get("text"), str):
        return {"type": "reasoning", "text": item["text"]}
    return json_part(item)
