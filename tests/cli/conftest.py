"""The command line as a person uses it: a home of one's own, a store, and what a command printed.

Each test runs with the store in the home, where it is looked for by default, and with one in PostgreSQL that the
environment names; those that are about files, or about no store being there, are marked `in_a_folder`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

import hansard
from hansard.cli.root import hansard as program
from support import stores

SAMPLES = Path(hansard.__file__).parent / "samples"


def pytest_generate_tests(metafunc):
    if "home" in metafunc.fixturenames:
        in_a_folder = metafunc.definition.get_closest_marker("in_a_folder") is not None
        metafunc.parametrize("kind", ["file"] if in_a_folder else ["file", "postgres"])


@pytest.fixture
def home(tmp_path, monkeypatch, kind):
    """An empty home folder, which is the current one; the environment names a store only if that is in PostgreSQL."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HANSARD_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    if kind == "postgres":
        url = stores.url_of(stores.database())
        hansard.open(url).close()
        stores.empty_database()
        monkeypatch.setenv("HANSARD_STORE", url)
    return tmp_path


@pytest.fixture
def place(home):
    """What names the store, of those that commands work on by default."""
    return os.environ.get("HANSARD_STORE") or str(home / ".hansard")


@pytest.fixture
def run(home):
    """Run a command line and get what it printed; fails if the exit code is not the one that is expected."""

    def invoke(*args: object, code: int = 0, typed: str | None = None):
        result = CliRunner().invoke(program, [str(arg) for arg in args], input=typed)
        assert result.exit_code == code, f"{args}: exit code {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    return invoke


@pytest.fixture
def store(place):
    """A store where the command line looks for it by default."""
    with hansard.open(place) as opened:
        yield opened


@pytest.fixture
def session(store):
    """A session of a few messages, one of them a tool call with its result."""
    made = store.create(id="first-session", agent="coder", user="ana", project="tides")
    made.append(hansard.user("Why is the tide table an hour off?"))
    made.append(hansard.assistant([hansard.text("I'll look."), hansard.tool_call("c1", "read", {"path": "clock.py"})]))
    made.append(hansard.tool("c1", "return datetime.utcnow()"))
    made.append(hansard.assistant("It reads UTC."))
    return made
