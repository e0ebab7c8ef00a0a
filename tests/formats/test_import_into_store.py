"""The import on the real store: what a session is after it, and that its log verifies."""

from __future__ import annotations

import json
import tracemalloc

import pytest

import hansard
from hansard.formats import import_paths, raw_lines
from support.transcripts import IMAGE, SAMPLES, answer, claude, corpus, prompt, write

CLAUDE = "5b0c2f0e-7a4d-4d7e-9a61-3f1f0f6f8c21"
CODEX = "0199d3b2-6c1e-7b40-8e55-4d0b8f1c2a90"


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    with hansard.open("memory:" if request.param == "memory" else tmp_path / "store") as opened:
        yield opened


def test_the_samples_become_sessions_with_title_usage_and_history(store):
    report = import_paths(store, [SAMPLES])
    assert report.totals["skipped"] == 0
    info = store.get(CLAUDE).info
    assert (info.title, info.title_source) == ("Tide table an hour off", "given")
    assert (info.project, info.fields["workspace"]) == ("tidewatch", "/home/mara/projects/tidewatch")
    assert (info.usage.calls, info.usage.output) == (9, 812)
    assert info.created_at == "2026-03-14T09:00:04.148000Z"
    assert info.activity_at < "2026-03-15"
    history = store.get(CLAUDE).history()
    assert "abs() in offsets.py" in "".join(part.get("text", "") for part in history[0].parts)
    assert [message.role for message in history[1:]] == ["user", "assistant", "tool", "assistant"]
    codex = store.get(CODEX)
    assert codex.info.model == "gpt-5-codex"
    assert codex.info.error_count == 1
    assert not any("Count them per day" in message.text for message in codex.history())
    assert codex.history()[-1].text.startswith("Each parcel sent to the manual tray")
    assert import_paths(store, [SAMPLES]).added == 0


def test_a_derived_title_is_what_a_person_typed(store, tmp_path):
    rows = [
        prompt("u0", None, "<command-name>/init</command-name>", isMeta=True),
        prompt("u1", "u0", "Repair the gate"),
    ]
    import_paths(store, [write(tmp_path / "s-1.jsonl", *rows)])
    info = store.get("s-1").info
    assert info.title == "Repair the gate"
    assert info.user_message_count == 1


def test_images_come_back_from_the_store(store):
    import_paths(store, [SAMPLES])
    session = store.get(CLAUDE)
    out = b"".join(raw_lines(session.entries(), session.attachment))
    assert out == (SAMPLES / "claude-code-session.jsonl").read_bytes()
    assert all(finding.severity != "damage" for finding in store.check())
    assert IMAGE


def test_a_rewind_and_a_sub_agent(store, tmp_path):
    rows = [prompt("u1", None, "a"), answer("a1", "u1", "b"), prompt("u2", "a1", "left"), answer("a2", "u2", "c")]
    path = write(tmp_path / "in" / "s-1.jsonl", *rows, prompt("u3", "a1", "taken"))
    child = claude("user", "k1", None, {"role": "user", "content": "look"}, isSidechain=True, agentId="x")
    write(tmp_path / "in" / "s-1" / "subagents" / "agent-x.jsonl", child)
    import_paths(store, [tmp_path / "in"])
    session = store.get("s-1")
    assert [message.text for message in session.history()] == ["a", "b", "taken"]
    assert [found.id for found in session.children()] == ["s-1/agent-x"]
    write(path, *rows, prompt("u3", "a1", "taken"), answer("a3", "u3", "end"))
    import_paths(store, [tmp_path / "in"])
    assert [message.text for message in session.history()] == ["a", "b", "taken", "end"]


@pytest.mark.slow
def test_all_real_files_go_in_and_verify(store):
    folders = [corpus() / "claude-code", corpus() / "codex"]
    report = import_paths(store, folders)
    assert report.totals["skipped"] == 0
    for file in report.files:
        for session in file.sessions:
            store.get(session.id).history()
    assert import_paths(store, folders).added == 0
    assert [finding for finding in store.check() if finding.severity == "damage"] == []


def test_a_line_of_very_many_parts_is_held_in_memory_once(tmp_path):
    content = [{"type": "text", "text": f"w{number}"} for number in range(60_000)]
    row = {"type": "user", "sessionId": "s", "uuid": "u", "message": {"role": "user", "content": content}}
    path = tmp_path / "many.jsonl"
    path.write_text(json.dumps(row) + "\n")
    tracemalloc.start()
    try:
        values = json.loads(path.read_bytes())
        once = tracemalloc.get_traced_memory()[1]
        del values, content, row
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        with hansard.open("memory:") as store:
            import_paths(store, [path])
            peak = tracemalloc.get_traced_memory()[1] - before
            assert len(store.get("s").history()[0].parts) == 60_000
    finally:
        tracemalloc.stop()
    # What it is read into, its bytes and text, and the entry that is made of it.
    assert peak < 2.2 * once, (peak, once)
