"""Sessions of crabtalk: what each becomes, in both eras, with both kinds of boundaries."""

from __future__ import annotations

import json

import pytest

import hansard
from hansard.formats import detect, import_paths
from hansard.formats.crabtalk_memory import ARCHIVE, NOTE, TOPIC, Memory, read_memories, write_memories
from support.directories import copied, crabtalk_home, crabtalk_session, said, samples, step


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    with hansard.open("memory:" if request.param == "memory" else tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def home(tmp_path):
    return crabtalk_home(tmp_path / "home")


def texts(session):
    return [(m.role, m.text) for m in session.history() if not m.synthetic]


def test_the_sample_sessions_become_what_their_readme_says(store, tmp_path):
    report = import_paths(store, [copied("crabtalk_sessions", tmp_path / "in" / "crabtalk_sessions")])
    assert report.totals["sessions"] == 7
    first = store.get("crab_alice-work_1")
    assert first.info.message_count == 6
    assert first.info.archive is None
    assert len([entry for entry in first.entries(kinds="event") if entry.body["type"].startswith("crabtalk.")]) == 5
    assert list(first.entries(kinds="message"))[-1].agent == "coder"
    call = first.history()[1].parts
    assert [part["type"] for part in call] == ["reasoning", "tool_call"]
    assert (first.info.agent, first.info.user, first.info.title) == ("crab", "Alice@Work", "Disk usage")
    second = store.get("crab_alice-work_2")
    assert second.info.archive == "crab-alice-work-2-2"
    assert texts(second) == [("user", "verify please"), ("assistant", "All verified.")]
    assert second.info.summary == "Alice asked to rotate logs; logrotate was configured."
    places = [damage.place.rpartition("/")[2] for file in report.files for damage in file.damage]
    assert {"step-000008", "step-000009"} <= set(places)
    legacy = store.get("crab_tg-12345_1")
    assert (texts(legacy), legacy.info.archive) == ([("user", "after the boundary"), ("assistant", "ok")], None)
    assert legacy.info.summary == "Inline legacy summary text."
    assert legacy.info.metadata["topic"] == "cron"
    blocks = store.get("coder_user_1")
    assert [role for role, _ in texts(blocks)] == ["user", "assistant", "tool", "assistant"]
    assert (blocks.info.usage.calls, blocks.info.usage.cache_read) == (1, 900)
    assert texts(store.get("crab_user_1")) == [("user", "older"), ("assistant", "newer")]
    assert not store.exists("crab_user_2")
    assert any(damage.place.endswith("crab_user_2") for file in report.files for damage in file.damage)
    assert texts(store.get("01J0ZK3V9QW8X7Y6T5R4S3P2N1")) == [("user", "opaque id era")]
    lost = store.get("crab_bob_3")
    assert lost.info.archive == "crab-bob-3-1"
    assert lost.history()[0].metadata == {"archive": "crab-bob-3-1", "missing": True}
    assert second.documents.load("crab-alice-work-2-1", category="archives") == "Alice asked to rotate logs."
    assert legacy.documents.load("crab_tg-12345_1-legacy-2", category="archives") == "Inline legacy summary text."
    assert import_paths(store, [tmp_path / "in" / "crabtalk_sessions"]).added == 0


def test_the_sample_memory_file_is_read_and_written_to_the_byte():
    data = (samples() / "crabtalk_memory.db").read_bytes()
    found = read_memories(data)
    assert found.damage == ""
    assert sorted(found.archives) == ["crab-alice-work-2-1", "crab-alice-work-2-2"]
    assert write_memories(found.entries, next_id=found.next_id) == data


@pytest.mark.parametrize("size", [0, 5, 20, 40, 80])
def test_a_memory_file_that_breaks_off_gives_what_stands_before(size):
    whole = write_memories([
        Memory(1, 5, NOTE, "note", "text", ["alias"]), Memory(2, 6, ARCHIVE, "arch", "long ago"),
    ])  # fmt: skip
    found = read_memories(whole[:size])
    assert found.damage
    assert len(found.entries) == (1 if size >= 80 else 0)
    assert read_memories(whole + b"x").damage


def test_folders_are_told_by_what_is_in_them(home, tmp_path):
    assert detect(home) == detect(home / "sessions") == detect(home / "sessions" / "crab_ana_1") == "crabtalk"
    (tmp_path / "other" / "x").mkdir(parents=True)
    (tmp_path / "other" / "x" / "meta").write_text("title: notes")
    assert detect(tmp_path / "other") is None


def test_a_boundary_becomes_a_compaction_with_the_archive_beside(store, home):
    import_paths(store, [home])
    session = store.get("crab_ana_2")
    assert [m.text for m in session.history()] == ["Ana asked, it was done.", "after"]
    assert session.info.archive == "crab-ana-2-1"
    assert [hit.session for hit in store.search("before")] == ["crab_ana_2"]


def test_two_boundaries_count_the_last_one_and_one_at_the_end_leaves_nothing_behind_it(store, tmp_path):
    def boundary(name):
        return {"archive_name": name, "archived_at": "2026-05-01T09:05:00+00:00"}

    folder = tmp_path / "sessions"
    crabtalk_session(folder, "crab_x_1", "x", said("user", "a"), boundary("one"), said("user", "b"), boundary("two"))
    import_paths(store, [folder])
    session = store.get("crab_x_1")
    assert session.info.archive == "two"
    assert [m.synthetic for m in session.history()] == [True]


def test_messages_and_events_keep_their_order_and_events_are_not_in_the_history(store, home):
    import_paths(store, [home])
    session = store.get("crab_bea_1")
    kinds = [entry.kind for entry in session.entries() if entry.kind in ("message", "event", "usage")]
    assert kinds[:3] == ["message", "event", "usage"]
    assert texts(session) == [("user", "blocks")]


def test_a_session_that_has_grown_is_continued(store, home):
    import_paths(store, [home])
    step(home / "sessions" / "crab_ana_1", 3, said("user", "more"))
    meta = home / "sessions" / "crab_ana_1" / "meta"
    meta.write_text(meta.read_text().replace("Greeting", "Greeting again"))
    report = import_paths(store, [home])
    assert report.totals["lines"] - report.totals["already"] == 1
    session = store.get("crab_ana_1")
    assert texts(session) == [("user", "hello"), ("assistant", "hi"), ("user", "more")]
    assert session.title == "Greeting again"
    assert import_paths(store, [home]).added == 0


def test_one_bad_step_leaves_the_rest_and_is_reported_with_its_place(store, home):
    (home / "sessions" / "crab_ana_1" / "step-000001").write_bytes(b'{"message":{"ro')
    report = import_paths(store, [home])
    assert texts(store.get("crab_ana_1")) == [("assistant", "hi")]
    assert [damage.place.rpartition("/")[2] for file in report.files for damage in file.damage] == ["step-000001"]


def test_without_a_meta_file_the_steps_come_in_and_the_name_says_whose_they_are(store, home):
    (home / "sessions" / "crab_ana_1" / "meta").unlink()
    report = import_paths(store, [home])
    info = store.info("crab_ana_1")
    assert (info.agent, info.user, info.message_count) == ("crab", "ana", 2)
    assert any(damage.place.endswith("meta") for file in report.files for damage in file.damage)


def test_senders_whose_names_look_alike_stay_apart(store, tmp_path):
    folder = tmp_path / "sessions"
    for number, sender in enumerate(("a.b", "a-b", "A_B"), 1):
        crabtalk_session(folder, f"crab_a-b_{number}", sender, said("user", sender))
    import_paths(store, [folder])
    assert [store.find(user=sender).items[0].id for sender in ("a.b", "a-b", "A_B")] == [
        "crab_a-b_1", "crab_a-b_2", "crab_a-b_3",
    ]  # fmt: skip


def test_the_same_name_in_two_homes_becomes_two_sessions(store, tmp_path):
    for place, word in (("one", "first"), ("two", "second")):
        crabtalk_session(tmp_path / place / "sessions", "crab_user_1", "user", said("user", word))
    report = import_paths(store, [tmp_path / "one", tmp_path / "two"])
    assert [session.id for file in report.files for session in file.sessions] == ["crab_user_1", "crab_user_1~2"]
    assert texts(store.get("crab_user_1~2")) == [("user", "second")]
    assert import_paths(store, [tmp_path / "one", tmp_path / "two"]).added == 0


def test_leftovers_and_odd_names_are_named_and_left_aside(store, home):
    folder = home / "sessions" / "crab_ana_1"
    (folder / "step-000003.tmp.42.99").write_text(json.dumps(said("user", "leftover")))
    (folder / "step-abc").write_text("{}")
    (folder / "step-2").write_text("{}")
    report = import_paths(store, [home])
    assert texts(store.get("crab_ana_1")) == [("user", "hello"), ("assistant", "hi")]
    assert any("step-000003.tmp" in note for file in report.files for note in file.notes)
    assert {damage.place.rpartition("/")[2] for file in report.files for damage in file.damage} == {
        "step-2",
        "step-abc",
    } or {damage.place.rpartition("/")[2] for file in report.files for damage in file.damage} == {
        "step-000002",
        "step-abc",
    }


def test_spelling_and_unknown_members_are_kept_to_the_byte(store, home):
    text = '{"message": {"role":"user","content":"hi","temperature":1.0e0},  "later": [1E2] }'
    (home / "sessions" / "crab_ana_1" / "step-000003").write_text(text)
    import_paths(store, [home])
    assert list(store.get("crab_ana_1").entries(kinds="message"))[-1].body["raw"]["text"] == text


def test_notes_and_topics_of_the_memory_file_are_documents_of_the_store(store, home):
    (home / "memory.db").write_bytes(
        write_memories([
            Memory(1, 5, NOTE, "likes-tea", "Ana likes tea.", ["tea"]), Memory(2, 6, TOPIC, "Tee/Ü", "# Tea\n"),
            Memory(3, 7, ARCHIVE, "crab-ana-2-1", "Ana asked."), Memory(4, 8, ARCHIVE, "nobodys", "orphan"),
        ])
    )  # fmt: skip
    report = import_paths(store, [home])
    assert report.totals["documents"] == 4
    keys = [(one.key.category, one.key.name) for one in store.documents.list("crabtalk")]
    assert keys == [
        ("crabtalk", "memory"), ("crabtalk/archives", "nobodys"), ("crabtalk/notes", "likes-tea"), ("crabtalk/topics", "Tee/Ü"),
    ]  # fmt: skip
    assert store.documents.load("likes-tea", category="crabtalk/notes") == "Ana likes tea."
    assert store.get("crab_ana_2").history()[0].text == "Ana asked."
    again = import_paths(store, [home])
    assert (again.added, len(store.documents.versions("likes-tea", category="crabtalk/notes"))) == (0, 1)


def test_a_note_that_changed_is_a_new_version_and_one_that_can_be_no_document_is_told(store, home):
    for text in ("first", "second"):
        (home / "memory.db").write_bytes(write_memories([Memory(1, 5, NOTE, "n", text), Memory(2, 5, NOTE, "", "x")]))
        report = import_paths(store, [home])
    assert store.documents.load("n", category="crabtalk/notes") == "second"
    assert len(store.documents.versions("n", category="crabtalk/notes")) == 2
    assert any("crabtalk/notes/" in damage.place for file in report.files for damage in file.damage)


def test_an_archive_that_comes_later_takes_the_place_of_the_words_that_it_is_missing(store, home):
    memory = (home / "memory.db").read_bytes()
    (home / "memory.db").unlink()
    import_paths(store, [home])
    session = store.get("crab_ana_2")
    assert session.history()[0].metadata["missing"]
    (home / "memory.db").write_bytes(memory)
    import_paths(store, [home])
    assert session.history()[0].text == "Ana asked, it was done."
    assert import_paths(store, [home]).added == 0


def test_an_archive_that_was_rewritten_is_a_new_version(store, home):
    import_paths(store, [home])
    (home / "memory.db").write_bytes(write_memories([Memory(2, 1, ARCHIVE, "crab-ana-2-1", "Told anew.")]))
    import_paths(store, [home])
    documents = store.get("crab_ana_2").documents
    assert [one.version for one in documents.versions("crab-ana-2-1", category="archives")] == [1, 2]
    assert documents.load("crab-ana-2-1", category="archives") == "Told anew."
