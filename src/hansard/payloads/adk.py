"""An event of Google's ADK, or a content of the Gemini API: `{"content": {"role": "model", "parts": [{"text": …}]}}`.

Members may be spelled in snake case, as ADK stores them, or in camel case, as the API speaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..model.entry import Json, Part
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_part
from .saying import answered, arguments_of, given, has_files, inline, is_answer, result_text, told, words

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
        files = result.get("parts")
        if isinstance(files, list) and files:
            plain = answer["result"] if isinstance(answer, dict) and set(answer) == {"result"} else answer
            answer = [text_part(plain), *map(_part, files)]
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


def encode(role: str, parts: Sequence[Part], *, tools: Mapping[str, str]) -> dict[str, Json]:
    """The content that says to Gemini what a message says. `tools` has the names of tools by call id.

    Reasoning is left out: only its own provider can take it back. What a system message says is said by the user.
    """
    if is_answer(role, parts):
        return {"role": "model", "parts": [_answer(part) for part in answered(parts)]}
    results, system, rest = told(role, parts)
    said = [*(_resulted(part, tools) for part in results), *({"text": text} for text in system), *map(_piece, rest)]
    return {"role": "user", "parts": said}


def _answer(part: Part) -> dict[str, Json]:
    if part.get("type") != "tool_call":
        return _piece(part)
    call: dict[str, Json] = {"id": str(part.get("id", "")), "name": str(part.get("name", ""))}
    return {"function_call": {**call, "args": arguments_of(part)}}


def _resulted(part: Part, tools: Mapping[str, str]) -> dict[str, Json]:
    call_id, content = str(part.get("call_id", "")), part.get("content")
    plain = [item for item in given(content) if item.get("type") != "file"] if has_files(content) else None
    said: Json = result_text(content) if isinstance(content, list) else content
    said = words(plain) if plain is not None else said
    # ADK has results as objects: what a tool returned stands under one name, what went wrong under another.
    failed = part.get("is_error") and not (isinstance(said, dict) and set(said) == {"error"})
    response = {"error": said} if failed else said if isinstance(said, dict) else {"result": said}
    answer: dict[str, Json] = {"id": call_id, "name": part.get("name") or tools.get(call_id, "tool")}
    answer["response"] = response
    files = [_piece(item) for item in given(content) if item.get("type") == "file"] if plain is not None else []
    return {"function_response": {**answer, **({"parts": files} if files else {})}}


def _piece(part: Part) -> dict[str, Json]:
    url = part.get("url")
    if part.get("type") != "file" or not isinstance(url, str):
        return {"text": words([part])}
    said = str(part.get("mime") or "application/octet-stream")
    mime = {} if said.endswith("/*") else {"mime_type": said}
    data = inline(part)
    name = {"display_name": part["name"]} if isinstance(part.get("name"), str) else {}
    return {"file_data": {"file_uri": url, **mime}} if data is None else {"inline_data": {"data": data, **mime, **name}}
