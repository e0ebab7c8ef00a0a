"""Sessions that can't be read when the index is made: they are listed, hide no others, and nobody copies without them."""

from __future__ import annotations

import errno
import os

import pytest

import hansard
from hansard import Unavailable
from hansard.backends.file import sources
from support.closed import close_to_all, listed


@pytest.fixture
def root(tmp_path):
    """A store without its indexes."""
    root = tmp_path / "store"
    with hansard.open(root) as store:
        store.create(id="shut", entries=[hansard.user("behind a door")]).spawn(id="child")
        store.create(id="open", entries=[hansard.user("there for all")])
    for name in ("index.db", "search.db"):
        (root / name).unlink(missing_ok=True)
    return root


def test_a_log_that_can_not_be_read_is_listed_as_damaged_until_a_check_finds_it_whole(root, tmp_path, monkeypatch):
    close_to_all(monkeypatch, root / "sessions/shut/log.jsonl")
    with hansard.open(root) as store:
        assert listed(store) == {"shut": True, "open": False, "child": False}
        with pytest.raises(Unavailable, match="Permission denied"):
            store.get("shut").history()
        made = store.backup(tmp_path / "backup")
        assert {one.session for one in made.failed} == {"shut", "child"}
        assert "open" in made.sessions
        assert {finding.session for finding in store.check() if finding.severity == "damage"} >= {"shut"}
    with hansard.open(root) as store:
        store.reindex()
        assert listed(store)["shut"]
    monkeypatch.undo()
    with hansard.open(root) as store:
        assert store.check() == []
        assert listed(store) == {"shut": False, "open": False, "child": False}
        assert store.info("shut").title == "behind a door"


def test_a_folder_that_can_not_be_looked_into_hides_no_others_and_the_listing_is_not_complete(root, monkeypatch):
    close_to_all(monkeypatch, root / "sessions/shut")
    with hansard.open(root) as store:
        assert listed(store, at_least=2) == {"shut": True, "open": False}
        assert not store.find().complete
        assert any("Permission denied" in one for one in store.health().details["problems"])
        with pytest.raises(Unavailable):
            store.usage()
    monkeypatch.undo()
    with hansard.open(root) as store:
        assert listed(store) == {"shut": False, "open": False, "child": False}


def test_a_process_that_can_open_no_file_takes_nothing_for_a_log_without_a_beginning(root, monkeypatch):
    def none_left(*_args):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", none_left)
    with pytest.raises(OSError, match="Too many open files"):
        sources.first_entry(root / "sessions/open/log.jsonl")
