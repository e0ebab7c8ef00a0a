"""A creation that waits while another process makes the session, and then goes on with it."""

from __future__ import annotations

import fcntl
import threading

import pytest

import hansard
from hansard import AlreadyExists


@pytest.fixture
def written(tmp_path):
    """The bytes of a session's first commit, as another process would write them."""
    with hansard.open(tmp_path / "elsewhere") as store:
        store.create(id="s", entries=hansard.user("hi"))
    return (tmp_path / "elsewhere" / "sessions" / "s" / "log.jsonl").read_bytes()


def test_a_session_that_was_made_while_its_creation_waited_is_written_to(tmp_path, written):
    with hansard.open(tmp_path / "store") as store:
        folder = tmp_path / "store" / "sessions" / "s"
        folder.mkdir(mode=0o700)
        log = folder / "log.jsonl"
        log.touch(mode=0o600)
        raised = []

        def create():
            try:
                store.create(id="s")
            except AlreadyExists as error:
                raised.append(error)

        with log.open("r+b", buffering=0) as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            waiting = threading.Thread(target=create)
            waiting.start()
            waiting.join(0.3)
            assert waiting.is_alive()
            other.write(written)
            fcntl.flock(other, fcntl.LOCK_UN)
            waiting.join()
        assert len(raised) == 1
        session = store.get("s")
        assert session.append(hansard.user("there")) == 3
        assert [message.text for message in session.messages()] == ["hi", "there"]
        assert [finding for finding in store.check() if finding.severity == "damage"] == []
