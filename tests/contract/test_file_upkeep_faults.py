"""Every single call to the disk under a document, a reset or a collection fails, tears or is the process's last."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil

import pytest

from hansard.backend import Request
from hansard.backends.file import FileBackend, disk
from hansard.codec.line import seal
from hansard.errors import HansardError
from hansard.model.documents import DocumentKey
from hansard.model.entry import user
from hansard.model.requests import Creation
from hansard.query import EVERYTHING
from hansard.testing import START_US, DiskFaults, ManualClock

pytestmark = pytest.mark.slow

OLD, NEW = DocumentKey("plans", "old"), DocumentKey("plans/deep", "new", "json")


def prepare(root):
    """A store with a session `s`, an attachment that nothing names, and a document of two versions."""
    clock = ManualClock()
    backend = FileBackend(root, clock=clock)
    backend.create(Creation(id="s"), Request(sealed=(seal(user("two"), now_us=0),)))
    backend.attach("s", b"nobody's", mime="text/plain")
    for data in (b"one", b"two"):
        backend.put_document(OLD, data)
    backend.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template") / "store"
    prepare(root)
    return root


def opened(root):
    return FileBackend(root, clock=ManualClock(START_US + 7_200_000_000))


def write_first(backend):
    backend.put_document(NEW, b"{}")


def write_again(backend):
    backend.put_document(OLD, b"three")


def delete(backend):
    backend.delete_document(OLD)


def delete_history(backend):
    backend.delete_document(OLD, history=True)


def take_in_an_edit(backend):
    backend.layout.documents.joinpath("plans", "old.md").write_bytes(b"edited")
    backend.document(OLD)


def reset(backend):
    backend.reset()


def collect(backend):
    backend.collect_garbage()


CALLS = [write_first, write_again, delete, delete_history, take_in_an_edit, reset, collect]
LATER = {write_again: b"three", take_in_an_edit: b"edited"}


def content(backend, key):
    found = backend.document(key)
    return None if found is None else found[1]


def verify(root, call, *, done):
    """The store is sound; what was acknowledged is there, and what was done is there wholly or not at all."""
    backend = opened(root)
    assert [finding for finding in backend.check() if finding.severity == "damage"] == []
    versions = backend.document_versions(OLD)
    assert [one.version for one in versions] == sorted({one.version for one in versions})
    now = content(backend, OLD)
    if call in (delete, delete_history, reset):
        assert now is None if done else now in (None, b"two")
    else:
        assert now == LATER.get(call, b"two") if done else now in (b"two", LATER.get(call))
    if call not in (delete_history, reset):
        assert [content_of(backend, number) for number in (1, 2)] == [b"one", b"two"]
    assert content(backend, NEW) in ((b"{}",) if done and call is write_first else (None, b"{}"))
    if call is not reset:
        assert backend.info("s").seq == 2
    # Again, by somebody who got no answer.
    call(backend)
    assert [finding for finding in backend.check() if finding.severity == "damage"] == []
    if call is reset:
        assert not backend.find(EVERYTHING, order="id", limit=9, cursor=None).items
        assert not (root / "store.resetting").exists()
    backend.collect_garbage()
    assert backend.collect_garbage() == ()
    backend.close()


def content_of(backend, version):
    return backend.document(OLD, version=version)[1]


@pytest.mark.parametrize("action", ["fail", "lose", "tear"])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_after_any_call_to_the_disk_went_wrong_the_store_is_sound(tmp_path, template, call, action):
    name = "write_all" if action == "tear" else ""
    for nth in itertools.count(1):
        root = tmp_path / str(nth)
        shutil.copytree(template, root)
        backend = opened(root)
        faults = DiskFaults(disk)
        faults.plan(action, name=name, nth=nth)
        done = False
        with faults.active(), contextlib.suppress(HansardError):
            call(backend)
            done = True
        backend.close()
        if (faults.calls.count(name) if name else len(faults.calls)) < nth:
            break
        verify(root, call, done=done)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_after_the_process_was_killed_at_any_call_the_store_is_sound(tmp_path, template, call):
    for nth in itertools.count(1):
        root = tmp_path / str(nth)
        shutil.copytree(template, root)
        child = os.fork()
        if child == 0:
            faults = DiskFaults(disk)
            faults.plan("kill", nth=nth)
            backend = opened(root)
            with faults.active():
                call(backend)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert status == 0
            break
        verify(root, call, done=False)
    assert nth > 1
