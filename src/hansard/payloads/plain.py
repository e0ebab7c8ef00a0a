"""A line of an unknown JSONL dialect: the content is taken from where such lines keep it."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from . import anthropic, openai_chat
from .pieces import call_part, file_of_data, json_part, result_part, text_part

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The parts of the message that the line holds; the whole line where none shows."""
    if not isinstance(payload, dict):
        return [json_part(payload)]
    message = payload.get("message")
    holder = message if isinstance(message, dict) else payload
    if isinstance(message, str):
        return [text_part(message)]
    if holder.get("tool_calls") or holder.get("role") in ("tool", "function"):
        return _chat(holder)
    for field in ("content", "text", "parts"):
        found = holder.get(field)
        if isinstance(found, str):
            return [text_part(found)]
        if isinstance(found, list):
            return [part for block in found for part in _block(block)]
    return [json_part(payload)]


def _chat(message: dict[str, Json]) -> list[Part]:
    named = isinstance(message.get("tool_call_id"), str) or message.get("tool_calls")
    if named and "tool_output" not in message:
        return openai_chat.decode(message)
    # A result that names no call would be an orphan; its text is what there is to show.
    call = {name: message[name] for name in ("tool_name", "tool_input") if name in message}
    output = message.get("tool_output", message.get("content"))
    return [*([json_part(call)] if call else []), *([] if output is None else anthropic.content_parts(output))]


def _block(block: Json) -> list[Part]:
    if not isinstance(block, dict) or isinstance(block.get("type"), str):
        if isinstance(block, dict) and block["type"] == "think" and isinstance(block.get("think"), str):
            return [{"type": "reasoning", "text": block["think"]}]
        return [anthropic.block_part(block)]
    parts: list[Part] = []
    if isinstance(block.get("text"), str):
        thought = block.get("thought") is True
        parts.append({"type": "reasoning", "text": block["text"]} if thought else text_part(block["text"]))
    call, answer, inline = block.get("functionCall"), block.get("functionResponse"), block.get("inlineData")
    if isinstance(call, dict):
        parts.append(call_part(call.get("id", call.get("name")), call.get("name"), call.get("args")))
    if isinstance(answer, dict):
        parts.append(result_part(answer.get("id", answer.get("name")), answer.get("response"), name=answer.get("name")))
    if isinstance(inline, dict):
        parts.append(file_of_data(inline.get("data"), inline.get("mimeType")))
    return parts or [json_part(block)]
