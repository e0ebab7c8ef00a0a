"""Stores of a3s-code in both layouts: in, again, grown, damaged, sealed, and out again."""

from __future__ import annotations

import json

import pytest

import hansard
from hansard.formats import a3s_importing, detect, export_directory, import_paths
from support import a3s
from support.a3s import MS, RUN, build, data, dumps, legacy, name, snapshot, text, v1
from support.directories import samples


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    with hansard.open("memory:" if request.param == "memory" else tmp_path / "store") as opened:
        yield opened


def sessions(report):
    return {session.id: session for file in report.files for session in file.sessions}


def exported(store, folder, *ids):
    report = export_directory(store, ids, folder, format="a3s")
    assert report.refused == []
    return report, {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def notes(report):
    return [note for file in report.files for note in file.notes]


def test_both_layouts_are_recognised_and_a_parent_folder_is_walked(tmp_path):
    build(tmp_path / "all" / "old", legacy())
    build(tmp_path / "all" / "new", v1())
    assert detect(tmp_path / "all" / "old") == detect(tmp_path / "all" / "new") == "a3s"
    assert detect(tmp_path / "all") is None
    with hansard.open("memory:") as store:
        found = sessions(import_paths(store, [tmp_path / "all"]))
        assert found.keys() == {"plain", "../escape", "child", "team/alpha", "team_alpha"}


def test_a_session_comes_in_with_its_messages_config_usage_and_parts(store, tmp_path):
    report = import_paths(store, [build(tmp_path / "in", legacy())])
    assert not report.damaged
    session = store.get("plain")
    assert [(m.role, [p["type"] for p in m.parts]) for m in session.messages()] == [
        ("user", ["file", "text"]), ("assistant", ["reasoning", "text", "tool_call"]), ("tool", ["tool_result"]),
        ("assistant", ["text"]),
    ]  # fmt: skip
    image = session.messages()[0].parts[0]
    assert session.attachment(image["attachment"]) == a3s.IMAGE
    info = session.info
    assert (info.model, info.provider, info.project, info.fields["workspace"]) == (
        "fake-1",
        "openai",
        "quay",
        "/home/ana/quay",
    )
    assert info.config["permission_policy"] == {"deny": [{"rule": "Bash(rm:*)"}], "allow": [], "ask": [], "odd": 1}
    assert (info.usage.input, info.usage.output, info.usage.cache_read, info.usage.cost) == (60, 20, 40, 0.5)
    assert info.usage.calls == 2
    assert info.fields["tasks"][0]["content"] == "count"
    assert [child.id for child in session.children()] == ["child"]
    kinds = [entry.body["type"] for entry in session.entries(kinds="event")]
    assert {"a3s.artifact", "a3s.trace", "run.ended", "a3s.never_heard_of", "a3s.verification_report"} <= set(kinds)
    assert (kinds.count("a3s.text_delta"), kinds.count("a3s.tool_output_delta")) == (1, 1)
    (run,) = store.runs()
    assert (run.id, run.status, run.task, run.result, run.duration_ms) == (RUN, "completed", "Count", "Three.", 900.0)
    assert all(entry.run == RUN for entry in session.entries(kinds="event") if entry.body["type"] == "a3s.turn_end")


def test_ids_are_taken_from_inside_the_files_and_a_snapshot_goes_before_an_older_file(store, tmp_path):
    report = import_paths(store, [build(tmp_path / "in", v1())])
    assert sessions(report).keys() == {"team/alpha", "team_alpha"}
    assert store.get("team_alpha").messages()[-1].text == "Three."
    assert store.info("team/alpha").labels == {"tenant": "acme"}
    assert "an older state of the session: its snapshot came in instead" in notes(report)
    assert "line 2: a save of session team_alpha was begun and was written" in notes(report)
    assert any(note.startswith("the lease of writer host:1 since") for note in notes(report))


@pytest.mark.parametrize("made", [legacy, v1])
def test_the_export_of_an_unchanged_import_is_byte_for_byte_what_came_in(store, tmp_path, made):
    folder = build(tmp_path / "in", made())
    report = import_paths(store, [folder])
    written, found = exported(store, tmp_path / "out", *sessions(report))
    assert [one.notes for one in written.written if one.notes] == []
    left = {"v1/wal/session-store.ndjson", "v1/wal/session-store.lock", "v1/writer_lease.json", "team_alpha.json"}
    assert found == {path: content for path, content in made().items() if path not in left}
    with hansard.open("memory:") as other:
        import_paths(other, [tmp_path / "out"])
        for identity in sessions(report):
            assert [e.body for e in other.get(identity).entries(kinds=("message", "event"))] == [
                e.body for e in store.get(identity).entries(kinds=("message", "event"))
            ]


def test_files_that_another_program_has_formatted_come_back_as_they_were(store, tmp_path):
    files = {"plain.json": json.dumps(data("plain")).encode() + b"\n", "runs/plain.json": b"[ ]\r\n"}
    import_paths(store, [build(tmp_path / "in", files)])
    assert exported(store, tmp_path / "out", "plain")[1] == files


def test_again_adds_nothing_and_growth_adds_only_itself(store, tmp_path):
    folder = build(tmp_path / "in", legacy())
    import_paths(store, [folder])
    assert import_paths(store, [folder]).added == 0
    before = store.info("plain").entry_count
    grown = data("plain", [*a3s.talk(), text("user", "And now?")], updated_at=MS // 1000 + 90)
    more = a3s.runs("plain")
    more[0]["events"].append({"sequence": 400, "timestamp_ms": MS + 999, "event": {"type": "error", "message": "x"}})
    more[0]["snapshot"]["status"] = "failed"
    build(folder, {"plain.json": dumps(grown), "runs/plain.json": dumps(more)})
    report = import_paths(store, [folder])
    # The message, the event, the run's new state, the new update time, and the mark of the import.
    assert sessions(report)["plain"].added == 5
    assert store.info("plain").entry_count == before + 5
    assert exported(store, tmp_path / "out", "plain")[1]["runs/plain.json"] == dumps(more)
    assert import_paths(store, [folder]).added == 0


def test_another_session_with_the_same_id_never_joins_the_first(store, tmp_path):
    import_paths(store, [build(tmp_path / "one", {"s.json": dumps(data("s", [text("user", "hi")]))})])
    other = data("s", [text("user", "hi"), text("assistant", "ho")], created_at=5)
    report = import_paths(store, [build(tmp_path / "two", {"s.json": dumps(other)})])
    assert list(sessions(report)) == ["s~2"]
    _, found = exported(store, tmp_path / "out", "s", "s~2")
    assert len(found) == 2
    assert len({json.loads(content).get("session", json.loads(content))["id"] for content in found.values()}) == 2


def test_secrets_of_a_config_are_masked_and_told(tmp_path):
    secret = data("s", llm_config={"provider": "p", "model": "m", "api_key": "sk-very-secret"})
    secret["config"]["apiKey"] = "sk-very-secret"
    folder = build(tmp_path / "in", {"s.json": dumps(secret)})
    with hansard.open(tmp_path / "store") as store:
        report = import_paths(store, [folder])
        assert "llm_config/api_key" in " ".join(notes(report))
        assert store.info("s").config["apiKey"] is None
        assert store.info("s").model == "m"
    for path in (tmp_path / "store").rglob("*"):
        assert not path.is_file() or b"sk-very-secret" not in path.read_bytes()


def test_sealed_files_are_told_and_the_others_come_in(store, tmp_path):
    files = legacy() | {"sealed.json": b"A3SE\x01" + bytes(60)}
    report = import_paths(store, [build(tmp_path / "in", files)])
    told = {file.path: file.skipped for file in report.files if file.skipped}
    assert [path.endswith("sealed.json") and why.startswith("sealed") for path, why in told.items()] == [True]
    assert sessions(report).keys() == {"plain", "../escape", "child"}
    assert not report.damaged


def test_damage_is_told_with_its_place(store, tmp_path):
    files = v1()
    files["v1/wal/session-store.ndjson"] += b'{"schema":'
    files["bad.json"] = b'{"id":'
    files["runs/nobody.json"] = b"[]"
    files[f"v1/sessions/{name('later')}.json"] = dumps(snapshot("later") | {"schema_version": 2})
    report = import_paths(store, [build(tmp_path / "in", files)])
    found = {file.path.rpartition("/")[2]: file.damage[0] for file in report.files if file.damage}
    assert found["session-store.ndjson"].place == "line 3"
    assert found["bad.json"].place == "line 1, column 7"
    assert found["nobody.json"].reason.startswith("the session that it is a part of")
    assert found[f"{name('later')}.json"].place == "/schema_version"
    assert sessions(report).keys() == {"team/alpha", "team_alpha"}


def test_what_was_changed_here_comes_out_in_the_layout_it_had(store, tmp_path):
    import_paths(store, [build(tmp_path / "in", legacy())])
    session = store.get("plain")
    session.append([hansard.user("More"), hansard.assistant([hansard.tool_call("c9", "ls", {"z": 1, "a": 2})])])
    session.append(hansard.tool("c9", "ok", is_error=True), status="completed")
    session.rename("Boats")
    _, found = exported(store, tmp_path / "out", "plain")
    value = json.loads(found["plain.json"])
    original = data("plain")
    assert value["messages"][:4] == original["messages"]
    assert value["messages"][4:] == [
        text("user", "More"),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c9", "name": "ls", "input": {"a": 2, "z": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c9", "content": "ok", "is_error": True}]},
    ]
    assert list(value["messages"][5]["content"][0]["input"]) == ["a", "z"]
    assert (value["state"], value["config"]["name"]) == ("Completed", "Boats")
    assert value["updated_at"] > original["updated_at"]
    assert list(value) == list(original)
    assert found["runs/plain.json"] == legacy()["runs/plain.json"]


def test_a_session_born_here_becomes_a_snapshot_with_all_that_a3s_code_demands(store, tmp_path):
    session = store.create(id="née/..", entries=[hansard.system("Be kind."), hansard.user("Hi")], status="cancelled")
    picture = session.attach(a3s.IMAGE, mime="image/png")
    session.append(hansard.user([hansard.text("look"), picture.part]))
    report, found = exported(store, tmp_path / "out", session.id)
    (path,) = found
    assert path == f"v1/sessions/{name(session.id)}.json"
    value = json.loads(found[path])
    assert value["schema_version"] == 1
    required = {"id", "config", "state", "messages", "context_usage", "total_usage", "tool_names", "thinking_enabled"}
    assert required | {"created_at", "updated_at"} <= value["session"].keys()
    assert {"name", "workspace", "max_context_length", "auto_compact"} <= value["session"]["config"].keys()
    assert [message["role"] for message in value["session"]["messages"]] == ["user", "user", "user"]
    assert value["session"]["messages"][2]["content"][1]["source"]["media_type"] == "image/png"
    assert value["session"]["state"] == "Completed"
    assert len(report.written[0].notes) == 2
    with hansard.open("memory:") as other:
        import_paths(other, [tmp_path / "out"])
        back = other.get(session.id)
        assert [(m.role, m.text) for m in back.messages()] == [("system", "Be kind."), ("user", "Hi"), ("user", "look")]
        assert back.info.status == "cancelled"


def test_ids_that_would_share_a_file_or_are_too_long_get_their_own(store, tmp_path):
    ids = ["team/alpha", "team_alpha", "x" * 400, "a\nb"]
    for identity in ids:
        store.create(id=identity, entries=[hansard.user(identity)])
    report, found = exported(store, tmp_path / "out", *ids)
    assert len(found) == len(report.written) == 4
    assert all(len(path.rpartition("/")[2]) < 215 for path in found)
    with hansard.open("memory:") as other:
        assert sessions(import_paths(other, [tmp_path / "out"])).keys() == set(ids)


EXPECTED = {
    "a3s_sessions/v2.0.0_store": {"plain-session": 2, "tool-session": 4},
    "a3s_sessions/v3.1.0_dup_id_store": {"dup": 2},
    "a3s_sessions/v3.1.0_value_order_store": {"order": 4},
    "a3s_sessions/v3.1.0_store": {
        "plain-session": 4, "tool-session": 14, "attachment-session": 2, "policy-session": 2, "plan-session": 2,
        "delegate-session": 2, "verify-session": 2, "../escape": 2, "a..b": 2, "team_alpha": 2, "héllo wörld": 2,
        "x" * 200: 2, "empty-session": 0,
    },
    "a3s_v1_handmade": {"team/alpha": 4, "team_alpha": 4, "héllo": 4, "legacy-one": 4},
}  # fmt: skip
"""Sessions of each sample and how many messages each has, by its reading rules."""


@pytest.mark.parametrize("where", EXPECTED)
def test_each_sample_comes_in_as_its_reading_rules_say_and_out_byte_for_byte(where, store, tmp_path):
    folder = samples() / where
    report = import_paths(store, [folder])
    counts = {identity: store.info(identity).message_count for identity in sessions(report)}
    assert counts == EXPECTED[where]
    assert [file.path for file in report.files if file.damage] == [str(path) for path in folder.glob("bad.json")]
    assert import_paths(store, [folder]).added == 0
    written, found = exported(store, tmp_path / "out", *counts)
    assert [one.notes for one in written.written if one.notes] == []
    for path, content in found.items():
        assert content == (folder / path).read_bytes(), path
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - found.keys()
    ours = {"bad.json", "v1/wal/session-store.ndjson", "v1/wal/session-store.lock", "v1/writer_lease.json"}
    assert left <= ours
    assert [finding for finding in store.check() if finding.severity == "damage"] == []


def test_checkpoints_of_workflows_are_documents_and_come_out_again(store, tmp_path):
    files = v1() | {
        "v1/workflow_checkpoints/id_d2Y.json": dumps({"schema_version": 1, "workflow_id": "wf", "steps": []})
    }
    folder = build(tmp_path / "in", files)
    assert import_paths(store, [folder]).totals["documents"] == 1
    assert import_paths(store, [folder]).added == 0
    _, found = exported(store, tmp_path / "out", "team/alpha")
    assert found["v1/workflow_checkpoints/id_d2Y.json"] == files["v1/workflow_checkpoints/id_d2Y.json"]


def test_the_gauge_of_the_context_comes_in_with_the_usage(store, tmp_path):
    full = data("s", context_usage={"used_tokens": 900, "max_tokens": 1000, "percent": 0.9, "turns": 3})
    report = import_paths(store, [build(tmp_path / "in", {"s.json": dumps(full)})])
    assert list(sessions(report)) == ["s"]
    assert store.info("s").context == {"used": 900, "max": 1000, "percent": 0.9, "turns": 3}


ODD = {
    "no config": lambda value: value.pop("config"),
    "a list for a config": lambda value: value.update(config=[1]),
    "blocks that are none": lambda value: value.update(messages=[{"role": "user", "content": [{"type": {}}, None, 1]}]),
    "messages that are none": lambda value: value.update(messages=[None, 1, "x", [], {}]),
    "no messages": lambda value: value.update(messages={"0": "x"}),
    "an odd model": lambda value: value.update(model_name=5, llm_config="x", total_usage=[], total_cost="1"),
    "odd times": lambda value: value.update(created_at="soon", updated_at=-1),
}


@pytest.mark.parametrize("how", ODD)
def test_what_a3s_code_itself_would_refuse_comes_in_and_out_as_it_is(how, store, tmp_path):
    value = data("s")
    ODD[how](value)
    files = {"s.json": dumps(value)}
    report = import_paths(store, [build(tmp_path / "in", files)], format="a3s")
    assert list(sessions(report)) == ["s"]
    assert import_paths(store, [tmp_path / "in"], format="a3s").added == 0
    assert exported(store, tmp_path / "out", "s")[1] == files


def test_files_that_are_the_same_are_not_taken_apart_again_and_damage_is_told_again(tmp_path, monkeypatch):
    folder = a3s.build(tmp_path / "in", a3s.legacy() | {"odd.json": a3s.dumps(a3s.data("odd", state="Strange"))})
    with hansard.open("memory:") as store:
        first = import_paths(store, [folder])
        taken = []
        record = a3s_importing.session_record
        monkeypatch.setattr(
            a3s_importing, "session_record", lambda main, *rest: taken.append(main.place.path) or record(main, *rest)
        )
        again = import_paths(store, [folder])
        assert (again.added, taken) == (0, ["odd.json"])
        assert [file.damage for file in again.files] == [file.damage for file in first.files]
        ids = {session.id for file in first.files for session in file.sessions}
        assert {session.id for file in again.files for session in file.sessions} == ids
        store.delete("plain")
        (folder / "child.json").write_bytes(
            a3s.dumps(a3s.data("child", [a3s.text("user", "changed")], parent_id="plain"))
        )
        import_paths(store, [folder])
        assert store.exists("plain")
        assert sorted(set(taken)) == ["child.json", "odd.json", "plain.json"]
