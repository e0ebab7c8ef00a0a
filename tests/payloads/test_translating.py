"""What one framework said, said to another: decoded into parts and encoded again."""

from __future__ import annotations

import json

import pytest

import hansard
from hansard.payloads import FORMATS, adk, anthropic, decode, langchain, openai_responses, pydantic_ai, strands

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


PNG = {"kind": "binary", "data": "__77AA==", "media_type": "image/png"}
PHOTO = {"type": "file", "mime": "image/png", "url": "data:image/png;base64,//77AA=="}


def test_newer_parts_of_pydantic_ai_say_what_its_models_are_sent_and_nothing_else():
    parts = [
        {"part_kind": "instruction-baseline", "instructions": []},
        {"part_kind": "instruction-delta", "id": "agent", "content": "be quick"},
        {"part_kind": "model-settings-delta", "settings": {"thinking": "low"}},
        {"part_kind": "tool-availability-delta", "tools_added": ["f"]},
        {"part_kind": "capability-load-delta", "loaded": ["x"]},
        {"part_kind": "user-prompt", "content": ["look", {"kind": "cache-point", "ttl": "5m"}, PNG]},
        {"part_kind": "tool-return", "tool_name": "f", "tool_call_id": "c1", "content": PNG, "outcome": "interrupted"},
        {"part_kind": "tool-return", "tool_name": "f", "tool_call_id": "c2", "content": "again", "outcome": "retried"},
        {"part_kind": "tool-return", "tool_name": "f", "tool_call_id": "c3", "content": [{"kind": "cat"}]},
        {"part_kind": "retry-feedback", "content": "say it in JSON"},
        {"part_kind": "compaction", "content": "what was before"},
        {"part_kind": "compaction", "content": None, "provider_details": {"encrypted_content": "x"}},
        {"part_kind": "speech", "speaker": "user", "transcript": "hello", "audio": PNG},
    ]
    assert decode("pydantic-ai", json.dumps({"kind": "request", "parts": parts})) == [
        hansard.text("look"),
        PHOTO,
        {"type": "tool_result", "call_id": "c1", "content": [PHOTO], "is_error": True, "name": "f"},
        {"type": "tool_result", "call_id": "c2", "content": "again", "is_error": True, "name": "f"},
        {"type": "tool_result", "call_id": "c3", "content": [{"kind": "cat"}], "name": "f"},
        hansard.text("say it in JSON"),
        hansard.text("what was before"),
        {"type": "reasoning", "text": ""},
        hansard.text("hello"),
        PHOTO,
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
    messages = [message for role, parts in SAID for message in langchain.encode(role, parts)]
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


def wholly(encode, role, parts):
    said = encode(role, parts)
    return said if isinstance(said, list) else [said]


ENCODERS = {
    "adk": lambda role, parts: adk.encode(role, parts, tools={}),
    "openai-responses": openai_responses.encode,
    "pydantic-ai": lambda role, parts: pydantic_ai.encode(role, parts, at="2026-11-21T08:00:00Z", tools={}),
    "strands": strands.encode,
    "langchain": langchain.encode,
}


@pytest.mark.parametrize("format_", ENCODERS)
def test_results_side_by_side_and_what_was_said_with_them_all_arrive(format_):
    image = {"type": "file", "mime": "image/png", "url": "data:image/png;base64,iVBORw0="}
    mixed = [
        hansard.text("be quick"),
        hansard.tool_result("c1", "boom", is_error=True),
        hansard.tool_result("c2", [hansard.text("a photo"), image]),
        {"type": "system", "text": "be kind"},
        hansard.tool_result("c3", ["a", 1]),
    ]
    said = [
        part for message in wholly(ENCODERS[format_], "user", mixed) for part in decode(format_, json.dumps(message))
    ]
    results = [part for part in said if part["type"] == "tool_result"]
    assert said[:3] == results
    assert [part["call_id"] for part in results] == ["c1", "c2", "c3"]
    assert results[1]["content"] == [hansard.text("a photo"), image]
    assert results[2]["content"] in (["a", 1], '["a",1]', {"result": '["a",1]'})
    assert [part["text"] for part in said[3:]] == ["be kind", "be quick"]


@pytest.mark.parametrize("format_", ENCODERS)
def test_a_call_that_its_provider_ran_is_no_open_call_elsewhere(format_):
    answer = [
        hansard.tool_call("s1", "web_search", {"q": "tides"}),
        hansard.tool_result("s1", [hansard.text("high at noon")]),
        hansard.text("At noon."),
    ]
    said = [
        part
        for message in wholly(ENCODERS[format_], "assistant", answer)
        for part in decode(format_, json.dumps(message))
    ]
    assert {part["type"] for part in said} == {"text"}
    told = "".join(part["text"] for part in said)
    assert all(word in told for word in ("web_search", "tides", "high at noon", "At noon."))


@pytest.mark.parametrize("format_", [*ENCODERS, "anthropic"])
def test_a_result_that_came_in_the_name_of_the_model_goes_with_its_earlier_call(format_):
    encode = {**ENCODERS, "anthropic": anthropic.encode}[format_]
    late = [hansard.reasoning("hm"), hansard.tool_result("c", "high at noon"), hansard.text("")]
    [message] = wholly(encode, "assistant", late)
    [result] = decode(format_, json.dumps(message))
    assert (result["type"], result["call_id"]) == ("tool_result", "c")
    assert message.get("role") != "assistant"
    assert message.get("kind") != "response"
    mixed = [*late, hansard.text("At noon.")]
    assert "high at noon" in json.dumps(wholly(encode, "assistant", mixed))
    assert "At noon." in json.dumps(wholly(encode, "assistant", mixed))


@pytest.mark.parametrize("format_", ["openai-responses", "langchain"])
def test_a_late_result_that_stands_in_an_answer_is_a_result_before_it(format_):
    answer = [hansard.text("At noon."), hansard.tool_result("c", "high"), hansard.tool_call("d", "f", {})]
    said = [
        part["type"]
        for message in wholly(ENCODERS[format_], "assistant", answer)
        for part in decode(format_, json.dumps(message))
    ]
    assert said == ["tool_result", "text", "tool_call"]


@pytest.mark.parametrize("format_", ENCODERS)
def test_ids_of_any_kind_are_said_without_an_error(format_):
    odd = [{"type": "tool_call", "id": [1], "name": "f"}, {"type": "tool_result", "call_id": [1], "content": "noon"}]
    assert "noon" in json.dumps(wholly(ENCODERS[format_], "assistant", odd))


@pytest.mark.parametrize("format_", ENCODERS)
def test_reasoning_alone_is_nothing_to_another_provider(format_):
    said = wholly(ENCODERS[format_], "assistant", [hansard.reasoning("hm"), hansard.text(""), hansard.text(" \n")])
    assert [part for message in said for part in decode(format_, json.dumps(message))] == []


def test_files_are_said_as_strands_may_send_them():
    def file(mime, name):
        return {"type": "file", "mime": mime, "url": f"data:{mime};base64,AAAA", "name": name}

    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    given = [file("image/jpg", "a"), file("image/svg+xml", "b.svg"), file(sheet, "tides.2026/11.xlsx")]
    said = strands.encode("user", given)["content"]
    assert said[0]["image"]["format"] == "jpeg"
    assert said[1] == {"text": "[file b.svg]"}
    assert (said[2]["document"]["format"], said[2]["document"]["name"]) == ("xlsx", "tides 2026 11 xlsx")
    assert strands.encode("assistant", given[:1])["content"] == [{"text": "[file a]"}]


def test_what_was_said_is_contents_of_gemini():
    contents = [adk.encode(role, parts, tools={"c1": "f"}) for role, parts in SAID]
    assert [content["role"] for content in contents] == ["user", "user", "model", "user"]
    parts = [decode("adk", json.dumps(content)) for content in contents]
    assert parts == [
        list(SAID[0][1]), list(SAID[1][1]), list(SAID[2][1][1:]),
        [hansard.tool_result("c1", {"result": "42"}) | {"name": "f"}],
    ]  # fmt: skip
    failed = adk.encode("tool", [hansard.tool_result("c1", {"n": 1}, is_error=True)], tools={})
    assert failed["parts"][0]["function_response"]["response"] == {"error": {"n": 1}}
    linked = {"type": "file", "url": "https://tides.example/a.png", "mime": "image/png"}
    assert adk.encode("user", [linked], tools={})["parts"] == [
        {"file_data": {"file_uri": linked["url"], "mime_type": "image/png"}}
    ]


SERVED = {
    "of another server": {
        "type": "mcp_call", "id": "m", "name": "tide_table", "server_label": "harbour", "arguments": '{"pier": 3}',
        "output": "high at noon", "error": None,
    },
    "of an interpreter": {
        "type": "code_interpreter_call", "id": "i", "code": "pier(3)", "status": "completed", "container_id": "c",
        "outputs": [{"type": "logs", "logs": "high at noon"}],
    },
    "of a search in files": {
        "type": "file_search_call", "id": "s", "queries": ["pier 3"], "status": "completed",
        "results": [{"filename": "tides.txt", "text": "high at noon"}],
    },
}  # fmt: skip


@pytest.mark.parametrize("item", SERVED.values(), ids=SERVED)
@pytest.mark.parametrize("format_", ENCODERS)
def test_what_a_call_gave_that_openai_ran_is_said_to_others(item, format_):
    [part] = decode("openai-responses", json.dumps(item))
    assert part["type"] == "server_tool"
    said = [
        one
        for message in wholly(ENCODERS[format_], "assistant", [part])
        for one in decode(format_, json.dumps(message))
    ]
    told = "".join(one["text"] for one in said)
    assert all(word in told for word in ("pier", "3", "high at noon"))


@pytest.mark.parametrize("format_", ENCODERS)
def test_a_system_that_says_nothing_is_left_out(format_):
    blank = [hansard.text(" "), {"type": "system", "text": ""}]
    said = [
        part for message in wholly(ENCODERS[format_], "system", blank) for part in decode(format_, json.dumps(message))
    ]
    assert [part for part in said if part != hansard.text("")] == []


@pytest.mark.parametrize("format_", ["openai-responses", "strands"])
def test_tools_and_calls_have_names_that_providers_take(format_):
    call = hansard.tool_call("call 1", "tide.gauge/north", {})
    [message] = wholly(ENCODERS[format_], "assistant", [call])
    [part] = decode(format_, json.dumps(message))
    assert part["name"] == "tide_gauge_north"
    [answer] = wholly(ENCODERS[format_], "tool", [hansard.tool_result("call 1", "2.4 m")])
    assert decode(format_, json.dumps(answer))[0]["call_id"] == part["id"]
