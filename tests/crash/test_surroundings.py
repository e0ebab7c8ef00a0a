"""A full disk, a folder that can't be written, files taken away, a clock that goes back, a copy made while writing."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

import hansard

LARGE = "x" * 40_000

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")


@contextlib.contextmanager
def mounted(folder, *options):
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"a small file system can't be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@as_root
def test_a_full_disk_refuses_appends_loses_nothing_and_goes_on_when_there_is_room(tmp_path):
    with mounted(tmp_path / "small", "-o", "size=3m") as small, hansard.open(small / "store") as store:
        ballast = small / "ballast"
        session = store.create(id="s")
        acknowledged = [session.append(hansard.user("first"))]
        ballast.write_bytes(bytes(1_000_000))
        with pytest.raises(hansard.Unavailable, match=r"(?i)space"):
            acknowledged.extend(session.append(hansard.user(LARGE)) for _ in range(200))
        assert [entry.seq for entry in session.entries()][1:] == acknowledged
        assert [one for one in store.check() if one.severity == "damage"] == []
        ballast.unlink()
        assert session.append(hansard.user("room again")) == acknowledged[-1] + 1


@as_root
def test_a_folder_that_can_only_be_read_is_refused_when_it_is_opened_and_keeps_what_it_has(tmp_path):
    with mounted(tmp_path / "small", "-o", "size=8m") as small:
        with hansard.open(small / "store") as store:
            store.create(id="s", entries=[hansard.user("kept")])
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        with pytest.raises(hansard.Unavailable, match=str(small)):
            hansard.open(small / "store")
        subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
        with hansard.open(small / "store") as store:
            assert [message.text for message in store.get("s").history()] == ["kept"]


def test_a_log_that_is_taken_away_is_said_and_not_written_anew(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        session = store.create(id="s", entries=[hansard.user("x")])
        store.create(id="t", entries=[hansard.user("y")])
        (tmp_path / "store/sessions/s/log.jsonl").unlink()
        with pytest.raises((hansard.Corrupt, hansard.NotFound)):
            session.append(hansard.user("late"))
        assert [message.text for message in store.get("t").history()] == ["y"]
    assert not (tmp_path / "store/sessions/s/log.jsonl").exists()


def test_a_session_folder_that_is_taken_away_is_not_found(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        session = store.create(id="s", entries=[hansard.user("x")])
        shutil.rmtree(tmp_path / "store/sessions/s")
        with pytest.raises((hansard.Corrupt, hansard.NotFound)):
            session.append(hansard.user("late"))
    assert not (tmp_path / "store/sessions/s").exists()


def test_a_clock_that_goes_back_turns_no_order_and_no_commit_time_back(tmp_path):
    now = [1_700_000_000_000_000]
    with hansard.open(tmp_path / "store", clock=lambda: now[0]) as store:
        session = store.create(id="s")
        session.append(hansard.user("first"))
        touched = session.info.touched_us
        now[0] -= 3_600_000_000
        session.append(hansard.user("second"))
        assert [message.text for message in session.history()] == ["first", "second"]
        assert session.info.touched_us >= touched
        assert store.check() == []


def test_a_folder_copied_while_it_is_written_to_holds_whole_groups_only(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        session = store.create(id="s")
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                session.append([hansard.user("x" * 2_000), hansard.assistant("y" * 2_000)])

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while session.seq < 100:
                assert writer.is_alive()
            copies = [
                Path(shutil.copytree(store_folder, tmp_path / f"copy-{n}"))
                for n, store_folder in enumerate([tmp_path / "store"] * 3)
            ]
        finally:
            stop.set()
            writer.join()
    for copy in copies:
        with hansard.open(copy) as store:
            session = store.get("s")
            assert session.seq % 2 == 1
            assert session.seq >= 100
            assert [one for one in store.check() if one.severity == "damage"] == []
            session.append(hansard.user("goes on"))
            assert store.find().items[0] == session.info
