"""Lines are read on while a batch is written: what becomes of that batch is still told."""

from __future__ import annotations

import json

import pytest

import hansard
from hansard.errors import Unavailable
from hansard.formats import feeding, import_paths

LINES = 40


@pytest.fixture
def rollout(tmp_path):
    head = {"timestamp": "2026-05-01T10:00:00.000Z", "type": "session_meta", "payload": {"id": "one", "cwd": "/tmp"}}
    rows = [head] + [
        {
            "timestamp": "2026-05-01T10:00:01.000Z",
            "type": "response_item",
            "payload": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": f"line {n}"}]},
        }
        for n in range(LINES - 1)
    ]
    path = tmp_path / "rollout.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(feeding, "BATCH_ENTRIES", 5)


@pytest.mark.parametrize("url", ["file", "memory:"])
def test_batches_that_are_written_while_the_next_lines_are_read_come_in_their_order(tmp_path, rollout, url):
    with hansard.open(tmp_path / "store" if url == "file" else url) as store:
        report = import_paths(store, [rollout])
        (session,) = report.files[0].sessions
        entries = list(store.get("one").entries())
        said = [message.text for message in store.get("one").history()]
    assert said == [f"line {n}" for n in range(LINES - 1)]
    assert session.entries == len(entries)
    assert session.added == len(entries) - 1
    assert session.lines == LINES


def test_a_writer_who_comes_between_two_batches_makes_the_file_be_read_again(tmp_path, rollout, monkeypatch):
    begun = []

    def begin(session, entries, *, expect):
        begun.append(expect)
        if len(begun) == 3:
            other.get(session.id).append(hansard.user("in between"))
        return original(session, entries, expect=expect)

    original = feeding.begin
    with hansard.open(tmp_path / "store") as store, hansard.open(tmp_path / "store") as other:
        monkeypatch.setattr(feeding, "begin", begin)
        report = import_paths(store, [rollout])
        said = [message.text for message in store.get("one").history()]
    assert sorted(said) == sorted([*(f"line {n}" for n in range(LINES - 1)), "in between"])
    assert [text for text in said if text != "in between"] == [f"line {n}" for n in range(LINES - 1)]
    assert report.files[0].skipped == ""
    assert begun[0] < begun[2]


def test_a_batch_that_could_not_be_written_ends_the_import_with_its_error(tmp_path, rollout, monkeypatch):
    def begin(session, entries, *, expect):
        acknowledged = original(session, entries, expect=expect)

        def refused():
            acknowledged()
            msg = "the disk is full"
            raise Unavailable(msg)

        return refused

    original = feeding.begin
    with hansard.open(tmp_path / "store") as store:
        monkeypatch.setattr(feeding, "begin", begin)
        with pytest.raises(Unavailable, match="the disk is full"):
            import_paths(store, [rollout])
        monkeypatch.undo()
        import_paths(store, [rollout])
        said = [message.text for message in store.get("one").history()]
    assert said == [f"line {n}" for n in range(LINES - 1)]
