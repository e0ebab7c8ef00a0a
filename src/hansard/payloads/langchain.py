"""A LangChain message as `message_to_dict` writes it: `{"type": "ai", "data": {"content": …, "tool_calls": …}}`.

LangChain keeps the providers' own content blocks, so blocks of several dialects stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..model.entry import Json, Part
from . import anthropic, openai_chat, openai_responses
from .pieces import call_part, file_of_data, file_of_url, json_part, result_part, text_of, text_part
from .saying import answered, apart, arguments_of, given, inline, is_answer, told, words

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
        kind in ("image", "audio", "video", "file", "text-plain")
        and "source" not in block
        and not isinstance(block.get("file"), dict)
    ):
        mime, name = block.get("mime_type"), block.get("filename")
        if isinstance(block.get("base64", block.get("data")), str):
            return [file_of_data(block.get("base64", block.get("data")), mime, name=name)]
        if isinstance(block.get("url"), str):
            return [
                file_of_url(block["url"], mime=mime, name=name, kind=None if kind in ("file", "text-plain") else kind)
            ]
        return [text_part(block["text"]) if isinstance(block.get("text"), str) else json_part(block)]
    if kind in ("tool_call", "tool_call_chunk", "server_tool_call", "server_tool_call_chunk"):
        return [_call(block)]
    if kind == "server_tool_result":
        return [result_part(block.get("tool_call_id"), block.get("output"), is_error=block.get("status") == "error")]
    if kind in ("reasoning_content", "thinking", "non_standard"):
        return _wrapped(block)
    if kind in ("image_url", "input_audio", "file", "refusal", "output_text", "input_text", "input_image"):
        return openai_chat.decode({"role": "user", "content": [block]})
    found = anthropic.block_part(block)
    return openai_responses.item_parts(block) if found["type"] == "json" else [found]


def _wrapped(block: dict[str, Json]) -> list[Part]:
    """What stands one level deeper: the thoughts of Bedrock and Mistral, and what LangChain has no block of its own for."""
    inner = block.get(block["type"], block.get("value"))
    if block["type"] == "non_standard":
        return [json_part(block)] if inner is None else _block(inner)
    if isinstance(inner, dict):
        signature = {"signature": inner["signature"]} if inner.get("signature") else {}
        return [{"type": "reasoning", "text": str(inner.get("text", "")), **signature}]
    if isinstance(inner, list):
        return [{"type": "reasoning", "text": text_of(inner)}]
    return [anthropic.block_part(block)]


def encode(role: str, parts: Sequence[Part]) -> list[dict[str, Json]]:
    """The messages that say to LangChain what a message says, as `messages_from_dict` reads them.

    Reasoning is left out: only its own provider can take it back, so a message of reasoning alone is none.
    """
    if is_answer(role, parts):
        results, others = apart(parts)
        said = answered(others)
        calls = [_called(part) for part in said if part.get("type") == "tool_call"]
        rest = words(part for part in said if part.get("type") != "tool_call")
        answer: Json = {"type": "ai", "data": {"type": "ai", "content": rest, "tool_calls": calls}}
        return [*map(_resulted, results), *([answer] if said else [])]
    results, system, rest = told(role, parts)
    found = [_resulted(part) for part in results]
    found += [{"type": "system", "data": {"type": "system", "content": text}} for text in system]
    if rest:
        kind = "system" if role == "system" else "human"
        found.append({"type": kind, "data": {"type": kind, "content": _said(rest)}})
    return found


def _called(part: Part) -> Json:
    call: dict[str, Json] = {"type": "tool_call", "id": str(part.get("id", "")), "name": str(part.get("name", ""))}
    return {**call, "args": arguments_of(part)}


def _resulted(part: Part) -> dict[str, Json]:
    data: dict[str, Json] = {
        "type": "tool", "content": _said(given(part.get("content"))), "tool_call_id": str(part.get("call_id", "")),
        "status": "error" if part.get("is_error") else "success",
    }  # fmt: skip
    return {"type": "tool", "data": {**data, "name": part["name"]} if isinstance(part.get("name"), str) else data}


def _said(parts: Sequence[Part]) -> Json:
    """Plain text where that is all there is, else blocks of content."""
    if any(part.get("type") == "file" for part in parts):
        return [_said_block(part) for part in parts]
    return words(parts)


def _said_block(part: Part) -> Json:
    url = part.get("url")
    if part.get("type") != "file" or not isinstance(url, str):
        return {"type": "text", "text": words([part])}
    mime = str(part.get("mime") or "application/octet-stream")
    top = mime.partition("/")[0]
    if top == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    data = inline(part)
    block: dict[str, Json] = {"type": top if top in ("audio", "video") else "file", "mime_type": mime}
    block |= {"url": url} if data is None else {"base64": data}
    return {**block, "filename": part["name"]} if isinstance(part.get("name"), str) else block
