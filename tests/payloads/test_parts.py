from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hansard.codec.cut import cut
from hansard.payloads import FORMATS, parts_of, version_of

PNG = b"\x89PNG\r\n\x1a\n" + Random(1).randbytes(3000)
DIGEST = sha256(PNG).hexdigest()
PNG64 = b64encode(PNG).decode()


def parts(kind, payload):
    text = payload if isinstance(payload, str) else json.dumps(payload)
    rest, cuts = cut(text)
    raw = {"format": kind, "text": rest}
    if cuts:
        raw["cut"] = [[offset, sha256(data).hexdigest()] for offset, data, _ in cuts]
    return parts_of({"role": "user", "raw": raw})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from([
            "type", "role", "content", "text", "message", "payload", "source", "data", "image_url", "url", "tool_calls",
            "function", "output", "metadata", "summary", "parts", "choices", "name", "arguments", "call_id", "file",
        ]),
        inner
        | st.sampled_from(["text", "message", "tool_result", "image", "reasoning", "function_call_output", "tool", "file"]),
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*FORMATS, "made-up"]), JSON)
@example("oxios", {"parts": [{}, {"type": 1}]})
def test_any_payload_of_any_format_gives_parts(kind, payload):
    found = parts(kind, payload)
    assert all(isinstance(part, dict) and isinstance(part["type"], str) for part in found)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("body", [None, 3, [], {}, {"raw": 1}, {"raw": {}}, {"raw": {"text": 5}}, {"parts": 1}])
def test_any_body_gives_parts(body):
    assert isinstance(parts_of(body), list)


def test_neutral_parts_are_given_as_they_are():
    given_parts = [{"type": "text", "text": "a"}, {"type": "x-own", "v": 1}]
    assert parts_of({"role": "user", "parts": given_parts}) == given_parts


def test_an_unknown_format_is_shown_as_what_it_holds():
    assert parts("made-up", {"a": 1}) == [{"type": "json", "value": {"a": 1}}]
    assert parts("made-up", "plain words") == [{"type": "text", "text": "plain words"}]
    assert parts("codex", '{"broken": ') == [{"type": "text", "text": '{"broken": '}]


def test_a_payload_kept_as_a_file_shows_the_file():
    assert parts_of({"raw": {"format": "codex", "attachment": DIGEST}})[0]["attachment"] == DIGEST


def test_lone_surrogates_and_deep_nesting_do_no_harm():
    assert parts("anthropic", '{"content": "\\ud83d"}') == [{"type": "text", "text": "\ud83d"}]
    assert parts("anthropic", "[" * 3000 + "]" * 3000)[0]["type"] in ("text", "json")


def test_a_claude_code_line_gives_the_parts_of_its_message():
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "hello"},
        {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG64}},
        {"type": "tool_result", "tool_use_id": "t1", "is_error": True, "content": [
            {"type": "text", "text": "no"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG64}}]},
    ]  # fmt: skip
    file = {"type": "file", "mime": "image/png", "attachment": DIGEST}
    assert parts("claude-code", {"type": "assistant", "message": {"role": "assistant", "content": content}}) == [
        {"type": "reasoning", "text": "hm", "signature": "s"},
        {"type": "text", "text": "hello"},
        {"type": "tool_call", "id": "t1", "name": "Bash", "arguments": {"command": "ls"}},
        file,
        {
            "type": "tool_result",
            "call_id": "t1",
            "content": [{"type": "text", "text": "no"}, file],
            "is_error": True,
        },
    ]
    assert parts("claude-code", {"message": {"content": "just text"}}) == [{"type": "text", "text": "just text"}]


def test_codex_lines_of_both_eras_give_the_same_parts():
    call = {"type": "function_call", "name": "shell", "arguments": '{"command": ["ls"]}', "call_id": "c1"}
    output = {
        "type": "function_call_output",
        "call_id": "c1",
        "output": json.dumps({"output": "no such file", "metadata": {"exit_code": 2}}),
    }
    for wrap in (lambda item: item, lambda item: {"type": "response_item", "payload": item}):
        assert parts("codex", wrap(call)) == [
            {"type": "tool_call", "id": "c1", "name": "shell", "arguments": {"command": ["ls"]}}
        ]
        assert parts("codex", wrap(output)) == [
            {"type": "tool_result", "call_id": "c1", "content": "no such file", "is_error": True}
        ]


def test_codex_reasoning_patches_and_images():
    patch = {"type": "custom_tool_call", "name": "apply_patch", "call_id": "c2", "input": "*** Begin Patch"}
    assert parts("codex", {"payload": patch})[0]["arguments"] == "*** Begin Patch"
    reasoning = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}], "encrypted_content": "e"}
    assert parts("codex", {"payload": reasoning}) == [{"type": "reasoning", "text": "a", "signature": "e"}]
    image = {"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG64}"},
        {"type": "input_image", "image_url": None, "detail": "auto"}]}  # fmt: skip
    assert parts("codex", {"payload": image}) == [
        {"type": "text", "text": "see"},
        {"type": "file", "mime": "image/png", "attachment": DIGEST},
    ]


def test_chat_messages_and_whole_completions():
    message = {
        "role": "assistant",
        "content": "ok",
        "reasoning_content": "hm",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{bad"}}],
    }
    expected = [
        {"type": "reasoning", "text": "hm"},
        {"type": "text", "text": "ok"},
        {"type": "tool_call", "id": "c", "name": "f", "arguments": "{bad"},
    ]
    assert parts("openai-chat", message) == expected
    assert parts("openai-chat", {"choices": [{"message": message}]}) == expected
    result = {"role": "tool", "tool_call_id": "c", "content": "42"}
    assert parts("openai-chat", result) == [{"type": "tool_result", "call_id": "c", "content": "42"}]


def test_a_whole_response_gives_the_parts_of_its_items():
    response = {"id": "r", "output": [
        {"type": "reasoning", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
        {"type": "web_search_call", "id": "w", "status": "completed", "action": {"query": "q"}}]}  # fmt: skip
    assert [part["type"] for part in parts("openai-responses", response)] == ["reasoning", "text", "server_tool"]


def test_other_dialects_show_text_thoughts_and_calls():
    line = {"message": {"role": "model", "parts": [
        {"text": "think", "thought": True},
        {"functionCall": {"id": "c", "name": "read", "args": {"p": 1}}}]}}  # fmt: skip
    assert parts("jsonl", line) == [
        {"type": "reasoning", "text": "think"},
        {"type": "tool_call", "id": "c", "name": "read", "arguments": {"p": 1}},
    ]


def test_cut_base64_that_no_decoder_takes_up_is_named_in_words():
    (part,) = parts("jsonl", {"role": "user", "content": f"see {PNG64}"})
    assert part == {"type": "text", "text": f"see [attachment {DIGEST}]"}


def test_every_format_has_a_version():
    assert all(version_of(name) >= 1 for name in FORMATS)
    assert version_of("made-up") == 0
