"""The command line as a person uses it: a home of one's own, a store in it, and what a command printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import hansard
from hansard.cli.root import hansard as program

SAMPLES = Path(hansard.__file__).parent / "samples"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder, which is the current one; no store is named."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HANSARD_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(home):
    """Run a command line and get what it printed; fails if the exit code is not the one that is expected."""

    def invoke(*args: object, code: int = 0, typed: str | None = None):
        result = CliRunner().invoke(program, [str(arg) for arg in args], input=typed)
        assert result.exit_code == code, f"{args}: exit code {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    return invoke


@pytest.fixture
def store(home):
    """A store where the command line looks for it by default."""
    with hansard.open(home / ".hansard") as opened:
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
