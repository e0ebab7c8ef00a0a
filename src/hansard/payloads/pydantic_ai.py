"""A message of pydantic-ai, as its own adapter spells it in JSON: a request or a response with parts; read and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..model.entry import Json, Part
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_of, text_part

VERSION: Final = 1

_TO_STANDARD: Final = str.maketrans("-_", "+/")
_FAILED: Final = frozenset(("failed", "denied"))


def decode(payload: Json) -> list[Part]:
    """The parts of a message, or of a list of messages. Instructions, which each request repeats, are left out."""
    if isinstance(payload, list):
        return [part for item in payload for part in decode(item)]
    if not isinstance(payload, dict) or not isinstance(payload.get("parts"), list):
        return [json_part(payload)]
    return [found for part in payload["parts"] for found in _parts(part)]


def _parts(part: Json) -> list[Part]:
    if not isinstance(part, dict):
        return [json_part(part)]
    kind, content = part.get("part_kind"), part.get("content")
    if kind == "user-prompt":
        return [_content(item) for item in content] if isinstance(content, list) else [_content(content)]
    if kind in ("text", "system-prompt") and isinstance(content, str):
        # An empty text is what a response holds that only calls tools.
        return [text_part(content)] if kind == "text" else [{"type": "system", "text": content}]
    if kind == "thinking" and isinstance(content, str):
        signature = part.get("signature")
        return [{"type": "reasoning", "text": content, **({"signature": signature} if signature else {})}]
    if kind == "tool-call":
        return [call_part(part.get("tool_call_id"), part.get("tool_name"), part.get("args"))]
    if kind in ("tool-return", "retry-prompt") and isinstance(part.get("tool_name"), str):
        failed = kind == "retry-prompt" or part.get("outcome") in _FAILED
        inner = [_content(item) for item in content] if isinstance(content, list) and _has_files(content) else content
        return [result_part(part.get("tool_call_id"), inner, is_error=failed, name=part["tool_name"])]
    if kind == "retry-prompt":
        return [text_part(text_of(content))]
    if kind in ("builtin-tool-call", "builtin-tool-return"):
        known = {"id": part.get("tool_call_id"), "name": part.get("tool_name"), "arguments": part.get("args")}
        said = {**known, **({"content": content} if kind.endswith("return") else {})}
        return [{"type": "server_tool", **{key: value for key, value in said.items() if value is not None}}]
    if kind == "file":
        return [_content(content)]
    return [json_part(part)]


def _has_files(content: list[Json]) -> bool:
    return any(isinstance(item, dict) and "kind" in item for item in content)


def _content(item: Json) -> Part:
    """One piece of what a user, a tool or a model gave."""
    if not isinstance(item, dict):
        return text_part(item)
    kind = item.get("kind")
    if kind == "binary" and isinstance(item.get("data"), str):
        # pydantic spells base64 with the alphabet of URLs.
        return file_of_data(item["data"].translate(_TO_STANDARD), item.get("media_type"), name=item.get("identifier"))
    if isinstance(item.get("url"), str):
        return file_of_url(item["url"], mime=item.get("media_type"))
    if kind == "text-content":
        return text_part(item.get("content"))
    return json_part(item)


def encode(role: str, parts: Sequence[Part], *, at: str, tools: Mapping[str, str]) -> dict[str, Json]:
    """The one message that says to pydantic-ai what a message says. `tools` has the names of tools by call id.

    Reasoning is left out: only its own provider can take it back.
    """
    if role == "assistant":
        said = [_answer(part) for part in parts if part.get("type") not in ("reasoning", "tool_result")]
        return {"kind": "response", "parts": said or [{"part_kind": "text", "content": ""}], "timestamp": at}
    found: list[dict[str, Json]] = []
    prompt: list[Json] = []
    for part in parts:
        kind = part.get("type")
        if kind == "tool_result":
            call_id = str(part.get("call_id", ""))
            name = part.get("name") or tools.get(call_id, "tool")
            content = part.get("content")
            said = text_of(content) if isinstance(content, list) else content
            result = {"part_kind": "tool-return", "tool_name": name, "content": said, "tool_call_id": call_id}
            found.append({**result, "timestamp": at, **({"outcome": "failed"} if part.get("is_error") else {})})
        elif role == "system" or kind == "system":
            found.append({"part_kind": "system-prompt", "content": text_of([_plain(part)]), "timestamp": at})
        elif kind != "reasoning":
            prompt.append(_asked(part))
    if prompt or not found:
        content = "\n".join(prompt) if all(isinstance(item, str) for item in prompt) else prompt
        found.append({"part_kind": "user-prompt", "content": content, "timestamp": at})
    return {"kind": "request", "parts": found}


def _plain(part: Part) -> Part:
    return {**part, "type": "text"} if part.get("type") == "system" else part


def _answer(part: Part) -> dict[str, Json]:
    if part.get("type") == "tool_call":
        arguments = part.get("arguments")
        args = arguments if isinstance(arguments, (dict, str)) or arguments is None else {"value": arguments}
        call = {"part_kind": "tool-call", "tool_name": str(part.get("name", "")), "args": args}
        return {**call, "tool_call_id": str(part.get("id", ""))}
    return {"part_kind": "text", "content": text_of([_plain(part)])}


def _asked(part: Part) -> Json:
    """A piece of a user's prompt: text, or a file by its URL or its bytes."""
    url = part.get("url")
    if part.get("type") != "file" or not isinstance(url, str):
        return text_of([part])
    mime = str(part.get("mime") or "application/octet-stream")
    if url.startswith("data:"):
        return {"kind": "binary", "data": url.partition(",")[2], "media_type": mime}
    top = mime.partition("/")[0]
    kind = f"{top}-url" if top in ("image", "audio", "video") else "document-url"
    return {"kind": kind, "url": url, "media_type": mime}
