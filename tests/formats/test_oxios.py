"""State directories of oxios: in, again, interrupted, out, and changed on the way."""

from __future__ import annotations

import json
import os

import pytest

import hansard
from hansard.formats import detect, export_directory, import_paths
from hansard.formats.recording import Recording
from support.directories import samples
from support.oxios import AGENT, LONE, MAIN, THREAD, build, dumps, files, main_session


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    with hansard.open("memory:" if request.param == "memory" else tmp_path / "store") as opened:
        yield opened


def exported(store, folder, *ids):
    """The files of an export by their paths, nothing refused."""
    report = export_directory(store, ids or (MAIN, THREAD, "telegram-7", LONE), folder, format="oxios")
    assert report.refused == []
    return report, {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def texts(session):
    return [(message.role, message.text) for message in session.messages()]


def test_a_state_directory_is_recognised_also_where_every_session_is_damaged(tmp_path):
    folder = build(tmp_path / "in")
    assert detect(folder) == "oxios"
    for path in (folder / "sessions").iterdir():
        path.write_bytes(b"")
    assert detect(folder) == "oxios"
    assert detect(tmp_path) is None


def test_the_lists_become_one_sequence_with_title_labels_steps_and_cost(store, tmp_path):
    report = import_paths(store, [build(tmp_path / "in")])
    assert (report.totals["sessions"], report.damaged) == (4, False)
    session = store.get(MAIN)
    assert texts(session) == [
        ("user", "Count the boats"), ("assistant", "There are three."), ("user", "여기도! 📄"),
        ("user", "And the last one?"), ("assistant", "Here, too."),
    ]  # fmt: skip
    info = session.info
    assert (info.title, info.project, info.user, info.labels) == ("Boats", "quay", "web-user", {"persona": "harbour"})
    assert (info.created_at, info.updated_at) == ("2026-08-20T09:15:02.117900Z", "2026-08-20T09:18:00.003411Z")
    assert info.activity_at == "2026-08-20T09:18:00.000000Z"
    assert info.metadata == {"title": "Boats", "ratio": 0.1}
    assert (info.usage.input, info.usage.output, info.usage.cost, info.model) == (1830, 212, 0.0123, "prov/model-x")
    answer = session.messages()[1]
    assert answer.metadata == {"phase_reached": "executed", "evaluation_passed": True}
    steps = [entry for entry in session.entries(kinds="event") if entry.body["type"] == "step"]
    assert [entry.body["answer"] for entry in steps] == [answer.id, answer.id]
    assert [entry.body["name"] for entry in steps] == ["grep", "wc"]
    assert steps[1].body["error"] is True
    assert [child.id for child in session.children()] == [THREAD]


def test_an_agent_without_a_session_is_a_session_of_kind_run(store, tmp_path):
    import_paths(store, [build(tmp_path / "in")])
    info = store.info(LONE)
    assert (info.kind, info.status, info.error, info.title) == ("run", "error", "out of budget", "counter")
    assert info.usage.cost == 0.0123
    found = {run.id: run for run in store.runs(kind=["root", "run"])}
    assert found.keys() == {AGENT, LONE}
    assert (found[AGENT].session, found[AGENT].status, found[AGENT].agent) == (MAIN, "completed", "counter")
    assert (found[AGENT].usage.input, found[AGENT].steps, found[LONE].status) == (1830, 1, "error")
    assert found[LONE].error == "out of budget"


def test_every_other_file_is_a_document_and_comes_out_again(store, tmp_path):
    folder = build(tmp_path / "in")
    report = import_paths(store, [folder])
    assert report.totals["documents"] == 4
    assert store.documents.load("boats", category="memory/facts", kind="md").startswith("# Boats")
    assert store.documents.load("index", category="personas")["schema_version"] == 2
    build(folder, {"personas/index.json": dumps({"schema_version": 2, "personas": []})})
    assert import_paths(store, [folder]).totals["documents"] == 1
    assert len(store.documents.versions("index", category="personas", kind="json")) == 2
    written, found = exported(store, tmp_path / "out", THREAD)
    assert f"knowledge-saves/{MAIN}.json" not in found
    assert found["memory/facts/boats.json"] == b'{"float": 1e-7}'
    assert len(written.documents) == 3


def test_the_export_of_an_unchanged_import_is_the_same_files_byte_for_byte(store, tmp_path):
    import_paths(store, [build(tmp_path / "in")])
    report, found = exported(store, tmp_path / "out")
    assert found == files()
    assert [written.notes for written in report.written] == [[], [], [], []]
    with hansard.open("memory:") as other:
        import_paths(other, [tmp_path / "out"])
        for identity in (MAIN, THREAD, "telegram-7", LONE):
            assert [entry.body for entry in other.get(identity).entries()] == [
                entry.body for entry in store.get(identity).entries()
            ]


def test_a_second_import_adds_nothing_and_a_grown_directory_adds_what_is_new(store, tmp_path):
    folder = build(tmp_path / "in")
    import_paths(store, [folder])
    assert import_paths(store, [folder]).added == 0
    grown = main_session()
    grown["agent_responses"].append({"content": "Blue.", "session_id": MAIN, "timestamp": "2026-08-20T09:19:00Z"})
    grown["updated_at"] = "2026-08-20T09:19:00Z"
    grown["metadata"]["title"] = "Boats, all"
    build(folder, {f"sessions/{MAIN}.json": dumps(grown)})
    import_paths(store, [folder])
    session = store.get(MAIN)
    assert texts(session)[-1] == ("assistant", "Blue.")
    assert (session.info.title, session.info.message_count) == ("Boats, all", 6)
    assert import_paths(store, [folder]).added == 0
    _, found = exported(store, tmp_path / "out", MAIN)
    assert found[f"sessions/{MAIN}.json"] == dumps(grown)


def test_an_older_state_adds_nothing_and_another_session_of_the_id_stands_beside(store, tmp_path):
    import_paths(store, [build(tmp_path / "in")])
    older = main_session()
    older["user_messages"] = older["user_messages"][:1]
    older["updated_at"] = "2026-08-20T09:16:00Z"
    report = import_paths(store, [build(tmp_path / "old", {f"sessions/{MAIN}.json": dumps(older)})])
    assert (report.added, report.files[0].sessions[0].note) == (0, "the session here is newer; nothing was added")
    other = main_session() | {"created_at": "2026-01-01T00:00:00Z"}
    report = import_paths(store, [build(tmp_path / "other", {f"sessions/{MAIN}.json": dumps(other)})])
    assert [session.id for file in report.files for session in file.sessions] == [f"{MAIN}~2"]
    _, found = exported(store, tmp_path / "out", MAIN, f"{MAIN}~2")
    assert len([name for name in found if name.startswith("sessions/")]) == 2


def test_an_import_that_stopped_anywhere_is_completed_by_the_next(tmp_path, monkeypatch):
    folder = build(tmp_path / "in")
    monkeypatch.setattr("hansard.formats.recording._BATCH_ENTRIES", 2)
    with hansard.open("memory:") as whole:
        import_paths(whole, [folder])
        wanted = {one: [entry.body for entry in whole.get(one).entries()] for one in whole.heads()}
    commit = Recording._commit
    for stop in range(8):
        left = [stop]

        def stopping(self, session, batch, report, left=left):
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            commit(self, session, batch, report)

        with hansard.open("memory:") as store:
            monkeypatch.setattr(Recording, "_commit", stopping)
            with pytest.raises(KeyboardInterrupt):
                import_paths(store, [folder])
            monkeypatch.setattr(Recording, "_commit", commit)
            import_paths(store, [folder])
            found = {identity: [entry.body for entry in store.get(identity).entries()] for identity in store.heads()}
            assert len(wanted) == 4
            assert found == wanted
            assert import_paths(store, [folder]).added == 0


def test_damage_is_told_with_its_place_and_the_rest_comes_in(store, tmp_path):
    folder = build(tmp_path / "in")
    path = folder / "sessions" / f"{MAIN}.json"
    path.write_bytes(path.read_bytes()[:300])
    (folder / "sessions" / "x.json.1.tmp").write_bytes(b"{")
    report = import_paths(store, [folder])
    damaged = {file.path: file.damage for file in report.files if file.damage}
    assert list(damaged) == [str(path)]
    assert damaged[str(path)][0].place.startswith("line ")
    assert {session.id for file in report.files for session in file.sessions} == {THREAD, "telegram-7", LONE, AGENT}
    assert store.info(THREAD).metadata["orphan_of"] == MAIN


def test_what_was_changed_here_comes_out_as_oxios_would_have_it(store, tmp_path):
    import_paths(store, [build(tmp_path / "in")])
    session = store.get(MAIN)
    session.append(
        [
            hansard.user("One more"),
            hansard.assistant([hansard.reasoning("hm"), hansard.tool_call("c9", "ls", {"path": "."})]),
            hansard.tool("c9", "a boat"),
            hansard.assistant("Four."),
        ]
    )
    session.rename("Boats and more")
    _, found = exported(store, tmp_path / "out", MAIN)
    value = json.loads(found[f"sessions/{MAIN}.json"])
    original = main_session()
    assert value["user_messages"][:3] == original["user_messages"]
    assert value["user_messages"][3]["content"] == "One more"
    assert value["agent_responses"][:2] == original["agent_responses"]
    assert value["agent_responses"][2]["trajectory_range"] == {"start": 2, "end": 3}
    step = value["trajectory_steps"][2]
    assert (step["tool_name"], step["tool_args"], step["output_summary"]) == ("ls", {"path": "."}, "a boat")
    assert value["reasoning_records"][1]["content"] == "hm"
    assert value["metadata"] == {"title": "Boats and more", "ratio": 0.1}
    assert value["updated_at"] > original["updated_at"]
    assert list(value) == list(original)


def test_a_session_born_here_comes_out_with_every_member_that_oxios_demands(store, tmp_path):
    store.create(
        id="a..b/c", user="ana", entries=[hansard.system("Be kind."), hansard.user("Hi"), hansard.assistant("Ho")]
    )
    report, found = exported(store, tmp_path / "out", "a..b/c")
    (name,) = found
    value = json.loads(found[name])
    assert name == f"sessions/{value['id']}.json"
    assert not any(sign in value["id"] for sign in ("..", "/", "\\"))
    assert {"user_id", "user_messages", "agent_responses", "created_at", "updated_at", "metadata"} <= value.keys()
    assert set(value["agent_responses"][0]) == {
        "content",
        "session_id",
        "phase_reached",
        "evaluation_passed",
        "timestamp",
    }
    assert any("its id became" in note for note in report.written[0].notes)
    with hansard.open("memory:") as other:
        import_paths(other, [tmp_path / "out"])
        assert texts(other.get("a..b/c")) == [("system", "Be kind."), ("user", "Hi"), ("assistant", "Ho")]
        _, again = exported(other, tmp_path / "again", "a..b/c")
        assert again == found


def test_ids_that_would_share_a_file_get_two(store, tmp_path):
    for identity in ("Boat", "boat", "a/b", "a%2fb"):
        store.create(id=identity, entries=[hansard.user(identity)])
    report, found = exported(store, tmp_path / "out", "Boat", "boat", "a/b", "a%2fb")
    assert len({name.casefold() for name in found}) == 4
    said = [json.loads(data)["user_messages"][0]["content"] for data in found.values()]
    assert sorted(said) == ["Boat", "a%2fb", "a/b", "boat"]
    assert len(report.written) == 4


def test_a_file_of_another_session_is_never_overwritten(store, tmp_path):
    import_paths(store, [build(tmp_path / "in")])
    out = tmp_path / "out"
    build(out, {"sessions/telegram-7.json": b'{"id": "somebody else"}'})
    report = export_directory(store, ["telegram-7", MAIN], out, format="oxios")
    assert [refused.id for refused in report.refused] == ["telegram-7"]
    assert [written.id for written in report.written] == [MAIN]
    assert (out / "sessions/telegram-7.json").read_bytes() == b'{"id": "somebody else"}'


def test_the_sample_directory_comes_in_as_the_reading_rules_say_and_out_byte_for_byte(store, tmp_path):
    folder = samples() / "oxios_state"
    report = import_paths(store, [folder])
    sessions = sorted(session.id for file in report.files for session in file.sessions)
    assert sessions == [
        "36f675cc-81e7-4ef5-a8e2-5d940ed90475", "6b0d549b-6f03-475a-9600-a35a099950d8",
        "90c192cf-d3ac-44af-8f21-ddb66cad4a26", "9531985d-5d9d-49f8-9818-e811892f902b",
        "d23f0824-128b-4f33-8c5c-7fd0a6a3a450", "telegram-chat-4471",
    ]  # fmt: skip
    assert [file.path for file in report.files if file.damage] == [str(folder / "sessions" / "deadbeef-truncated.json")]
    assert import_paths(store, [folder]).added == 0
    _, found = exported(store, tmp_path / "out", *sessions)
    assert {name.partition("/")[0] for name in found} >= {"sessions", "agents"}
    for name, data in found.items():
        assert data == (folder / name).read_bytes()
    assert len([name for name in found if name.startswith("sessions/")]) == 5
    assert len([name for name in found if name.startswith("agents/")]) == 2
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - found.keys()
    assert all(name.endswith(".tmp") or name == "sessions/deadbeef-truncated.json" for name in left)


def test_a_damaged_session_is_refused_and_spoils_no_other(tmp_path):
    store_folder, out = tmp_path / "store", tmp_path / "out"
    with hansard.open(store_folder) as store:
        for identity in ("good", "bad"):
            store.create(id=identity, entries=[hansard.user("hello")]).append(hansard.assistant("again"))
    log = store_folder / "sessions" / "bad" / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b"hello", b"jello"))
    with hansard.open(store_folder) as store:
        for name in ("oxios", "a3s"):
            report = export_directory(store, ["bad", "good"], out / name, format=name)
            assert [refused.id for refused in report.refused] == ["bad"]
            assert [written.id for written in report.written] == ["good"]


def test_what_is_no_regular_file_is_passed_over(store, tmp_path):
    folder = build(tmp_path / "in")
    os.mkfifo(folder / "sessions" / "pipe.json")
    os.mkfifo(folder / "personas" / "pipe.json")
    (folder / "sessions" / "folder.json").mkdir()
    (folder / "personas" / "link.json").symlink_to("/etc/hostname")
    report = import_paths(store, [folder])
    assert (report.totals["sessions"], report.totals["documents"], report.damaged) == (4, 4, False)


ODD = {
    "no metadata": lambda value: value.pop("metadata"),
    "answers that are no list": lambda value: value.update(agent_responses=1.5),
    "messages that are none": lambda value: value.update(user_messages=[None, 1, {"content": {}, "timestamp": 5}]),
    "a range that is none": lambda value: value["agent_responses"][0].update(trajectory_range=[0, {}]),
    "odd times": lambda value: value.update(created_at=None, updated_at="2026-99-99T00:00:00Z"),
    "nothing at all": lambda value: value.clear(),
}


@pytest.mark.parametrize("how", ODD)
def test_what_oxios_itself_would_refuse_comes_in_and_out_as_it_is(how, store, tmp_path):
    value = main_session()
    ODD[how](value)
    found = {f"sessions/{MAIN}.json": dumps(value)}
    import_paths(store, [build(tmp_path / "in", found)], format="oxios")
    assert import_paths(store, [tmp_path / "in"], format="oxios").added == 0
    assert exported(store, tmp_path / "out", MAIN)[1] == found


def test_runs_that_were_begun_here_are_agents_there(tmp_path):
    with hansard.open("memory:") as store:
        session = store.create(id="s", agent="coder", entries=[hansard.user("go")])
        with session.run(task="fix it", id="no-uuid") as run:
            run.append([hansard.assistant([hansard.tool_call("c", "ls", {})]), hansard.tool("c", "x")])
            run.append(hansard.usage("m", input=10, output=2, cost=0.5))
        with pytest.raises(ZeroDivisionError), session.run():
            raise ZeroDivisionError("never")
        report = export_directory(store, ["s"], tmp_path / "out", format="oxios")
        assert len(report.written[0].files) == 3
    records = [json.loads(path.read_text()) for path in (tmp_path / "out" / "agents").iterdir()]
    done, failed = sorted(records, key=lambda record: record["status"])
    assert (done["status"], done["name"], done["steps_completed"], done["tokens_input"], done["cost_usd"]) == (
        "Completed", "coder", 1, 10, 0.5,
    )  # fmt: skip
    assert (failed["status"], "never" in failed["error"], failed["session_id"]) == ("Failed", True, "s")
    with hansard.open("memory:") as again:
        import_paths(again, [tmp_path / "out"])
        assert sorted((run.status, run.steps, run.usage.input) for run in again.runs(id="s")) == [
            ("completed", 1, 10), ("error", 0, 0),
        ]  # fmt: skip
        assert import_paths(again, [tmp_path / "out"]).added == 0
