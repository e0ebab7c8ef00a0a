"""What one framework said, said to another: decoded into parts and encoded again."""

from __future__ import annotations

import json

import pytest

import hansard
from hansard.payloads import FORMATS, decode, langchain, openai_responses, pydantic_ai, strands

REQUEST = {
    "kind": "request",
    "instructions": "be brief",
    "parts": [
        {"part_kind": "system-prompt", "content": "you are kind"},
        {"part_kind": "user-prompt", "content": ["look", {"kind": "binary", "data": "__77AA==", "media_type": "image/png"}]},
        {"part_kind": "tool-return", "tool_name": "f", "tool_call_id": "c1", "content": {"n": 1}, "outcome": "failed"},
        {"part_kind": "retry-prompt", "tool_name": "g", "tool_call_id": "c2", "content": "again"},
        {"part_kind": "retry-prompt", "tool_name": None, "content": "say it in JSON"},
        {"part_kind": "news", "content": 1},
    ],
}  # fmt: skip
RESPONSE = {
    "kind": "response",
    "parts": [
        {"part_kind": "thinking", "content": "hm", "signature": "s"},
        {"part_kind": "text", "content": "calling"},
        {"part_kind": "tool-call", "tool_name": "f", "tool_call_id": "c1", "args": '{"x": 1}'},
        {"part_kind": "builtin-tool-call", "tool_name": "search", "tool_call_id": "s1", "args": {"q": "a"}},
    ],
}  # fmt: skip


def test_a_request_of_pydantic_ai_shows_its_parts():
    assert decode("pydantic-ai", json.dumps(REQUEST)) == [
        {"type": "system", "text": "you are kind"},
        hansard.text("look"),
        {"type": "file", "mime": "image/png", "url": "data:image/png;base64,//77AA=="},
        {"type": "tool_result", "call_id": "c1", "content": {"n": 1}, "is_error": True, "name": "f"},
        {"type": "tool_result", "call_id": "c2", "content": "again", "is_error": True, "name": "g"},
        hansard.text("say it in JSON"),
        {"type": "json", "value": {"part_kind": "news", "content": 1}},
    ]


def test_a_response_of_pydantic_ai_shows_its_parts():
    assert decode("pydantic-ai", json.dumps([RESPONSE])) == [
        {"type": "reasoning", "text": "hm", "signature": "s"},
        hansard.text("calling"),
        hansard.tool_call("c1", "f", {"x": 1}),
        {"type": "server_tool", "id": "s1", "name": "search", "arguments": {"q": "a"}},
    ]


@pytest.mark.parametrize(
    "odd", [None, 1, "text", [], {}, {"parts": 3}, {"parts": [1, None, {"part_kind": []}]}, [[{}]]]
)
def test_any_value_is_decoded_without_an_error(odd):
    assert "pydantic-ai" in FORMATS
    assert isinstance(decode("pydantic-ai", json.dumps(odd)), list)


SAID = [
    ("system", [hansard.text("be brief")]),
    ("user", [hansard.text("look"), {"type": "file", "mime": "image/png", "url": "data:image/png;base64,iVBORw0="}]),
    ("assistant", [hansard.reasoning("hm"), hansard.text("calling"), hansard.tool_call("c1", "f", {"x": 1})]),
    ("tool", [hansard.tool_result("c1", "42")]),
]


def test_what_was_said_is_items_of_the_responses_api():
    items = [item for role, parts in SAID for item in openai_responses.encode(role, parts)]
    assert items == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0=", "detail": "auto"},
        ]},
        {"role": "assistant", "content": "calling"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
    ]  # fmt: skip


def test_what_was_said_is_messages_of_pydantic_ai():
    messages = [pydantic_ai.encode(role, parts, at="2026-11-21T08:00:00Z", tools={"c1": "f"}) for role, parts in SAID]
    assert [(message["kind"], [part["part_kind"] for part in message["parts"]]) for message in messages] == [
        ("request", ["system-prompt"]), ("request", ["user-prompt"]), ("response", ["text", "tool-call"]),
        ("request", ["tool-return"]),
    ]  # fmt: skip
    parts = [decode("pydantic-ai", json.dumps(message)) for message in messages]
    assert parts[0] == [{"type": "system", "text": "be brief"}]
    assert parts[1] == list(SAID[1][1])
    assert parts[2] == list(SAID[2][1][1:])
    assert parts[3] == [{**SAID[3][1][0], "name": "f"}]


def test_what_cannot_be_said_in_kind_is_said_in_words():
    odd = [
        {"type": "file", "name": "a.bin", "attachment": "0" * 64},
        {"type": "json", "value": {"a": [1]}},
        {"type": "x"},
    ]
    [item] = openai_responses.encode("assistant", odd)
    assert item == {"role": "assistant", "content": '[file a.bin]\n{"a":[1]}\n{"type":"x"}'}
    assert openai_responses.encode("tool", [hansard.tool_result("c", [hansard.text("a"), odd[1]])]) == [
        {"type": "function_call_output", "call_id": "c", "output": 'a\n{"a":[1]}'}
    ]


def test_what_was_said_is_messages_of_langchain():
    messages = [langchain.encode(role, parts) for role, parts in SAID]
    assert [message["type"] for message in messages] == ["system", "human", "ai", "tool"]
    parts = [decode("langchain", json.dumps(message)) for message in messages]
    assert parts[0] == list(SAID[0][1])
    assert parts[1] == list(SAID[1][1])
    assert parts[2] == list(SAID[2][1][1:])
    assert parts[3] == list(SAID[3][1])


def test_what_was_said_is_messages_of_strands():
    messages = [strands.encode(role, parts) for role, parts in SAID]
    assert [message["role"] for message in messages] == ["user", "user", "assistant", "user"]
    parts = [decode("strands", json.dumps(message)) for message in messages]
    assert parts == [list(SAID[0][1]), list(SAID[1][1]), list(SAID[2][1][1:]), list(SAID[3][1])]


def test_a_message_of_strands_shows_its_parts():
    said = {"role": "user", "content": [
        {"text": "look"},
        {"document": {"format": "pdf", "name": "a", "source": {"bytes": {"__bytes_encoded__": True, "data": "JVBERg=="}}}},
        {"image": {"format": "png", "source": {"location": {"type": "s3", "uri": "s3://b/a.png"}}}},
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"toolResult": {"toolUseId": "c1", "status": "error", "content": [{"json": {"n": 1}}]}},
        {"toolResult": {"toolUseId": "c2", "status": "success", "content": [{"text": "a"}, {"json": [2]}]}},
        {"citationsContent": {"content": [{"text": "cited"}]}},
        {"cachePoint": {"type": "default"}},
        {"guardContent": {}},
    ]}  # fmt: skip
    assert decode("strands", json.dumps(said)) == [
        hansard.text("look"),
        {"type": "file", "mime": "application/pdf", "url": "data:application/pdf;base64,JVBERg==", "name": "a"},
        {"type": "file", "mime": "image/png", "url": "s3://b/a.png"},
        {"type": "reasoning", "text": "hm", "signature": "s"},
        hansard.tool_result("c1", {"n": 1}, is_error=True),
        hansard.tool_result("c2", [hansard.text("a"), {"type": "json", "value": [2]}]),
        hansard.text("cited"),
        {"type": "json", "value": {"guardContent": {}}},
    ]


@pytest.mark.parametrize("odd", [None, 1, "text", [], {}, {"content": 3}, {"content": [1, None, {"toolUse": 1}, {}]}])
def test_any_value_is_decoded_as_strands_without_an_error(odd):
    assert isinstance(decode("strands", json.dumps(odd)), list)
