"""Documents on the command line: of the store and of one session."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def plan(home):
    path = home / "plan.md"
    path.write_text("# Plan\n")
    return path


def test_a_document_is_saved_listed_read_and_removed(run, store, plan):
    run("documents", "ls", code=1)
    assert json.loads(run("documents", "put", "plan", "-c", "plans", plan, "-o", "json").stdout)["version"] == 1
    plan.write_text("# Other\n")
    run("documents", "put", "plan", "-c", "plans", plan)
    assert store.documents.load("plan", category="plans") == "# Other\n"
    assert run("documents", "get", "plan", "-c", "plans").stdout == "# Other\n"
    assert run("documents", "get", "plan", "-c", "plans", "--version", 1).stdout == "# Plan\n"
    (row,) = json.loads(run("documents", "ls", "plans", "-o", "json").stdout)
    assert (row["category"], row["name"], row["kind"], row["version"]) == ("plans", "plan", "md", 2)
    run("documents", "rm", "plan", "-c", "plans")
    run("documents", "rm", "plan", "-c", "plans", code=1)
    run("documents", "get", "plan", "-c", "plans", code=3)
    rows = [
        json.loads(line)
        for line in run("documents", "history", "plan", "-c", "plans", "-o", "jsonl").stdout.split("\n")[:-1]
    ]
    assert [(row["version"], row["deleted"]) for row in rows] == [(1, False), (2, False), (3, True)]
    assert "--yes" in run("documents", "rm", "plan", "-c", "plans", "--history", code=2).stderr
    run("documents", "history", "nothing", code=1)


def test_stdin_json_and_an_expected_version(run, store):
    run("documents", "put", "counters", "--kind", "json", "--expect", 0, typed='{"n": 1}')
    assert store.documents.load("counters") == {"n": 1}
    run("documents", "put", "counters", "--kind", "json", "--expect", 0, typed='{"n": 2}', code=4)
    run("documents", "put", "counters", "--kind", "json", typed="{", code=2)
    assert run("documents", "get", "counters").stdout == '{"n": 1}'


def test_documents_of_a_session_are_its_own(run, session, plan, home):
    run("documents", "put", "plan", plan, "--session", session.id)
    assert session.documents.load("plan") == "# Plan\n"
    run("documents", "ls", code=1)
    assert "plan" in run("documents", "ls", "--session", session.id).stdout
    run("documents", "get", "plan", "--session", session.id, "-f", home / "out.md")
    assert (home / "out.md").read_text() == "# Plan\n"
    run("documents", "rm", "plan", "--session", session.id)
    run("documents", "ls", "--session", session.id, code=1)


def test_reading_makes_no_store(run, home):
    run("--store", home / "nowhere", "documents", "ls", code=3)
    run("--store", home / "nowhere", "documents", "get", "x", code=3)
    assert not (home / "nowhere").exists()
