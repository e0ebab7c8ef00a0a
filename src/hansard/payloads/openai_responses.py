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
    text_part,
)  # fmt: skip
from .saying import answered, apart, given, has_files, inline, is_answer, result_text, told, tool_name, words

VERSION: Final = 1

# Tuples, as what a hostile payload gives as its type may be no text, and nothing that can be hashed.
_TEXTS: Final = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
_SERVER_CALLS: Final = (
    "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call",
)  # fmt: skip
_LOCAL_CALLS: Final = ("local_shell_call", "shell_call", "apply_patch_call", "computer_call")
"""Calls of tools that the API knows and the program runs."""
_OUTPUTS: Final = ("function_call_output", "custom_tool_call_output", *(f"{kind}_output" for kind in _LOCAL_CALLS))


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
    if kind in _LOCAL_CALLS:
        asked = _first_of(item, "action", "actions", "operation")
        return [call_part(item.get("call_id", item.get("id")), kind.removesuffix("_call"), asked)]
    if kind in _OUTPUTS:
        content, failed = _output(item.get("output"))
        failed = failed or item.get("status") == "failed"
        return [result_part(item.get("call_id", item.get("id")), content, is_error=failed)]
    if kind == "tool_search_output":
        return [result_part(item.get("call_id"), item.get("tools"))]
    if kind in _SERVER_CALLS:
        return _server_call(item)
    if kind in ("compaction", "compaction_summary") and isinstance(item.get("encrypted_content"), str):
        # What was before, of use to its own provider only.
        return [{"type": "reasoning", "text": "", "signature": item["encrypted_content"]}]
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
    if kind in ("input_image", "image_url", "input_file", "computer_screenshot"):
        url = block.get("image_url", block.get("file_url"))
        url = url.get("url") if isinstance(url, dict) else url
        if isinstance(url, str):
            picture = None if kind == "input_file" else "image"
            return file_of_url(url, name=block.get("filename"), kind=picture)
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
        # Codex once wrote what its shell gave as {"output": …, "metadata": {"exit_code": …}}.
        inner = opened(output)
        about = inner.get("metadata") if isinstance(inner, dict) and "output" in inner else None
        if not (isinstance(about, dict) and "exit_code" in about):
            return output, False
        return inner["output"], about["exit_code"] not in (0, None)
    if isinstance(output, list):
        return content_parts(output), False
    if isinstance(output, dict):
        failed = output.get("success") is False
        if isinstance(output.get("content"), (str, list)):
            content = output["content"]
            return content_parts(content) if isinstance(content, list) else content, failed
        if output.get("type") in (*_TEXTS, "computer_screenshot"):
            return content_parts([output]), failed
        return output, failed
    return output, False


def _server_call(item: dict[str, Json]) -> list[Part]:
    """A call that the provider ran itself: what it gave stands in the same item, if anywhere."""
    if item.get("type") == "image_generation_call" and isinstance(item.get("result"), str):
        return [file_of_data(item["result"], "image/png")]
    asked = _first_of(item, "action", "arguments", "code", "queries")
    known = {
        "id": item.get("id"),
        "name": item.get("name") or str(item["type"]).removesuffix("_call"),
        "arguments": opened(asked) if isinstance(asked, str) else asked,
        "status": item.get("status"),
        "content": _first_of(item, "output", "outputs", "results", "error"),
    }
    return [{"type": "server_tool", **{key: value for key, value in known.items() if value is not None}}]


def _first_of(item: dict[str, Json], *names: str) -> Json:
    return next((item[name] for name in names if item.get(name) is not None), None)


def encode(role: str, parts: Sequence[Part]) -> list[dict[str, Json]]:
    """The items that say to the Responses API what a message says.

    Reasoning is left out: only its own provider can take it back. Unknown parts are sent as their JSON text.
    """
    if is_answer(role, parts):
        results, rest = apart(parts)
        return [*map(_output_item, results), *_answer_items(answered(rest))]
    results, system, rest = told(role, parts)
    items = [_output_item(part) for part in results]
    items += [{"role": "system", "content": text} for text in system]
    if rest:
        blocks = [_input_block(part) for part in rest]
        plain = all(block["type"] == "input_text" for block in blocks)
        # Plain text where that is all there is, as every model server takes it.
        content: Json = "\n".join(block["text"] for block in blocks) if plain else blocks
        items.append({"role": "system" if role == "system" else "user", "content": content})
    return items


def _answer_items(parts: Sequence[Part]) -> list[dict[str, Json]]:
    items: list[dict[str, Json]] = []
    said: list[Part] = []
    for part in (*parts, None):
        if part is not None and part.get("type") != "tool_call":
            said.append(part)
            continue
        if said:
            items.append({"role": "assistant", "content": words(said)})
            said = []
        if part is not None:
            items.append(_call_item(part))
    return items


def _call_item(part: Part) -> dict[str, Json]:
    said = part.get("arguments")
    arguments = said if isinstance(said, str) else "{}" if said is None else json_text(said)
    known = {"call_id": str(part.get("id", "")), "name": tool_name(part)}
    return {"type": "function_call", **known, "arguments": arguments}


def _output_item(part: Part) -> dict[str, Json]:
    content = part.get("content")
    output: Json = list(map(_input_block, given(content))) if has_files(content) else result_text(content)
    return {"type": "function_call_output", "call_id": str(part.get("call_id", "")), "output": output}


def _input_block(part: Part) -> dict[str, Json]:
    url = part.get("url")
    if part.get("type") != "file" or not isinstance(url, str):
        return {"type": "input_text", "text": words([part])}
    if str(part.get("mime", "")).startswith("image/"):
        return {"type": "input_image", "image_url": url, "detail": "auto"}
    if inline(part) is None:
        return {"type": "input_file", "file_url": url}
    return {"type": "input_file", "file_data": url, "filename": str(part.get("name") or "file")}
