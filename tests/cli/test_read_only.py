"""A store on a medium that can only be read: what shows works and says so, what changes is refused."""

from __future__ import annotations

import json

import pytest

from support.closed import seal

pytestmark = pytest.mark.in_a_folder

READING = (
    ("ls", "-o", "id"), ("show", "@last"), ("search", "tide"), ("check",), ("export", "@last", "--format", "md"), ("tail", "@last"),
    ("branches", "@last"), ("path", "@last"), ("store", "where"), ("store", "status"),
)  # fmt: skip
CHANGING = (
    ("tag", "@last", "a=b"), ("rm", "@last", "--yes"), ("check", "--repair"), ("store", "reindex"), ("gc", "--dry-run"),
    ("import", "."), ("store", "init"), ("fork", "@last"),
)  # fmt: skip


@pytest.fixture
def sealed(session, home, monkeypatch):
    seal(monkeypatch, home / ".hansard")


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_what_shows_works_and_says_why_it_only_reads(run, sealed, command):
    told = run(*command)
    assert told.stdout or command == ("check",)
    assert "Read-only file system: the store is only read" in told.stderr


@pytest.mark.parametrize("command", CHANGING, ids=" ".join)
def test_what_changes_something_is_refused_with_exit_5(run, sealed, command):
    told = run(*command, code=5)
    assert told.stdout == ""
    assert "error[unavailable]" in told.stderr


def test_the_health_of_such_a_store_is_told_with_exit_5(run, sealed):
    told = run("store", "health", "-o", "json", code=5)
    assert json.loads(told.stdout)["ok"] is False


def test_it_can_be_copied_and_backed_up(run, sealed, session, home):
    assert session.id in run("copy", home / ".hansard", "elsewhere").stdout
    assert run("--store", "elsewhere", "ls", "-o", "id").stdout.split() == [session.id]
    run("backup", "kept.zip")
    assert (home / "kept.zip").is_file()
