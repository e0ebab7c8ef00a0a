"""What callers are promised of appends that carry documents of the store, through both doors."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from typing import Any

import pytest

from ...errors import AlreadyExists, Conflict, Invalid, LeaseLost, NotFound, Unsupported
from ...model.documents import DocumentKey, DocumentWrite
from ...model.entry import user
from ...store import Store
from ..driver import requires, together, without

SHARED = DocumentKey("shared", "count", "json")


def counted(store: Store) -> list[str]:
    """The numbers that are in the shared document, and the version, as it is now."""
    return store.documents.load("count", category="shared")


@requires("atomic_documents")
class Combining:
    """A session and documents of the store change in one commit."""

    def test_an_append_writes_documents_of_the_store_too(self, store: Store) -> None:
        session = store.create()
        seq = session.append(user("a"), store_documents={"plan": "# Plan", SHARED: [1]}, documents={"plan": "own"})
        assert (seq, store.documents.load("plan"), counted(store)) == (3, "# Plan", [1])
        assert session.documents.load("plan") == "own"
        assert session.append(store_documents={"plan": "# Other"}) == 3
        assert [one.version for one in store.documents.versions("plan")] == [1, 2]

    def test_a_refused_append_writes_no_document_of_the_store(self, store: Store) -> None:
        session = store.create()
        with pytest.raises(Conflict):
            session.append(user("late"), expect=7, store_documents={"plan": "x"})
        with pytest.raises(LeaseLost):
            session.append(user("late"), lease=7, store_documents={"plan": "x"})
        session.delete()
        with pytest.raises(NotFound):
            session.append(user("late"), store_documents={"plan": "x"})
        assert store.documents.list() == ()

    def test_a_refused_document_of_the_store_refuses_the_append_and_the_others(self, store: Store) -> None:
        session = store.create()
        store.documents.save("plan", "one")
        writes = [DocumentWrite(DocumentKey("", "a"), b"x"), DocumentWrite(DocumentKey("", "plan"), b"two", expect=0)]
        with pytest.raises(Conflict) as caught:
            session.append(user("late"), state={"n": 1}, store_documents=writes)
        assert (caught.value.seq, store.info(session.id).seq, store.info(session.id).state) == (1, 1, {})
        assert [one.key.name for one in store.documents.list()] == ["plan"]
        assert store.documents.load("plan") == "one"

    def test_a_repeated_append_writes_documents_of_the_store_once(self, store: Store) -> None:
        session = store.create()
        for _ in range(2):
            assert session.append(user("a"), key="k", store_documents={"plan": "one"}) == 2
            if len(store.documents.versions("plan")) == 1:
                store.documents.save("plan", "of somebody else")
        assert store.documents.load("plan") == "of somebody else"

    def test_a_session_begins_with_documents_of_the_store_or_not_at_all(self, store: Store) -> None:
        store.create(id="s", state={"n": 1}, store_documents={"plan": "one"})
        assert store.documents.load("plan") == "one"
        with pytest.raises(AlreadyExists):
            store.create(id="s", store_documents={"plan": "two"})
        with pytest.raises(Conflict):
            store.create(id="t", store_documents=[DocumentWrite(DocumentKey("", "plan"), b"two", expect=7)])
        assert (store.exists("t"), store.documents.load("plan")) == (False, "one")

    def test_writers_of_one_document_of_the_store_from_many_sessions_lose_nothing(self, store: Store) -> None:
        def write(word: str) -> None:
            session = store.create()
            for number in range(4):
                while True:
                    there = store.documents.get("count", category="shared")
                    before = (
                        [] if there is None else store.documents.load("count", category="shared", version=there.version)
                    )
                    try:
                        session.append(
                            user(f"{word}{number}"),
                            store_documents=[
                                write_of([*before, f"{word}{number}"], 0 if there is None else there.version)
                            ],
                        )
                    except Conflict:
                        continue
                    break

        assert together(*(lambda word=word: write(word) for word in "abc")) == [None] * 3
        found = counted(store)
        assert sorted(found) == sorted(f"{word}{number}" for word in "abc" for number in range(4))
        for word in "abc":
            assert [one for one in found if one[0] == word] == [f"{word}{number}" for number in range(4)]

    @pytest.mark.parametrize("given", ["text", {5: "x"}, [5], [DocumentWrite(DocumentKey("", "x"), b"")] * 2])
    def test_store_documents_that_are_none_are_refused(self, store: Store, given: Any) -> None:
        session = store.create()
        with pytest.raises(Invalid):
            session.append(user("a"), store_documents=given)
        assert store.info(session.id).seq == 1


def write_of(numbers: list[str], version: int) -> DocumentWrite:
    """The shared document with this content, if it still has this version."""
    return DocumentWrite(SHARED, ("[" + ",".join(f'"{one}"' for one in numbers) + "]").encode(), expect=version)


@without("atomic_documents")
class NotCombining:
    """Without the capability it is refused, and nothing is written."""

    def test_an_append_with_documents_of_the_store_is_refused(self, store: Store) -> None:
        session = store.create()
        with pytest.raises(Unsupported, match="atomic_documents"):
            session.append(user("a"), store_documents={"plan": "x"})
        with pytest.raises(Unsupported, match="atomic_documents"):
            store.create(id="t", store_documents={"plan": "x"})
        assert (store.info(session.id).seq, store.exists("t")) == (1, False)
        assert session.append(user("b"), store_documents={}) == 2
