"""A transcript that is one JSON document: each of its lines is kept once, and its items are messages."""

from __future__ import annotations

import base64
import json

import pytest

import hansard
from hansard.formats import import_paths, raw_lines
from hansard.payloads import decode, parts_of
from support.transcripts import corpus

LONG = "the quick brown fox " * 40
IMAGE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12).decode()
ITEMS = [
    {"role": "user", "content": [{"type": "input_text", "text": LONG + '"quoted" \\ ü'}], "type": "message"},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x" * 300},
    {"type": "function_call", "name": "shell", "arguments": json.dumps({"command": ["ls", LONG]}), "call_id": "c1"},
    {"type": "function_call_output", "call_id": "c1", "output": "short"},
    {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE}"}]},
    "no item",
    {"type": "function_call_output", "call_id": "c2", "output": LONG},
    {"role": "assistant", "content": [{"type": "output_text", "text": "one"}, {"type": "output_text", "text": LONG}]},
]
SESSION = {"id": "doc-1", "timestamp": "2025-05-01T10:00:00.000Z"}


def written(items, **how):
    return json.dumps({"session": SESSION, "items": items}, ensure_ascii=False, **how)


@pytest.fixture
def store(tmp_path):
    with hansard.open(tmp_path / "store") as opened:
        yield opened


def imported(store, tmp_path, data):
    path = tmp_path / "rollout.json"
    path.write_bytes(data)
    report = import_paths(store, [path])
    (session,) = report.files[0].sessions
    return store.get(session.id)


def parts_of_items(items):
    return [decode("codex", json.dumps(item)) for item in items if isinstance(item, dict)]


def without_files(parts):
    """Base64 that was taken out shows as an attachment; what it was is in the file itself."""
    return [part["type"] if part["type"] == "file" else part for part in parts]


SPELLINGS = {
    "indented": written(ITEMS, indent=2),
    "on one line": written(ITEMS),
    "of another system": written(ITEMS, indent=4).replace("\n", "\r\n"),
    "narrow": written(ITEMS, indent=1),
    "item by item": written([]).replace("[]", "[\n" + ",\n".join(map(json.dumps, ITEMS)) + "\n]"),
    "said twice": written(ITEMS, indent=2).replace('"items"', '"items": ["before"], "items"', 1),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("end", ["", "\n"])
def test_every_item_is_a_message_in_its_order_and_the_file_comes_back(store, tmp_path, text, end):
    data = (text + end).encode()
    session = imported(store, tmp_path, data)
    messages = [entry for entry in session.entries() if entry.kind == "message"]
    found = [without_files(parts_of(entry.body)) for entry in messages]
    assert found == [without_files(parts) for parts in parts_of_items(ITEMS)]
    assert b"".join(raw_lines(session.entries(), session.attachment)).removesuffix(b"\n") == data.removesuffix(b"\n")


def test_a_long_text_stands_in_the_log_once(store, tmp_path):
    imported(store, tmp_path, written(ITEMS, indent=2).encode())
    (log,) = (tmp_path / "store").rglob("log.jsonl")
    assert log.read_bytes().count(LONG.encode()) == 4


def test_a_second_import_adds_nothing_and_a_changed_document_is_another_record(store, tmp_path):
    session = imported(store, tmp_path, written(ITEMS, indent=2).encode())
    seq = session.info.seq
    assert imported(store, tmp_path, written(ITEMS, indent=2).encode()).info.seq == seq
    assert imported(store, tmp_path, written(ITEMS[1:], indent=2).encode()).id == "doc-1~2"


def test_what_is_found_is_the_text_of_an_item(store, tmp_path):
    session = imported(store, tmp_path, written(ITEMS, indent=2).encode())
    hits = store.search("fox").items
    found = [parts_of(session.entry(hit.seq).body) for hit in hits]
    assert [parts for parts in parts_of_items(ITEMS) if parts in found] == [parts_of_items(ITEMS)[n] for n in (0, -1)]
    assert not store.search("input_text").items


def test_documents_of_the_corpus_have_the_messages_of_their_items(store):
    files = sorted((corpus() / "codex").rglob("*.json"))
    assert files
    for path in files:
        (report,) = import_paths(store, [path]).files
        session = store.get(report.sessions[0].id)
        data = path.read_bytes()
        found = [parts_of(entry.body) for entry in session.entries() if entry.kind == "message"]
        assert found == parts_of_items(json.loads(data)["items"])
        lines = b"".join(raw_lines(session.entries(), session.attachment))
        assert lines.removesuffix(b"\n") == data.removesuffix(b"\n")
