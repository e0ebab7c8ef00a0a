"""A session whose folder another process takes away in the middle of a call was deleted: nothing is wrong with the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

import hansard
from hansard.backends.file import attaching, disk, forking
from hansard.backends.file.checking_places import strangers
from hansard.errors import Corrupt, NotFound


@pytest.fixture
def session(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        session = store.create(id="s", entries=[hansard.user("hello")])
        session.attach(b"there before", mime="text/plain")
        yield session


@pytest.fixture
def taken_away_at(monkeypatch, tmp_path, session):
    """Have the folder of the session renamed away, as a reset does, when a function of the disk is called."""

    def prepare(name):
        real = getattr(disk, name)

        def call(*args, **kwargs):
            found = real(*args, **kwargs)
            folder = tmp_path / "store" / "sessions" / "s"
            if folder.exists():
                folder.rename(tmp_path / "away")
            return found

        monkeypatch.setattr(disk, name, call)

    return prepare


@pytest.mark.parametrize(
    ("data", "at"), [(b"there before", "sync_folder"), (b"new", "make_folder"), (b"new", "sync_folder")]
)
def test_an_attachment_handed_in_while_its_session_is_deleted_has_no_session(session, taken_away_at, data, at):
    taken_away_at(at)
    with pytest.raises(NotFound, match="deleted meanwhile"):
        session.attach(data, mime="text/plain")


@pytest.mark.parametrize("read", ["entries", "lines", "damaged"])
def test_a_log_that_is_removed_while_it_is_about_to_be_read_is_looked_for_once(session, tmp_path, read):
    backend = session._place.backend
    began = {
        "entries": lambda: backend.entries("s"),
        "lines": lambda: backend.lines("s"),
        "damaged": lambda: backend.entries("s", newest_first=True),
    }[read]()
    (tmp_path / "store" / "sessions" / "s" / "log.jsonl").unlink()
    with pytest.raises((NotFound, Corrupt)):
        list(began)


@pytest.mark.parametrize("newest_first", [False, True])
def test_entries_of_another_session_of_the_same_id_are_not_given_for_those_that_were_asked_for(
    session, tmp_path, newest_first
):
    log = tmp_path / "store" / "sessions" / "s" / "log.jsonl"
    began = session.entries(newest_first=newest_first)
    kept = tmp_path / "kept"
    kept.hardlink_to(log)
    session.delete()
    with hansard.open(tmp_path / "store") as other:
        other.create(id="s", entries=[hansard.user("somebody else's"), hansard.user("and more")])
        # The system gives the number of a file that is gone to the next one that is made.
        kept.write_bytes(log.read_bytes())
        kept.replace(log)
        with pytest.raises(NotFound):
            list(began)


def test_a_fork_is_read_on_when_its_origin_goes(session, tmp_path):
    fork = session.fork(id="f")
    fork.append(hansard.user("in the fork"))
    forwards, backwards = fork.entries(), fork.entries(newest_first=True)
    session.delete()
    kinds = [entry.kind for entry in forwards]
    assert kinds == ["created", "message", "attachment", "created", "message"]
    assert [entry.kind for entry in backwards] == kinds[::-1]


def test_a_fork_whose_origin_is_moved_away_by_hand_in_the_middle_is_refused(tmp_path, monkeypatch):
    mark = forking.mark

    def moved(core, log, session, at):
        unsynced = mark(core, log, session, at)
        (tmp_path / "store/sessions/a").rename(tmp_path / "moved")
        return unsynced

    monkeypatch.setattr(forking, "mark", moved)
    with hansard.open(tmp_path / "store") as store:
        store.create(id="a").append(hansard.user("one"))
        with pytest.raises(NotFound, match="'a': what it is forked from was moved away"):
            store.fork("a", id="b")
        assert not store.exists("b")
        assert store.create(id="b").id == "b"


def test_a_check_takes_a_session_that_is_deleted_meanwhile_for_nothing_strange(tmp_path, session):
    listed = Path.iterdir

    def gone_by_then(folder):
        found = list(listed(folder))
        if folder.name == "sessions" and (folder / "s").exists():
            (folder / "s").rename(tmp_path / "away")
        return iter(found)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "iterdir", gone_by_then)
        found = list(strangers(session._place.backend._core))
    assert (tmp_path / "away").exists()
    assert found == []


@pytest.mark.parametrize("how", ["deleted", "erased"])
def test_a_check_finds_nothing_missing_of_what_is_taken_away_meanwhile(how, session, tmp_path, monkeypatch):
    session.append(hansard.user([session.attach(b"a picture", mime="image/png").part]))
    read, waiting = attaching.files, [how]

    def files(folder):
        if waiting:
            waiting.pop()
            with hansard.open(tmp_path / "store") as other:
                other.delete("s") if how == "deleted" else other.get("s").erase([4, 5])
        return read(folder)

    monkeypatch.setattr(attaching, "files", files)
    with hansard.open(tmp_path / "store") as store:
        assert store.check() == []
    assert waiting == []
