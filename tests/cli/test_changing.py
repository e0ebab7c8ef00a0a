from __future__ import annotations

import json

import pytest

import hansard


def test_fork_prints_the_id_of_a_session_that_goes_on(run, session, store):
    made = run("fork", session.id, "--at", "3", "--title", "Other").stdout.strip()
    fork = store.get(made)
    assert fork.info.title == "Other"
    assert [entry.seq for entry in fork.entries(kinds="message")] == [2, 3]
    assert json.loads(run("fork", session.id, "--id", "named", "-o", "json").stdout)["id"] == "named"


def test_rename_gives_a_title_and_clear_returns_to_the_derived_one(run, session):
    derived = session.title
    run("rename", session.id, "Tides")
    assert session.title == "Tides"
    run("rename", session.id, "--clear")
    assert session.title == derived


def test_rewind_moves_the_end_and_says_how_to_go_back(run, session):
    told = run("rewind", session.id, "--to", "2").stderr
    assert [message.seq for message in session.history()] == [2]
    back = told.split("hansard rewind ")[1].split()
    run("rewind", *back)
    assert [message.seq for message in session.history()] == [2, 3, 4, 5]


def test_tag_sets_shows_and_removes_labels(run, session):
    run("tag", session.id, "kind=bug", "ticket=A=1")
    assert session.info.labels == {"kind": "bug", "ticket": "A=1"}
    assert json.loads(run("tag", session.id, "--remove", "kind", "-o", "json").stdout) == {"ticket": "A=1"}
    assert "ticket" in run("tag", session.id).stdout


def test_rm_without_a_terminal_needs_yes(run, session, store):
    assert "--yes" in run("rm", session.id, code=2).stderr
    assert store.exists(session.id)
    assert run("rm", session.id, "--yes").stdout == f"{session.id}\n"
    assert not store.exists(session.id)


def test_rm_on_a_terminal_asks_and_takes_no_for_an_answer(run, session, store, monkeypatch):
    monkeypatch.setattr("hansard.cli.context.stdin_is_terminal", lambda: True)
    asked = run("rm", session.id, typed="n\n", code=130)
    assert "Remove 1 session" in asked.stderr
    assert store.exists(session.id)
    run("rm", session.id, typed="y\n")
    assert not store.exists(session.id)


def test_rm_takes_sub_agents_along_and_names_them(run, session, store):
    child = session.spawn(agent="reviewer")
    grandchild = child.spawn(agent="reader")
    gone = {session.id, child.id, grandchild.id}
    assert set(run("rm", session.id, "--dry-run").stdout.split()) == gone
    assert store.exists(session.id)
    assert set(json.loads(run("rm", session.id, "--yes", "-o", "json").stdout)["removed"]) == gone
    assert not any(store.exists(name) for name in gone)


def test_rm_of_a_pinned_session_needs_force(run, session, store):
    session.update(pinned=True)
    run("rm", session.id, "--yes", code=4)
    run("rm", session.id, "--yes", "--force")
    assert not store.exists(session.id)


def test_rm_of_what_is_not_there_removes_nothing_at_all(run, session, store):
    run("rm", session.id, "not-there", "--yes", code=3)
    assert store.exists(session.id)


def test_erase_clears_numbers_and_ranges_and_leaves_the_chain_whole(run, session):
    run("erase", session.id, "2", "3-4", "--yes", "--reason", "private", "--by", "ana")
    assert [entry.seq for entry in session.entries() if entry.erased] == [2, 3, 4]
    run("check")
    run("search", "tide", code=1)


def test_erase_without_yes_erases_nothing(run, session):
    run("erase", session.id, "2", code=2)
    assert not [entry for entry in session.entries() if entry.erased]


@pytest.mark.parametrize("wrong", ["x", "3-2", "1-", "-4"])
def test_erase_takes_only_numbers_and_ranges(run, session, wrong):
    run("erase", session.id, "--yes", "--", wrong, code=2)
    assert not [entry for entry in session.entries() if entry.erased]


def test_copy_takes_a_store_over_byte_for_byte(run, session, store, place, home):
    session.append(hansard.user("More."))
    rows = json.loads(run("copy", place, home / "b", "-o", "json").stdout)
    assert rows == [{"id": session.id, "seq": 6, "added": 6, "new": True, "result": "new"}]
    run("--store", home / "b", "check")
    with hansard.open(home / "b", create=False) as other:
        assert other.heads() == store.heads()
    assert json.loads(run("copy", place, "b", "-o", "json").stdout)[0]["result"] == "unchanged"


def test_copy_of_one_session_leaves_the_others(run, session, store, place, home):
    store.create(id="another")
    run("copy", place, "b", "--session", "first")
    assert run("--store", home / "b", "ls", "-o", "id").stdout.split() == [session.id]
    run("copy", place, "b", "--session", "another", "--as", "renamed")
    assert "renamed" in run("--store", home / "b", "ls", "-o", "id").stdout.split()
    run("copy", place, "b", "--as", "x", code=2)


def test_copy_reports_a_conflict_and_copies_the_others(run, session, store, place, home):
    store.create(id="z-last").append(hansard.user("hello"))
    with hansard.open(home / "b") as other:
        other.create(id=session.id).append(hansard.user("something else"))
    result = run("copy", place, "b", "-o", "json", code=1)
    told = {row["id"]: row["result"] for row in json.loads(result.stdout)}
    assert told["z-last"] == "new"
    assert told[session.id].startswith("failed: ")


def test_branches_are_listed_with_the_end_to_rewind_to(run, session):
    session.rewind(to=2)
    session.append(hansard.assistant("Another answer."))
    rows = json.loads(run("branches", session.id, "-o", "json").stdout)
    assert [(row["head"], row["fork_point"], row["visible"]) for row in rows] == [(5, 2, False), (7, 7, True)]
    assert run("branches", session.id).stdout.splitlines()[0].split()[0] == "END"
    run("rewind", session.id, "--to", rows[0]["head"])
    assert session.history()[-1].text == "It reads UTC."


def test_a_session_without_messages_has_no_branches(run, store):
    store.create(id="empty")
    run("branches", "empty", code=1)


def test_a_change_gives_the_session_as_it_is_now_where_json_is_asked_for(run, session):
    assert json.loads(run("rename", session.id, "Tides", "-o", "json").stdout)["title"] == "Tides"
    assert json.loads(run("rewind", session.id, "--to", "2", "-o", "json").stdout)["head"] == 2
    assert json.loads(run("pin", session.id, "-o", "json").stdout)[0]["pinned"] is True
    assert json.loads(run("unpin", session.id, "-o", "json").stdout)[0]["pinned"] is False
    assert json.loads(run("ask", session.id, "Why?", "-o", "json").stdout)["fields"]["question"]["question"] == "Why?"
    assert json.loads(run("answer", session.id, "So", "-o", "json").stdout)["status"] == "pending"
    assert run("rename", session.id, "Tides again").stdout == ""
