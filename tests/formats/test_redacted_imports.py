"""A hook of the store's sees what an import brings in, whatever program it comes from."""

from __future__ import annotations

import pytest

import hansard
from hansard.formats import import_paths
from support import a3s, oxios
from support.directories import bamboo_home, crabtalk_home, files_of

SECRET = "hunter2"
MADE = {
    "bamboo": bamboo_home,
    "crabtalk": crabtalk_home,
    "oxios": oxios.build,
    "a3s": lambda folder: a3s.build(folder, a3s.legacy()),
}
WORDS = {"bamboo": "words number 1", "crabtalk": "hello", "oxios": "Count the boats", "a3s": "out?"}
"""A text that each of them holds."""


def redact(kind, body):
    if isinstance(body, str):
        return body.replace(SECRET, "******")
    if isinstance(body, list):
        return [redact(kind, item) for item in body]
    return {key: redact(kind, item) for key, item in body.items()} if isinstance(body, dict) else body


def spoilt(folder, name):
    """Put the secret in the place of the first words of a message."""
    count = 0
    for file in files_of(folder):
        path = folder / file
        data = path.read_bytes()
        count += data.count(WORDS[name].encode())
        if file.name != "memory.db":
            path.write_bytes(data.replace(WORDS[name].encode(), SECRET.encode()))
    assert count


@pytest.mark.parametrize("name", MADE)
def test_what_a_hook_takes_out_of_an_import_is_nowhere_in_the_store(name, tmp_path):
    source = MADE[name](tmp_path / "in")
    spoilt(source, name)
    with hansard.open(tmp_path / "store", redact=redact) as store:
        assert import_paths(store, [source]).added > 0
        assert import_paths(store, [source]).added == 0
        texts = [m.text for info in store.sessions(kind=("root", "child")) for m in store.get(info.id).history()]
        assert any("******" in text for text in texts)
        assert len(store.search(SECRET)) == 0
        assert [one for one in store.check() if one.severity == "damage"] == []
    held = [path for path in (tmp_path / "store").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert held == []


def test_large_pieces_and_oddly_spelled_files_are_redacted_too(tmp_path):
    event = {"sequence": 0, "timestamp_ms": 1, "event": {"type": "tool_output_delta", "delta": SECRET + "x" * 300_000}}
    run = {"snapshot": {"id": "r", "session_id": "s", "status": "completed"}, "events": [event]}
    folder = a3s.build(tmp_path / "in", {
        "s.json": b" " + a3s.dumps(a3s.data("s", [a3s.text("user", SECRET)])), "runs/s.json": a3s.dumps([run]),
    })  # fmt: skip
    with hansard.open(tmp_path / "store", redact=redact) as store:
        import_paths(store, [folder], format="a3s")
        assert import_paths(store, [folder], format="a3s").added == 0
        assert store.get("s").history()[0].text == "******"
    held = [path for path in (tmp_path / "store").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert held == []
