"""What a command did before it could not go on, and answers to what is unusual: data stays data."""

from __future__ import annotations

import json

import pytest

import hansard


@pytest.fixture
def pinned(store):
    """A session that rm leaves alone."""
    made = store.create(id="pinned", entries=[hansard.user("stay")])
    made.update(pinned=True)
    return made


@pytest.fixture
def others(store):
    one = store.create(id="one", entries=[hansard.user("first")])
    one.spawn(id="one-child")
    store.create(id="two", entries=[hansard.user("second")])


def test_what_went_before_one_that_may_not_is_told(run, others, pinned, store):
    told = run("rm", "one", "pinned", "two", "--yes", code=4)
    assert told.stdout.split() == ["one", "one-child"]
    assert "pinned" in told.stderr
    assert [name for name in ("one", "pinned", "two") if store.exists(name)] == ["pinned", "two"]


def test_what_went_before_one_that_may_not_is_told_as_json_too(run, others, pinned):
    told = run("rm", "one", "pinned", "two", "--yes", "-o", "json", code=4)
    assert json.loads(told.stdout) == {"removed": ["one", "one-child"], "would_remove": []}
    assert json.loads(told.stderr)["error"]["code"] == "conflict"


def test_an_id_with_a_line_break_is_one_line_wherever_ids_are_data(run, store):
    name = "odd\none"
    store.create(id="one", entries=[hansard.user("not meant")])
    odd = store.create(id=name, labels={"kind": "odd"}, entries=[hansard.user("unique words")])
    shown = "odd\u2424one"
    assert run("ls", "--label", "kind=odd", "-o", "id").stdout.splitlines() == [shown]
    assert run("search", "unique", "-o", "id").stdout.splitlines() == [shown]
    assert run("fork", name, "--id", "new\nline").stdout.splitlines() == ["new\u2424line"]
    assert run("latest").stdout.splitlines() == [shown]
    assert sorted(run("cleanup", "all", "--dry-run").stdout.splitlines()) == ["new\u2424line", shown, "one"]
    assert run("rm", name, "--yes").stdout.splitlines() == [shown]
    assert store.exists("one")
    assert not store.exists(odd.id)


ERRORS = ((("code", 5), '"code": 5'), (("message", 7), "7"), ("it broke", "it broke"), (["odd"], '["odd"]'), (12, "12"))


@pytest.mark.parametrize(("error", "words"), ERRORS)
def test_runs_show_whatever_an_error_is(run, store, error, words):
    session = store.create(id="s")
    said = dict([error]) if isinstance(error, tuple) else error
    ended = {"type": "run.ended", "run": "r", "status": "error", "task": "the task", "error": said}
    marked = hansard.NewEntry(kind="update", body={"set": {"run_id": "r"}})
    session.append([hansard.NewEntry(kind="event", body=ended, run="r"), marked])
    told = run("runs").stdout
    assert words in told.splitlines()[1]
    assert "the task" not in told


@pytest.mark.parametrize("numbers", ["1-99999999999", "1-" + "9" * 5000, "9" * 5000, "0", "99"])
def test_a_range_of_entries_that_are_not_there_is_refused_at_once(run, session, numbers):
    before = session.seq
    told = run("erase", session.id, numbers, "--yes", code=2)
    assert "error[" in told.stderr
    assert session.seq == before


def test_a_session_without_raw_lines_is_nothing_found_and_makes_no_file(run, session, home):
    told = run("export", session.id, "--format", "raw", "-O", "raw.jsonl", code=1)
    assert (told.stdout, (home / "raw.jsonl").exists()) == ("", False)
    assert "not imported from a file" in told.stderr


@pytest.mark.parametrize("age", ["9" * 400 + "d", "0d", "9" * 5000 + "s"])
def test_an_age_that_is_none_is_refused_or_removes_nothing(run, session, age, store):
    run("prune", "--max-age", age, "--dry-run", code=2)
    assert store.exists(session.id)


HUGE = "9" * 30
NUMBERED = (
    (("ls", "-n", HUGE), 0), (("show", "@last", "-n", HUGE), 0), (("show", "@last", "--raw", "-n", HUGE), 0),
    (("show", "@last", "--from", HUGE), 1), (("show", "@last", "--to", HUGE), 0), (("tail", "@last", "-n", HUGE), 0),
    (("search", "tide", "-n", HUGE), 0), (("fork", "@last", "--at", HUGE), 2), (("rewind", "@last", "--to", HUGE), 2),
    (("runs", "-n", HUGE), 1), (("prune", "--max-sessions", HUGE, "--dry-run"), 0), (("show", f"@{HUGE}"), 3),
    (("documents", "get", "none", "--version", HUGE), 3), (("ls", "--since", HUGE), 2),
)  # fmt: skip


@pytest.mark.parametrize(
    ("command", "code"), NUMBERED, ids=lambda given: " ".join(given) if type(given) is tuple else ""
)
def test_numbers_of_any_size_are_answered(run, session, command, code):
    run(*command, code=code)


def test_of_several_paths_to_import_one_may_not_be_there(run, home, store):
    (home / "here.jsonl").write_text(
        '{"type": "user", "sessionId": "s-1", "message": {"role": "user", "content": "hi"}}\n'
    )
    told = run("import", "here.jsonl", "nowhere", "-o", "id", code=3)
    assert told.stdout.split() == ["s-1"]
    assert "nowhere: no such file or folder" in told.stderr
    assert store.exists("s-1")
    assert "nothing was imported" in run("import", "nowhere", code=3).stderr
