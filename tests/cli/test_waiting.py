"""A command that waits for an index waits no longer than that helps."""

from __future__ import annotations

import msgspec
import pytest

import hansard
from hansard.cli import context
from hansard.cli.commands import searching


def incomplete(page):
    """The page as of an index that is not up to date."""
    return hansard.Page(page.items, page.cursor, complete=False)


@pytest.fixture
def stuck(monkeypatch):
    """An index that never becomes complete; how often it was asked."""
    asked = []
    find = hansard.Store.find

    def never(self, **filters):
        asked.append(filters)
        return incomplete(find(self, **filters))

    monkeypatch.setattr(hansard.Store, "find", never)
    monkeypatch.setattr(context, "TROUBLE_S", 0.0)
    return asked


def troubled(monkeypatch, answer):
    """Let the store's health be this, told or raised."""

    def health(self):
        if isinstance(answer, Exception):
            raise answer
        return hansard.Health("file", ok=True, details={"problems": answer})

    monkeypatch.setattr(hansard.Store, "health", health)


@pytest.mark.parametrize("answer", [("log of one: can't be read",), hansard.Unavailable("log of one: can't be read")])
def test_a_listing_goes_on_without_an_index_that_can_not_be_completed(run, session, stuck, monkeypatch, answer):
    troubled(monkeypatch, answer)
    told = run("ls", "-o", "id")
    assert told.stdout.split() == [session.id]
    assert "sessions may be missing here: log of one: can't be read" in told.stderr


def test_a_listing_waits_for_an_index_that_meets_no_trouble(run, session, stuck, monkeypatch):
    troubled(monkeypatch, ())
    find = hansard.Store.find

    def complete_at_last(self, **filters):
        page = find(self, **filters)
        return msgspec.structs.replace(page, complete=len(stuck) > 9)

    monkeypatch.setattr(hansard.Store, "find", complete_at_last)
    assert "may be missing" not in run("ls", "-o", "id").stderr
    assert len(stuck) > 9


def test_a_search_is_not_repeated_for_ever_where_text_can_not_be_read(run, session, monkeypatch):
    asked = []
    search = hansard.Store.search

    def never(self, *args, **options):
        asked.append(args)
        return incomplete(search(self, *args, **options))

    monkeypatch.setattr(hansard.Store, "search", never)
    monkeypatch.setattr(searching, "IDLE_S", 1e9)
    monkeypatch.setattr(searching, "PAUSE_S", 0.0)
    told = run("search", "tide")
    assert "tide table" in told.stdout
    assert "can't be read" in told.stderr
    assert len(asked) == searching.IDLE_MAX + 1


def test_a_search_that_indexes_is_asked_again_until_all_is_indexed(run, session, monkeypatch):
    asked = []
    search = hansard.Store.search

    def at_last(self, *args, **options):
        asked.append(args)
        page = search(self, *args, **options)
        return page if len(asked) > 2 * searching.IDLE_MAX else incomplete(page)

    monkeypatch.setattr(hansard.Store, "search", at_last)
    monkeypatch.setattr(searching, "IDLE_S", 0.0)
    assert "can't be read" not in run("search", "tide").stderr
