"""A LangChain message as `message_to_dict` writes it: `{"type": "ai", "data": {"content": …, "tool_calls": …}}`.

LangChain keeps the providers' own content blocks, so blocks of several dialects stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..model.entry import Json, Part
from . import anthropic, openai_chat
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_of, text_part

VERSION: Final = 1

ROLES: Final = {
    "human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool",
    "HumanMessageChunk": "user", "AIMessageChunk": "assistant", "SystemMessageChunk": "system",
    "ToolMessageChunk": "tool", "FunctionMessageChunk": "tool",
}  # fmt: skip
"""The role of each type of message; a chat message says its own."""

_CALLS: Final = frozenset(("tool_use", "tool_call", "function_call", "tool_call_chunk", "input_json_delta"))


def decode(payload: Json) -> list[Part]:
    """The parts of a message."""
    data = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(data, dict) or "content" not in data:
        return [json_part(payload)]
    role = ROLES.get(str(payload.get("type")), "")
    if role == "tool":
        content = data["content"]
        inner = _content(content, skip=frozenset()) if isinstance(content, list) else content
        failed = data.get("status") == "error"
        return [result_part(data.get("tool_call_id", data.get("name")), inner, is_error=failed, name=data.get("name"))]
    calls = [_call(call) for call in _list(data.get("tool_calls"))]
    calls += [_invalid(call) for call in _list(data.get("invalid_tool_calls"))]
    thought = data.get("additional_kwargs", {}).get("reasoning_content")
    before: list[Part] = [{"type": "reasoning", "text": thought}] if isinstance(thought, str) and thought else []
    # A provider's own call blocks say again what tool_calls says.
    return [*before, *_content(data["content"], skip=_CALLS if calls else frozenset()), *calls]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _call(call: Json) -> Part:
    if not isinstance(call, dict):
        return json_part(call)
    return call_part(call.get("id"), call.get("name"), call.get("args"))


def _invalid(call: Json) -> Part:
    part = _call(call)
    if isinstance(call, dict) and call.get("error") is not None:
        part["error"] = call["error"]
    return part


def _content(content: Json, *, skip: frozenset[str]) -> list[Part]:
    if isinstance(content, str):
        return [text_part(content)] if content else []
    blocks = content if isinstance(content, list) else [content]
    return [part for block in blocks if not _is_one_of(block, skip) for part in _block(block)]


def _is_one_of(block: Json, kinds: frozenset[str]) -> bool:
    return isinstance(block, dict) and block.get("type") in kinds


def _block(block: Json) -> list[Part]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "reasoning" and isinstance(block.get("reasoning"), str):
        return [{"type": "reasoning", "text": block["reasoning"]}]
    if (
        kind in ("image", "audio", "video", "file")
        and "source" not in block
        and not isinstance(block.get("file"), dict)
    ):
        mime, name = block.get("mime_type"), block.get("filename")
        if isinstance(block.get("base64", block.get("data")), str):
            return [file_of_data(block.get("base64", block.get("data")), mime, name=name)]
        if isinstance(block.get("url"), str):
            return [file_of_url(block["url"], mime=mime, name=name)]
        return [json_part(block)]
    if kind in ("tool_call", "tool_call_chunk"):
        return [_call(block)]
    if kind in ("image_url", "input_audio", "file", "refusal", "output_text", "input_text", "input_image"):
        return openai_chat.decode({"role": "user", "content": [block]})
    return [anthropic.block_part(block)]


def encode(role: str, parts: Sequence[Part]) -> dict[str, Json]:
    """The message that says to LangChain what a message says, as `messages_from_dict` reads it.

    Reasoning is left out: only its own provider can take it back. Of several results in one message the first counts;
    `session.history()` gives each call's result in a message of its own where it was written so.
    """
    said = [part for part in parts if part.get("type") not in ("reasoning", "tool_call", "tool_result")]
    content: Json = (
        text_of(said) if all(part.get("type") != "file" for part in said) else [_said(part) for part in said]
    )
    if role == "assistant":
        calls = [_called(part) for part in parts if part.get("type") == "tool_call"]
        return {"type": "ai", "data": {"type": "ai", "content": content, "tool_calls": calls}}
    answer = next((part for part in parts if part.get("type") == "tool_result"), None)
    if answer is not None:
        data: dict[str, Json] = {"type": "tool", "content": text_of(answer.get("content"))}
        data |= {
            "tool_call_id": str(answer.get("call_id", "")),
            "status": "error" if answer.get("is_error") else "success",
        }
        return {"type": "tool", "data": data}
    kind = "system" if role == "system" else "human"
    return {"type": kind, "data": {"type": kind, "content": content}}


def _called(part: Part) -> Json:
    said = part.get("arguments")
    args = said if isinstance(said, dict) else {} if said is None else {"value": said}
    return {"type": "tool_call", "id": str(part.get("id", "")), "name": str(part.get("name", "")), "args": args}


def _said(part: Part) -> Json:
    url = part.get("url")
    if part.get("type") == "file" and isinstance(url, str) and str(part.get("mime", "")).startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "text", "text": text_of([part])}
