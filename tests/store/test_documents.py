from __future__ import annotations

import threading

import pytest

import hansard
from hansard import Conflict, DocumentKey, DocumentWrite, Invalid, NotFound


@pytest.fixture(params=["store", "session"])
def documents(request, store, session):
    return store.documents if request.param == "store" else session.documents


def test_text_and_json_come_back_as_they_were(documents):
    for content in ("# Plan\n", "", "é\u2028", {"a": [1, 2.5, None, 10**30]}, [], 7, True, None, {"b": "\ud800"}):
        document = documents.save("x", content)
        assert documents.load("x", kind=document.key.kind) == content
    assert {one.key.kind for one in documents.list()} == {"md", "json"}


def test_json_is_laid_out_for_people(documents):
    documents.save("x", {"b": 1, "a": [2]})
    assert documents.read("x") == b'{\n  "b": 1,\n  "a": [\n    2\n  ]\n}\n'


def test_bytes_are_taken_as_they_are(documents):
    documents.save("x", b"\xff\x00")
    documents.save("y", b"[1, 2]", kind="json")
    assert (documents.read("x"), documents.read("y"), documents.load("y")) == (b"\xff\x00", b"[1, 2]", [1, 2])
    with pytest.raises(Invalid, match="UTF-8"):
        documents.load("x")
    with pytest.raises(Invalid, match="JSON"):
        documents.save("z", b"{", kind="json")


def test_the_kind_must_be_said_only_where_both_are_there(documents):
    documents.save("x", "text")
    documents.save("x", {})
    for call in (documents.load, documents.delete, documents.versions, documents.get):
        with pytest.raises(Invalid, match="kind"):
            call("x")
    assert documents.delete("x", kind="md")
    assert not documents.delete("x", kind="md")
    assert documents.load("x") == {}


def test_versions_are_kept_and_compared(documents):
    documents.save("x", "one", expect=0)
    assert documents.save("x", "one").version == 1
    assert documents.save("x", "two", expect=1).version == 2
    with pytest.raises(Conflict) as caught:
        documents.save("x", "three", expect=1)
    assert caught.value.seq == 2
    assert [documents.load("x", version=number) for number in (1, 2)] == ["one", "two"]
    with pytest.raises(NotFound, match="version 3"):
        documents.load("x", version=3)
    assert [one.version for one in documents.versions("x")] == [1, 2]


def test_a_deleted_document_is_not_found_and_its_versions_stay_until_they_are_to_go(documents):
    documents.save("x", "one")
    assert documents.delete("x", expect=1)
    with pytest.raises(NotFound):
        documents.load("x")
    assert documents.get("x") is None
    assert documents.list() == ()
    assert documents.load("x", version=1) == "one"
    assert documents.save("x", "again", expect=0).version == 3
    assert documents.delete("x", history=True)
    with pytest.raises(NotFound):
        documents.load("x", version=1)
    assert documents.save("x", "new").version == 5


def test_categories_nest_and_a_missing_one_is_empty(documents):
    for category in ("", "a", "a/b", "ab"):
        documents.save("x", "text", category=category)
    assert [one.key.category for one in documents.list()] == ["", "a", "a/b", "ab"]
    assert [one.key.category for one in documents.list("a")] == ["a", "a/b"]
    assert documents.list("nothing") == ()
    for wrong in ("a//b", "/", "a/"):
        with pytest.raises(Invalid):
            documents.list(wrong)
        with pytest.raises(Invalid):
            documents.save("x", "text", category=wrong)


@pytest.mark.parametrize("content", [float("nan"), {1: 2}, {"a": {1, 2}}])
def test_what_is_no_json_is_refused(documents, content):
    with pytest.raises(Invalid):
        documents.save("x", content)


def test_what_is_no_text_is_refused_as_markdown(documents):
    for content in (5, "\ud800"):
        with pytest.raises(Invalid):
            documents.save("x", content, kind="md")


def test_modify_is_exact_among_threads(documents):
    documents.save("n", 0)

    def count():
        for _ in range(10):
            documents.modify("n", lambda value: value + 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert documents.load("n") == 40


def test_modify_begins_with_none_and_a_function_that_raises_writes_nothing(documents):
    assert documents.modify("x", lambda there: f"{there}").version == 1
    assert documents.load("x") == "None"
    with pytest.raises(ZeroDivisionError):
        documents.modify("x", lambda _: 1 / 0)
    assert documents.load("x") == "None"


def test_documents_of_a_session_are_written_in_the_commit_of_an_append(session):
    seq = session.append(hansard.user("plan it"), state={"step": 1}, documents={"plan": "# Plan", "data": {"a": 1}})
    assert (session.documents.load("plan"), session.documents.load("data"), seq) == ("# Plan", {"a": 1}, session.seq)
    assert [entry.kind for entry in session.entries()] == ["created", "message", "document", "document", "update"]
    session.append(hansard.user("again"), documents={"plan": "# Plan"})
    assert session.documents.get("plan").version == 1
    with pytest.raises(Conflict):
        session.append(hansard.user("late"), expect=1, documents={"plan": "# Other"})
    assert session.documents.load("plan") == "# Plan"
    assert session.documents.list() == session.info.documents


def test_an_append_can_expect_versions_of_its_documents(session):
    key = DocumentKey("plans", "x")
    session.append(documents=[DocumentWrite(key, b"one", expect=0)])
    with pytest.raises(Conflict) as caught:
        session.append(hansard.user("late"), documents=[DocumentWrite(key, b"two", expect=0)])
    assert (caught.value.seq, session.seq) == (1, 2)
    session.append(hansard.user("now"), documents={key: "two"})
    assert session.documents.load("x", category="plans") == "two"


@pytest.mark.parametrize("given", ["text", {5: "x"}, [5], [DocumentWrite(DocumentKey("", "x"), b"")] * 2])
def test_documents_that_are_none_are_refused(session, given):
    with pytest.raises(Invalid):
        session.append(hansard.user("a"), documents=given)
    assert session.seq == 1


def test_a_keyed_append_with_documents_can_be_repeated(session):
    def append():
        return session.commit(hansard.user("a"), key="k", documents={"plan": "one", "b": {"x": 1}}, state={"n": 1})

    first = append()
    session.documents.save("plan", "two")
    again = append()
    assert (first.added, again.added, again.seqs[:3]) == (4, 0, first.seqs[:3])
    assert session.documents.load("plan") == "two"
    with pytest.raises(Conflict):
        session.append(hansard.user("b"), key="k", documents={"plan": "one"})


def test_writers_of_one_document_beside_each_other_lose_no_version(session):
    def write(word):
        for number in range(8):
            session.append(hansard.user(f"{word}{number}"), documents={"plan": f"{word}{number}"})

    threads = [threading.Thread(target=write, args=(word,)) for word in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.version for one in session.documents.versions("plan")] == [*range(1, 25)]


def test_nobody_writes_a_document_entry_by_hand(session):
    with pytest.raises(Invalid, match="documents"):
        session.append(hansard.NewEntry(kind="document", body={"name": "x"}))


def test_a_fork_has_the_documents_of_its_origin(session):
    session.append(documents={"plan": "one"})
    fork = session.fork()
    fork.documents.save("plan", "two")
    assert (session.documents.load("plan"), fork.documents.load("plan")) == ("one", "two")
    session.delete()
    assert fork.documents.load("plan", version=1) == "one"


def test_a_copy_takes_documents_along(store, session):
    session.append(documents={"plan": "one"})
    with hansard.open("memory:") as other:
        store.copy(session, other)
        assert other.get("s").documents.load("plan") == "one"
