"""A log that one process opened while another was about to write its first line."""

from __future__ import annotations

import threading
import time

import hansard
from hansard.backend import Request
from hansard.backends.file import FileBackend, disk
from hansard.codec.line import seal
from hansard.model.requests import Creation


def clock():
    return time.time_ns() // 1000


def message(text):
    return Request(sealed=(seal(hansard.user(text), now_us=clock()),))


def test_a_session_that_was_begun_while_another_process_waited_can_be_appended_to(tmp_path, monkeypatch):
    maker, waiter = (FileBackend(tmp_path / "store", clock=clock) for _ in range(2))
    begun, opened, write = threading.Event(), threading.Event(), disk.write_all

    def slow(fd, data):
        if data.startswith(b'{"seq":1,'):
            begun.set()
            opened.wait(0.5)
        write(fd, data)

    monkeypatch.setattr(disk, "write_all", slow)
    making = threading.Thread(target=maker.create, args=(Creation(id="s"), message("a")))
    making.start()
    begun.wait(60)
    # It opens the empty log, waits for its lock, and finds the session that was made meanwhile.
    assert not waiter.create(Creation(id="s"), Request(), reuse="id").new
    making.join()
    waiter.append("s", message("b"))
    maker.append("s", message("c"))
    for backend in (maker, waiter):
        said = [entry.body["parts"][0]["text"] for entry in backend.entries("s") if entry.kind == "message"]
        assert said == ["a", "b", "c"]
        backend.close()
