"""The commit under the eyes of a doubter: what must be synced before it is said, and who must not be kept waiting."""

from __future__ import annotations

import fcntl
import os
import threading

import pytest

from hansard.backend import Request
from hansard.backends import commit
from hansard.backends.file import FileBackend, disk, following, locks
from hansard.codec.line import seal
from hansard.errors import HansardError, Unavailable
from hansard.model.entry import user
from hansard.model.requests import Appended, Creation


def request(*entries, **asked):
    return Request(sealed=tuple(seal(entry, now_us=0) for entry in entries), **asked)


@pytest.fixture
def make(tmp_path):
    opened = []

    def make():
        opened.append(FileBackend(tmp_path / "store", clock=lambda: 1_790_000_000_000_000))
        return opened[-1]

    yield make
    for backend in opened:
        backend.close()


class Answers:
    """Collects what submitted appends come to."""

    def __init__(self):
        self.found = {}
        self._changed = threading.Condition()

    def to(self, name):
        def done(answer):
            with self._changed:
                self.found[name] = answer
                self._changed.notify_all()

        return done

    def wait(self, *names):
        with self._changed:
            assert self._changed.wait_for(lambda: self.found.keys() >= set(names), 60), self.found
        return [self.found[name] for name in names]


def log_of(backend, session):
    return backend.layout.log(backend.layout.find(session))


def test_already_there_is_said_of_synced_bytes_only_also_where_the_catalogue_remembers_them(make, monkeypatch):
    first = make()
    first.create(Creation(id="s"), Request())
    first.append("s", request(user("a", id="k")))
    first.close()
    second, synced = make(), []
    inode = log_of(second, "s").stat().st_ino
    datasync = disk.datasync
    monkeypatch.setattr(disk, "datasync", lambda fd: (synced.append(os.fstat(fd).st_ino), datasync(fd)))
    assert second.append("s", request(user("a", id="k"))).added == 0
    assert inode in synced


def test_a_log_that_is_replaced_while_it_is_opened_is_seen_as_it_is_now(make, monkeypatch):
    writer, reader = make(), make()
    writer.create(Creation(id="s"), request(user("secret")))
    open_file, replaced = locks.open_file, []

    def opened(path, flags):
        fd = open_file(path, flags)
        if not replaced:
            replaced.append(path)
            writer.erase("s", [2], by=None, reason=None)
        return fd

    monkeypatch.setattr(following.locks, "open_file", opened)
    reader.info("s")
    assert reader.info("s").seq == 3
    assert [entry.erased for entry in reader.entries("s")] == [False, True, False]


def test_a_log_that_grows_while_it_is_read_is_not_read_anew(make, monkeypatch):
    writer, reader = make(), make()
    writer.create(Creation(id="s"), request(user("one")))
    assert reader.info("s").seq == 2
    forgotten, follow = [], following.Following._follow
    forget = following.Following._forget

    def grown(log, now):
        monkeypatch.setattr(following.Following, "_follow", follow)
        writer.append("s", request(user("three")))
        follow(log, now)

    writer.append("s", request(user("two")))
    monkeypatch.setattr(following.Following, "_follow", grown)
    monkeypatch.setattr(following.Following, "_forget", lambda log: (forgotten.append(log), forget(log)))
    assert [reader.info("s").seq, reader.info("s").seq] == [4, 4]
    assert forgotten == []


@pytest.mark.parametrize("count", [1, 6, 40])
def test_sessions_in_other_hands_keep_no_other_session_waiting(make, count):
    backend, answers = make(), Answers()
    names = [f"s{number}" for number in range(count + 8)]
    for name in names:
        backend.create(Creation(id=name), Request())
        backend.append(name, request(user("first")))
    held = [os.open(log_of(backend, name), os.O_RDWR) for name in names[:count]]
    try:
        for fd in held:
            fcntl.flock(fd, fcntl.LOCK_EX)
        for name in names:
            backend.submit(name, request(user(name)), answers.to(name))
        assert all(isinstance(answer, Appended) for answer in answers.wait(*names[count:]))
        # Also one that was in other hands waits for no other that still is.
        for fd, name in zip(reversed(held), reversed(names[:count]), strict=True):
            assert name not in answers.found
            os.close(held.pop())
            assert answers.wait(name)[0].seq == 3, fd
        backend.submit("s0", request(user("on")), answers.to("on"))
        assert answers.wait("on")[0].seq == 4
    finally:
        for fd in held:
            os.close(fd)


@pytest.mark.parametrize("count", [1, 8])
def test_threads_that_append_wait_for_no_session_in_other_hands_but_their_own(make, count):
    backend, found = make(), []
    names = [f"s{number}" for number in range(count + 1)]
    for name in names:
        backend.create(Creation(id=name), Request())
    held = [os.open(log_of(backend, name), os.O_RDWR) for name in names[:count]]
    threads = [
        threading.Thread(target=lambda name=name: found.append(backend.append(name, request(user("x"))).seq))
        for name in names
    ]
    try:
        for fd in held:
            fcntl.flock(fd, fcntl.LOCK_EX)
        for thread in threads:
            thread.start()
        threads[-1].join(60)
        assert found == [2]
    finally:
        for fd in held:
            os.close(fd)
        for thread in threads:
            thread.join(60)
    assert found == [2] * (count + 1)


def test_what_waits_while_another_process_has_the_log_shares_one_sync(make, monkeypatch):
    backend, answers = make(), Answers()
    backend.create(Creation(id="s"), Request())
    synced, datasync = [], disk.datasync
    fd = os.open(log_of(backend, "s"), os.O_RDWR)
    inode = os.fstat(fd).st_ino
    monkeypatch.setattr(disk, "datasync", lambda fd: (synced.append(os.fstat(fd).st_ino), datasync(fd)))
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        for number in range(16):
            backend.submit("s", request(user(str(number))), answers.to(number))
    finally:
        os.close(fd)
    assert [answer.seq for answer in answers.wait(*range(16))] == list(range(2, 18))
    assert synced.count(inode) == 1


@pytest.mark.parametrize("raised", [TypeError("a mistake"), OSError(5, "a bad disk"), MemoryError()])
def test_a_committer_outlives_whatever_goes_wrong_and_everybody_has_an_answer(make, monkeypatch, raised):
    backend, answers = make(), Answers()
    backend.create(Creation(id="s"), Request())
    plan = commit.plan

    def broken(*args, **asked):
        monkeypatch.setattr(commit, "plan", plan)
        raise raised

    monkeypatch.setattr(commit, "plan", broken)
    backend.submit("s", request(user("a")), answers.to("a"))
    (answer,) = answers.wait("a")
    assert isinstance(answer, Unavailable)
    backend.submit("s", request(user("b")), answers.to("b"))
    assert answers.wait("b")[0].seq == 2


@pytest.mark.parametrize("submitted", [True, False])
def test_a_failed_sync_is_nobodys_acknowledgement_and_the_next_append_goes_on(make, monkeypatch, submitted):
    backend, answers = make(), Answers()
    backend.create(Creation(id="s"), Request())
    backend.append("s", request(user("a")))
    datasync = disk.datasync

    def fail(fd):
        monkeypatch.setattr(disk, "datasync", datasync)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk, "datasync", fail)
    if submitted:
        backend.submit("s", request(user("lost")), answers.to("lost"))
        assert isinstance(answers.wait("lost")[0], Unavailable)
    else:
        with pytest.raises(Unavailable):
            backend.append("s", request(user("lost")))
    assert backend.append("s", request(user("b"))).seq == 3
    assert [entry.body["parts"][0]["text"] for entry in backend.entries("s") if entry.kind == "message"] == ["a", "b"]


def test_an_interrupt_between_writing_and_syncing_leaves_no_lock_behind(make, monkeypatch):
    backend, other = make(), make()
    backend.create(Creation(id="s"), Request())
    end = backend._core.pool._logs["s"].end if "s" in backend._core.pool._logs else None
    assert end is not None

    def interrupted(group):
        raise KeyboardInterrupt

    monkeypatch.setattr(backend._core.pool._logs["s"], "end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        backend.append("s", request(user("a")))
    assert other.append("s", request(user("b"))).added == 1


def test_what_is_submitted_to_a_store_that_is_being_closed_is_refused(make):
    backend = make()
    backend.create(Creation(id="s"), Request())
    backend._committers.close()
    with pytest.raises(HansardError, match="being closed"):
        backend.submit("s", request(user("a")), Answers().to("a"))


@pytest.mark.skipif(not hasattr(fcntl, "F_OFD_SETLK"), reason="only where open files have locks of bytes")
def test_who_gives_the_lock_back_does_not_overtake_those_who_wait(tmp_path):
    path = tmp_path / "log"
    path.touch()
    busy, waiting, looking = (locks.open_file(path, os.O_RDWR) for _ in range(3))
    got, done = threading.Event(), threading.Event()

    def wait():
        locks.acquire_in_turn(waiting)
        got.set()
        done.wait(60)
        locks.release(waiting)

    thread = threading.Thread(target=wait)
    try:
        locks.acquire_in_turn(busy)
        thread.start()
        while _nobody_waits(looking):
            os.sched_yield()
        locks.release(busy)
        assert not locks.try_in_turn(busy)
        assert got.wait(60)
    finally:
        done.set()
        thread.join()
        assert locks.try_in_turn(busy)
        for fd in (busy, waiting, looking):
            locks.close(fd)


def _nobody_waits(fd):
    try:
        locks._lock_byte("F_OFD_SETLK", fd)
    except BlockingIOError:
        return False
    locks._free_byte(fd)
    return True


@pytest.mark.parametrize("number", [22, 38])
def test_where_files_have_no_locks_of_bytes_the_lock_is_taken_all_the_same(tmp_path, monkeypatch, number):
    def refuse(*asked):
        raise OSError(number, os.strerror(number))

    path = tmp_path / "log"
    path.touch()
    one, other = (locks.open_file(path, os.O_RDWR) for _ in range(2))
    try:
        monkeypatch.setattr(locks.fcntl, "fcntl", refuse)
        locks.acquire_in_turn(one)
        assert not locks.try_in_turn(other)
        locks.release(one)
        assert locks.try_in_turn(other)
    finally:
        locks.close(one)
        locks.close(other)
