"""A session whose folder another process takes away in the middle of a call was deleted: nothing is wrong with the disk."""

from __future__ import annotations

import pytest

import hansard
from hansard.backends.file import disk
from hansard.errors import NotFound


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
    with pytest.raises(NotFound, match="'s'"):
        session.attach(data, mime="text/plain")
