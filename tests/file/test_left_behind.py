"""Crash points and races beside the append path: what is refused leaves nothing, what is acknowledged keeps its name."""

from __future__ import annotations

import os
import threading

import apsw
import pytest

import hansard
from hansard.backends.file import disk, forking, locks, rewriting
from hansard.errors import HansardError


@pytest.fixture
def store(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        yield store


def refused(store):
    with pytest.raises(hansard.Invalid):
        store.create(id="twice", entries=[hansard.user("x", id="y"), hansard.user("x", id="y")])
    with pytest.raises(hansard.Invalid):
        store.get("root").spawn(id="child", metadata={"m": "x" * 70_000})
    with pytest.raises(hansard.Invalid):
        store.create(id="large", agent="a", user="u", labels={"m": "x" * 70_000})


def test_a_creation_that_is_refused_leaves_nothing_behind(store, tmp_path):
    store.create(id="root")
    refused(store)
    assert store.check() == []
    assert [path.name for path in (tmp_path / "store/sessions").iterdir() if path.is_dir()] == ["root"]
    for one in ("twice", "large"):
        assert store.create(id=one, agent="a", user="u").append(hansard.user("goes on")) == 2
    assert store.get("root").spawn(id="child").append(hansard.user("goes on")) == 2


def test_a_creation_that_finds_no_room_leaves_nothing_behind(store, tmp_path, monkeypatch):
    write_all = disk.write_all

    def full(fd, data):
        if b'"kind":"created"' in bytes(data):
            raise OSError(28, "No space left on device")
        write_all(fd, data)

    monkeypatch.setattr(disk, "write_all", full)
    with pytest.raises(hansard.Unavailable):
        store.create(id="s")
    monkeypatch.undo()
    assert store.check() == []
    assert store.create(id="s").append(hansard.user("goes on")) == 2


class Killed(BaseException):
    """As if the process had been killed there."""


@pytest.fixture
def given(store, tmp_path):
    """Another store with a session that has an attachment, and a fork that has a copy of what it inherits and shows one."""
    with hansard.open(tmp_path / "given") as other:
        for name in ("origin", "s"):
            session = other.create(id=name, entries=[hansard.user("first")])
            session.attach(b"a picture", mime="image/png")
        other.fork("origin", id="f").append(hansard.user("in the fork"))
        other.delete("origin")
        yield other


ARRIVALS = {
    "a copy": ("s", lambda store, given: given.copy("s", store)),
    "a copy of a fork": ("f", lambda store, given: given.copy("f", store)),
    "a fork of a copy": ("g", lambda store, given: store.fork("f", id="g", at=2)),
}


@pytest.mark.parametrize("what", ARRIVALS)
@pytest.mark.parametrize("died", [True, False])
def test_what_was_put_there_before_a_first_commit_that_never_came_is_in_nobodys_way(
    store, given, tmp_path, monkeypatch, what, died
):
    name, call = ARRIVALS[what]
    if what == "a fork of a copy":
        given.copy("f", store)

    def ends(*_given):
        raise Killed if died else OSError(28, "No space left on device")

    monkeypatch.setattr(rewriting, "replace", ends)
    with pytest.raises(Killed if died else hansard.Unavailable):
        call(store, given)
    monkeypatch.undo()
    folder = tmp_path / f"store/sessions/{name}"
    assert folder.exists() == died
    with hansard.open(tmp_path / "store") as again:
        assert [one for one in again.check() if one.severity == "damage"] == []
        assert not again.exists(name)
        with pytest.raises(hansard.NotFound):
            again.get(name)
        call(again, given)
        assert [one for one in again.check() if one.severity == "damage"] == []
        assert again.get(name).append(hansard.user("goes on")) == again.info(name).seq


def test_where_a_copy_died_another_session_can_be_made(store, given, tmp_path, monkeypatch):
    def ends(*_given):
        raise Killed

    monkeypatch.setattr(rewriting, "replace", ends)
    with pytest.raises(Killed):
        given.copy("s", store)
    monkeypatch.undo()
    assert store.create(id="s", entries=[hansard.user("another")]).seq == 2
    assert sorted(path.name for path in (tmp_path / "store/sessions/s").iterdir()) == ["log.jsonl"]
    assert store.check() == []
    assert not (tmp_path / "store/quarantine").exists()


def files_with(root, text):
    files = [path for path in root.rglob("*") if path.is_file()]
    return [path.name for path in files if text in path.read_bytes()]


def test_a_title_that_was_erased_is_in_no_file_of_an_open_store(store, tmp_path):
    session = store.create(id="s", entries=[hansard.user("the-secret-word"), hansard.user("more")])
    assert store.find(id="s").items[0].title == "the-secret-word"
    assert session.erase(2).unreached == ()
    assert files_with(tmp_path / "store", b"the-secret-word") == []
    assert store.find(id="s").items[0].title == "more"


def test_an_erasure_says_so_while_a_reader_keeps_the_index_as_it_was(store, tmp_path):
    session = store.create(id="s", entries=[hansard.user("the-secret-word"), hansard.user("more")])
    store.find()
    reader = apsw.Connection(str(tmp_path / "store/index.db"))
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM sessions").get == 1
    (late,) = session.erase(2).unreached
    assert "index.db" in late
    reader.execute("ROLLBACK")
    reader.close()
    assert session.erase(2).unreached == ()
    assert files_with(tmp_path / "store", b"the-secret-word") == []


@pytest.mark.parametrize("where", ["rewrite_file", "rewrite"])
def test_an_erasure_that_died_between_the_copy_and_the_log_is_made_good_when_it_is_repeated(
    store, tmp_path, monkeypatch, where
):
    store.create(id="o", entries=[hansard.user("the-secret-word"), hansard.user("more")])
    store.fork("o", id="f").append(hansard.user("in the fork"))
    # Now the index has it, too: the title is what was said first.
    assert store.find(id="o").items[0].title == "the-secret-word"
    store.delete("o")

    def dies(*_given):
        raise Killed

    monkeypatch.setattr(rewriting, where, dies)
    with pytest.raises(Killed):
        store.get("f").erase(2)
    monkeypatch.undo()
    with hansard.open(tmp_path / "store") as again:
        again.get("f").erase(2)
        assert [entry.erased for entry in again.get("f").entries()][:3] == [False, True, False]
        assert [one for one in again.check() if one.severity == "damage"] == []
    assert files_with(tmp_path / "store", b"the-secret-word") == []


def test_a_log_that_takes_the_place_of_another_is_locked_from_its_first_moment_on(store, tmp_path, monkeypatch):
    session = store.create(id="s", entries=[hansard.user("to be erased")])
    sync_folder, taken = disk.sync_folder, []

    def looking(path):
        fd = os.open(tmp_path / "store/sessions/s/log.jsonl", os.O_RDWR)
        taken.append((os.fstat(fd).st_ino, locks.try_acquire(fd)))
        os.close(fd)
        sync_folder(path)

    monkeypatch.setattr(disk, "sync_folder", looking)
    session.erase(2)
    monkeypatch.undo()
    assert taken[-1] == ((tmp_path / "store/sessions/s/log.jsonl").stat().st_ino, False)
    assert not any(was_free for _, was_free in taken)


@pytest.mark.parametrize("of", ["child", "root"])
def test_a_fork_that_is_made_while_its_origin_is_being_deleted_keeps_what_it_shows(store, of, monkeypatch):
    root = store.create(id="root", entries=[hansard.user("in the root")])
    root.spawn(id="child").append(hansard.user("in the child"))
    rescue, forks = forking.rescue, []

    def fork():
        try:
            forks.append(store.fork("child", id="fork"))
        except HansardError as error:
            forks.append(error)

    def rescued(core, log):
        found = rescue(core, log)
        if log.session == "child" and not forks:
            # Another thread comes just after the forks of the child were looked for.
            thread = threading.Thread(target=fork)
            thread.start()
            thread.join(0.3)
            threads.append(thread)
        return found

    threads = []
    monkeypatch.setattr(forking, "rescue", rescued)
    assert store.delete(of, force=True)
    for thread in threads:
        thread.join()
    (outcome,) = forks
    if isinstance(outcome, hansard.NotFound):
        assert not store.exists("fork")
    else:
        assert [message.text for message in outcome.history()] == ["in the child"]
    assert store.check() == []


def test_the_forks_of_every_child_keep_what_they_show_when_the_root_goes(store):
    root = store.create(id="root")
    for number in range(5):
        root.spawn(id=f"c{number}").append(hansard.user(f"in {number}"))
        store.fork(f"c{number}", id=f"f{number}")
    assert store.delete("root", force=True)
    assert sorted(info.id for info in store.sessions(all_kinds=True)) == [f"f{number}" for number in range(5)]
    assert [store.get(f"f{number}").history()[0].text for number in range(5)] == [f"in {n}" for n in range(5)]
    assert store.check() == []


def test_forks_of_what_stays_are_left_as_they_are(store, tmp_path):
    root = store.create(id="root", entries=[hansard.user("stays")])
    root.spawn(id="child")
    store.fork("root", id="fork")
    assert store.delete("child", force=True)
    assert not (tmp_path / "store/sessions/fork/prefix.jsonl").exists()


def test_a_fork_of_what_a_fork_inherits_is_made_also_when_the_holder_goes_at_that_moment(store, monkeypatch):
    store.create(id="first", entries=[hansard.user("one"), hansard.user("two")])
    store.fork("first", id="second")
    holder_of, gone = forking._holder, []

    def holder(core, origin, at):
        found = holder_of(core, origin, at)
        if found == "first" and not gone:
            gone.append(store.delete("first"))
        return found

    monkeypatch.setattr(forking, "_holder", holder)
    third = store.fork("second", id="third", at=2)
    assert [message.text for message in third.history()] == ["one"]
    assert gone == [True]


def test_a_session_whose_new_file_has_no_certain_name_takes_no_more_appends(store, monkeypatch, tmp_path):
    session = store.create(id="s", entries=[hansard.user("secret"), hansard.user("kept")])
    sync_folder = disk.sync_folder

    def failing(path):
        if str(path).endswith("sessions/s"):
            raise OSError(5, "Input/output error")
        sync_folder(path)

    monkeypatch.setattr(disk, "sync_folder", failing)
    with pytest.raises(hansard.Unavailable):
        session.erase(2)
    with pytest.raises(hansard.Unavailable):
        session.append(hansard.user("would be lost with the name of its file"))
    monkeypatch.undo()


def test_a_folder_that_others_made_is_made_durable_before_anything_is_put_into_it(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    synced = []
    monkeypatch.setattr(disk, "sync_folder", synced.append)
    assert not disk.make_folder(tmp_path / "here")
    assert synced == [tmp_path]
    (tmp_path / "here" / "file").write_bytes(b"")
    assert not disk.make_folder(tmp_path / "here")
    assert synced == [tmp_path]


def test_the_name_of_a_new_store_is_durable_before_anything_is_kept_in_it(tmp_path, monkeypatch):
    root = tmp_path / "store"
    root.mkdir()
    synced, sync_folder = [], disk.sync_folder

    def sync(path):
        synced.append(os.fspath(path))
        sync_folder(path)

    monkeypatch.setattr(disk, "sync_folder", sync)
    with hansard.open(root):
        assert str(tmp_path) in synced
        assert str(root) in synced


def test_an_erasure_says_which_damaged_fork_it_could_not_reach(store, tmp_path):
    session = store.create(id="s", entries=[hansard.user("secret")])
    fork = store.fork("s", id="f")
    fork.append([hansard.user("a"), hansard.user("b")])
    fork.append(hansard.user("c"))
    log = tmp_path / "store/sessions/f/log.jsonl"
    data = log.read_bytes()
    log.write_bytes(data.replace(b'"text":"a"', b'"text":"z"'))
    erasure = session.erase(2)
    assert erasure.seqs == (2,)
    assert any("'f'" in one for one in erasure.unreached)


def test_an_attachment_that_is_there_already_is_said_so_only_once_its_name_is_certain(store, monkeypatch, tmp_path):
    session = store.create(id="s")
    session.attach(b"picture", mime="image/png")
    synced, sync_folder = [], disk.sync_folder

    def sync(path):
        synced.append(os.fspath(path))
        sync_folder(path)

    monkeypatch.setattr(disk, "sync_folder", sync)
    session.attach(b"picture", mime="image/png")
    assert str(tmp_path / "store/sessions/s/attachments") in synced
