"""A message of pydantic-ai, as its own adapter spells it in JSON: a request or a response with parts; read and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..model.entry import Json, Part
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_of, text_part
from .saying import answered, given, has_files, inline, is_answer, told, words

VERSION: Final = 1

_TO_STANDARD: Final = str.maketrans("-_", "+/")
_FAILED: Final = ("failed", "denied", "interrupted", "retried")
_NOTES: Final = (
    "instruction", "instruction-baseline", "instruction-delta", "tool-availability-delta", "capability-load-delta",
    "model-settings-delta",
)  # fmt: skip
"""What pydantic-ai notes for itself: which instructions, tools and settings a request was made with."""
_PIECES: Final = (
    "binary", "image-url", "audio-url", "video-url", "document-url", "text-content", "structured-content",
    "uploaded-file",
)  # fmt: skip
"""What else than a plain value a tool may give."""


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
        pieces = content if isinstance(content, list) else [content]
        return [_content(item) for item in pieces if not (isinstance(item, dict) and item.get("kind") == "cache-point")]
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
        return [result_part(part.get("tool_call_id"), _given(content), is_error=failed, name=part["tool_name"])]
    if kind in ("retry-prompt", "retry-feedback"):
        return [text_part(text_of(content))]
    if kind == "compaction":
        # Without a text it is encrypted, and of use to its own provider only.
        return [text_part(content) if isinstance(content, str) else {"type": "reasoning", "text": ""}]
    if kind == "speech":
        return _speech(part)
    if kind in ("builtin-tool-call", "builtin-tool-return"):
        known = {"id": part.get("tool_call_id"), "name": part.get("tool_name"), "arguments": part.get("args")}
        said = {**known, **({"content": content} if kind.endswith("return") else {})}
        return [{"type": "server_tool", **{key: value for key, value in said.items() if value is not None}}]
    if kind == "file":
        return [_content(content)]
    return [] if kind in _NOTES else [json_part(part)]


def _speech(part: dict[str, Json]) -> list[Part]:
    """What was spoken, in words and as the audio, as far as either was kept."""
    words, audio = part.get("transcript"), part.get("audio")
    found = [text_part(words)] if isinstance(words, str) else []
    return [*found, *([_content(audio)] if isinstance(audio, dict) else [])] or [json_part(part)]


def _given(content: Json) -> Json:
    """What a tool gave: parts if there are files among it."""
    pieces = content if isinstance(content, list) else [content]
    if any(isinstance(item, dict) and item.get("kind") in _PIECES for item in pieces):
        return [_content(item) for item in pieces]
    return content


def _content(item: Json) -> Part:
    """One piece of what a user, a tool or a model gave."""
    if not isinstance(item, dict):
        return text_part(item)
    kind = item.get("kind")
    if kind == "binary" and isinstance(item.get("data"), str):
        # pydantic spells base64 with the alphabet of URLs.
        return file_of_data(item["data"].translate(_TO_STANDARD), item.get("media_type"), name=item.get("identifier"))
    if isinstance(item.get("url"), str):
        known = str(kind).removesuffix("-url")
        return file_of_url(
            item["url"], mime=item.get("media_type"), kind=known if known in ("image", "audio", "video") else None
        )
    if kind in ("text-content", "structured-content"):
        return text_part(item.get("content"))
    return json_part(item)


def encode(role: str, parts: Sequence[Part], *, at: str, tools: Mapping[str, str]) -> dict[str, Json]:
    """The one message that says to pydantic-ai what a message says. `tools` has the names of tools by call id.

    Reasoning is left out: only its own provider can take it back.
    """
    if is_answer(role, parts):
        return {"kind": "response", "parts": list(map(_answer, answered(parts))), "timestamp": at}
    results, system, rest = told(role, parts)
    found = [_returned(part, at, tools) for part in results]
    found += [{"part_kind": "system-prompt", "content": text, "timestamp": at} for text in system]
    if rest or not found:
        prompt = list(map(_asked, rest))
        content = "\n".join(prompt) if all(isinstance(item, str) for item in prompt) else prompt
        found.append({"part_kind": "user-prompt", "content": content, "timestamp": at})
    return {"kind": "request", "parts": found}


def _returned(part: Part, at: str, tools: Mapping[str, str]) -> dict[str, Json]:
    call_id, content = str(part.get("call_id", "")), part.get("content")
    if has_files(content):
        content = list(map(_asked, given(content)))
    elif isinstance(content, list) and all(isinstance(item, dict) and "type" in item for item in content):
        content = words(content)
    name = part.get("name") or tools.get(call_id, "tool")
    result = {"part_kind": "tool-return", "tool_name": name, "content": content, "tool_call_id": call_id}
    return {**result, "timestamp": at, **({"outcome": "failed"} if part.get("is_error") else {})}


def _answer(part: Part) -> dict[str, Json]:
    if part.get("type") == "tool_call":
        arguments = part.get("arguments")
        args = arguments if isinstance(arguments, (dict, str)) or arguments is None else {"value": arguments}
        call = {"part_kind": "tool-call", "tool_name": str(part.get("name", "")), "args": args}
        return {**call, "tool_call_id": str(part.get("id", ""))}
    return {"part_kind": "text", "content": words([part])}


def _asked(part: Part) -> Json:
    """A piece of a user's prompt: text, or a file by its URL or its bytes."""
    url = part.get("url")
    if part.get("type") != "file" or not isinstance(url, str):
        return words([part])
    mime = str(part.get("mime") or "application/octet-stream")
    data = inline(part)
    if data is not None:
        return {"kind": "binary", "data": data, "media_type": mime}
    top, _, exactly = mime.partition("/")
    kind = f"{top}-url" if top in ("image", "audio", "video") else "document-url"
    return {"kind": kind, "url": url, **({} if exactly == "*" else {"media_type": mime})}
