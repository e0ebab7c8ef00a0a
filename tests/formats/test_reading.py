from __future__ import annotations

import json

import pytest

from hansard.formats import detect, examine, import_paths
from hansard.formats.claude_code import is_meta_text
from hansard.payloads import parts_of
from support.fake_store import FakeStore
from support.transcripts import answer, claude, codex, corpus, prompt, said, write


def read(path):
    store = FakeStore()
    import_paths(store, [path])
    (session,) = store.made.values()
    return session


def shown(session):
    return [
        (entry.seq, entry.body["role"], "".join(part.get("text", "") for part in parts_of(entry.body)))
        for entry in session.log
        if entry.kind == "message"
    ]


def of_kind(session, kind):
    return [entry for entry in session.log if entry.kind == kind]


def seq_of(session, text):
    return next(seq for seq, _, shown_text in shown(session) if shown_text == text)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"type": "user", "parentUuid": None, "message": {}}, "claude-code"),
        ({"type": "summary", "summary": "s", "leafUuid": "u"}, "claude-code"),
        ({"type": "queue-operation", "operation": "enqueue"}, "claude-code"),
        ({"timestamp": "t", "type": "session_meta", "payload": {}}, "codex"),
        ({"id": "x", "timestamp": "t", "instructions": None, "git": {}}, "codex"),
        ({"record_type": "state"}, "codex"),
        ({"role": "user", "content": "hi"}, "jsonl"),
        ({"uuid": "u", "parentUuid": None, "message": {"role": "model", "parts": []}}, "jsonl"),
        ({"kind": "created", "seq": 1, "digest": "d", "body": {}}, "hansard"),
    ],
)
def test_a_line_shows_its_format(row, name):
    assert detect((json.dumps(row) + "\n").encode()) == name


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"messages": [{"role": "user"}]}, "OpenAI chat JSONL"),
        ({"type": "session", "version": 3, "cwd": "/x"}, "pi"),
        ({"working_dir": "/x", "message_count": 2}, "Goose"),
        ({"type": "system", "subtype": "init", "session_id": "x"}, "Claude stream-json"),
        ({"type": "thread.started", "thread_id": "x"}, "codex exec --json"),
    ],
)
def test_known_formats_that_can_not_be_read_are_named(row, name):
    found = examine((json.dumps(row) + "\n").encode())
    assert (found.format, found.reason) == (None, f"not supported yet: {name}")


def test_a_first_line_of_any_length_shows_its_format(tmp_path):
    path = write(
        tmp_path / "r.jsonl", codex("session_meta", id="t-1", instructions="long " * 40_000), said("user", "hi")
    )
    assert detect(path) == "codex"


def test_lines_that_are_glued_together_are_kept_and_reported(tmp_path):
    store, path = FakeStore(), write(tmp_path / "glued.jsonl", '{"a": 1}{"a": 2}', {"role": "user", "content": "hi"})
    report = import_paths(store, [path])
    assert [unreadable.line for unreadable in report.files[0].unreadable] == [1]
    assert [text for _, _, text in shown(store.get("glued"))] == ["hi"]


def test_formats_of_real_files_are_told_apart():
    for folder, expected in (("claude-code", {"claude-code", "jsonl", "json"}), ("codex", {"codex", "codex-json"})):
        found = {detect(path) for path in (corpus() / folder).rglob("*") if path.is_file()}
        assert found == expected


def test_a_real_rewind_moves_the_head_and_parallel_calls_do_not(tmp_path):
    use = {"type": "tool_use", "id": "t", "name": "Read", "input": {}}
    done = {"type": "tool_result", "tool_use_id": "t", "content": "x"}
    session = read(
        write(
            tmp_path / "s-1.jsonl",
            prompt("u1", None, "start"),
            claude("assistant", "a1", "u1", {"role": "assistant", "content": [use]}),
            claude("assistant", "a2", "a1", {"role": "assistant", "content": [use]}),
            prompt("r1", "a1", [done]),
            claude("progress", "p1", "a1", data={}),
            prompt("r2", "a2", [done]),
            answer("a3", "r2", "done"),
            prompt("u2", "a3", "first try"),
            answer("a4", "u2", "hm"),
            prompt("u3", "a3", "second try"),
            answer("a5", "u3", "yes"),
        )
    )
    (head,) = of_kind(session, "head")
    assert head.body == {"to": seq_of(session, "done")}
    assert head.seq == seq_of(session, "second try") - 1
    assert [role for _, role, _ in shown(session)] == [
        "user", "assistant", "assistant", "tool", "tool", "assistant", "user", "assistant", "user", "assistant",
    ]  # fmt: skip
    assert all(entry.parent is None for entry in session.log)


def test_the_same_prompt_written_twice_is_no_rewind(tmp_path):
    rows = [prompt("u0", None, "a"), prompt("u1", "u0", "one"), answer("a1", "u1", "x"), prompt("u1", "u0", "one")]
    assert of_kind(read(write(tmp_path / "s-1.jsonl", *rows)), "head") == []


def test_a_compaction_covers_what_was_shown_before_the_boundary(tmp_path):
    session = read(
        write(
            tmp_path / "s-1.jsonl",
            prompt("u1", None, "long talk"),
            answer("a1", "u1", "indeed"),
            claude("system", "b1", None, subtype="compact_boundary", logicalParentUuid="a1"),
            prompt("c1", "b1", [{"type": "text", "text": "They talked."}], isCompactSummary=True),
            prompt("u2", "c1", "go on"),
        )
    )
    (compaction,) = of_kind(session, "compaction")
    assert compaction.body == {"summary": "They talked.", "covers": seq_of(session, "indeed")}
    assert [text for _, _, text in shown(session)] == ["long talk", "indeed", "go on"]


def test_a_boundary_without_a_summary_still_ends_the_context(tmp_path):
    session = read(
        write(
            tmp_path / "s-1.jsonl",
            prompt("u1", None, "long talk"),
            claude("system", "b1", None, subtype="compact_boundary"),
            prompt("u2", "b1", "go on"),
        )
    )
    (compaction,) = of_kind(session, "compaction")
    assert compaction.body == {"summary": None, "covers": seq_of(session, "long talk")}
    assert compaction.seq < seq_of(session, "go on")


def test_a_summary_at_the_very_beginning_is_what_the_model_saw_first(tmp_path):
    rows = [prompt("c1", None, "Earlier: much.", isCompactSummary=True), prompt("u2", "c1", "go on")]
    session = read(write(tmp_path / "s-1.jsonl", *rows))
    assert of_kind(session, "compaction") == []
    assert of_kind(session, "message")[0].body["metadata"] == {"meta": True}


@pytest.mark.parametrize(
    ("text", "meta"),
    [
        ("<command-name>/clear</command-name>\n<command-args></command-args>", True),
        ("<system-reminder>x</system-reminder>", True),
        ("<local-command-stdout>out</local-command-stdout>", True),
        ("[Request interrupted by user for tool use]", True),
        ("<task-notification>\n<status>done</status>\n</task-notification>", True),
        ("<ide_opened_file>a.py</ide_opened_file>\nWhat does this do?", False),
        ("<b>bold</b> question", False),
        ("", True),
    ],
)
def test_what_the_client_put_in_is_told_from_what_a_person_typed(text, meta):
    assert is_meta_text(text) is meta


def test_usage_counts_once_for_each_api_message(tmp_path):
    session = read(
        write(
            tmp_path / "s-1.jsonl",
            prompt("u1", None, "hi"),
            answer("a1", "u1", "part", call="m1", output=2),
            answer("a2", "a1", "part", call="m1", output=9, stop="tool_use"),
            answer("a3", "a2", "next", call="m2", output=7),
            claude("assistant", "a4", "a3", {"role": "assistant", "model": "<synthetic>", "content": "error", "id": "m3",
                                             "usage": {"input_tokens": 50, "output_tokens": 50}}),
        )
    )  # fmt: skip
    assert [
        (e.body["call"], e.body["input"], e.body["output"], e.body["cache_read"]) for e in of_kind(session, "usage")
    ] == [
        ("m1", 10, 9, 100),
        ("m2", 10, 7, 100),
    ]


def test_usage_of_a_message_that_was_still_being_written_adds_up(tmp_path):
    store, path = FakeStore(), tmp_path / "s-1.jsonl"
    rows = [prompt("u1", None, "hi"), answer("a1", "u1", "x", call="m1", output=2)]
    for more in ((), (answer("a2", "a1", "y", call="m1", output=9),), (prompt("u2", "a2", "next"),)):
        rows += more
        import_paths(store, [write(path, *rows)])
    entries = of_kind(store.get("s-1"), "usage")
    assert [(e.body["input"], e.body["output"]) for e in entries] == [(10, 2), (0, 7)]


def test_a_rollback_goes_to_before_the_last_prompts(tmp_path):
    session = read(
        write(
            tmp_path / "r.jsonl",
            codex("session_meta", id="t-1"),
            said("user", "<environment_context>x</environment_context>"),
            said("user", "one"),
            said("assistant", "1"),
            said("user", "two"),
            said("assistant", "2"),
            said("user", "three"),
            codex("event_msg", type="thread_rolled_back", num_turns=2),
            said("user", "other"),
            codex("event_msg", type="thread_rolled_back", num_turns=9),
        )
    )
    assert [entry.body["to"] for entry in of_kind(session, "head")] == [
        seq_of(session, "1"),
        seq_of(session, "<environment_context>x</environment_context>"),
    ]
    assert shown(session)[0][1] == "user"
    assert of_kind(session, "message")[0].body["metadata"] == {"meta": True}


def test_a_compacted_codex_thread_goes_on_from_its_summary(tmp_path):
    history = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "do it"}]}]
    for message, summary in (("What was done.", "What was done."), ("", "user: do it")):
        path = write(
            tmp_path / "r.jsonl",
            codex("session_meta", id="t-1"),
            said("user", "do it"),
            codex("compacted", message=message, replacement_history=history),
        )
        session = read(path)
        (compaction,) = of_kind(session, "compaction")
        assert compaction.body == {"summary": summary, "covers": seq_of(session, "do it")}


def test_a_prompt_is_shown_once_whether_or_not_it_has_a_response_item(tmp_path):
    session = read(
        write(
            tmp_path / "r.jsonl",
            codex("session_meta", id="t-1"),
            codex("event_msg", type="user_message", message="only here"),
            said("assistant", "a"),
            said("user", "both"),
            codex("event_msg", type="user_message", message="both"),
            said("assistant", "b"),
            codex("event_msg", type="user_message", message="event first"),
            said("user", "event first"),
            said("assistant", "c"),
            codex("event_msg", type="agent_message", message="c"),
        )
    )
    assert [text for _, _, text in shown(session)] == ["only here", "a", "both", "b", "event first", "c"]


def test_the_second_header_of_a_codex_file_does_not_make_a_second_session(tmp_path):
    session = read(
        write(
            tmp_path / "r.jsonl",
            codex("session_meta", id="t-fork", forked_from_id="t-origin", cwd="/a"),
            codex("session_meta", id="t-origin", cwd="/b"),
            said("user", "hi"),
        )
    )
    assert session.id == "t-fork"
    assert session.fields_given["metadata"] == {"forked_from": "t-origin"}


def test_old_codex_lines_take_their_time_from_the_header_and_the_name(tmp_path):
    items = [{"record_type": "state"}, {"type": "message", "id": None, "role": "user", "content": "hi"}]
    header = {"id": "t-old", "timestamp": "2025-08-24T15:07:09.961Z", "instructions": None}
    session = read(write(tmp_path / "a.jsonl", header, *items))
    assert {entry.at for entry in session.log[1:]} == {"2025-08-24T15:07:09.961000Z"}
    session = read(write(tmp_path / "rollout-2025-08-24T15-07-09-x.jsonl", *items))
    assert {entry.at for entry in session.log[1:]} == {"2025-08-24T15:07:09.000000Z"}


def test_times_may_be_numbers_or_nonsense(tmp_path):
    rows = [
        {"type": "session_meta", "timestamp": 1737200000.0, "payload": {"id": "t"}},
        {"type": "event_msg", "timestamp": "[trimmed]", "payload": {"type": "x"}},
        {"type": "event_msg", "timestamp": 1737200001500, "payload": {"type": "x"}},
    ]
    session = read(write(tmp_path / "r.jsonl", *rows))
    assert [entry.at[11:23] for entry in session.log[1:] if entry.kind == "event"] == [
        "11:33:20.000", "11:33:20.000", "11:33:21.500",
    ]  # fmt: skip
