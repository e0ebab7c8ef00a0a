"""Syncs that run side by side: each file's outcome is its own, and where the system has no such calls the plain one does it."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from hansard.backend import Request
from hansard.backends.file import FileBackend, committers, disk, sidebyside
from hansard.codec.line import seal
from hansard.errors import Unavailable
from hansard.model.entry import user
from hansard.model.requests import Appended, Creation

here = pytest.mark.skipif(not sidebyside.usable(), reason="this system has no syncs side by side")


@pytest.fixture
def fds(tmp_path):
    opened = [os.open(tmp_path / str(number), os.O_RDWR | os.O_CREAT) for number in range(3)]
    for fd in opened:
        os.write(fd, b"x" * 5000)
    yield opened
    for fd in opened:
        os.close(fd)


@pytest.fixture
def plain(monkeypatch):
    """The descriptors that were synced one by one."""
    done = []
    datasync = disk.datasync
    monkeypatch.setattr(disk, "datasync", lambda fd: (done.append(fd), datasync(fd)))
    return done


@here
def test_several_files_are_synced_without_a_plain_sync(fds, plain):
    assert disk.datasync_each(fds) == [None, None, None]
    assert plain == []


def test_one_file_takes_the_plain_way(fds, plain):
    assert disk.datasync_each(fds[:1]) == [None]
    assert plain == fds[:1]


def test_a_file_that_can_not_be_synced_fails_alone(fds):
    reading, writing = os.pipe()
    try:
        first, second, third = disk.datasync_each([fds[0], writing, fds[2]])
    finally:
        os.close(reading)
        os.close(writing)
    assert (first, third) == (None, None)
    assert second.errno == errno.EINVAL


def test_where_the_system_has_no_such_calls_the_files_are_synced_one_by_one(fds, plain, monkeypatch):
    monkeypatch.setattr(sidebyside._queues, "_numbers", None)
    monkeypatch.setattr(sidebyside._queues, "_free", [])
    assert not sidebyside.usable()
    assert disk.datasync_each(fds) == [None, None, None]
    assert plain == fds


@here
@pytest.mark.parametrize(("number", "again"), [(errno.EPERM, False), (errno.ENOSYS, False), (errno.EAGAIN, True)])
def test_a_refused_queue_is_asked_for_again_only_if_there_may_be_one_later(fds, plain, monkeypatch, number, again):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    queues = sidebyside._Queues()
    monkeypatch.setattr(sidebyside, "_queues", queues)
    monkeypatch.setattr(sidebyside, "_Queue", refuse)
    assert disk.datasync_each(fds) == [None, None, None]
    assert plain == fds
    assert sidebyside.usable() is again


class Scripted:
    """The system's call, with an answer of ours in front of its own."""

    def __init__(self, queue, which, answer, number):
        self._call, self._which, self._answer, self._number = queue._call, which.value, answer, number
        self._ctypes = queue._ctypes
        self.asked = 0

    def __call__(self, which, *arguments):
        if which.value == self._which:
            self.asked += 1
            if self.asked == 1:
                self._ctypes.set_errno(self._number)
                return self._answer
        return self._call(which, *arguments)


@pytest.fixture
def queue(monkeypatch):
    queues = sidebyside._Queues()
    monkeypatch.setattr(sidebyside, "_queues", queues)
    taken = queues.take()
    queues.give_back(taken)
    return taken


@here
def test_a_signal_while_waiting_is_waited_out(fds, queue):
    queue._call = scripted = Scripted(queue, queue._get, -1, errno.EINTR)
    assert sidebyside.sync(fds) == [None, None, None]
    assert scripted.asked == 2


@here
def test_when_the_end_of_syncs_is_not_known_all_have_failed_and_the_queue_is_left(fds, queue):
    queue._call = Scripted(queue, queue._get, -1, errno.EFAULT)
    assert [error.errno for error in sidebyside.sync(fds)] == [errno.EFAULT] * 3
    assert sidebyside._queues.take() is not queue


@here
def test_what_the_system_does_not_take_is_left_to_the_plain_way(fds, queue, plain):
    queue._call = Scripted(queue, queue._submit, -1, errno.EAGAIN)
    assert disk.datasync_each(fds) == [None, None, None]
    assert plain == fds


@here
def test_a_forked_child_has_queues_of_its_own(fds):
    assert sidebyside.sync(fds) == [None, None, None]
    child = os.fork()
    if not child:
        code = 1
        try:
            code = int(sidebyside._queues._free != [] or sidebyside.sync(fds) != [None, None, None])
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def backend(tmp_path):
    opened = FileBackend(tmp_path / "store", clock=lambda: 1_790_000_000_000_000)
    for name in ("a", "b", "c"):
        opened.create(Creation(id=name), Request())
        opened.append(name, request("first"))
    yield opened
    opened.close()


def request(text):
    return Request(sealed=(seal(user(text), now_us=0),))


def submitted(backend, turn):
    """What appends to three sessions come to that are handed in while the committers wait for their turn."""
    found, told = {}, threading.Semaphore(0)

    def done(name, answer):
        found[name] = answer
        told.release()

    with backend._committers._turn:
        for name in ("a", "b", "c"):
            backend.submit(name, request(turn), lambda answer, name=name: done(name, answer))
    for _ in range(3):
        assert told.acquire(timeout=60)
    return found


def texts(backend, session):
    return [entry.body["parts"][0]["text"] for entry in backend.entries(session) if entry.kind == "message"]


@here
def test_a_sync_that_fails_beside_others_takes_back_its_own_session_only(backend, monkeypatch):
    each = disk.datasync_each

    def fail_the_second(fds):
        found = each(fds)
        if len(fds) == 3:
            found[1] = OSError(errno.EIO, "Input/output error")
        return found

    monkeypatch.setattr(disk, "datasync_each", fail_the_second)
    found = submitted(backend, "second")
    kinds = sorted(type(answer).__name__ for answer in found.values())
    assert kinds == ["Appended", "Appended", "Unavailable"]
    for name, answer in found.items():
        assert texts(backend, name) == (["first", "second"] if isinstance(answer, Appended) else ["first"])
        assert backend.append(name, request("third")).added == 1


@here
@pytest.mark.parametrize("raised", [MemoryError(), TypeError("a mistake")])
def test_when_what_came_of_the_syncs_is_not_known_everybody_is_told_and_all_goes_on(backend, monkeypatch, raised):
    each = disk.datasync_each

    def broken(fds):
        monkeypatch.setattr(disk, "datasync_each", each)
        raise raised

    monkeypatch.setattr(disk, "datasync_each", broken)
    assert all(isinstance(answer, Unavailable) for answer in submitted(backend, "second").values())
    assert all(isinstance(answer, Appended) for answer in submitted(backend, "third").values())
    assert [texts(backend, name) for name in ("a", "b", "c")] == [["first", "third"]] * 3


def test_folders_and_files_are_synced_together_or_one_by_one(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), fsync(fd)))
    (tmp_path / "file").write_bytes(b"x")
    disk.sync_together(tmp_path, tmp_path / "file", tmp_path.parent)
    assert len(synced) == (0 if sidebyside.usable() else 3)
    monkeypatch.setattr(sidebyside, "sync", lambda fds, names: [])
    disk.sync_together(tmp_path, tmp_path / "file", tmp_path.parent)
    assert len(synced) >= 3


@here
def test_a_folder_that_can_not_be_synced_with_others_is_an_error(tmp_path, monkeypatch):
    sync = sidebyside.sync
    monkeypatch.setattr(
        sidebyside, "sync", lambda fds, names: [*sync(fds, names=names)[:-1], OSError(errno.EIO, "bad")]
    )
    with pytest.raises(OSError, match="bad"):
        disk.sync_together(tmp_path, tmp_path.parent)


@here
def test_who_was_answered_together_is_waited_for_and_synced_together_again(backend, monkeypatch):
    submitted(backend, "second")
    each, together = disk.datasync_each, []
    monkeypatch.setattr(disk, "datasync_each", lambda fds: (together.append(len(fds)), each(fds))[1])
    monkeypatch.setattr(committers, "_PAUSE_S", 60.0)
    told = threading.Semaphore(0)
    for name in ("a", "b", "c"):
        backend.submit(name, request("third"), lambda _: told.release())
        while name == "a" and not backend._committers._gathered._waiters:
            os.sched_yield()
    for _ in range(3):
        assert told.acquire(timeout=60)
    assert together == [3]


@here
def test_who_is_waited_for_in_vain_keeps_the_others_waiting_for_a_moment_only(backend):
    submitted(backend, "second")
    assert backend.append("a", request("third")).added == 1
    assert backend._committers._expected == 1
