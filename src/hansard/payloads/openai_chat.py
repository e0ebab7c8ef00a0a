"""A message of the OpenAI chat completions API, and of the many servers that speak it."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from .openai_responses import content_parts
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_part

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The parts of a message, or of the first choice of a whole completion."""
    if not isinstance(payload, dict):
        return [json_part(payload)]
    choices = payload.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        payload = choices[0].get("message", payload)
    if not isinstance(payload, dict) or not ({"role", "content", "tool_calls"} & payload.keys()):
        return [json_part(payload)]
    if payload.get("role") in ("tool", "function"):
        content = payload.get("content")
        inner = _content(content) if isinstance(content, list) else content
        return [result_part(payload.get("tool_call_id", payload.get("name")), inner, name=payload.get("name"))]
    return [*_reasoning(payload), *_content(payload.get("content")), *_rest(payload)]


def _reasoning(message: dict[str, Json]) -> list[Part]:
    for field in ("reasoning_content", "reasoning"):
        if isinstance(message.get(field), str) and message[field]:
            return [{"type": "reasoning", "text": message[field]}]
    return []


def _content(content: Json) -> list[Part]:
    if content is None or content == "":
        return []
    if not isinstance(content, list):
        return [text_part(content)]
    parts: list[Part] = []
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "input_audio" and isinstance(block.get("input_audio"), dict):
            audio = block["input_audio"]
            parts.append(file_of_data(audio.get("data"), f"audio/{audio.get('format', 'wav')}"))
        elif kind == "file" and isinstance(block.get("file"), dict):
            inner = block["file"]
            known = "file_data" in inner
            parts.append(file_of_url(inner["file_data"], name=inner.get("filename")) if known else json_part(block))
        else:
            parts += content_parts([block])
    return parts


def _rest(message: dict[str, Json]) -> list[Part]:
    parts: list[Part] = []
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        parts.append(text_part(message["refusal"]))
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        inner = call.get("function", call.get("custom")) if isinstance(call, dict) else None
        if not isinstance(inner, dict):
            parts.append(json_part(call))
            continue
        parts.append(call_part(call.get("id"), inner.get("name"), inner.get("arguments", inner.get("input"))))
    old = message.get("function_call")
    if isinstance(old, dict):
        parts.append(call_part(old.get("name"), old.get("name"), old.get("arguments")))
    return parts
