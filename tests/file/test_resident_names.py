"""The name of a resident with an id of its own, as one from another store may have, is its as long as its log is there."""

from __future__ import annotations

import errno
import os

import pytest

import hansard
from hansard import Corrupt, Unavailable
from support.closed import close_to_all

IDS = {"an id that is told by its name": "other", "an id too long for that": "o" * 200}


@pytest.fixture(params=IDS)
def ident(request):
    return IDS[request.param]


@pytest.fixture
def root(tmp_path, ident):
    """A store with the resident `notes` of a session, which came from elsewhere under another id."""
    with hansard.open(tmp_path / "elsewhere") as elsewhere, hansard.open(tmp_path / "store") as store:
        origin = elsewhere.create(id="root")
        resident = origin.spawn(name="notes")
        resident.append(hansard.user("kept"))
        store.create(id="root")
        elsewhere.copy(resident, store, as_=ident)
        assert store.get("root").spawn(name="notes").id == ident
    return tmp_path / "store"


def log_of(root):
    (log,) = root.glob("sessions/root/children/*/log.jsonl")
    return log


DAMAGE = {
    "its first line changed": lambda log: log.write_bytes(log.read_bytes().replace(b'{"seq":1', b'{"sex":1', 1)),
    "its first line cut": lambda log: log.write_bytes(log.read_bytes()[:40]),
    "a folder in its place": lambda log: (log.unlink(), log.mkdir()),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_resident_keeps_its_name(root, ident, how):
    log = log_of(root)
    data = log.read_bytes()
    DAMAGE[how](log)
    with hansard.open(root) as store, pytest.raises(Corrupt) as caught:
        store.get("root").spawn(name="notes")
    assert caught.value.path == str(log)
    if log.is_dir():
        log.rmdir()
    log.write_bytes(data)
    with hansard.open(root) as store:
        assert store.get("root").spawn(name="notes").id == ident


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_a_resident_that_can_not_be_read_keeps_its_name(root, ident, number, monkeypatch):
    close_to_all(monkeypatch, log_of(root), number=number)
    with hansard.open(root) as store, pytest.raises(Unavailable, match=os.strerror(number)):
        store.get("root").spawn(name="notes")
    monkeypatch.undo()
    with hansard.open(root) as store:
        assert store.get("root").spawn(name="notes").id == ident


def test_a_resident_that_is_not_found_under_its_id_keeps_its_name(root, ident):
    (pointer,) = (path for path in (root / "sessions").glob("o*") if path.is_file())
    pointer.unlink()
    with hansard.open(root) as store:
        with pytest.raises(Corrupt, match="check --repair"):
            store.get("root").spawn(name="notes")
        store.check(repair=True)
        assert store.get("root").spawn(name="notes").id == ident


@pytest.mark.parametrize("left", ["nothing", "a folder", "an empty log"])
def test_the_name_of_a_resident_that_is_gone_or_never_came_to_be_is_free(root, ident, left):
    folder = log_of(root).parent
    with hansard.open(root) as store:
        assert store.delete(ident)
    if left != "nothing":
        folder.mkdir()
    if left == "an empty log":
        (folder / "log.jsonl").touch()
    with hansard.open(root) as store:
        made = store.get("root").spawn(name="notes")
        assert made.id not in (ident, "root")
        assert made.history() == []
