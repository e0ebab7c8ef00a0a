"""A log whose very beginning is gone or damaged was a session all the same: it is told, never taken for nothing."""

from __future__ import annotations

import pytest

import hansard

SPOILED = {
    "emptied": lambda data: b"",
    "cut in its first line": lambda data: data[:40],
    "changed in its only group": lambda data: data.replace(b"hello", b"jello"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_session_without_a_whole_first_group_is_corrupt_and_stays_listed(how, tmp_path):
    with hansard.open(tmp_path / "store") as store:
        store.create(id="s", entries=[hansard.user("hello")])
        store.create(id="other", entries=[hansard.user("intact")])
    log = tmp_path / "store" / "sessions" / "s" / "log.jsonl"
    log.write_bytes(SPOILED[how](log.read_bytes()))
    with hansard.open(tmp_path / "store") as store:
        snapshots = hansard.SnapshotStore(store)
        assert store.exists("s")
        assert sorted(info.id for info in store.sessions()) == ["other", "s"]
        for look in (store.info, snapshots.load, lambda identity: store.get(identity).history()):
            with pytest.raises(hansard.Corrupt) as caught:
                look("s")
            assert "log.jsonl" in caught.value.path
        assert store.get("other").history()[0].text == "intact"
        with pytest.raises(hansard.HansardError):
            store.create(id="s")
