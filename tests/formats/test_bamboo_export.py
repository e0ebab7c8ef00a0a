"""Sessions as a home of bamboo: byte for byte where nothing changed, valid by its rules where something did."""

from __future__ import annotations

import json

import pytest

import hansard
from hansard.formats import export_directory, import_paths
from support.bamboo_rules import load
from support.directories import PIXEL, bamboo_home, bamboo_session, copied, dump, turns


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    with hansard.open("memory:" if request.param == "memory" else tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def home(tmp_path):
    return bamboo_home(tmp_path / "home")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def export(store, out, *ids):
    return export_directory(store, ids, out, format="bamboo")


def imported(folder):
    store = hansard.open("memory:")
    import_paths(store, [folder])
    return store


def parts(store, identity):
    return [(m.role, list(m.parts)) for m in store.get(identity).history()]


def test_an_unchanged_home_comes_back_byte_for_byte(store, home, out):
    import_paths(store, [home])
    report = export(store, out, "root-1", "root-2")
    assert report.refused == []
    for path in home.rglob("*"):
        if path.is_file() and path.name != "sessions.json":
            assert (out / path.relative_to(home)).read_bytes() == path.read_bytes(), path
    assert {p.relative_to(out) for p in out.rglob("*")} >= {p.relative_to(home) for p in home.rglob("*")}
    index = json.loads((home / "sessions.json").read_text())
    assert json.loads((out / "sessions.json").read_text())["sessions"] == index["sessions"]


def test_the_sample_home_comes_back_byte_for_byte_but_for_the_torn_line(store, tmp_path, out):
    home = copied("bamboo_home", tmp_path / "sample")
    report = import_paths(store, [home])
    export(store, out, *(session.id for file in report.files for session in file.sessions))
    for path in home.rglob("*"):
        if not path.is_file() or path.name in ("sessions.json", "session_search.db") or ".tmp." in path.name:
            continue
        there = (out / path.relative_to(home)).read_bytes()
        if path.name == "token-usage.jsonl":
            assert path.read_bytes().startswith(there)
        else:
            assert there == path.read_bytes(), path
    again = imported(out)
    for info in (session.info for file in report.files for session in (store.get(s.id) for s in file.sessions)):
        other = again.info(info.id)
        names = ("title", "status", "state", "usage", "message_count", "parent", "root", "depth", "pinned", "summary")
        assert [getattr(other, name) for name in names] == [getattr(info, name) for name in names]


def test_a_session_of_our_own_is_one_that_bamboo_loads_and_comes_back_as_it_was(store, out):
    session = store.create(
        id="own", agent="coder", user="ana", project="api", title="Own words", state={"plan": [1, None]}
    )
    session.append([hansard.system("be brief"), hansard.user("look")])
    image = session.attach(PIXEL, mime="image/png")
    call = hansard.tool_call("c1", "read", {"path": "a.py"})
    session.append([
        hansard.user([hansard.text("this"), image.part]),
        hansard.assistant([hansard.reasoning("hm"), hansard.text("reading"), call]),
        hansard.tool("c1", "the file"),
        hansard.message("developer", "odd role"),
        hansard.assistant([{"type": "json", "value": {"a": 1}}]),
        hansard.usage("model-x", call_id="1", input=5, output=2),
    ])  # fmt: skip
    report = export(store, out, "own")
    loaded = load(out)["own"]
    assert [m["role"] for m in loaded["messages"]] == [
        "system",
        "user",
        "user",
        "assistant",
        "tool",
        "system",
        "assistant",
    ]
    assert loaded["title"] == "Own words"
    assert loaded["messages"][3]["tool_calls"][0]["function"] == {"name": "read", "arguments": '{"path":"a.py"}'}
    assert any("developer" in note for note in report.written[0].notes)
    again = imported(out)
    info = again.info("own")
    assert (info.agent, info.user, info.title, info.state) == ("coder", "ana", "Own words", {"plan": [1, None]})
    assert [role for role, _ in parts(again, "own")] == [role for role, _ in parts(store, "own")]
    assert parts(again, "own")[-1] == parts(store, "own")[-1]
    assert again.attachment("own", image.sha256) == PIXEL
    assert (info.usage.input, info.usage.output) == (5, 2)


def test_children_go_under_their_root_and_come_back_as_a_tree(store, out):
    root = store.create(id="top", entries=hansard.user("go"))
    child = root.spawn(id="mid", agent="reviewer", entries=hansard.user("sub"))
    child.spawn(id="low", entries=hansard.user("subsub"), status="error")
    report = export(store, out, "low")
    assert [written.id for written in report.written] == ["top", "mid", "low"]
    loaded = load(out)
    assert (out / "sessions" / "top" / "children" / "low" / "session.json").exists()
    assert (loaded["low"]["parent_session_id"], loaded["low"]["spawn_depth"]) == ("mid", 2)
    assert loaded["mid"]["runtime_metadata"]["subagent_type"] == "reviewer"
    again = imported(out)
    assert (again.info("low").parent, again.info("low").depth, again.info("low").status) == ("mid", 2, "error")
    assert again.info("mid").agent == "reviewer"


def test_ids_that_bamboo_refuses_are_mapped_and_come_back(store, out):
    names = ["../../etc/passwd", "a/b", "a\\b", ".", "A", "a", "x" * 300, "session..1"]
    for name in names:
        store.create(id=name, entries=hansard.user(f"this is {name[:20]}"))
    report = export(store, out, *names)
    assert report.refused == []
    assert len(load(out)) == len(names)
    assert not any(".." in path.name for path in out.rglob("*"))
    folders = [path.name.casefold() for path in (out / "sessions").iterdir()]
    assert len(set(folders)) == len(names)
    again = imported(out)
    assert {info.id for info in again.sessions()} == set(names)
    assert all(again.get(name).history()[0].text == f"this is {name[:20]}" for name in names)


def test_a_compaction_becomes_compressed_messages_and_a_summary(store, out):
    session = store.create(id="long")
    session.append([hansard.user(f"q{n}") if n % 2 else hansard.assistant(f"a{n}") for n in range(1, 9)])
    session.compact(summary="it began", keep=2)
    export(store, out, "long")
    loaded = load(out)["long"]
    assert [m.get("compressed", False) for m in loaded["messages"]] == [True] * 6 + [False] * 2
    assert loaded["conversation_summary"]["content"] == "it began"
    again = imported(out)
    assert (
        [m.text for m in again.get("long").history()] == [m.text for m in session.history()] == ["it began", "q7", "a8"]
    )


def test_what_was_said_after_an_import_is_added_and_what_came_stays_as_it_was_spelled(store, home, out):
    path = home / "sessions" / "root-2" / "session.json"
    path.write_text(path.read_text().replace('"m1"', '"m1",\n      "odd": 1.50e+2'))
    import_paths(store, [home])
    session = store.get("root-2")
    session.append(hansard.user("one more"), status="running")
    session.rename("Renamed here")
    session.update(pinned=True, set={"workspace": "/srv/app", "persona": "dry"})
    export(store, out, "root-2")
    loaded = load(out)["root-2"]
    assert [m["content"] for m in loaded["messages"]] == [*(f"words number {n}" for n in range(1, 5)), "one more"]
    assert '"odd": 1.50e+2' in (out / "sessions" / "root-2" / "session.json").read_text()
    assert (loaded["title"], loaded["pinned"], loaded["workspace"]) == ("Renamed here", True, "/srv/app")
    assert loaded["metadata"]["last_run_status"] == loaded["runtime_metadata"]["last_run_status"] == "running"
    assert loaded["title_version"] == 1
    again = imported(out)
    info = again.info("root-2")
    assert (info.title, info.title_source, info.status, info.pinned) == ("Renamed here", "given", "running", True)
    assert (info.fields["workspace"], info.fields["persona"]) == ("/srv/app", "dry")


def test_the_form_of_may_stays_and_has_no_place_for_a_grandchild(store, tmp_path, out):
    home = tmp_path / "old"
    runtime = {
        "version": 1,
        "run_id": "r",
        "status": "idle",
        "children": {"active_children": 9, "completed_children": 9},
    }
    dump(home / "sessions" / "may" / "session.json", bamboo_session("may", turns(2), agent_runtime_state=runtime))
    import_paths(store, [home])
    child = store.get("may").spawn(id="may-child", entries=hansard.user("x"), status="completed")
    child.spawn(id="may-grandchild", entries=hansard.user("y"))
    store.get("may").append(hansard.user("more"))
    report = export(store, out, "may")
    assert [(refused.id, "may-child" in refused.reason) for refused in report.refused] == [("may-grandchild", True)]
    loaded = load(out)
    assert not (out / "sessions" / "may" / "runtime.json").exists()
    assert loaded["may"]["agent_runtime_state"]["children"] == {
        "active_children": 0, "completed_children": 1, "active_ids": [], "completed_ids": ["may-child"],
    }  # fmt: skip
    assert set(loaded) == {"may", "may-child"}


def test_the_form_of_june_has_no_counts_of_children(store, home, out):
    record = bamboo_session("root-2", turns(4), agent_runtime_state={"version": 1, "children": {"active_children": 2}})
    dump(home / "sessions" / "root-2" / "session.json", record)
    dump(home / "sessions" / "root-2" / "runtime.json", {**record, "messages": []})
    import_paths(store, [home])
    assert store.info("root-2").state["agent_runtime_state"]["children"] == {}
    store.get("root-2").append(hansard.user("more"))
    export(store, out, "root-2")
    assert load(out)["root-2"]["agent_runtime_state"]["children"] == {}


def test_another_session_in_the_folder_is_not_overwritten_and_the_others_are_written(store, home, out):
    import_paths(store, [home])
    other = bamboo_session("root-1", turns(2))
    dump(out / "sessions" / "root-1" / "session.json", other)
    report = export(store, out, "root-1", "root-2")
    assert {refused.id for refused in report.refused} == {"root-1", "child-1"}
    assert [written.id for written in report.written] == ["root-2"]
    assert json.loads((out / "sessions" / "root-1" / "session.json").read_text()) == other
    assert set(load(out)) == {"root-2"}


def test_a_second_export_of_a_session_that_went_on_replaces_the_first(store, out):
    session = store.create(id="s", entries=hansard.user("one"))
    export(store, out, "s")
    session.append(hansard.assistant("two"))
    assert export(store, out, "s").refused == []
    assert [m["content"] for m in load(out)["s"]["messages"]] == ["one", "two"]


def test_a_damaged_session_is_refused_and_spoils_nothing(tmp_path, out):
    with hansard.open(tmp_path / "store") as store:
        bad = store.create(id="bad", entries=hansard.user("first"))
        bad.append(hansard.user("sss"))
        bad.append(hansard.user("bbb"))
        store.create(id="good", entries=hansard.user("x"))
    log = tmp_path / "store" / "sessions" / "bad" / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b"sss", b"sst"))
    with hansard.open(tmp_path / "store") as store:
        report = export(store, out, "bad", "good")
    assert [refused.id for refused in report.refused] == ["bad"]
    assert set(load(out)) == {"good"}


def test_a_fork_is_written_with_all_that_it_shows(store, out):
    origin = store.create(id="o", entries=[hansard.user("one"), hansard.assistant("two")])
    origin.fork(id="f").append(hansard.user("three"))
    export(store, out, "f")
    assert [m["content"] for m in load(out)["f"]["messages"]] == ["one", "two", "three"]


def test_erased_and_rewound_messages_are_not_written(store, home, out):
    import_paths(store, [home])
    session = store.get("root-2")
    first, *_, last = [entry.seq for entry in session.entries(kinds="message")]
    session.rewind(to=last - 1)
    session.erase(first, reason="asked")
    export(store, out, "root-2")
    assert [m["content"] for m in load(out)["root-2"]["messages"]] == ["words number 2", "words number 3"]
    assert "words number 1" not in (out / "sessions" / "root-2" / "session.json").read_text()


def test_a_resident_born_here_is_one_there_and_comes_back_under_its_name(store, out):
    root = store.create(id="top", entries=hansard.user("go"))
    child = root.spawn(name="helper", entries=hansard.user("hi"))
    export(store, out, "top")
    assert load(out)[child.id]["metadata"]["resident_name"] == "helper"
    again = imported(out)
    assert again.get("top").spawn(name="helper").id == child.id


def test_very_many_compressed_messages_are_left_behind_the_summary_and_come_back_as_they_were(
    store, home, out, monkeypatch
):
    from hansard.formats import bamboo_session as reading

    monkeypatch.setattr(reading, "HIDDEN_MAX", 2)
    found = turns(6)
    found[0]["role"] = "system"
    for message in found[1:4]:
        message["compressed"] = True
    summary = {
        "content": "in short", "created_at": "2026-06-01T09:00:00Z", "updated_at": "2026-06-01T09:00:00Z",
        "message_count": 3, "token_count": 2,
    }  # fmt: skip
    record = bamboo_session("root-2", found, conversation_summary=summary)
    dump(home / "sessions" / "root-2" / "session.json", record)
    dump(home / "sessions" / "root-2" / "runtime.json", {**record, "messages": []})
    import_paths(store, [home])
    session = store.get("root-2")
    assert [m.text for m in session.history()] == ["in short", "words number 5", "words number 6"]
    assert session.info.amendments == ()
    session.append(hansard.user("on"))
    export(store, out, "root-2")
    loaded = load(out)["root-2"]
    assert [m.get("compressed", False) for m in loaded["messages"]] == [False, True, True, True, False, False, False]
    assert loaded["conversation_summary"]["content"] == "in short"
