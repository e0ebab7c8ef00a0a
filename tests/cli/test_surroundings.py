"""How the program is started and ended: closed streams, signals, and outputs that are no plain files."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading

import pytest

from hansard.store import backing

HANSARD = [sys.executable, "-m", "hansard.cli"]


@pytest.fixture
def by_default():
    """Signals that end the process are as in a shell's foreground, whoever runs the tests."""
    own = {one: signal.signal(one, signal.SIG_DFL) for one in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for one, handler in own.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_lead_nowhere_and_the_work_is_done(session, place, closed):
    command = [*HANSARD, "--store", place, "rename", session.id, "Renamed"]
    done = subprocess.run(["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert session.info.title == "Renamed"


def test_without_an_input_nobody_can_be_asked(session, place):
    command = [*HANSARD, "--store", place, "rm", session.id]
    done = subprocess.run(["/bin/sh", "-c", 'exec "$@" <&-', "sh", *command], check=False, capture_output=True)
    assert done.returncode == 2
    assert b"--yes" in done.stderr


def test_what_is_meant_for_a_closed_stream_gets_into_no_file(session, place, home):
    command = [*HANSARD, "--store", place, "show", "no-such-session"]
    done = subprocess.run(["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command], check=False)
    assert done.returncode == 3
    assert not [path for path in home.rglob("*") if path.is_file() and b"no-such-session" in path.read_bytes()]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_in_the_middle_of_a_backup_leaves_nothing_of_it(run, session, home, monkeypatch, by_default, name):
    monkeypatch.setattr(backing, "verify", lambda *_: signal.raise_signal(getattr(signal, name)))
    before = sorted(home.iterdir())
    result = run("backup", "kept/backup", code=128 + getattr(signal, name))
    assert name in result.stderr
    assert "acknowledged" in result.stderr
    assert sorted(home.iterdir()) == [*before, home / "kept"]
    assert list((home / "kept").iterdir()) == []
    assert signal.getsignal(getattr(signal, name)) is signal.SIG_DFL


def test_a_signal_that_is_ignored_ends_nothing(run, session, monkeypatch, by_default):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    verify = backing.verify
    monkeypatch.setattr(backing, "verify", lambda *given: (signal.raise_signal(signal.SIGHUP), verify(*given)))
    run("backup", "backup")
    run("--store", "backup", "check")


def test_too_little_memory_is_said_in_a_line(run, session, monkeypatch):
    def full(*_given, **_named):
        raise MemoryError

    monkeypatch.setattr(backing, "verify", full)
    assert "not enough memory" in run("backup", "backup", code=5).stderr


def test_an_export_goes_through_a_pipe_and_leaves_it_a_pipe(run, session, home):
    os.mkfifo(home / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((home / "pipe").read_bytes()))
    reader.start()
    run("export", session.id, "-O", "pipe")
    reader.join()
    assert read == [run("export", session.id).stdout.encode()]
    assert stat.S_ISFIFO((home / "pipe").stat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="making a device needs root")
def test_an_export_into_a_device_leaves_it_a_device(run, session, home):
    os.mknod(home / "null", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    run("export", session.id, "-O", "null")
    assert stat.S_ISCHR((home / "null").stat().st_mode)


def test_an_export_to_a_hyphen_goes_to_the_output(run, session, home):
    assert run("export", session.id, "-O", "-").stdout == run("export", session.id).stdout
    assert not (home / "-").exists()


def test_a_file_that_an_export_replaces_stays_private_and_a_link_stays_a_link(run, session, home):
    (home / "kept.md").write_text("before")
    (home / "kept.md").chmod(0o600)
    (home / "link").symlink_to("kept.md")
    run("export", session.id, "-O", "link")
    assert (home / "link").is_symlink()
    assert "tide table" in (home / "kept.md").read_text()
    assert stat.S_IMODE((home / "kept.md").stat().st_mode) == 0o600
