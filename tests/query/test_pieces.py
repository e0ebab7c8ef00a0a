from __future__ import annotations

import pytest

from hansard.model.entry import Entry, assistant, message, raw_message, text, tool, tool_call, user
from hansard.query import pieces
from hansard.query.pieces import calls_of


def entry(made, seq=2):
    return Entry(seq, "x", "2026-01-01T00:00:00.000000Z", made.kind, made.body, salt="0" * 16)


def of_kind(kind, body):
    return Entry(2, "x", "2026-01-01T00:00:00.000000Z", kind, body, salt="0" * 16)


def found(one, **calls):
    return [(piece.role, piece.text, piece.tools, piece.is_error) for piece in pieces(one, calls=calls)]


def test_what_is_said_is_one_piece_under_its_role():
    assert found(entry(user([text("one"), text("two")]))) == [("user", "one\n\ntwo", (), False)]


def test_reasoning_and_files_are_not_searched():
    parts = [{"type": "reasoning", "text": "hm"}, {"type": "file", "mime": "image/png", "url": "https://x"}]
    assert found(entry(assistant(parts))) == []


def test_a_call_is_said_by_name_and_what_it_was_given_is_the_tools():
    said = assistant([text("look"), tool_call("1", "Bash", {"command": "ls", "timeout": 5})])
    assert found(entry(said)) == [("assistant", "look\n\nBash", ("Bash",), False), ("tool", "ls\n5", ("Bash",), False)]


def test_a_result_is_the_tools_and_knows_which_tool_answered():
    assert found(entry(tool("1", "zebra", is_error=True)), **{"1": "grep"}) == [("tool", "zebra", ("grep",), True)]
    assert found(entry(tool("1", "zebra"))) == [("tool", "zebra", (), False)]


def test_a_result_without_text_is_still_an_answer():
    assert found(entry(tool("1", "", is_error=True))) == [("tool", "", (), True)]


def test_of_a_result_in_parts_only_what_is_to_be_read_counts():
    content = [text("seen"), {"type": "file", "mime": "image/png", "data": "AAAA"}]
    assert found(entry(tool("1", content))) == [("tool", "seen", (), False)]


def test_the_payload_of_a_raw_message_is_read_by_its_decoder():
    payload = '{"role":"user","content":"hello"}'
    assert found(entry(raw_message("user", "openai-chat", payload))) == [("user", "hello", (), False)]


@pytest.mark.parametrize("payload", ["", "null", "[1]", '{"content":7}'])
def test_a_payload_that_can_not_be_decoded_has_no_text(payload):
    assert found(entry(raw_message("user", "openai-chat", payload))) == []


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("compaction", {"summary": "animals", "covers": 1}, [("summary", "animals", (), False)]),
        ("compaction", {"summary": None, "covers": 1}, []),
        ("created", {"session": "s", "title": "Harbour"}, [("title", "Harbour", (), False)]),
        ("update", {"set": {"title": "Harbour", "status": "done"}}, [("title", "Harbour", (), False)]),
        ("update", {"set": {"status": "done"}}, []),
        ("event", {"type": "step", "text": "hidden"}, []),
        ("x-mine.note", {"text": "hidden"}, []),
        ("message", "no object", []),
        ("message", {"role": 7, "parts": [{"type": "text", "text": "odd"}]}, [("", "odd", (), False)]),
    ],
)
def test_titles_and_summaries_are_text_and_other_entries_are_not(kind, body, expected):
    assert found(of_kind(kind, body)) == expected


def test_an_erased_entry_has_no_text_and_no_calls():
    gone = Entry(2, "x", "2026-01-01T00:00:00.000000Z", "message", None)
    assert (pieces(gone), calls_of(gone)) == ([], {})


def test_a_role_is_written_in_any_case():
    assert found(entry(message("User", "hi"))) == [("user", "hi", (), False)]


def test_the_bytes_of_a_file_that_a_tool_gave_are_no_text():
    photo = {"type": "file", "mime": "image/png", "url": "data:image/png;base64,iVBORw0KGgo=", "name": "pier.png"}
    linked = {"type": "file", "url": "https://tides.example/pier"}
    [(_, told, _, _)] = found(entry(tool("c", [text("a photo"), photo, linked])))
    assert told.split() == ["a", "photo", "pier.png", "https://tides.example/pier"]
