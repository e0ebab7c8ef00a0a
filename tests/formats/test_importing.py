from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hansard.errors import Invalid, NotFound
from hansard.formats import import_paths, raw_lines
from hansard.formats.feeding import BATCH_ENTRIES
from hansard.model.counts import AMOUNTS, TOKENS
from hansard.payloads import parts_of
from support.fake_store import FakeStore
from support.transcripts import IMAGE, IMAGE64, SAMPLES, answer, claude, codex, corpus, prompt, said, tokens, write


@pytest.fixture
def store():
    return FakeStore()


def raw_of(session):
    return b"".join(raw_lines(session.entries(), session.attachment))


def kinds(session):
    return [entry.kind for entry in session.log]


def messages(session):
    return [
        (entry.body["role"], "".join(part.get("text", "") for part in parts_of(entry.body)))
        for entry in session.log
        if entry.kind == "message"
    ]


def usage(session):
    bodies = [entry.body for entry in session.log if entry.kind == "usage"]
    return {name: sum(body.get(name, 0) for body in bodies) for name in ("input", "output", "cache_read")}


def test_every_line_is_one_entry_and_comes_back_byte_for_byte(store, tmp_path):
    path = tmp_path / "s-1.jsonl"
    lines = [
        json.dumps(prompt("u1", None, "hello\u2028there")).encode(),
        b"",
        b'{"broken": ',
        json.dumps(answer("a1", "u1", "hi")).encode() + b"\r",
        b"\xff\xfe not utf-8",
        b"42",
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    report = import_paths(store, [path])
    session = store.get("s-1")
    assert raw_of(session) == path.read_bytes()
    assert [entry.id.partition(":")[0] for entry in session.log if entry.id[:1].isdigit() and entry.id.count(":") == 1] == [
        "1", "2", "3", "4", "5", "6",
    ]  # fmt: skip
    assert [unreadable.line for unreadable in report.files[0].unreadable] == [3, 5]
    assert report.totals["lines"] == 6


def test_a_second_run_adds_nothing_and_does_not_read_the_log(store):
    first = import_paths(store, [SAMPLES])
    appends = store.appends
    again = import_paths(store, [SAMPLES])
    assert first.added > 0
    assert again.added == 0
    assert again.totals["already"] == first.totals["lines"]
    assert store.appends == appends
    assert all(session.reads == 0 for session in store.made.values())


def test_a_file_that_has_grown_goes_on_at_every_length_with_the_same_result(tmp_path):
    for sample in sorted(SAMPLES.glob("*.jsonl")):
        whole = FakeStore()
        import_paths(whole, [sample])
        lines = sample.read_bytes().splitlines(keepends=True)
        grown = FakeStore()
        path = tmp_path / f"{next(iter(whole.made))}.jsonl"
        for size in range(1, len(lines) + 1):
            path.write_bytes(b"".join(lines[:size]))
            import_paths(grown, [path])
        assert [session.id for session in grown.made.values()] == [session.id for session in whole.made.values()]
        for one, other in zip(grown.made.values(), whole.made.values(), strict=True):
            assert raw_of(one) == raw_of(other) == sample.read_bytes()
            assert messages(one) == messages(other)
            assert usage(one) == usage(other)


def test_a_file_cut_anywhere_is_whole_after_the_next_import(store, tmp_path):
    data = b"".join((SAMPLES / "codex-rollout.jsonl").read_bytes().splitlines(keepends=True)[:3])
    path = tmp_path / "rollout.jsonl"
    for size in range(1, len(data), 97):
        path.write_bytes(data[:size])
        import_paths(store, [path])
    path.write_bytes(data)
    import_paths(store, [path])
    assert raw_of(store.get("0199d3b2-6c1e-7b40-8e55-4d0b8f1c2a90")) == data


def test_a_torn_last_line_is_reported_and_taken_when_it_is_whole(store, tmp_path):
    path = write(tmp_path / "s-1.jsonl", prompt("u1", None, "one"), '{"type":"user","mess', end="")
    report = import_paths(store, [path])
    assert (report.files[0].torn, report.totals["lines"]) == (2, 1)
    write(path, prompt("u1", None, "one"), prompt("u2", "u1", "two"), end="")
    assert import_paths(store, [path]).files[0].torn == 0
    assert messages(store.get("s-1")) == [("user", "one"), ("user", "two")]


def test_an_older_copy_of_a_file_adds_nothing(store, tmp_path):
    rows = [prompt("u1", None, "one"), answer("a1", "u1", "x", call="m1"), prompt("u2", "a1", "two")]
    import_paths(store, [write(tmp_path / "a.jsonl", *rows)])
    assert import_paths(store, [write(tmp_path / "b.jsonl", *rows[:2])]).added == 0
    assert list(store.made) == ["s-1"]


def test_other_lines_under_the_same_id_become_a_session_of_their_own(store, tmp_path):
    one = write(tmp_path / "a.jsonl", prompt("u1", None, "one"))
    other = write(tmp_path / "b.jsonl", prompt("u1", None, "other"))
    third = write(tmp_path / "c.jsonl", prompt("u1", None, "third"))
    report = import_paths(store, [one, other, third])
    assert list(store.made) == ["s-1", "s-1~2", "s-1~3"]
    assert "other lines" in report.files[1].sessions[0].note
    assert import_paths(store, [third, other, one]).added == 0


def test_a_session_of_the_store_s_own_is_never_taken_over(store, tmp_path):
    store.create(id="s-1")
    import_paths(store, [write(tmp_path / "a.jsonl", prompt("u1", None, "one"))])
    assert list(store.made) == ["s-1", "s-1~2"]


def test_an_import_that_was_killed_is_completed_by_the_next(tmp_path):
    rows = [prompt("u0", None, "start")]
    for n in range(1, 2 * BATCH_ENTRIES):
        rows.append(answer(f"a{n}", f"u{n - 1}", f"answer {n}", call=f"m{n}"))
        rows.append(prompt(f"u{n}", f"a{n}", f"prompt {n}"))
    path = write(tmp_path / "s-1.jsonl", *rows)
    whole = FakeStore()
    import_paths(whole, [path])
    assert whole.appends > 4
    killed = FakeStore()
    for at in range(2, whole.appends):
        killed.appends = 0
        session = killed.made.get("s-1")
        if session is not None:
            session.fail_at = 2
        else:
            import_paths(killed, [write(tmp_path / "head.jsonl", *rows[:3])])
            killed.get("s-1").fail_at = at
        with pytest.raises(KeyboardInterrupt):
            import_paths(killed, [path])
    killed.get("s-1").fail_at = None
    import_paths(killed, [path])
    assert raw_of(killed.get("s-1")) == path.read_bytes()
    assert usage(killed.get("s-1")) == usage(whole.get("s-1"))
    assert import_paths(killed, [path]).added == 0


def test_another_writer_in_between_leads_to_a_second_look(store, tmp_path):
    rows = [prompt("u1", None, "one"), answer("a1", "u1", "x"), prompt("u2", "u1", "a"), prompt("u3", "a1", "b")]
    path = write(tmp_path / "s-1.jsonl", *rows[:2])
    import_paths(store, [path])
    session = store.get("s-1")
    write(path, *rows, prompt("u4", "a1", "again"))
    honest, calls = session.append, []

    def meddling(entries, *, expect=None):
        if not calls:
            calls.append(1)
            honest([entries[0].__class__(kind="event", body={"type": "note"}, id="note")])
        return honest(entries, expect=expect)

    session.append = meddling
    report = import_paths(store, [path])
    assert report.files[0].skipped == ""
    assert raw_of(session) == path.read_bytes()
    (second,) = [entry.seq for entry in session.log if entry.id.startswith("3:") and entry.kind == "message"]
    assert [entry.body["to"] for entry in session.log if entry.kind == "head"] == [second]


def test_a_dry_run_counts_and_writes_nothing(store, tmp_path):
    path = write(tmp_path / "s-1.jsonl", prompt("u1", None, "one"))
    dry = import_paths(store, [path], dry_run=True)
    assert store.made == {}
    assert dry.added == import_paths(store, [path]).added


def test_files_that_are_no_transcripts_are_reported_with_the_reason(store, tmp_path):
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "lfs.jsonl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
    (tmp_path / "page.json").write_text("<!DOCTYPE html><html></html>")
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1"}')
    write(tmp_path / "gemini.jsonl", {"sessionId": "g", "projectHash": "h", "startTime": "x"})
    os.mkfifo(tmp_path / "pipe.jsonl")
    outside = tmp_path.parent / f"{tmp_path.name}-outside.jsonl"
    write(outside, prompt("u1", None, "one"))
    (tmp_path / "link.jsonl").symlink_to(outside)
    skipped = {file.path.rpartition("/")[2]: file.skipped for file in import_paths(store, [tmp_path]).files}
    assert store.made == {}
    assert skipped["empty.jsonl"] == "empty file"
    assert "LFS" in skipped["lfs.jsonl"]
    assert "HTML" in skipped["page.json"]
    assert "without a session" in skipped["package.json"]
    assert skipped["gemini.jsonl"] == "not supported yet: Gemini CLI"
    assert skipped["pipe.jsonl"] == "not a regular file"
    assert "link out of the folder" in skipped["link.jsonl"]


def test_what_can_not_be_asked_for_is_refused(store, tmp_path):
    with pytest.raises(NotFound, match="no such file"):
        import_paths(store, [tmp_path / "nowhere"])
    with pytest.raises(Invalid, match="can't be read"):
        import_paths(store, [tmp_path], format="wordperfect")


def test_progress_ends_with_everything(store):
    seen = []
    import_paths(store, [SAMPLES], progress=lambda what, done, total: seen.append((done, total)))
    size = sum(path.stat().st_size for path in SAMPLES.glob("*.jsonl"))
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_images_become_attachments_and_are_spliced_back(store, tmp_path):
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE64}}
    path = write(tmp_path / "s-1.jsonl", prompt("u1", None, [{"type": "text", "text": "look"}, block]))
    import_paths(store, [path])
    session = store.get("s-1")
    (digest,) = session.files
    assert session.files[digest] == IMAGE
    assert IMAGE64[:40] not in json.dumps(session.log[1].body)
    assert parts_of(session.log[1].body)[1] == {"type": "file", "mime": "image/png", "attachment": digest}
    assert raw_of(session) == path.read_bytes()


def test_sub_agents_become_children_of_the_session_that_spawned_them(store, tmp_path):
    child = prompt("k1", None, "look around", isSidechain=True, agentId="a7")
    write(tmp_path / "p" / "a" / "subagents" / "agent-a7.jsonl", {**child, "sessionId": "s-1"})
    write(tmp_path / "p" / "z.jsonl", prompt("u1", None, "one"))
    import_paths(store, [tmp_path])
    assert list(store.made) == ["s-1", "s-1/agent-a7"]
    assert store.get("s-1/agent-a7").parent == "s-1"
    assert store.get("s-1/agent-a7").source == {"format": "claude-code", "session": "s-1", "agent": "a7"}


def test_a_sub_agent_without_its_parent_is_a_flagged_root(store, tmp_path):
    path = write(tmp_path / "agent-a7.jsonl", prompt("k1", None, "x", isSidechain=True, agentId="a7"))
    report = import_paths(store, [path])
    session = store.get("s-1/agent-a7")
    assert session.parent is None
    assert session.fields_given["metadata"]["orphan_of"] == "s-1"
    assert "not in the store" in report.files[0].sessions[0].note
    assert import_paths(store, [path]).added == 0


def test_a_codex_sub_agent_comes_after_its_parent_whatever_its_name(store, tmp_path):
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "t-parent", "depth": 1}}}
    write(tmp_path / "rollout-a.jsonl", codex("session_meta", id="t-child", source=source), said("user", "go"))
    write(tmp_path / "rollout-b.jsonl", codex("session_meta", id="t-parent", source="cli"), said("user", "hi"))
    import_paths(store, [tmp_path])
    assert store.get("t-child").parent == "t-parent"


def test_the_sessions_of_one_file_get_their_own_lines_in_order(store, tmp_path):
    rows = [
        prompt("u1", None, "one"),
        prompt("o1", None, "other", sessionId="s-2"),
        {"type": "file-history-snapshot", "messageId": "o1"},
        answer("a1", "u1", "x"),
        prompt("k1", None, "inline", isSidechain=True),
    ]
    path = write(tmp_path / "s-1.jsonl", *rows)
    import_paths(store, [path])
    lines = path.read_bytes().splitlines(keepends=True)
    assert raw_of(store.get("s-1")) == lines[0] + lines[3]
    assert raw_of(store.get("s-2")) == lines[1] + lines[2]
    assert raw_of(store.get("s-1/agent-sidechain")) == lines[4]
    assert import_paths(store, [path]).added == 0


def test_unknown_dialects_are_kept_line_by_line_with_evident_roles(store, tmp_path):
    rows = [
        {"type": "start", "session_id": "x-1"},
        {"role": "user", "content": "hi"},
        {"type": "model", "text": "hello"},
        {"type": "note", "value": 1},
    ]
    path = write(tmp_path / "other.jsonl", *rows)
    report = import_paths(store, [path])
    assert report.files[0].format == "jsonl"
    assert messages(store.get("x-1")) == [("user", "hi"), ("assistant", "hello")]
    assert raw_of(store.get("x-1")) == path.read_bytes()
    assert import_paths(store, [path]).added == 0


def test_an_early_codex_document_keeps_its_lines_and_shows_its_messages(store, tmp_path):
    document = {
        "session": {"timestamp": "2025-08-01T08:00:00Z", "id": "d-1", "instructions": ""},
        "items": [
            {"role": "user", "content": [{"type": "text", "text": "list"}]},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": '{"command":["ls"]}'}}]},
            {"type": "function_call_output", "call_id": "c1", "output": "a.txt"},
        ],
    }  # fmt: skip
    path = tmp_path / "rollout-2025-08-01-d-1.json"
    path.write_text(json.dumps(document, indent=2))
    report = import_paths(store, [path])
    session = store.get("d-1")
    assert raw_of(session) == path.read_bytes() + b"\n"
    assert [parts_of(e.body)[0]["type"] for e in session.log if e.kind == "message"] == [
        "text",
        "tool_call",
        "tool_result",
    ]
    assert report.files[0].unreadable == []
    assert import_paths(store, [path]).added == 0


def test_every_real_file_is_read_and_comes_back_byte_for_byte(store):
    folders = [corpus() / "claude-code", corpus() / "codex"]
    report = import_paths(store, folders)
    assert report.totals["files"] == sum(1 for folder in folders for path in folder.rglob("*") if path.is_file())
    assert [file.path for file in report.files if file.skipped] == []
    for file in report.files:
        source = Path(file.path).read_bytes().split(b"\n")
        kept = {}
        for session in file.sessions:
            for entry in store.get(session.id).log:
                number, _, rest = entry.id.partition(":")
                if number.isdigit() and len(rest) == 16:
                    kept[int(number)] = next(raw_lines([entry], store.get(session.id).attachment))[:-1]
        assert kept == dict(enumerate(source if source[-1] else source[:-1], 1)), file.path
    assert import_paths(store, folders).added == 0


def test_tokens_of_codex_are_summed_without_repeats(store, tmp_path):
    path = write(
        tmp_path / "r.jsonl",
        codex("session_meta", id="t-1"),
        codex("turn_context", model="m-1", cwd="/x/y"),
        tokens(10, 3, 13),
        tokens(10, 3, 13),
        tokens(20, 4, 37),
        codex("event_msg", type="token_count", info=None),
    )
    import_paths(store, [path])
    session = store.get("t-1")
    assert usage(session) == {"input": 22, "output": 7, "cache_read": 8}
    assert session.fields_given["project"] == "y"
    assert {entry.body["model"] for entry in session.log if entry.kind == "usage"} == {"m-1"}


def test_a_claude_title_of_a_higher_rank_stays(store, tmp_path):
    path = write(
        tmp_path / "s-1.jsonl",
        {"type": "summary", "summary": "Old summary", "leafUuid": "x"},
        prompt("u1", None, "one"),
        {"type": "custom-title", "sessionId": "s-1", "customTitle": "Mine"},
        {"type": "ai-title", "sessionId": "s-1", "aiTitle": "Generated"},
    )
    import_paths(store, [path])
    titles = [e.body["set"] for e in store.get("s-1").log if e.id.endswith(":title")]
    assert titles == [{"title": "Old summary", "title_source": "generated"}, {"title": "Mine"}]
    assert claude("user", "u", None)["sessionId"] == "s-1"


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_stretch_of_zeros_as_a_power_cut_leaves_it_costs_the_lines_it_covers_and_no_others(store, tmp_path, at):
    path = write(tmp_path / "s-1.jsonl", *(prompt(f"u{n}", f"u{n - 1}" if n else None, f"text {n}") for n in range(3)))
    lines = path.read_bytes().splitlines(keepends=True)
    lines.insert(at, bytes(300) + b"\n")
    path.write_bytes(b"".join(lines))
    (report,) = import_paths(store, [path]).files
    assert [line.line for line in report.unreadable] == [at + 1]
    (session,) = store.made.values()
    assert raw_of(session) == path.read_bytes()
    assert [text for _, text in messages(session)] == ["text 0", "text 1", "text 2"]


def test_zeros_at_the_end_of_a_file_are_a_torn_line(store, tmp_path):
    path = write(tmp_path / "s-1.jsonl", prompt("u1", None, "one"))
    path.write_bytes(path.read_bytes() + bytes(4096))
    (report,) = import_paths(store, [path]).files
    assert (report.torn, len(store.made)) == (2, 1)


def test_a_folder_that_can_not_be_read_is_told_and_the_others_come_in(store, tmp_path, monkeypatch):
    write(tmp_path / "open" / "s-1.jsonl", prompt("u1", None, "one"))
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    def look(_folder):
        raise PermissionError(13, "Permission denied", str(tmp_path / "locked" / "runtime.json"))

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr("hansard.formats.bamboo.recognise", look)
    report = import_paths(store, [tmp_path])
    assert [(file.path, file.skipped) for file in report.files if file.skipped] == [
        (str(tmp_path / "locked"), "a folder that can't be looked into: Permission denied")
    ]
    assert [session.id for file in report.files for session in file.sessions] == ["s-1"]


CLAUDE_ODD = [
    {"type": "user", "sessionId": "s-1", "uuid": "u1", "message": {"role": "user", "content": "hello"}},
    {"type": "assistant", "sessionId": "s-1", "uuid": "a1", "costUSD": -1, "message": {
        "id": "m1", "role": "assistant", "model": "m-1", "content": "hi",
        "usage": {"input_tokens": -3, "output_tokens": 7, "cache_read_input_tokens": 1.5,
                  "cache_creation_input_tokens": 10**30},
    }},
]  # fmt: skip
CODEX_ODD = [
    {"timestamp": "2026-01-01T00:00:00.000Z", "type": "session_meta", "payload": {"id": "c-1", "cwd": "/w"}},
    {"timestamp": "2026-01-01T00:00:01.000Z", "type": "event_msg", "payload": {"type": "token_count", "info": {
        "last_token_usage": {"input_tokens": True, "output_tokens": 7, "reasoning_output_tokens": "9"},
    }}},
]  # fmt: skip


@pytest.mark.parametrize("rows", [CLAUDE_ODD, CODEX_ODD], ids=["claude-code", "codex"])
def test_counts_that_can_not_be_are_left_out_and_noted_while_the_line_is_kept(store, tmp_path, rows):
    path = tmp_path / "odd.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (file,) = import_paths(store, [path]).files
    (session,) = file.sessions
    log = store.get(session.id).log
    (spent,) = (entry.body for entry in log if entry.kind == "usage")
    assert {name: spent.get(name) for name in (*TOKENS, *AMOUNTS)} == {
        "input": 0, "output": 7, "cache_read": None, "cache_write": None, "reasoning": None, "cost": None,
        "latency_ms": None,
    }  # fmt: skip
    (note,) = file.notes
    assert note.startswith("line 2: ")
    wrong = ["input_tokens is -3", "1.5", "so large an int", "costUSD is -1"]
    assert all(word in note for word in (wrong if rows is CLAUDE_ODD else ["input_tokens is True", "reasoning_output"]))
    assert "output_tokens is 7" not in note
    assert [entry.body["raw"]["text"] for entry in log if "raw" in (entry.body or {})] == path.read_text().splitlines()
    (again,) = import_paths(store, [path]).files
    assert (again.added, again.notes) == (0, [])
