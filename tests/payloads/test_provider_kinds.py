"""Kinds of items and blocks that providers have for tools, thoughts and files of their own, as parts."""

from __future__ import annotations

import json

import pytest

import hansard
from hansard.payloads import adk, anthropic, decode, langchain, openai_responses, pydantic_ai, strands

LOCAL = [
    {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}, "status": "completed"},
    {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
    {"type": "computer_call", "call_id": "c", "id": "i", "action": {"type": "screenshot"}, "pending_safety_checks": []},
]
PIXEL = "data:image/png;base64,iVBORw0="
GIVEN = [
    ({"type": "shell_call_output", "output": [{"stdout": "a.txt", "stderr": "", "outcome": {"type": "exit"}}]}, False),
    ({"type": "apply_patch_call_output", "output": "no such file", "status": "failed"}, True),
    ({"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": PIXEL}}, False),
]


@pytest.mark.parametrize(("call", "given"), list(zip(LOCAL, GIVEN, strict=True)), ids=[call["type"] for call in LOCAL])
def test_tools_of_openai_that_the_program_runs_are_calls_and_results(call, given):
    output, failed = given
    [asked] = decode("openai-responses", json.dumps(call))
    [answer] = decode("openai-responses", json.dumps({**output, "call_id": "c"}))
    assert (asked["type"], asked["id"], f"{asked['name']}_call") == ("tool_call", "c", call["type"])
    assert asked["arguments"] == call.get("action", call.get("operation"))
    assert (answer["type"], answer["call_id"], answer.get("is_error", False)) == ("tool_result", "c", failed)
    if call["type"] == "computer_call":
        assert answer["content"] == [{"type": "file", "mime": "image/png", "url": PIXEL}]


def test_an_encrypted_summary_is_told_to_nobody_else():
    item = {"type": "compaction", "id": "k", "encrypted_content": "gAAA"}
    [part] = decode("openai-responses", json.dumps(item))
    assert part == {"type": "reasoning", "text": "", "signature": "gAAA"}
    assert all(not strands.encode(role, [part])["content"] for role in ("user", "assistant"))


def test_a_tool_that_gives_an_output_with_metadata_has_given_both():
    given = json.dumps({"output": "high at noon", "metadata": {"source": "gauge 7"}})
    item = {"type": "function_call_output", "call_id": "c", "output": given}
    assert decode("openai-responses", json.dumps(item)) == [hansard.tool_result("c", given)]


BLOCKS = {
    "the Responses API thinks": (
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "e"},
        {"type": "reasoning", "text": "hm", "signature": "e"},
    ),
    "Bedrock thinks": (
        {"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "e"}},
        {"type": "reasoning", "text": "hm", "signature": "e"},
    ),
    "Mistral thinks": (
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "reasoning", "text": "hm"},
    ),
    "Anthropic thinks": ({"type": "thinking", "thinking": "hm"}, {"type": "reasoning", "text": "hm"}),
    "something without a kind of its own": (
        {"type": "non_standard", "value": {"type": "redacted_thinking", "data": "e"}},
        {"type": "reasoning", "text": "", "redacted": "e"},
    ),
    "a call that the provider runs": (
        {"type": "server_tool_call", "id": "s", "name": "web_search", "args": {"q": "tides"}},
        hansard.tool_call("s", "web_search", {"q": "tides"}),
    ),
    "what such a call gave": (
        {"type": "server_tool_result", "tool_call_id": "s", "status": "error", "output": {"code": 5}},
        hansard.tool_result("s", {"code": 5}, is_error=True),
    ),
    "a search that the Responses API ran": (
        {"type": "web_search_call", "id": "w", "action": {"query": "tides"}},
        {"type": "server_tool", "id": "w", "name": "web_search", "arguments": {"query": "tides"}},
    ),
    "a plain text file": ({"type": "text-plain", "mime_type": "text/plain", "text": "tides"}, hansard.text("tides")),
    "a plain text file elsewhere": (
        {"type": "text-plain", "url": "https://tides.example/notes"},
        {"type": "file", "url": "https://tides.example/notes"},
    ),
    "something without a kind or a value": (
        {"type": "non_standard", "x": 1}, {"type": "json", "value": {"type": "non_standard", "x": 1}},
    ),
    "a kind of the future": ({"type": "hum", "x": 1}, {"type": "json", "value": {"type": "hum", "x": 1}}),
}  # fmt: skip


@pytest.mark.parametrize(("block", "part"), BLOCKS.values(), ids=BLOCKS)
def test_blocks_of_langchain_are_what_their_providers_mean_by_them(block, part):
    message = {"type": "ai", "data": {"type": "ai", "content": [block]}}
    assert decode("langchain", json.dumps(message)) == [part]


LINKED = {
    "openai-responses": {"role": "user", "content": [{"type": "input_image", "image_url": "URL"}]},
    "openai-chat": {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "URL"}}]},
    "anthropic": {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "URL"}}]},
    "langchain": {"type": "human", "data": {"content": [{"type": "image", "url": "URL"}]}},
    "pydantic-ai": {
        "kind": "request", "parts": [{"part_kind": "user-prompt", "content": [{"kind": "image-url", "url": "URL"}]}],
    },
    "bamboo": {"role": "user", "content_parts": [{"type": "image_url", "image_url": {"url": "URL"}}]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("url", "mime"),
    [
        ("https://tides.example/pier.JPG?size=2#top", "image/jpeg"),
        ("https://tides.example/pier", "image/*"),
        ("data:image/gif;base64,R0lGOD", "image/gif"),
    ],
)
@pytest.mark.parametrize("format_", LINKED)
def test_an_image_by_its_url_is_an_image_wherever_it_goes(format_, url, mime):
    [part] = decode(format_, json.dumps(LINKED[format_]).replace("URL", url))
    assert (part["type"], part["mime"], part["url"]) == ("file", mime, url)
    assert openai_responses.encode("user", [part])[0]["content"][0]["type"] == "input_image"
    assert anthropic.encode("user", [part])["content"][0]["type"] == "image"
    assert langchain.encode("user", [part])[0]["data"]["content"][0]["type"] == "image_url"
    asked = pydantic_ai.encode("user", [part], at="2026-11-21T08:00:00Z", tools={})["parts"][0]["content"][0]
    assert asked["kind"] in ("image-url", "binary")
    assert asked.get("media_type") == (None if mime == "image/*" else mime)
    linked = adk.encode("user", [part], tools={})["parts"][0].get("file_data", {})
    assert linked.get("mime_type", mime) == mime


def test_documents_by_their_urls_are_documents():
    given = {"role": "user", "content": [{"type": "input_file", "file_url": "https://tides.example/a.pdf"}]}
    [part] = decode("openai-responses", json.dumps(given))
    assert anthropic.encode("user", [part])["content"][0]["type"] == "document"
    own = {
        "role": "user",
        "content": [{"type": "document", "source": {"type": "url", "url": "https://tides.example/a"}}],
    }
    assert decode("anthropic", json.dumps(own)) == [
        {"type": "file", "mime": "application/pdf", "url": "https://tides.example/a"}
    ]
