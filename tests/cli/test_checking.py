from __future__ import annotations

import json
from pathlib import Path

import pytest

import hansard


@pytest.fixture
def log(run, session):
    """The log of the session, for tests that damage it."""
    return Path(run("path", session.id).stdout.strip()) / "log.jsonl"


def test_a_whole_store_is_clean(run, session):
    result = run("check")
    assert result.stdout == ""
    assert "no damage" in result.stderr


@pytest.mark.in_a_folder
def test_a_changed_byte_is_named_by_session_line_and_offset(run, session, store, log):
    store.create(id="other").append(hansard.user("untouched"))
    lines = log.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"look", b"loot")
    store.close()
    log.write_bytes(b"".join(lines))
    found = json.loads(run("check", "-o", "json", code=6).stdout)
    damage = [finding for finding in found if finding["severity"] == "damage"]
    assert {finding["session"] for finding in damage} == {session.id}
    assert damage[0]["line"] == 3
    assert damage[0]["offset"] == sum(map(len, lines[:2]))
    assert str(log) in damage[0]["path"] or "log.jsonl" in damage[0]["path"]
    told = run("check", code=6).stdout
    assert told.count("log.jsonl") == 1
    assert run("show", session.id, code=6).stderr.startswith("error[corrupt]: ")
    assert "untouched" in run("show", "other").stdout
    assert "It reads UTC." in run("show", session.id, "--salvage").stdout
    run("check", "--session", "other")


@pytest.mark.in_a_folder
def test_a_torn_tail_is_a_note_and_no_damage(run, session, store, log):
    store.close()
    with log.open("ab") as file:
        file.write(b'{"seq":6,"id":"torn')
    result = run("check", "-o", "json")
    assert [finding["severity"] for finding in json.loads(result.stdout)] == ["note"]
    assert run("show", session.id).exit_code == 0


@pytest.mark.in_a_folder
def test_heads_find_a_log_that_was_cut_at_a_commit(run, session, store, log):
    run("check", "--heads", "heads.json")
    run("check", "--heads", "heads.json")
    store.close()
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    run("check")
    result = run("check", "--heads", "heads.json", "-o", "json", code=6)
    assert any("cut" in finding["message"] for finding in json.loads(result.stdout))


def test_heads_are_moved_on_only_when_asked_and_clean(run, session, home):
    run("check", "--heads", "heads.json")
    before = (home / "heads.json").read_bytes()
    session.append(hansard.user("One more."))
    run("check", "--heads", "heads.json")
    assert (home / "heads.json").read_bytes() == before
    run("check", "--heads", "heads.json", "--update")
    assert json.loads((home / "heads.json").read_bytes())["heads"][session.id][0] == 6
    run("check", "--update", code=2)


def test_a_file_that_holds_no_heads_is_refused_and_kept(run, session, home):
    (home / "heads.json").write_text("my notes")
    run("check", "--heads", "heads.json", code=2)
    assert (home / "heads.json").read_text() == "my notes"


@pytest.mark.in_a_folder
def test_repair_moves_damage_aside_and_deletes_nothing(run, session, store, log, home):
    lines = log.read_bytes().splitlines(keepends=True)
    lines[3] = b"rubbish that is no line\n"
    store.close()
    log.write_bytes(b"".join(lines))
    run("check", code=6)
    assert "moved to quarantine" in run("check", "--repair", code=6).stderr
    kept = b"".join(path.read_bytes() for path in (home / ".hansard").rglob("*") if path.is_file())
    assert b"rubbish that is no line" in kept
    run("check")


@pytest.mark.in_a_folder
def test_a_lost_index_is_made_anew(run, session, store, home):
    store.close()
    for name in ("index.db", "search.db"):
        (home / ".hansard" / name).write_bytes(b"rubbish")
    assert run("ls", "-o", "id").stdout.split() == [session.id]
    run("store", "reindex")
    assert json.loads(run("search", "tide", "-o", "json").stdout)[0]["seq"] == 2


@pytest.mark.in_a_folder
def test_what_a_check_found_damaged_is_listed_so(run, session, store, log):
    store.create(id="other")
    store.close()
    run("check")
    assert run("ls", "--damaged", "-o", "id", code=1).stdout == ""
    log.write_bytes(log.read_bytes().replace(b"look", b"loot"))
    run("check", code=6)
    assert run("ls", "--damaged", "-o", "id").stdout.split() == [session.id]
