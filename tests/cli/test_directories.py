"""Directories of other programs at the command line: into the store, out of it, and what a refusal or damage ends with."""

from __future__ import annotations

import json

import hansard
from support import oxios


def test_sessions_go_into_the_directory_of_another_program_and_come_back(run, store, tmp_path):
    store.create(id="a..b", entries=[hansard.user("Hi"), hansard.assistant("Ho")])
    store.create(id="plain", entries=[hansard.user("Hello")])
    for name in ("oxios", "a3s"):
        told = run("export", "a..b", "plain", str(tmp_path / name), "--format", name)
        assert "2 sessions in 2 files" in told.stderr
        other = tmp_path / f"other-{name}"
        back = run("-S", str(other), "import", str(tmp_path / name), "-o", "id")
        assert back.stdout.split() == ["a..b", "plain"]
        assert run("-S", str(other), "import", str(tmp_path / name)).stderr.count("0 entries added") == 1


def test_an_export_that_refuses_a_session_ends_with_4_and_writes_the_others(run, store, tmp_path):
    for identity in ("one", "two"):
        store.create(id=identity, entries=[hansard.user("Hello")])
    place = tmp_path / "out" / "sessions"
    place.mkdir(parents=True)
    (place / "one.json").write_text('{"id": "of somebody else"}')
    told = run("export", "one", "two", str(tmp_path / "out"), "--format", "oxios", code=4)
    assert "one: not written" in told.stderr
    assert (place / "two.json").is_file()
    assert run("export", "one", "--format", "oxios", code=2).stderr


def test_an_import_with_damage_ends_with_6_and_names_the_place(run, tmp_path):
    folder = oxios.build(tmp_path / "in")
    (folder / "sessions" / f"{oxios.MAIN}.json").write_bytes(b'{"id": ')
    told = run("import", str(folder), code=6)
    assert f"{oxios.MAIN}.json: line 1, column 8" in told.stderr
    assert sorted(run("ls", "-o", "id").stdout.split()) == [oxios.THREAD, "telegram-7"]


def test_migrating_names_each_session_by_its_id_there_and_each_damaged_file(run, tmp_path):
    folder = oxios.build(tmp_path / "in")
    (folder / "sessions" / f"{oxios.THREAD}.json").write_bytes(b"[1]")
    told = run("migrate", str(folder), "-o", "jsonl", code=6)
    assert "3 sessions, " in told.stderr
    assert "4 documents written, 1 damaged file" in told.stderr
    rows = {row["source"]: row for row in map(json.loads, told.stdout.splitlines())}
    assert rows[oxios.MAIN]["title"] == "Boats"
    assert rows[f"{folder}/sessions/{oxios.THREAD}.json"]["damage"][0]["place"] == "document"
