"""Items of the OpenAI Responses API: messages, reasoning, calls and their outputs; read, and written for other sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..model.entry import Json, Part
from .pieces import (
    call_part,
    file_of_data,
    file_of_url,
    json_part,
    json_text,
    opened,
    result_part,
    text_of,
    text_part,
)  # fmt: skip

VERSION: Final = 1

# Tuples, as what a hostile payload gives as its type may be no text, and nothing that can be hashed.
_TEXTS: Final = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
_SERVER_CALLS: Final = (
    "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call",
)  # fmt: skip


def decode(payload: Json) -> list[Part]:
    """The parts of an item, of a list of items, or of a whole response."""
    if isinstance(payload, dict) and isinstance(payload.get("output"), list) and "type" not in payload:
        payload = payload["output"]
    if isinstance(payload, list):
        return [part for item in payload for part in item_parts(item)]
    return item_parts(payload)


def item_parts(item: Json) -> list[Part]:
    """The parts of one item; a json part where it is of no known type."""
    if not isinstance(item, dict):
        return [json_part(item)]
    kind = item.get("type", "message" if "role" in item else None)
    if kind in ("message", "agent_message"):
        return content_parts(item.get("content"))
    if kind == "reasoning":
        return [_reasoning(item)]
    if kind in ("function_call", "tool_search_call"):
        return [call_part(item.get("call_id", item.get("id")), item.get("name", "tool_search"), item.get("arguments"))]
    if kind == "custom_tool_call":
        call = call_part(item.get("call_id", item.get("id")), item.get("name"), None)
        call["arguments"] = item.get("input")
        return [call]
    if kind == "local_shell_call":
        return [call_part(item.get("call_id", item.get("id")), "local_shell", item.get("action"))]
    if kind in ("function_call_output", "custom_tool_call_output", "local_shell_call_output"):
        content, failed = _output(item.get("output"))
        return [result_part(item.get("call_id", item.get("id")), content, is_error=failed)]
    if kind == "tool_search_output":
        return [result_part(item.get("call_id"), item.get("tools"))]
    if kind in _SERVER_CALLS:
        return _server_call(item)
    return [json_part(item)]


def content_parts(content: Json) -> list[Part]:
    """The parts of a message's content; none for null."""
    if content is None:
        return []
    if isinstance(content, list):
        return [part for block in content if (part := _block_part(block)) is not None]
    return [text_part(content)]


def _block_part(block: Json) -> Part | None:
    if isinstance(block, str):
        return text_part(block)
    if not isinstance(block, dict):
        return json_part(block)
    kind = block.get("type", "text" if isinstance(block.get("text"), str) else None)
    if kind in _TEXTS and isinstance(block.get("text"), str):
        return text_part(block["text"])
    if kind == "refusal" and isinstance(block.get("refusal"), str):
        return text_part(block["refusal"])
    if kind in ("input_image", "image_url", "input_file"):
        url = block.get("image_url", block.get("file_url"))
        url = url.get("url") if isinstance(url, dict) else url
        if isinstance(url, str):
            return file_of_url(url, name=block.get("filename"))
        if isinstance(block.get("file_data"), str):
            return file_of_url(block["file_data"], name=block.get("filename"))
        # Codex writes empty image blocks beside text; they stand for nothing.
        return None if set(block) <= {"type", "image_url", "detail"} else json_part(block)
    return json_part(block)


def _reasoning(item: dict[str, Json]) -> Part:
    summary, content = (
        item.get(field) if isinstance(item.get(field), list) else [] for field in ("summary", "content")
    )
    texts = [
        str(piece["text"])
        for piece in (*(summary or ()), *(content or ()))
        if isinstance(piece, dict) and isinstance(piece.get("text"), str)
    ]
    part: Part = {"type": "reasoning", "text": "\n\n".join(texts)}
    if isinstance(item.get("encrypted_content"), str):
        part["signature"] = item["encrypted_content"]
    return part


def _output(output: Json) -> tuple[Json, bool]:
    """The content of a call's output, and whether it says that it failed."""
    if isinstance(output, str):
        inner = opened(output)
        if not (isinstance(inner, dict) and "output" in inner and isinstance(inner.get("metadata"), dict)):
            return output, False
        return inner["output"], inner["metadata"].get("exit_code") not in (0, None)
    if isinstance(output, list):
        return content_parts(output), False
    if isinstance(output, dict):
        failed = output.get("success") is False
        if isinstance(output.get("content"), (str, list)):
            content = output["content"]
            return content_parts(content) if isinstance(content, list) else content, failed
        if output.get("type") in _TEXTS:
            return content_parts([output]), failed
        return output, failed
    return output, False


def _server_call(item: dict[str, Json]) -> list[Part]:
    """A call that the provider ran itself: it has no result of its own in the history."""
    if item.get("type") == "image_generation_call" and isinstance(item.get("result"), str):
        return [file_of_data(item["result"], "image/png")]
    name = str(item.get("type", "")).removesuffix("_call")
    known = {"id": item.get("id"), "name": name, "arguments": item.get("action"), "status": item.get("status")}
    return [{"type": "server_tool", **{key: value for key, value in known.items() if value is not None}}]


def encode(role: str, parts: Sequence[Part]) -> list[dict[str, Json]]:
    """The items that say to the Responses API what a message says.

    Reasoning is left out: only its own provider can take it back. Unknown parts are sent as their JSON text.
    """
    items: list[dict[str, Json]] = []
    blocks: list[Json] = []
    for part in parts:
        kind = part.get("type")
        if kind == "tool_call":
            _close(items, role, blocks)
            said = part.get("arguments")
            arguments = said if isinstance(said, str) else json_text(said)
            call_id, name = str(part.get("id", "")), str(part.get("name", ""))
            items.append({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})
        elif kind == "tool_result":
            _close(items, role, blocks)
            output = text_of(part.get("content"))
            items.append({"type": "function_call_output", "call_id": str(part.get("call_id", "")), "output": output})
        elif kind == "system":
            _close(items, role, blocks)
            items.append({"role": "system", "content": str(part.get("text", ""))})
        elif kind != "reasoning":
            blocks.append(_input_block(part, "output_text" if role == "assistant" else "input_text"))
    _close(items, role, blocks)
    return items


def _input_block(part: Part, kind: str) -> Json:
    url = part.get("url")
    if part.get("type") == "file" and isinstance(url, str) and kind == "input_text":
        if str(part.get("mime", "")).startswith("image/"):
            return {"type": "input_image", "image_url": url, "detail": "auto"}
        name = {"filename": part["name"]} if isinstance(part.get("name"), str) else {}
        return {"type": "input_file", "file_data" if url.startswith("data:") else "file_url": url, **name}
    return {"type": kind, "text": text_of([part])}


def _close(items: list[dict[str, Json]], role: str, blocks: list[Json]) -> None:
    """Make a message of the blocks so far; plain text where that is all there is, as every model server takes it."""
    if not blocks:
        return
    plain = all(block["type"] in ("input_text", "output_text") for block in blocks)
    content: Json = "\n".join(block["text"] for block in blocks) if plain else list(blocks)
    items.append({"role": role if role in ("system", "assistant") else "user", "content": content})
    blocks.clear()
