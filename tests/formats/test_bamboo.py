"""Homes of bamboo: what each session becomes, what is kept, and what a second import finds."""

from __future__ import annotations

import json

import pytest

import hansard
from hansard.formats import detect, import_paths
from support.directories import (
    PIXEL,
    bamboo_home,
    bamboo_message,
    bamboo_session,
    copied,
    dump,
    turns,
)

ROOT, CHILD, GRANDCHILD = (
    "9dcd3da1-bf2d-4784-ab8a-324d92f7d35a",
    "1b7d5726-533a-4525-a876-0351e9b5e415",
    "3ca5088d-02df-40fc-a68a-0e2898ec3d93",
)
CORRUPT, OLD, TORN = (
    "405397c8-63c1-4d3f-a5ef-0fce242fb725",
    "f3d6db06-d8b4-4a6e-a9c1-eec63127fccd",
    "6c0810f8-712d-428f-a130-602f08fc9710",
)


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    with hansard.open("memory:" if request.param == "memory" else tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def home(tmp_path):
    return bamboo_home(tmp_path / "home")


def texts(session):
    return [message.text for message in session.history()]


def messages(session):
    return list(session.entries(kinds="message"))


def test_the_sample_home_becomes_what_its_readme_says(store, tmp_path):
    report = import_paths(store, [copied("bamboo_home", tmp_path / "home")])
    assert report.totals["sessions"] == 6
    root = store.get(ROOT)
    info = root.info
    assert (info.title, info.status, info.fields["last_run_status"]) == (
        "Panic investigation (renamed)", "paused", "suspended",
    )  # fmt: skip
    assert info.state["metadata_version"] == 4
    assert info.fields["question"]["question"] == "Apply the plan?"
    assert info.fields["plan_mode"]["status"] == "awaiting_approval"
    assert info.fields["waiting_for_children"]["child_session_ids"] == [CHILD]
    assert len(messages(root)) == 7
    assert len([message for message in root.history() if not message.synthetic]) == 4
    assert root.history()[0].text == "User showed a panic screenshot; main.rs was read."
    assert (info.usage.calls, info.usage.output) == (3, 134)
    assert any("token-usage.jsonl:4" in damage.place for file in report.files for damage in file.damage)
    assert info.pinned
    assert info.attachment_count == 1
    child, grandchild = store.get(CHILD).info, store.get(GRANDCHILD).info
    assert (child.parent, child.root, child.depth, child.agent) == (ROOT, ROOT, 1, "general-purpose")
    assert (child.fields["resident_name"], child.state["token_budget"]["max_context_tokens"]) == ("investigator", 64000)
    assert (grandchild.parent, grandchild.root, grandchild.depth, grandchild.pinned) == (CHILD, ROOT, 2, True)
    assert (grandchild.status, grandchild.error) == ("error", "provider timeout")
    assert len(messages(store.get(CORRUPT))) == 2
    assert store.info(CORRUPT).state["metadata"] == {"last_run_status": "completed"}
    old = store.info(OLD)
    assert (old.title, old.title_source) == ("old question", "derived")
    assert old.fields["tasks"][0]["activeForm"] == "Doing x"
    assert old.fields["skill_mode"] == "plan"
    assert old.state["field_from_the_future"] == {"keep": ["me", 1, None]}
    assert old.state["agent_runtime_state"]["children"] == {}
    assert [entry.at for entry in messages(store.get(OLD))] == [
        "2026-05-04T07:59:00.000000Z",
        "2026-05-04T08:00:00.000000Z",
    ]
    torn = store.info(TORN)
    assert texts(store.get(TORN)) == ["first"]
    assert torn.fields["question"]["tool_call_id"] == "q1"
    assert {"torn", "index"} <= {
        word for note in torn.metadata["import_notes"] for word in note.replace(":", "").split()
    }
    assert import_paths(store, [tmp_path / "home"]).added == 0


def test_a_home_is_found_from_inside_and_from_outside(home):
    assert detect(home) == "bamboo"
    assert detect(home / "sessions") == "bamboo"
    assert detect(home / "sessions" / "root-1") == "bamboo"
    assert detect(home.parent) is None
    with hansard.open("memory:") as store:
        report = import_paths(store, [home.parent])
        assert {file.format for file in report.files} == {"bamboo"}
        assert report.totals["sessions"] == 3


def test_one_folder_of_a_home_brings_in_that_root_and_its_children(store, home):
    report = import_paths(store, [home / "sessions" / "root-1"])
    assert [session.id for file in report.files for session in file.sessions] == ["root-1", "child-1"]
    assert store.info("child-1").parent == "root-1"


def test_a_message_shows_the_attachment_that_its_url_stands_for(store, home):
    import_paths(store, [home])
    part = store.get("root-1").history()[0].parts[0]
    assert part["url"] == "bamboo-attachment://root-1/pic"
    assert store.attachment("root-1", part["attachment"]) == PIXEL


def test_a_message_whose_attachment_is_gone_is_reported(store, home):
    (home / "sessions" / "root-1" / "attachments" / "pic.png").unlink()
    report = import_paths(store, [home])
    assert any("pic" in damage.place for file in report.files for damage in file.damage)
    assert store.info("root-1").message_count == 4


def test_a_session_that_has_grown_is_continued_and_a_rename_made_here_stays(store, home):
    import_paths(store, [home])
    store.get("root-2").rename("My own words")
    path = home / "sessions" / "root-2"
    record = bamboo_session(
        "root-2", turns(6), updated_at="2026-06-01T09:00:00Z", metadata={"last_run_status": "running"}
    )
    dump(path / "session.json", record)
    dump(path / "runtime.json", {**record, "messages": []})
    report = import_paths(store, [home])
    assert report.totals["lines"] - report.totals["already"] == 2
    session = store.get("root-2")
    assert texts(session) == [f"words number {n}" for n in range(1, 7)]
    assert (session.info.status, session.title) == ("running", "My own words")
    assert import_paths(store, [home]).added == 0


def test_a_message_that_was_compressed_later_is_hidden_and_still_found(store, home):
    import_paths(store, [home])
    found = turns(6)
    for message in found[:2]:
        message["compressed"] = True
    summary = {"content": "the beginning in short", "updated_at": "2026-06-01T09:00:00Z"}
    record = bamboo_session("root-2", found, updated_at="2026-06-01T09:00:00Z", conversation_summary=summary)
    dump(home / "sessions" / "root-2" / "session.json", record)
    dump(home / "sessions" / "root-2" / "runtime.json", {**record, "messages": []})
    report = import_paths(store, [home])
    assert {session.id for file in report.files for session in file.sessions} == {"root-1", "child-1", "root-2"}
    session = store.get("root-2")
    assert texts(session)[0] == "the beginning in short"
    assert texts(session)[1:] == [f"words number {n}" for n in range(3, 7)]
    assert [hit.session for hit in store.search('"words number 1"', session="root-2")] == ["root-2"]
    assert import_paths(store, [home]).added == 0


def test_a_stale_sidecar_does_not_win_over_a_restored_session(store, home):
    path = home / "sessions" / "root-2"
    dump(path / "session.json", bamboo_session("root-2", turns(4), title="Restored", updated_at="2026-07-01T00:00:00Z"))
    report = import_paths(store, [home])
    assert store.info("root-2").title == "Restored"
    assert any("older than its session file" in note for file in report.files for note in file.notes)


def test_a_session_file_that_breaks_off_gives_the_messages_before_the_damage_and_is_continued_when_it_is_whole(
    store, home
):
    path = home / "sessions" / "root-2" / "session.json"
    whole = path.read_text()
    path.write_text(whole[: whole.index("words number 4")])
    report = import_paths(store, [home])
    assert any("session.json" in damage.place for file in report.files for damage in file.damage)
    assert store.info("root-2").message_count == 3
    path.write_text(whole)
    import_paths(store, [home])
    assert texts(store.get("root-2")) == [f"words number {n}" for n in range(1, 5)]
    assert import_paths(store, [home]).added == 0


def test_a_child_whose_parent_is_missing_becomes_a_root_that_says_so(store, home):
    for name in ("session.json", "runtime.json"):
        (home / "sessions" / "root-1" / name).unlink()
    report = import_paths(store, [home])
    info = store.info("child-1")
    assert (info.kind, info.metadata["orphan_of"]) == ("root", "root-1")
    assert any("root-1" in session.note for file in report.files for session in file.sessions)


def test_numbers_strings_and_unknown_members_are_kept_to_the_byte(store, home):
    path = home / "sessions" / "root-2" / "session.json"
    text = path.read_text().replace('"m1"', '"m1",\n      "odd": 1.50e+2, "later": {"b": 1, "a": [1E1]}')
    path.write_text(text)
    import_paths(store, [home])
    assert '"odd": 1.50e+2, "later": {"b": 1, "a": [1E1]}' in messages(store.get("root-2"))[0].body["raw"]["text"]


def test_other_messages_under_an_id_that_is_there_become_a_session_of_their_own(store, home):
    import_paths(store, [home])
    record = bamboo_session("root-2", [bamboo_message(1, "user", "something else", id="other")])
    dump(home / "sessions" / "root-2" / "session.json", record)
    report = import_paths(store, [home])
    assert texts(store.get("root-2~2")) == ["something else"]
    assert texts(store.get("root-2")) == [f"words number {n}" for n in range(1, 5)]
    assert any("root-2~2" in session.note for file in report.files for session in file.sessions)


def test_an_import_that_was_cut_off_is_completed_as_one_run_would(store, home, monkeypatch):
    from hansard.formats import bundling

    with hansard.open("memory:") as whole:
        import_paths(whole, [home])
        wanted = {
            name: [entry.id for entry in whole.get(name).entries()][1:] for name in ("root-1", "child-1", "root-2")
        }
    monkeypatch.setattr(bundling, "_BATCH_ENTRIES", 2)
    writes = 0
    flush = bundling._BundleImport._flush

    def killed(self):
        nonlocal writes
        writes += 1
        if writes == 4:
            raise KeyboardInterrupt
        flush(self)

    monkeypatch.setattr(bundling._BundleImport, "_flush", killed)
    with pytest.raises(KeyboardInterrupt):
        import_paths(store, [home])
    import_paths(store, [home])
    assert {name: [entry.id for entry in store.get(name).entries()][1:] for name in wanted} == wanted
    assert import_paths(store, [home]).added == 0


def test_a_dry_run_counts_and_writes_nothing(store, home):
    report = import_paths(store, [home], dry_run=True)
    assert report.added
    assert list(store.find()) == []
    assert json.dumps(report.to_json())


def test_a_header_larger_than_a_state_may_be_comes_in_without_its_largest_member(store, home):
    record = bamboo_session("root-2", turns(2), prompt_snapshot={"base_system_prompt": "x" * 1_200_000})
    dump(home / "sessions" / "root-2" / "session.json", record)
    (home / "sessions" / "root-2" / "runtime.json").unlink()
    import_paths(store, [home])
    assert "prompt_snapshot" not in store.info("root-2").state
    assert store.info("root-2").message_count == 2


def test_values_beyond_what_can_be_stored_leave_the_rest_of_the_session(store, home):
    path = home / "sessions" / "root-2" / "session.json"
    deep = '{"a":' * 300 + "1" + "}" * 300
    text = path.read_text()
    text = text.replace('"m1"', f'"m1", "metadata": {deep}').replace('"m2"', '"m2", "n": ' + "9" * 5000)
    path.write_text(text.replace('"model":', f'"odd": {deep}, "model":'))
    (home / "sessions" / "root-2" / "runtime.json").unlink()
    report = import_paths(store, [home])
    assert not any(file.skipped for file in report.files)
    assert len(messages(store.get("root-2"))) >= 3
    assert "odd" not in store.info("root-2").state
    assert import_paths(store, [home]).added == 0


def test_a_file_whose_name_is_not_utf8_is_kept_under_a_readable_one(store, home):
    import os

    folder = os.fsencode(home / "sessions" / "root-2" / "attachments")
    with open(folder + b"/\xff.png", "wb") as file:  # noqa: PTH123 - pathlib has no names of bytes
        file.write(PIXEL)
    report = import_paths(store, [home])
    assert not any(file.skipped for file in report.files)
    assert store.info("root-2").attachment_count == 1


def test_two_sessions_without_sidecars_have_their_state_and_a_second_run_adds_nothing(store, home):
    runtime = {
        "version": 1,
        "run_id": "r",
        "status": "idle",
        "children": {"active_children": 1, "active_ids": ["gone"]},
    }
    for name in ("root-1", "root-2"):
        path = home / "sessions" / name
        dump(path / "session.json", bamboo_session(name, turns(2), agent_runtime_state=runtime))
        (path / "runtime.json").unlink()
    (home / ".runtime_sidecar_migrated").unlink()
    import_paths(store, [home])
    for name in ("root-1", "root-2"):
        assert store.info(name).state["agent_runtime_state"] == {**runtime, "children": {}}
    assert import_paths(store, [home]).added == 0


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("a.png", "image/png"), ("a.jpg", "image/jpeg"), ("a.JPEG", "image/jpeg"), ("a.webp", "image/webp"),
        ("a.gif", "image/gif"), ("a.bmp ", "image/bmp"), ("a.b.png", "image/png"), ("a.xyz", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)  # fmt: skip
def test_attachments_are_of_the_kind_that_their_name_says(name, mime):
    from hansard.formats.bamboo_session import mime_of_name

    assert mime_of_name(name) == mime


def test_a_resident_keeps_its_id_and_its_name_leads_to_it(store, tmp_path):
    import_paths(store, [copied("bamboo_home", tmp_path / "home")])
    assert store.info(CHILD).name == "investigator"
    assert store.get(ROOT).spawn(name="investigator").id == CHILD
    assert store.get(CHILD).spawn(name="investigator").id == CHILD
    assert [child.id for child in store.get(ROOT).children()] == [CHILD]


def test_two_residents_of_one_name_come_in_and_the_first_has_the_name(store, home):
    children = home / "sessions" / "root-1" / "children"
    for number in (2, 3):
        record = bamboo_session(
            f"res-{number}", turns(1), kind="child", parent_session_id="root-1", root_session_id="root-1", spawn_depth=1,
            metadata={"lifecycle": "resident", "resident_name": "helper"},
        )  # fmt: skip
        dump(children / f"res-{number}" / "session.json", record)
    import_paths(store, [home])
    assert (store.info("res-2").name, store.info("res-3").name) == ("helper", None)
    assert store.get("root-1").spawn(name="helper").id == "res-2"
    assert store.info("res-3").fields["resident_name"] == "helper"
    assert import_paths(store, [home]).added == 0


def test_lone_surrogates_in_names_and_titles_do_not_keep_a_session_out(store, home):
    path = home / "sessions" / "root-2"
    (path / "runtime.json").unlink()
    path = path / "session.json"
    text = (
        path.read_text()
        .replace('"New Session"', r'"cut \ud83d"')
        .replace('"model-a"', r'"m\udc00", "workspace": "/a/\ud800"')
    )
    path.write_text(text)
    report = import_paths(store, [home])
    assert not any(file.skipped for file in report.files)
    assert store.info("root-2").title.startswith("cut ")


@pytest.mark.parametrize("name", ["session.json", "runtime.json", "token-usage.jsonl"])
def test_a_file_out_of_a_home_is_refused_with_the_folder_to_import_instead(store, home, name):
    report = import_paths(store, [home / "sessions" / "root-1" / name])
    assert report.totals["sessions"] == 0
    assert report.files[0].skipped == f"a part of a directory of bamboo; import {home / 'sessions' / 'root-1'}"


def test_a_sidecar_of_another_session_is_not_used(store, home):
    folder = next(path for path in sorted((home / "sessions").iterdir()) if (path / "runtime.json").is_file())
    side = json.loads((folder / "runtime.json").read_text())
    dump(
        folder / "runtime.json", side | {"id": "somebody-else", "title": "Theirs", "updated_at": "2026-07-01T00:00:00Z"}
    )
    report = import_paths(store, [home])
    assert store.get(folder.name).title != "Theirs"
    assert not store.exists("somebody-else")
    assert any("somebody-else" in damage.reason for file in report.files for damage in file.damage)
