"""The program as its own process: what only shows there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

import hansard
from hansard.cli.root import COMMANDS

HANSARD = [sys.executable, "-m", "hansard.cli"]


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_help_loads_neither_the_store_nor_rich(home):
    code = (
        "import sys\n"
        "from hansard.cli.root import hansard\n"
        "try: hansard.main(['--help'])\n"
        "except SystemExit: print(*sys.modules)"
    )
    loaded = run_python(code).splitlines()[-1].split()
    assert "click" in loaded
    for heavy in ("rich", "apsw", "msgspec", "hansard.store", "hansard.opening", "asyncio", "anyio"):
        assert heavy not in loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_says_what_it_does_and_gives_an_example(run, name):
    text = run(name, "--help").stdout
    assert re.search(r"Examples?:\n\s+.*hansard", text)


def test_the_version_is_that_of_the_package(run):
    assert hansard.__version__ in run("--version").stdout


def test_tail_follows_another_process_until_it_is_interrupted(session, place):
    command = [*HANSARD, "--store", place, "tail", "-f", "-n", "1", "-o", "jsonl", session.id]
    # Whoever runs the tests in the background may have had the interrupt ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        tail = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        assert tail.stdout is not None
        assert '"seq": 5' in tail.stdout.readline()
        session.append(hansard.user("Are you there?"))
        assert "Are you there?" in tail.stdout.readline()
        tail.send_signal(signal.SIGINT)
        assert tail.wait(300) == 130
    finally:
        tail.kill()
        tail.communicate()


def test_an_interrupt_while_the_program_loads_ends_it_without_a_trace():
    code = (
        "import sys, hansard.cli\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'hansard.cli.root': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "hansard.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "\ninterrupted; what was acknowledged is kept\n"


def test_a_reader_that_goes_away_ends_the_program_quietly(store, place):
    session = store.create(id="long")
    session.append([hansard.user("x" * 1000) for _ in range(500)])
    command = [*HANSARD, "--store", place, "show", "long", "--raw"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as show:
        assert show.stdout is not None
        assert show.stderr is not None
        show.stdout.readline()
        show.stdout.close()
        assert show.stderr.read() == b""
        assert show.wait(300) == 141


def test_the_demo_holds_and_tells_what_to_type_next(home):
    done = subprocess.run([*HANSARD, "demo"], capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it held" in done.stdout
    assert "hansard" in done.stdout.splitlines()[-1]
    assert list(home.iterdir()) == []


def test_the_demo_keeps_its_store_where_it_is_told_to(run, home):
    run("demo", "--keep", home / "demo")
    run("--store", home / "demo", "check")
    assert len(run("--store", home / "demo", "ls", "-o", "id").stdout.split()) >= 3


def test_the_demo_fails_loudly_if_something_does_not_hold(run, monkeypatch):
    monkeypatch.setattr(hansard.Store, "check", lambda *_a, **_k: [hansard.Finding("s", "damage", "made up")])
    result = run("demo", code=1)
    assert "FAILED: check found damage" in result.stdout
