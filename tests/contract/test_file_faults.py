"""Every single call that changes a file fails, tears or is the process's last, one after the other."""

from __future__ import annotations

import contextlib
import itertools
import os

import pytest

from hansard.backend import Request
from hansard.backends.file import FileBackend, disk, locks
from hansard.codec.line import seal
from hansard.errors import AlreadyExists, HansardError
from hansard.model.entry import NewEntry, user
from hansard.model.requests import Changes, Creation
from hansard.query import EVERYTHING
from hansard.testing import DiskFaults, ManualClock


def request(*entries, **asked):
    return Request(sealed=tuple(seal(entry, now_us=0) for entry in entries), **asked)


def append(backend):
    backend.append("s", request(user("three", id="a"), user("four", id="b")))


def change(backend):
    backend.append("s", Request(changes=Changes(set={"status": "paused"})))


def create(backend):
    backend.create(Creation(id="n", agent="a", user="u"), request(user("two")))


def spawn(backend):
    backend.create(Creation(id="n", parent="s"), request(user("two")))


def fork(backend):
    backend.fork("s", Creation(id="n"), at=2)


def fork_earlier(backend):
    backend.fork("s", Creation(id="n"), at=1)


def erase(backend):
    backend.erase("s", [2], by=None, reason=None)


def delete(backend):
    backend.delete("s")


def attach(backend):
    kept = backend.attach("s", b"picture", mime="image/png")
    backend.append("s", request(user([kept.part])))


CALLS = [append, change, create, spawn, fork, fork_earlier, erase, delete, attach]


def prepare(root):
    """A session `s` with a fork `f`, a child `c`, and `t`, which nothing is done to."""
    backend = FileBackend(root, clock=ManualClock())
    for session in ("s", "t"):
        backend.create(Creation(id=session), request(user("two")))
    backend.create(Creation(id="c", parent="s"), Request())
    backend.fork("s", Creation(id="f"), at=2)
    backend.append("f", request(NewEntry(kind="event", body={"type": "x"})))
    backend.close()


def texts(backend, session):
    entries = backend.entries(session)
    return ["" if e.erased else e.body["parts"][0].get("text") for e in entries if e.kind == "message"]


def verify(root, call, *, done):
    """The store is sound, what was there is there, and what was done is there wholly or not at all."""
    backend = FileBackend(root, clock=ManualClock())
    found = {info.id: info for info in backend.find(EVERYTHING, order="id", limit=99, cursor=None)}
    damage = [finding for finding in backend.check() if finding.severity == "damage"]
    # What can't be made certain is closed to writers, and says so, until a repair has made it certain.
    assert [finding for finding in damage if "read-only until it is repaired" not in finding.message] == []
    if damage:
        list(backend.check(repair=True))
        assert [finding for finding in backend.check() if finding.severity == "damage"] == []
    assert texts(backend, "t") == ["two"]
    assert texts(backend, "f") in (["two"], [""])
    for session, info in found.items():
        assert backend.info(session) == info
        assert [entry.seq for entry in backend.entries(session)] == list(range(1, info.seq + 1))
    if call is not delete:
        assert {"s", "c", "f", "t"} <= set(found)
    if call is append:
        assert texts(backend, "s") in ([["two", "three", "four"]] if done else [["two"], ["two", "three", "four"]])
    # The call, made again by somebody who got no answer, settles what was in doubt.
    with contextlib.suppress(AlreadyExists):
        call(backend)
    assert [finding for finding in backend.check() if finding.severity == "damage"] == []
    assert call is not append or texts(backend, "s") == ["two", "three", "four"]
    assert call is not erase or texts(backend, "s") == texts(backend, "f") == [""]
    assert call is not delete or "s" not in {i.id for i in backend.find(EVERYTHING, order="id", limit=99, cursor=None)}
    backend.close()


@pytest.mark.parametrize("action", ["fail", "lose"])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_after_any_call_to_the_disk_failed_the_store_is_sound(tmp_path, call, action):
    for nth in itertools.count(1):
        root = tmp_path / str(nth)
        prepare(root)
        backend = FileBackend(root, clock=ManualClock())
        faults = DiskFaults(disk)
        faults.plan(action, nth=nth)
        done = False
        with faults.active(), contextlib.suppress(HansardError):
            call(backend)
            done = True
        backend.close()
        if len(faults.calls) < nth:
            break
        verify(root, call, done=done)
    assert nth > 1


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_after_any_write_was_torn_the_store_is_sound(tmp_path, call):
    for nth in itertools.count(1):
        root = tmp_path / str(nth)
        prepare(root)
        backend = FileBackend(root, clock=ManualClock())
        faults = DiskFaults(disk)
        faults.plan("tear", name="write_all", nth=nth)
        done = False
        with faults.active(), contextlib.suppress(HansardError):
            call(backend)
            done = True
        backend.close()
        if faults.calls.count("write_all") < nth:
            break
        verify(root, call, done=done)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_after_the_process_was_killed_at_any_call_the_store_is_sound(tmp_path, call):
    for nth in itertools.count(1):
        root = tmp_path / str(nth)
        prepare(root)
        child = os.fork()
        if child == 0:
            faults = DiskFaults(disk)
            faults.plan("kill", nth=nth)
            backend = FileBackend(root, clock=ManualClock())
            with faults.active():
                call(backend)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert status == 0
            break
        verify(root, call, done=False)
    assert nth > 1


def test_a_write_that_failed_leaves_the_session_writable(tmp_path):
    prepare(tmp_path)
    backend = FileBackend(tmp_path, clock=ManualClock())
    faults = DiskFaults(disk)
    faults.plan("fail", name="datasync")
    with faults.active(), pytest.raises(HansardError):
        append(backend)
    append(backend)
    assert texts(backend, "s") == ["two", "three", "four"]
    backend.close()


def test_a_write_that_can_not_be_taken_back_poisons_the_session_for_everyone(tmp_path):
    prepare(tmp_path)
    one, two = (FileBackend(tmp_path, clock=ManualClock()) for _ in range(2))
    one.append("s", request(user("zero")))
    faults = DiskFaults(disk)
    faults.plan("lose", name="datasync")
    faults.plan("fail", name="truncate")
    with faults.active(), pytest.raises(HansardError):
        append(one)
    for backend in (one, two):
        with pytest.raises(HansardError, match="repair"):
            change(backend)
        assert texts(backend, "t") == ["two"]
    list(two.check("s", repair=True))
    change(two)
    one.close()
    two.close()


def test_where_not_even_the_mark_can_be_left_the_lock_stays_with_the_process(tmp_path):
    prepare(tmp_path)
    told, tells = os.pipe()
    waits, ends = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ends)
        backend = FileBackend(tmp_path, clock=ManualClock())
        backend.append("s", request(user("zero")))
        faults = DiskFaults(disk)
        faults.plan("lose", name="datasync")
        for name in ("truncate", "write_file"):
            faults.plan("fail", name=name)
        with faults.active(), contextlib.suppress(HansardError):
            append(backend)
        answer = b"taken"
        try:
            change(backend)
        except HansardError:
            answer = b"refused"
        backend.close()
        os.write(tells, answer)
        os.read(waits, 1)
        os._exit(0)
    log = locks.open_file(tmp_path / "sessions/s/log.jsonl", os.O_RDWR)
    try:
        assert os.read(told, 10) == b"refused"
        assert not (tmp_path / "sessions/s/log.poisoned").exists()
        # Others can't write behind what may not be on the medium, though the store was closed.
        assert not locks.try_acquire(log)
    finally:
        for fd in (told, tells, waits, ends):
            os.close(fd)
        os.waitpid(child, 0)
    assert locks.try_acquire(log)
    locks.close(log)


TORN = b'{"seq":4,"id":"torn'


@pytest.mark.parametrize("action", ["fail", "kill"])
def test_a_torn_tail_is_in_the_log_until_it_is_kept_aside(tmp_path, action):
    for nth in itertools.count(1):
        root = tmp_path / str(nth)
        prepare(root)
        folder = root / "sessions/s"
        with (folder / "log.jsonl").open("ab") as log:
            log.write(TORN)
        faults = DiskFaults(disk)
        faults.plan(action, nth=nth)
        child = os.fork()
        if child == 0:
            with contextlib.suppress(HansardError):
                backend = FileBackend(root, clock=ManualClock())
                with faults.active():
                    append(backend)
            os._exit(int(len(faults.calls) < nth))
        _, status = os.waitpid(child, 0)
        kept = [path.read_bytes() for path in (*folder.glob("log.jsonl.torn-*"), folder / "log.jsonl")]
        assert any(TORN in data for data in kept), f"{action} at call {nth}"
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            break
    assert nth > 5
