"""Sessions as folders of crabtalk: byte for byte where nothing changed, valid by its rules where something did."""

from __future__ import annotations

import json

import pytest

import hansard
from hansard.formats import export_directory, import_paths
from hansard.formats.crabtalk_memory import read_memories
from hansard.formats.crabtalk_slugs import sender_slug
from support.crabtalk_rules import load
from support.directories import copied, crabtalk_home, crabtalk_session, said, samples
from support.transcripts import IMAGE


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    with hansard.open("memory:" if request.param == "memory" else tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def export(store, out, *ids):
    return export_directory(store, ids, out, format="crabtalk")


def imported(folder):
    store = hansard.open("memory:")
    import_paths(store, [folder])
    return store


def history(store, identity):
    """What a session shows; of files, which bytes they are and of what kind."""
    return [
        (m.role, [{name: part[name] for name in part if name != "size"} for part in m.parts], m.agent)
        for m in store.get(identity).history()
    ]


def files_in(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_unchanged_sessions_come_back_byte_for_byte_with_their_archives(store, tmp_path, out):
    home = crabtalk_home(tmp_path / "home")
    import_paths(store, [home])
    report = export(store, out, *(info.id for info in store.sessions()))
    assert report.refused == []
    written = files_in(out)
    archives = read_memories(written.pop(type(next(iter(written)))("memory.db"))).archives
    assert written == files_in(home / "sessions")
    assert archives["crab-ana-2-1"].content == "Ana asked, it was done."
    assert archives["crab-ana-2-1"].created_s == 1_777_000_000


def test_the_sample_sessions_come_back_byte_for_byte_but_for_leftovers(store, tmp_path, out):
    source = copied("crabtalk_sessions", tmp_path / "in" / "crabtalk_sessions")
    import_paths(store, [source])
    export(store, out, *(info.id for info in store.sessions()))
    wanted = {path: data for path, data in files_in(source).items() if ".tmp." not in path.name}
    assert {path: data for path, data in files_in(out).items() if path.name != "memory.db"} == wanted
    again = imported(out)
    for info in store.sessions():
        other = again.info(info.id)
        names = ("title", "summary", "archive", "usage", "message_count", "agent", "user", "metadata")
        kept = [getattr(info, name) for name in names if name != "metadata" or "import_notes" not in info.metadata]
        assert [getattr(other, name) for name in names][: len(kept)] == kept
        assert history(again, info.id) == history(store, info.id)


def test_the_memory_file_of_the_sample_comes_back_byte_for_byte_with_its_notes(store, tmp_path, out):
    source = copied("crabtalk_sessions", tmp_path / "in" / "crabtalk_sessions")
    import_paths(store, [source])
    export(store, out, *(info.id for info in store.sessions()))
    assert (out / "memory.db").read_bytes() == (samples() / "crabtalk_memory.db").read_bytes()
    store.documents.save("likes-tea", "Alice likes coffee.", category="crabtalk/notes")
    store.documents.save("new", "Born here.", category="crabtalk/notes")
    report = export(store, tmp_path / "more", *(info.id for info in store.sessions()))
    assert report.refused == []
    entries = {entry.name: entry for entry in read_memories((tmp_path / "more" / "memory.db").read_bytes()).entries}
    assert (entries["likes-tea"].content, entries["likes-tea"].aliases) == ("Alice likes coffee.", ["tea", "drinks"])
    assert (entries["new"].content, entries["new"].id) == ("Born here.", 4)
    # What has another content there is left alone, and that is said.
    again = export(store, out, "crab_user_1")
    assert [(one.id, "another entry" in one.reason) for one in again.refused] == [("crabtalk/notes/likes-tea", True)]


def test_a_session_of_our_own_is_one_that_both_eras_load_and_comes_back_as_it_was(store, out):
    session = store.create(id="own", agent="Crab", user="Alice@Work", title="Own", state={"a": None}, metadata={"m": 1})
    image = session.attach(IMAGE, mime="image/png")
    session.append([
        hansard.user([hansard.text("look"), image.part]),
        hansard.assistant([hansard.reasoning("hm"), hansard.text("so"), hansard.tool_call("c", "ls", {"p": "."})]),
        hansard.tool("c", "a.txt"),
        hansard.assistant("guest says", agent="coder"),
        hansard.assistant([{"type": "json", "value": [1]}]),
        hansard.usage("m1", call_id="u", input=3, output=4, cache_read=5),
    ])  # fmt: skip
    report = export(store, out, "own")
    folder = out / "crab_alice-work_1"
    assert sorted(path.name for path in folder.iterdir())[:2] == ["meta", "step-000001"]
    for era in (1, 2):
        assert len(load(folder, era=era)[0]) == 5
    meta = json.loads((folder / "meta").read_text())
    assert (meta["agent"], meta["created_by"], meta["title"], meta["message_count"]) == ("Crab", "Alice@Work", "Own", 5)
    assert report.written[0].files[0].startswith("crab_alice-work_1/")
    again = imported(out)
    assert history(again, "own") == history(store, "own")
    assert again.attachment("own", image.sha256) == IMAGE
    info = again.info("own")
    assert (info.agent, info.user, info.title, info.state, info.metadata) == (
        "Crab",
        "Alice@Work",
        "Own",
        {"a": None},
        {"m": 1},
    )
    assert (info.usage.input, info.usage.cache_read) == (3, 5)


def test_a_compaction_becomes_a_boundary_with_its_archive_and_what_it_keeps_behind_it(store, out):
    session = store.create(id="s", agent="crab", user="ana")
    session.append([hansard.user(f"q{n}") if n % 2 else hansard.assistant(f"a{n}") for n in range(1, 7)])
    session.compact(summary="it began", keep=2)
    session.append(hansard.user("on"))
    export(store, out, "s")
    loaded, archive = load(out / "crab_ana_1", era=2)
    assert archive == "crab-ana-1-1"
    assert [entry["message"]["content"][0]["text"] for entry in loaded] == ["q5", "a6", "on"]
    assert read_memories((out / "memory.db").read_bytes()).archives[archive].content == "it began"
    again = imported(out)
    assert [m.text for m in again.get("s").history()] == [m.text for m in session.history()]


def test_what_was_said_after_an_import_gets_new_steps_and_the_old_ones_stay(store, tmp_path, out):
    home = crabtalk_home(tmp_path / "home")
    import_paths(store, [home])
    session = store.get("crab_ana_2")
    session.append(hansard.assistant("new words"))
    session.rename("Renamed")
    export(store, out, "crab_ana_2")
    before, after = files_in(home / "sessions" / "crab_ana_2"), files_in(out / "crab_ana_2")
    assert {path: after[path] for path in before if path.name != "meta"} == {
        path: data for path, data in before.items() if path.name != "meta"
    }
    loaded, archive = load(out / "crab_ana_2", era=1)
    assert (len(loaded), archive) == (2, "crab-ana-2-1")
    meta = json.loads((out / "crab_ana_2" / "meta").read_text())
    assert (meta["title"], meta["message_count"], meta["created_by"]) == ("Renamed", 3, "ana")
    assert [m.text for m in imported(out).get("crab_ana_2").history()][-1] == "new words"


def test_people_whose_names_look_alike_do_not_share_a_folder(store, out):
    for name in ("a.b", "a-b", "A_B"):
        store.create(id=name, agent="crab", user=name, entries=hansard.user(f"I am {name}"))
    report = export(store, out, "a.b", "a-b", "A_B")
    assert report.refused == []
    prefixes = {path.name.rpartition("_")[0] for path in out.iterdir() if path.is_dir()}
    assert len(prefixes) == 3
    again = imported(out)
    assert {info.user: info.id for info in again.sessions()} == {"a.b": "a.b", "a-b": "a-b", "A_B": "A_B"}


def test_a_folder_that_is_anothers_is_not_touched(store, out):
    store.create(id="mine", agent="crab", user="ana", entries=hansard.user("mine"))
    there = crabtalk_session(out, "crab_ana_1", "ana", said("user", "theirs"))
    before = files_in(there)
    report = export(store, out, "mine")
    assert report.refused == []
    assert files_in(there) == before
    assert load(out / "crab_ana_2", era=2)[0][0]["message"]["content"][0]["text"] == "mine"


def test_one_refusal_does_not_spoil_the_folder(store, tmp_path, out):
    home = crabtalk_home(tmp_path / "home")
    import_paths(store, [home])
    export(store, out, "crab_ana_1")
    (out / "crab_ana_1" / "step-000002").write_text(json.dumps(said("assistant", "another")))
    report = export(store, out, "crab_ana_1", "crab_ana_2")
    assert [refused.id for refused in report.refused] == ["crab_ana_1"]
    assert "another" in (out / "crab_ana_1" / "step-000002").read_text()
    assert (out / "crab_ana_2" / "meta").is_file()


def test_a_damaged_memory_file_is_not_written_over(store, out):
    out.mkdir()
    (out / "memory.db").write_bytes(b"CRMEM\0damaged")
    store.create(id="s", entries=hansard.user("x"))
    with pytest.raises(hansard.Invalid, match=r"memory\.db"):
        export(store, out, "s")
    assert (out / "memory.db").read_bytes() == b"CRMEM\0damaged"


def test_ids_and_names_of_all_kinds_come_back(store, out):
    names = ["../../etc/passwd", "a/b", ".", "A", "a", "x" * 300]
    for name in names:
        store.create(id=name, user=name, entries=hansard.user(name))
    store.create(id="nobody", entries=hansard.user("nobody"))
    assert export(store, out, *names, "nobody").refused == []
    again = imported(out)
    assert {info.id: info.user for info in again.sessions()} == {**{name: name for name in names}, "nobody": None}


def test_more_steps_than_names_can_order_are_numbered_anew(store, tmp_path, out):
    folder = crabtalk_session(tmp_path / "sessions", "crab_u_1", "u")
    (folder / "step-999999").write_text(json.dumps(said("user", "older")))
    (folder / "step-1000000").write_text(json.dumps(said("assistant", "newer")))
    import_paths(store, [tmp_path / "sessions"])
    store.get("crab_u_1").append(hansard.user("newest"))
    export(store, out, "crab_u_1")
    loaded = load(out / "crab_u_1", era=1)[0]
    assert [entry["message"]["content"] for entry in loaded][:2] == ["older", "newer"]
    assert len(loaded) == 3


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Alice@Work", "alice-work"), ("tg:12345", "tg-12345"), ("Ünal", "Ünal"), ("__", ""), ("a--b-", "a-b")],
)
def test_slugs_are_those_of_crabtalk(name, slug):
    assert sender_slug(name) == slug


def test_a_compaction_that_names_its_archive_takes_the_document_along(store, out):
    session = store.create(id="s", agent="crab", user="ana", entries=[hansard.user("one"), hansard.assistant("two")])
    session.documents.save("then", "what was said", category="archives")
    session.compact(archive="then")
    export(store, out, "s")
    assert load(out / "crab_ana_1", era=2)[1] == "then"
    assert read_memories((out / "memory.db").read_bytes()).archives["then"].content == "what was said"
    assert imported(out).get("s").history()[0].text == "what was said"
