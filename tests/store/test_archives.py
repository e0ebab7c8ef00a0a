from __future__ import annotations

import pytest

import hansard


@pytest.fixture
def talk(store):
    talk = store.create(id="talk", entries=[hansard.user("one"), hansard.assistant("two"), hansard.user("three")])
    talk.compact(archive="before", keep=1)
    return talk


def test_a_compaction_without_a_summary_shows_its_archive(store, talk, said):
    store.documents.save("before", "one, then two", category="archives")
    assert said(talk.history()) == [("user", "one, then two"), ("user", "three")]
    assert talk.history()[0].synthetic
    assert (talk.info.archive, talk.info.summary) == ("before", None)
    assert [message.text for message in talk.messages()] == ["one, then two", "three"]


def test_the_sessions_own_document_comes_first(store, talk):
    store.documents.save("before", "the store's", category="archives")
    talk.documents.save("before", "the session's")
    assert talk.history()[0].text == "the session's"
    talk.documents.delete("before")
    assert talk.history()[0].text == "the store's"


def test_a_missing_archive_is_a_marked_placeholder(talk, said):
    first, second = talk.history()
    assert "'before'" in first.text
    assert (first.synthetic, first.metadata) == (True, {"archive": "before", "missing": True})
    assert second.text == "three"


@pytest.mark.parametrize("name", ["", "x" * 600, "a/b", ".."])
def test_any_name_of_an_archive_is_safe(store, name):
    session = store.create(entries=[hansard.user("one")])
    session.compact(archive=name)
    assert session.history()[0].metadata["missing"]


def test_the_last_boundary_wins(store, talk, said):
    store.documents.save("before", "old", category="archives")
    talk.append(hansard.assistant("four"))
    talk.compact("all of it")
    assert said(talk.history()) == [("user", "all of it")]
    talk.append(hansard.user("five"))
    talk.compact(archive="later")
    store.documents.save("later", {"a": 1}, category="archives")
    assert talk.history()[0].text == '{\n  "a": 1\n}\n'


def test_a_summary_beside_an_archive_is_shown_as_it_is(store, talk):
    store.documents.save("x", "the archive", category="archives")
    talk.compact("the summary", archive="x")
    assert talk.history()[0].text == "the summary"


def test_what_was_compacted_is_still_found(store, talk):
    assert [hit.seq for hit in store.search("one")] == [2]
