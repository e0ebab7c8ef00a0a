from __future__ import annotations

import json

import pytest

READING = [
    ("ls",), ("show", "x"), ("tail", "x"), ("search", "x"), ("fork", "x"), ("rename", "x", "y"), ("rewind", "x", "--to", "0"),
    ("tag", "x"), ("rm", "x", "--yes"), ("erase", "x", "1", "--yes"), ("check",), ("export", "x"), ("path", "x"),
    ("store", "health"), ("store", "reindex"), ("copy", "nowhere", "there"),
]  # fmt: skip


@pytest.mark.in_a_folder
@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_without_a_store_a_command_exits_3_and_makes_nothing(run, home, command):
    result = run(*command, code=3)
    assert result.stderr.startswith("error[not-found]: ")
    assert result.stdout == ""
    assert list(home.iterdir()) == []


@pytest.mark.in_a_folder
def test_store_where_says_that_there_is_none_and_makes_nothing(run, home):
    result = run("store", "where")
    assert result.stdout.strip() == str(home / ".hansard")
    assert "there is no store yet" in result.stderr
    assert list(home.iterdir()) == []


@pytest.mark.in_a_folder
def test_store_where_says_what_named_the_store(run, store, home, monkeypatch):
    assert json.loads(run("store", "where", "-o", "json").stdout) == {
        "store": str(home / ".hansard"), "said_by": "the default", "exists": True, "backend": "file",
    }  # fmt: skip
    monkeypatch.setenv("HANSARD_STORE", str(home / "other"))
    assert json.loads(run("store", "where", "-o", "json").stdout)["said_by"] == "$HANSARD_STORE"
    assert json.loads(run("--store", "memory:", "store", "where", "-o", "json").stdout)["said_by"] == "--store"


def test_an_error_names_the_thing_and_the_next_step(run, session):
    lines = run("show", "nothing-like-this", code=3).stderr.splitlines()
    assert lines[0].startswith("error[not-found]: ")
    assert "nothing-like-this" in lines[0]
    assert lines[1].startswith("hint: ")


@pytest.mark.parametrize(
    "option", [("-o", "json"), ("-o", "jsonl"), ("-ojson",), ("--output", "json"), ("--output=json",)]
)
def test_with_json_an_error_is_one_object_on_stderr(run, session, option):
    result = run("show", "nothing-like-this", *option, code=3)
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "not-found"
    assert error["exit_code"] == 3
    assert result.stdout == ""


def test_a_beginning_that_fits_two_sessions_is_refused_with_both(run, store):
    store.create(id="one-a")
    store.create(id="one-b")
    error = run("show", "one-", code=2).stderr
    assert "one-a" in error
    assert "one-b" in error


def test_a_taken_id_is_a_conflict(run, session):
    assert run("fork", "@last", "--id", session.id, code=4).stderr.startswith("error[already-exists]: ")


def test_a_value_that_can_not_be_taken_is_a_usage_error(run, session):
    assert run("rewind", session.id, "--to", "99", code=2).stderr.startswith("error[invalid]: ")
    assert run("ls", "--order", "size", code=2).stderr.startswith("error[invalid]: ")


def test_a_server_that_does_not_answer_is_told_in_one_line(run):
    # Without the driver the store is unsupported, which ends in the same exit code.
    said = run("--store", "postgresql://127.0.0.1:1/db", "ls", code=5).stderr
    assert said.startswith(("error[unavailable]: ", "error[unsupported]: "))


@pytest.mark.parametrize("arguments", [("show",), ("ls", "--nothing"), ("export", "a", "b"), ("rename", "x")])
def test_a_wrong_call_is_a_usage_error_with_the_way_to_the_help(run, store, arguments):
    lines = run(*arguments, code=2).stderr.splitlines()
    assert lines[0].startswith("error[")
    assert lines[-1].startswith("hint: ")


def test_an_unknown_command_names_the_nearest_one(run):
    assert "Did you mean search?" in run("serch", "x", code=2).stderr


def test_a_label_without_a_value_is_refused(run, session):
    assert "KEY=VALUE" in run("tag", session.id, "novalue", code=2).stderr


def test_an_error_is_stripped_of_control_sequences(run, session):
    result = run("show", "evil\x1b]0;title\x07\u202e", code=3)
    assert "\x1b" not in result.stderr
    assert "\u202e" not in result.stderr


def test_an_interrupted_command_exits_130(run, session, monkeypatch):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(session), "tail", interrupt)
    result = run("tail", "-f", session.id, code=130)
    assert "interrupted" in result.stderr


def test_a_hint_speaks_of_sessions_only_where_a_session_is_missing(run, session):
    assert "hansard ls" in run("show", "nothing-like-this", code=3).stderr
    for command in (("import", "nodir"), ("documents", "get", "nothing"), ("restore", "nowhere.zip")):
        assert "hansard ls" not in run(*command, code=3).stderr


@pytest.mark.in_a_folder
def test_without_a_store_the_hint_says_how_to_make_one(run):
    assert "hansard store init" in run("ls", code=3).stderr.splitlines()[1]


@pytest.mark.parametrize("command", [("export", "@last", "-O"), ("check", "--heads")], ids=" ".join)
def test_a_file_that_can_not_be_made_is_named_as_it_was_given(run, session, command):
    said = run(*command, "no/such/folder/file", code=3).stderr
    assert "no/such/folder/file can't be written" in said
    assert "partial" not in said


def test_a_time_that_is_none_is_refused_with_the_option_and_what_would_do(run, session):
    said = run("ls", "--since", "yesterday", code=2).stderr
    assert "--since" in said
    assert "7d" in said


def test_words_of_a_search_that_look_like_an_option_for_json_do_not_make_errors_json(run, session):
    assert run("show", "nothing", "--output", "jsonl", code=3).stderr.startswith("{")
    assert "error" not in run("search", "--", "-o", "json", code=1).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "@last", "--raw", "--all"),
        ("show", "@last", "--raw", "-o", "md"),
        ("show", "@last", "--from", "4", "--to", "3"),
        ("tail", "@last", "-f", "-o", "json"),
        ("export", "@last", "--format", "raw", "--full"),
        ("export", "@last", "--format", "jsonl", "--events"),
        ("export", "@last", "out", "--format", "a3s", "--all"),
        ("rename", "@last", " "),
    ],
    ids=" ".join,
)
def test_what_would_do_nothing_is_refused(run, session, arguments):
    assert run(*arguments, code=2).stderr.startswith("error[usage]") or "json" in arguments


@pytest.mark.parametrize("group", [(), ("store",), ("documents",)])
def test_a_group_without_a_command_shows_its_help_and_no_error(run, group):
    said = run(*group, code=2).stderr
    assert said.startswith("Usage: ")
    assert "hint: " not in said
    assert "..." not in "".join(line for line in said.splitlines() if not line.startswith("Usage"))
