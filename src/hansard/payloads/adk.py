"""An event of Google's ADK, or a content of the Gemini API: `{"content": {"role": "model", "parts": [{"text": …}]}}`.

Members may be spelled in snake case, as ADK stores them, or in camel case, as the API speaks.
"""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_part

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The parts of an event, of a content, or of a list of parts."""
    content = payload.get("content", payload) if isinstance(payload, dict) else payload
    parts = content.get("parts") if isinstance(content, dict) else content
    if not isinstance(parts, list):
        return [json_part(payload)]
    return [_part(part) for part in parts]


def role_of(content: Json) -> str:
    """The role of a content: tool if it holds results only."""
    parts = content.get("parts") if isinstance(content, dict) else None
    if isinstance(parts, list) and parts and all(_member(part, "function_response") is not None for part in parts):
        return "tool"
    return "user" if isinstance(content, dict) and content.get("role") == "user" else "assistant"


def _part(part: Json) -> Part:
    if not isinstance(part, dict):
        return json_part(part)
    if isinstance(part.get("text"), str):
        thought: Part = {"type": "reasoning", "text": part["text"]}
        return thought if part.get("thought") is True else text_part(part["text"])
    call, result = _member(part, "function_call"), _member(part, "function_response")
    if isinstance(call, dict):
        return call_part(call.get("id") or call.get("name"), call.get("name"), call.get("args") or {})
    if isinstance(result, dict):
        answer = result.get("response")
        failed = isinstance(answer, dict) and set(answer) == {"error"}
        identity, name = result.get("id") or result.get("name"), result.get("name")
        return result_part(identity, answer, is_error=failed, name=name)
    inline, file = _member(part, "inline_data"), _member(part, "file_data")
    if isinstance(inline, dict):
        return file_of_data(
            _standard(inline.get("data")), _member(inline, "mime_type"), name=_member(inline, "display_name")
        )
    if isinstance(file, dict):
        return file_of_url(
            _member(file, "file_uri"), mime=_member(file, "mime_type"), name=_member(file, "display_name")
        )
    return json_part(part)


def _member(value: Json, name: str) -> Json:
    """A member by its name in snake case, or else in camel case."""
    if not isinstance(value, dict):
        return None
    first, *rest = name.split("_")
    return value.get(name, value.get(first + "".join(word.capitalize() for word in rest)))


def _standard(data: Json) -> Json:
    """Base64 in its usual alphabet: Gemini writes the one for URLs."""
    return data.replace("-", "+").replace("_", "/") if isinstance(data, str) else data
