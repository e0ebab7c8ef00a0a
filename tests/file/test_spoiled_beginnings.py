"""A log whose very beginning is gone or damaged was a session all the same: it is told, never taken for nothing."""

from __future__ import annotations

import contextlib

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


WITNESSES = {
    "its row": lambda store, folder: len(list(store.sessions())),
    "an attachment": lambda store, folder: (
        store.get("s").attach(b"abc", mime="text/plain"),
        (folder / "index.db").unlink(),
    ),
}


@pytest.mark.parametrize("witness", WITNESSES)
@pytest.mark.parametrize("first", ["info", "append", "create", "get_or_create"])
def test_a_log_that_was_removed_is_told_of_where_something_shows_that_it_was_there(witness, first, tmp_path):
    calls = {
        "info": lambda store: store.info("s"),
        "append": lambda store: store.get("s").append(hansard.user("more")),
        "create": lambda store: store.create(id="s"),
        "get_or_create": lambda store: store.get_or_create("s"),
    }
    with hansard.open(tmp_path) as store:
        store.create(id="s", entries=[hansard.user("hello")])
        WITNESSES[witness](store, tmp_path)
    (tmp_path / "sessions" / "s" / "log.jsonl").unlink()
    with hansard.open(tmp_path) as store:
        for name in (first, *calls):
            with pytest.raises(hansard.Corrupt, match="log is gone") as caught:
                calls[name](store)
            assert "check --repair" in str(caught.value)
        assert store.exists("s")
        assert [(found.session, found.severity) for found in store.check()][:1] == [("s", "damage")]
        store.check(repair=True)
        assert not store.exists("s")
        assert store.create(id="s", entries=[hansard.user("anew")]).history()[0].text == "anew"


def test_a_folder_without_a_log_that_a_writer_has_in_hand_is_no_session(tmp_path):
    with hansard.open(tmp_path) as store, hansard.open(tmp_path) as other:
        store.create(id="s", entries=[hansard.user("hello")])
        assert other.delete("s")
        # As of somebody who makes it anew, has made the folder, and has yet to make the log.
        (tmp_path / "sessions" / "s").mkdir()
        with pytest.raises(hansard.NotFound):
            store.info("s")
        assert store.create(id="s", entries=[hansard.user("anew")]).info.message_count == 1


def spoil(log, how):
    data = log.read_bytes()
    log.unlink()
    if how != "removed":
        log.write_bytes(SPOILED[how](data))
    return data


@pytest.mark.parametrize("finder", ["read", "append", "check"])
@pytest.mark.parametrize("how", [*SPOILED, "removed"])
def test_what_is_found_damaged_is_listed_so_by_every_process_until_it_is_whole_again(how, finder, tmp_path):
    find = {
        "read": lambda store: store.get("s").history(),
        "append": lambda store: store.get("s").append(hansard.user("more")),
        "check": lambda store: store.check(),
    }
    with hansard.open(tmp_path) as store:
        store.create(id="s", title="kept", entries=[hansard.user("hello")])
        store.create(id="other")
        assert len(list(store.sessions())) == 2
    whole = spoil(tmp_path / "sessions" / "s" / "log.jsonl", how)
    with hansard.open(tmp_path) as store:
        with contextlib.suppress(hansard.Corrupt):
            find[finder](store)
        assert [(info.id, info.title) for info in store.find(damaged=True)] == [("s", "kept")]
    with hansard.open(tmp_path) as store:
        assert [info.id for info in store.find(damaged=True)] == ["s"]
        (tmp_path / "sessions" / "s" / "log.jsonl").write_bytes(whole)
        assert store.get("s").history()[0].text == "hello"
        assert store.check() == []
        assert [info.id for info in store.find(damaged=True)] == []
        assert sorted(info.id for info in store.sessions()) == ["other", "s"]
