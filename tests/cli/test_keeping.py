from __future__ import annotations

import json

import pytest

import hansard


def test_what_is_pinned_is_not_removed_until_it_is_unpinned(run, session, store):
    run("pin", session.id)
    assert store.info(session.id).pinned
    run("rm", session.id, "--yes", code=4)
    run("unpin", session.id)
    run("rm", session.id, "--yes")
    assert not store.exists(session.id)


def test_clear_shows_nothing_and_says_the_way_back(run, session):
    told = run("clear", session.id).stderr
    assert session.history() == []
    run("rewind", *told.split("hansard rewind ")[1].split())
    assert len(session.history()) == 4


def test_clear_with_erase_asks_and_takes_it_away_for_good(run, session):
    assert "--yes" in run("clear", session.id, "--erase", code=2).stderr
    done = json.loads(run("clear", session.id, "--erase", "--yes", "-o", "json").stdout)
    assert len(done["erased"]["seqs"]) == 4
    assert all(entry.erased for entry in session.entries(kinds="message"))


def test_a_question_is_listed_and_answered_once(run, session):
    session.ask("Deploy?", ["yes", "no"])
    assert run("ls", "--waiting", "-o", "id").stdout == f"{session.id}\n"
    run("answer", session.id, "yes", "--by", "ana")
    assert session.history()[-1].text == "yes"
    run("answer", session.id, "yes", code=4)
    run("ls", "--waiting", code=1)


def test_a_question_is_asked_with_the_answers_to_choose(run, session):
    run("ask", session.id, "Deploy?", "--option", "yes", "--option", "no", "--only-options")
    assert session.info.status == "paused"
    assert run("ls", "--waiting", "-o", "id").stdout == f"{session.id}\n"
    assert "one of" in run("answer", session.id, "perhaps", code=2).stderr
    run("answer", session.id, "no")
    assert session.history()[-1].text == "no"
    run("ask", session.id, "Why?", "--only-options", code=2)
    run("ask", "nobody", "Why?", code=3)


def test_latest_prints_the_newest_of_exactly_this_pair(run, session, store):
    newest = store.create(agent="coder", user="ana", entries=[hansard.user("hello")])
    assert run("latest", "--agent", "coder", "--user", "ana").stdout == f"{newest.id}\n"
    session.append(hansard.user("again"))
    assert run("latest", "--agent", "coder", "--user", "ana", "--active").stdout == f"{session.id}\n"
    run("latest", "--agent", "coder", code=1)
    assert run("show", newest.info.slug, "-o", "json").stdout


def test_usage_is_summed_up_by_what_is_asked(run, session):
    run("usage", code=1)
    session.append([hansard.usage("m", input=10, output=2, cost=0.5), hansard.usage("n", input=1)])
    rows = json.loads(run("usage", "--by", "model", "-o", "json").stdout)
    assert [(row["model"], row["input"], row["cost"]) for row in rows] == [("m", 10, 0.5), ("n", 1, 0.0)]
    assert "tides" in run("usage", "--by", "project,agent").stdout
    assert json.loads(run("usage", "--by", "", "-o", "jsonl").stdout)["calls"] == 2
    run("usage", "--since", "2100-01-01", code=1)
    assert "colour" in run("usage", "--by", "colour", code=2).stderr


def test_runs_are_listed_with_their_status(run, session):
    run("runs", code=1)
    with session.run(task="fix it") as working:
        working.append(hansard.usage("m", input=10))
    (row,) = json.loads(run("runs", "-o", "json").stdout)
    assert (row["id"], row["status"], row["usage"]["input"]) == (working.id, "completed", 10)
    assert "fix it" in run("runs", "--agent", "coder").stdout
    run("runs", "--status", "dead", code=1)


def test_cleanup_says_what_would_go_and_why_others_stay(run, session, store):
    empty = store.create(entries=[hansard.system("Be brief.")])
    told = run("cleanup", "empty", "--dry-run")
    assert told.stdout == f"{empty.id}\n"
    assert f"{session.id} stays: not empty" in told.stderr
    assert "--yes" in run("cleanup", "empty", code=2).stderr
    done = json.loads(run("cleanup", "empty", "--yes", "-o", "json").stdout)
    assert done["deleted"] == [empty.id]
    assert store.exists(session.id)


def test_prune_removes_all_but_the_newest(run, session, store):
    newest = store.create(entries=[hansard.user("x")])
    assert run("prune", "--max-sessions", "1", "--dry-run").stdout == f"{session.id}\n"
    assert run("prune", "--max-sessions", "1", "--yes").stdout == f"{session.id}\n"
    assert [info.id for info in store.find()] == [newest.id]
    assert run("prune", "--max-age", "1h").stdout == ""


@pytest.mark.parametrize("options", [(), ("--max-age", "old"), ("--max-age", "0d"), ("--max-sessions", "0")])
def test_a_prune_without_a_sensible_limit_is_refused(run, session, options):
    run("prune", *options, code=2)


@pytest.mark.parametrize("name", ["kept", "kept.zip"])
def test_a_backup_is_restored_into_a_fresh_store(run, session, store, home, name):
    store.documents.save("plan", "go on")
    assert run("backup", home / name).stdout == f"{home / name}\n"
    run("backup", home / name, code=4)
    told = run("-S", home / "fresh", "restore", home / name).stderr
    assert told.startswith("1 new")
    with hansard.open(home / "fresh") as fresh:
        assert fresh.heads() == store.heads()
        assert fresh.documents.load("plan") == "go on"


def test_a_restore_that_would_overwrite_says_so(run, session, store, home):
    run("backup", home / "kept")
    store.delete(session)
    store.create(id=session.id, entries=[hansard.user("other")])
    assert session.id in run("restore", home / "kept", code=4).stderr
    done = json.loads(run("restore", home / "kept", "--overwrite", "-o", "json").stdout)
    assert done["replaced"] == [session.id]
    run("restore", home / "nowhere", code=3)


def test_a_dry_run_of_a_restore_needs_no_store_and_makes_none(run, session, home):
    run("backup", home / "kept")
    told = run("-S", home / "fresh", "restore", home / "kept", "--dry-run").stderr
    assert told.startswith("1 new")
    assert not (home / "fresh").exists()
