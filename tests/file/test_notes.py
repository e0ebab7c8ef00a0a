from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

from hansard.backends.file import disk, locks, notes
from hansard.backends.file.notes import WriterNote, boot_id, dismiss, keep, scan
from hansard.errors import Unavailable
from hansard.limits import NOTED_SESSIONS_MAX

BOOT = "this boot"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "writers"


@pytest.fixture
def note(folder):
    note = WriterNote(folder, BOOT)
    yield note
    note.close()


def read(folder):
    """What others see, everything given back."""
    found = scan(folder)
    for one in found:
        keep(one)
    return found


def abandoned(folder, *names, boot=BOOT):
    """The file of a writer that died."""
    note = WriterNote(folder, boot)
    for name in names:
        note.add(name)
    locks.close(note._fd)
    note.forget()


def count_syncs(monkeypatch):
    counted = []
    for name in ("fsync", "fdatasync"):
        original = getattr(os, name)
        monkeypatch.setattr(os, name, lambda fd, original=original: (counted.append(fd), original(fd))[1])
    return counted


def test_nothing_is_made_before_the_first_name(folder, note):
    assert not folder.exists()
    assert note.id == ""
    assert scan(folder) == []


def test_a_live_writers_names_are_seen_by_others(folder, note):
    note.add("sessions/a")
    note.add("sessions/%c3%a9/children/b~0")
    (found,) = read(folder)
    assert (found.id, found.boot, found.dead) == (note.id, BOOT, False)
    assert found.names == ("sessions/a", "sessions/%c3%a9/children/b~0")
    assert scan(folder, own=note.id) == []
    assert stat.S_IMODE((folder / note.id).stat().st_mode) == 0o600


def test_the_name_of_the_file_is_synced_once_and_what_is_in_it_never(folder, note, monkeypatch):
    folder.mkdir()
    counted = count_syncs(monkeypatch)
    for n in range(100):
        note.add(f"sessions/{n}")
        note.add(f"sessions/{n}")
    note.clean()
    note.add("sessions/again")
    assert len(counted) == 1


def test_a_name_is_written_once_until_the_clean_point(folder, note):
    note.add("sessions/a")
    size = (folder / note.id).stat().st_size
    note.add("sessions/a")
    assert (folder / note.id).stat().st_size == size
    note.clean()
    assert read(folder)[0].names == ()
    note.add("sessions/a")
    assert read(folder)[0].names == ("sessions/a",)


def test_it_is_full_at_the_limit_and_still_takes_names(note):
    for n in range(NOTED_SESSIONS_MAX):
        assert not note.full
        note.add(f"sessions/{n}")
    assert note.full
    note.add("sessions/more")
    assert len(note.names) == NOTED_SESSIONS_MAX + 1


def test_names_in_hand_survive_a_clean_point(folder, note):
    for name in "abc":
        note.add(f"sessions/{name}")
    note.clean({"sessions/b", "sessions/never"})
    assert read(folder)[0].names == ("sessions/b",)
    note.add("sessions/d")
    assert set(read(folder)[0].names) == {"sessions/b", "sessions/d"}
    note.clean()
    assert read(folder)[0].names == ()


def test_the_file_stays_small_though_something_is_always_in_hand(folder, note):
    for n in range(3_000):
        note.add(f"sessions/{n}")
        if n % 40 == 39:
            note.clean({f"sessions/{n}"})
    assert (folder / note.id).stat().st_size < 40_000
    assert set(read(folder)[0].names) == set(note.names)


@pytest.mark.parametrize("step", ["write", "pwrite", "truncate"])
def test_a_writer_killed_at_a_clean_point_leaves_at_least_what_was_in_hand(folder, note, monkeypatch, step):
    for n in range(2_000):
        note.add(f"sessions/{n}")
    kept = {f"sessions/{n}" for n in (3, 1_999)}

    def killed(*_):
        raise KeyboardInterrupt

    original = os.write
    if step == "write":
        monkeypatch.setattr(disk, "write_all", lambda fd, data: (original(fd, data[: len(data) - 3]), killed()))
    elif step == "pwrite":
        monkeypatch.setattr(os, "pwrite", killed)
    else:
        monkeypatch.setattr(disk, "truncate", killed)
    with pytest.raises(KeyboardInterrupt):
        note.clean(kept)
    assert kept <= set(read(folder)[0].names)


def test_closing_an_empty_note_removes_it_and_one_with_names_stays_and_is_dead(folder):
    empty, full = WriterNote(folder, BOOT), WriterNote(folder, BOOT)
    empty.add("sessions/a")
    empty.clean()
    full.add("sessions/b")
    empty.close()
    full.close()
    (found,) = scan(folder)
    assert found.dead
    assert found.names == ("sessions/b",)
    dismiss(folder, found)
    assert list(folder.iterdir()) == []


def test_a_dead_note_is_taken_care_of_by_one_at_a_time(folder):
    abandoned(folder, "sessions/a")
    (mine,) = scan(folder)
    (theirs,) = scan(folder)
    assert mine.dead
    assert not theirs.dead
    assert theirs.names == mine.names
    keep(mine)
    (mine,) = scan(folder)
    assert mine.dead
    keep(mine)


def test_the_boot_of_a_dead_note_is_told(folder):
    abandoned(folder, "sessions/a", boot="an earlier boot")
    assert read(folder)[0].boot == "an earlier boot"


@pytest.mark.parametrize(
    ("content", "boot", "names"),
    [
        (b"", "", ()),
        (b"boot", "", ()),
        (b"boot x", "", ()),
        (b"\0" * 4096, "", ()),
        (b"boot x\nsessions/a\nsess", "x", ("sessions/a",)),
        (b"boot x\n\0\0\0\n\xff\xfe\n../../etc\n/etc/passwd\nsessions/../a\nsessions/b\n", "x", ("sessions/b",)),
        (b"boot x\nsessions/a\nsessions/b\n= 1\nsessions/c\n", "x", ("sessions/b", "sessions/c")),
        (b"boot x\nsessions/a\n= 999999\n", "x", ("sessions/a",)),
        (b"boot x\nsessions/a\n= 0\n", "x", ()),
        (b"boot x\nsessions/a\n= 1\nsessions/b\n= 1", "x", ("sessions/a", "sessions/b")),
    ],
)
def test_any_content_can_be_read(folder, content, boot, names):
    folder.mkdir()
    (folder / "1-torn").write_bytes(content)
    (found,) = read(folder)
    assert (found.boot, found.names, found.dead) == (boot, names, True)


def test_what_is_no_note_is_left_alone(folder):
    folder.mkdir()
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("/etc/passwd")
    read(folder)
    assert {path.name for path in folder.iterdir()} == {"folder", "pipe", "link"}


def test_a_note_that_was_never_announced_is_removed(folder):
    folder.mkdir()
    (folder / ".1-abc").write_bytes(b"boot")
    assert scan(folder) == []
    assert list(folder.iterdir()) == []


def test_a_note_that_others_take_for_a_dead_ones_before_it_is_locked_is_made_again(folder, note, monkeypatch):
    acquire, between = locks.acquire, []

    def slow(fd):
        if len(between) < 2:
            between.append(read(folder))
        acquire(fd)

    monkeypatch.setattr(locks, "acquire", slow)
    note.add("sessions/a")
    (seen,) = read(folder)
    assert (between, seen.names, seen.dead) == ([[], []], ("sessions/a",), False)
    assert [path.name for path in folder.iterdir()] == [note.id]


def test_a_note_that_cannot_be_written_refuses_the_append_and_leaves_nothing(folder, note, monkeypatch):
    folder.mkdir()

    def full(fd, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "write_all", full)
    with pytest.raises(Unavailable, match="No space left"):
        note.add("sessions/a")
    assert list(folder.iterdir()) == []
    assert note.names == set()
    monkeypatch.undo()
    note.add("sessions/a")
    assert read(folder)[0].names == ("sessions/a",)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_its_own_note_and_does_not_keep_the_parents_alive(folder, note):
    note.add("sessions/parent")
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        note.add("sessions/child")
        os.write(ready[1], b"1")
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    assert {found.names for found in read(folder)} == {("sessions/parent",), ("sessions/child",)}
    locks.close(note._fd)
    note.forget()
    assert {found.names: found.dead for found in read(folder)} == {
        ("sessions/parent",): True,
        ("sessions/child",): False,
    }
    os.write(go[1], b"1")
    os.waitpid(pid, 0)
    for fd in (*ready, *go):
        os.close(fd)


def test_a_killed_process_leaves_a_dead_note(folder):
    program = (
        "import sys, time; from pathlib import Path; from hansard.backends.file.notes import WriterNote\n"
        "note = WriterNote(Path(sys.argv[1]), 'b'); note.add('sessions/a'); print('ready', flush=True); time.sleep(60)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, env=environment)
    process.stdout.readline()
    assert [found.dead for found in read(folder)] == [False]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (found,) = read(folder)
    assert (found.dead, found.names) == (True, ("sessions/a",))


def test_the_boot_id_is_the_same_at_each_asking_and_one_line():
    assert boot_id() == boot_id()
    assert boot_id()
    assert "\n" not in boot_id()


def test_without_a_boot_id_every_process_has_its_own(monkeypatch):
    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(sys, "platform", "linux")
    assert notes.boot_id.__wrapped__() != notes.boot_id.__wrapped__()
