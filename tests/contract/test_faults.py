from __future__ import annotations

import errno
import os
import types

import pytest

from hansard.backend import Request
from hansard.backends.memory import MemoryBackend
from hansard.codec.line import seal
from hansard.errors import Conflict, Unavailable
from hansard.model.entry import user
from hansard.model.requests import Creation
from hansard.testing import DiskFaults, Faults, ManualClock


@pytest.fixture
def backend():
    faults = Faults(MemoryBackend(clock=ManualClock()))
    faults.create(Creation(id="s"), Request())
    return faults


def hello():
    return Request(sealed=(seal(user("hello", id="a"), now_us=0),))


def test_a_planned_failure_happens_once_and_does_nothing(backend):
    backend.plan("fail", verb="append")
    with pytest.raises(Unavailable, match="append"):
        backend.append("s", hello())
    assert backend.append("s", hello()).added == 1


def test_only_the_nth_call_of_the_verb_fails(backend):
    backend.plan("fail", verb="info", nth=2)
    assert backend.info("s").seq == 1
    assert backend.health().ok
    with pytest.raises(Unavailable):
        backend.info("s")


def test_any_verb_counts_where_none_is_named(backend):
    backend.plan("fail", nth=2)
    assert backend.info("s").seq == 1
    with pytest.raises(Unavailable):
        backend.health()


def test_a_lost_answer_leaves_the_append_there(backend):
    backend.plan("lose", verb="append")
    with pytest.raises(Unavailable):
        backend.append("s", hello())
    assert backend.append("s", hello()).added == 0


def test_the_error_can_be_chosen(backend):
    backend.plan("fail", error=Conflict("busy", seq=7))
    with pytest.raises(Conflict, match="busy"):
        backend.info("s")


def test_a_delayed_call_is_carried_out(backend):
    backend.plan("delay", seconds=0.001)
    assert backend.append("s", hello()).added == 1


def test_calls_are_on_record(backend):
    backend.info("s")
    assert backend.calls == ["create", "info"]


def test_what_is_no_verb_is_the_inner_backends(backend):
    assert backend.name == "memory"


@pytest.fixture
def module():
    made = types.ModuleType("made")
    exec("written = []\ndef write_all(fd, data):\n    written.append(bytes(data))\n", vars(made))
    return made


def test_a_torn_write_writes_half(module):
    faults = DiskFaults(module)
    faults.plan("tear", name="write_all")
    with faults.active(), pytest.raises(OSError, match="write_all") as caught:
        module.write_all(1, b"12345678")
    assert caught.value.errno == errno.EIO
    assert module.written == [b"1234"]


def test_the_functions_are_put_back(module):
    before = module.write_all
    with DiskFaults(module).active():
        assert module.write_all is not before
    assert module.write_all is before


def test_a_killed_process_is_gone_at_once(module):
    child = os.fork()
    if child == 0:
        faults = DiskFaults(module)
        faults.plan("kill")
        with faults.active():
            module.write_all(1, b"x")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == 9
