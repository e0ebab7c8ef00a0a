"""What callers are promised of documents, archives and tenants, through both doors."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import itertools
from typing import Any

import pytest

from ...errors import Conflict, Invalid, LeaseLost, NotFound
from ...model.documents import DocumentKey, DocumentWrite
from ...model.entry import Json, NewEntry, assistant, user
from ...store import Documents, Session, Store
from ..driver import Driver, requires, together

OF = pytest.mark.parametrize("of", ["store", "session"])


def documents_of(store: Store, of: str) -> Documents:
    """The documents of the store itself, or of a session in it."""
    if of == "store":
        return store.documents
    if "attachments" not in store.capabilities:
        pytest.skip(f"{store.backend_name} does not declare 'attachments', where the documents of a session lie")
    return store.create().documents


@requires("documents")
class Filing:
    """Documents are saved, loaded, listed, compared and taken away, those of a store as those of a session."""

    @OF
    def test_text_and_json_come_back_as_they_were(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
        contents: list[Json] = [
            "# Plan\n", "", "é\u2028", {"a": [1, 2.5, None, 10**30]}, [], 7, True, None, {"b": "\ud800"},
        ]  # fmt: skip
        for content in contents:
            document = documents.save("x", content)
            assert documents.load("x", kind=document.key.kind) == content
        assert {one.key.kind for one in documents.list()} == {"md", "json"}

    @OF
    def test_json_is_laid_out_for_people(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
        documents.save("x", {"b": 1, "a": [2]})
        assert documents.read("x") == b'{\n  "b": 1,\n  "a": [\n    2\n  ]\n}\n'

    @OF
    def test_bytes_are_taken_as_they_are(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
        documents.save("x", b"\xff\x00")
        documents.save("y", b"[1, 2]", kind="json")
        assert (documents.read("x"), documents.read("y"), documents.load("y")) == (b"\xff\x00", b"[1, 2]", [1, 2])
        with pytest.raises(Invalid, match="UTF-8"):
            documents.load("x")
        with pytest.raises(Invalid, match="JSON"):
            documents.save("z", b"{", kind="json")

    @OF
    def test_the_kind_must_be_said_only_where_both_are_there(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
        documents.save("x", "text")
        documents.save("x", {})
        for call in (documents.load, documents.delete, documents.versions, documents.get):
            with pytest.raises(Invalid, match="kind"):
                call("x")
        assert documents.delete("x", kind="md")
        assert not documents.delete("x", kind="md")
        assert documents.load("x") == {}

    @OF
    def test_versions_are_kept_and_compared(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
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

    @OF
    def test_versions_of_a_deleted_document_stay_until_they_are_to_go(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
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

    @OF
    def test_categories_nest_and_a_missing_one_is_empty(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
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

    @OF
    def test_what_is_no_content_is_refused(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
        wrong: list[Any] = [float("nan"), {1: 2}, {"a": {1, 2}}]
        for content in wrong:
            with pytest.raises(Invalid):
                documents.save("x", content)
        for content in (5, "\ud800"):
            with pytest.raises(Invalid):
                documents.save("x", content, kind="md")
        assert documents.list() == ()

    @OF
    def test_modify_is_exact(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
        documents.save("n", 0)

        def count() -> None:
            for _ in range(8):
                documents.modify("n", lambda value: value + 1)

        assert together(count, count, count) == [None] * 3
        assert documents.load("n") == 24

    @OF
    def test_modify_begins_with_none_and_what_raises_writes_nothing(self, store: Store, of: str) -> None:
        documents = documents_of(store, of)
        assert documents.modify("x", lambda there: f"{there}").version == 1
        assert documents.load("x") == "None"
        with pytest.raises(ZeroDivisionError):
            documents.modify("x", lambda _: 1 / 0)
        assert documents.load("x") == "None"


@requires("attachments")
class Appending:
    """Documents of a session are written in the commit of an append."""

    def test_an_append_writes_its_documents_too(self, store: Store) -> None:
        session = store.create()
        seq = session.append(user("plan it"), state={"step": 1}, documents={"plan": "# Plan", "data": {"a": 1}})
        assert (session.documents.load("plan"), session.documents.load("data")) == ("# Plan", {"a": 1})
        kinds = [entry.kind for entry in session.entries()]
        assert (kinds, seq) == (["created", "message", "document", "document", "update"], 5)
        session.append(user("again"), documents={"plan": "# Plan"})
        assert [one.version for one in session.documents.list()] == [1, 1]
        assert session.documents.list() == store.info(session.id).documents

    def test_a_refused_append_writes_no_document(self, store: Store) -> None:
        session = store.create()
        session.append(documents={"plan": "# Plan"})
        with pytest.raises(Conflict):
            session.append(user("late"), expect=1, documents={"plan": "# Other"})
        with pytest.raises(LeaseLost):
            session.append(user("late"), lease=7, documents={"plan": "# Other"})
        assert (session.documents.load("plan"), store.info(session.id).seq) == ("# Plan", 2)

    def test_an_append_can_expect_versions_of_its_documents(self, store: Store) -> None:
        session = store.create()
        key = DocumentKey("plans", "x")
        session.append(documents=[DocumentWrite(key, b"one", expect=0)])
        with pytest.raises(Conflict) as caught:
            session.append(user("late"), documents=[DocumentWrite(key, b"two", expect=0)])
        assert (caught.value.seq, store.info(session.id).seq) == (1, 2)
        session.append(user("now"), documents={key: "two"})
        assert session.documents.load("x", category="plans") == "two"

    @pytest.mark.parametrize("given", ["text", {5: "x"}, [5], [DocumentWrite(DocumentKey("", "x"), b"")] * 2])
    def test_documents_that_are_none_are_refused(self, store: Store, given: Any) -> None:
        session = store.create()
        with pytest.raises(Invalid):
            session.append(user("a"), documents=given)
        assert store.info(session.id).seq == 1

    def test_a_keyed_append_with_documents_can_be_repeated(self, store: Store) -> None:
        session = store.create()

        def append() -> Any:
            return session.commit(user("a"), key="k", documents={"plan": "one", "b": {"x": 1}}, state={"n": 1})

        first = append()
        session.documents.save("plan", "two")
        again = append()
        assert (first.added, again.added, again.seqs[:3]) == (4, 0, first.seqs[:3])
        assert session.documents.load("plan") == "two"
        with pytest.raises(Conflict):
            session.append(user("b"), key="k", documents={"plan": "one"})

    def test_writers_of_one_document_beside_each_other_lose_no_version(self, store: Store) -> None:
        session = store.create()

        def write(word: str) -> None:
            for number in range(6):
                session.append(user(f"{word}{number}"), documents={"plan": f"{word}{number}"})

        assert together(*(lambda word=word: write(word) for word in "abc")) == [None] * 3
        assert [one.version for one in session.documents.versions("plan")] == [*range(1, 19)]
        assert len(list(session.entries(kinds="message"))) == 18

    def test_nobody_writes_a_document_entry_by_hand(self, store: Store) -> None:
        session = store.create()
        with pytest.raises(Invalid, match="documents"):
            session.append(NewEntry(kind="document", body={"name": "x"}))

    def test_a_fork_has_the_documents_of_its_origin(self, store: Store, drive: Driver) -> None:
        drive.need("fork")
        session = store.create()
        session.append(documents={"plan": "one"})
        fork = session.fork()
        fork.documents.save("plan", "two")
        assert (session.documents.load("plan"), fork.documents.load("plan")) == ("one", "two")
        session.delete()
        assert fork.documents.load("plan", version=1) == "one"

    def test_an_erased_version_is_gone(self, store: Store, drive: Driver) -> None:
        drive.need("erase")
        session = store.create()
        seq = session.append(documents={"plan": "secret"})
        session.append(documents={"plan": "public"})
        session.erase(seq)
        with pytest.raises(NotFound):
            session.documents.load("plan", version=1)
        assert session.documents.load("plan") == "public"


@requires("documents")
class Archiving:
    """A compaction can name a document in place of a summary."""

    def talk(self, store: Store) -> Session:
        """A session that was compacted to an archive and one message."""
        talk = store.create(entries=[user("one"), assistant("two"), user("three")])
        talk.compact(archive="before", keep=1)
        return talk

    def test_a_compaction_without_a_summary_shows_its_archive(self, store: Store) -> None:
        talk = self.talk(store)
        store.documents.save("before", "one, then two", category="archives")
        first, second = talk.history()
        assert (first.text, first.synthetic, second.text) == ("one, then two", True, "three")
        assert (store.info(talk.id).archive, store.info(talk.id).summary) == ("before", None)
        assert [message.text for message in talk.messages()] == ["one, then two", "three"]

    def test_the_sessions_own_document_comes_first(self, store: Store, drive: Driver) -> None:
        drive.need("attachments")
        talk = self.talk(store)
        store.documents.save("before", "the store's", category="archives")
        talk.documents.save("before", "the session's")
        assert talk.history()[0].text == "the session's"
        talk.documents.delete("before")
        assert talk.history()[0].text == "the store's"

    @pytest.mark.parametrize("name", ["", "x" * 600, "a/b", "..", "before"])
    def test_a_missing_archive_is_a_marked_placeholder(self, store: Store, name: str) -> None:
        session = store.create(entries=[user("one")])
        session.compact(archive=name)
        (message,) = session.history()
        assert (message.synthetic, message.metadata) == (True, {"archive": name, "missing": True})
        assert repr(name) in message.text

    def test_the_last_boundary_wins(self, store: Store) -> None:
        talk = self.talk(store)
        store.documents.save("before", "old", category="archives")
        talk.append(assistant("four"))
        talk.compact("all of it")
        assert [message.text for message in talk.history()] == ["all of it"]
        talk.append(user("five"))
        talk.compact(archive="later")
        store.documents.save("later", {"a": 1}, category="archives")
        assert talk.history()[0].text == '{\n  "a": 1\n}\n'

    def test_a_summary_beside_an_archive_is_shown_as_it_is(self, store: Store) -> None:
        talk = self.talk(store)
        store.documents.save("x", "the archive", category="archives")
        talk.compact("the summary", archive="x")
        assert talk.history()[0].text == "the summary"

    def test_what_was_compacted_is_still_found(self, store: Store, drive: Driver) -> None:
        drive.need("search")
        self.talk(store)
        assert [hit.seq for hit in store.search("one")] == [2]

    def test_compacting_beside_writers_loses_no_message(self, store: Store) -> None:
        session = store.create(entries=[user("first")])
        numbers = itertools.count()

        def write() -> None:
            for _ in range(10):
                session.append(user(str(next(numbers))))

        def compact() -> None:
            for _ in range(5):
                session.compact(archive="before", keep=1)

        results = together(write, compact, write)
        assert (results[0], results[2]) == (None, None)
        assert results[1] is None or isinstance(results[1], Conflict | Invalid)
        said = [entry.body["parts"][0]["text"] for entry in session.entries(kinds="message")]
        assert sorted(said) == sorted(["first", *map(str, range(20))])


class Presiding:
    """The store as a whole, through both doors."""

    def test_a_tenants_store_is_its_own_and_the_same_for_all_who_open_it(self, store: Store, drive: Driver) -> None:
        drive.need("tenants")
        with store.tenant("acme") as one, store.tenant("acme") as two:
            session = one.create(id="s", entries=[user("hello")])
            assert two.info("s").seq == 2
            assert not store.exists("s")
        with pytest.raises(Exception, match="closed"):
            session.append(user("late"))
        with store.tenant("acme") as again, store.tenant("globex") as other:
            assert not other.exists("s")
            if drive.has("persistent"):
                assert again.info("s").seq == 2

    def test_closing_one_of_two_leaves_the_other_open(self, store: Store, drive: Driver) -> None:
        drive.need("tenants")
        one, two = store.tenant("acme"), store.tenant("acme")
        one.close()
        assert two.create(id="s").append(user("hello")) == 2
        two.close()

    def test_a_reset_is_refused_while_anything_is_protected(self, store: Store) -> None:
        store.create(id="a")
        store.create(id="b").update(pinned=True)
        with pytest.raises(Conflict, match="pinned"):
            store.reset()
        assert store.exists("a")
        assert store.reset(force=True) == 2
        assert not store.exists("b")

    def test_garbage_is_told(self, store: Store, drive: Driver) -> None:
        drive.need("attachments")
        session = store.create(id="s")
        kept = session.attach(b"x", record=False)
        drive.clock.advance(seconds=7200)
        assert [one.name for one in store.collect_garbage(dry_run=True)] == [kept.sha256]
        assert [one.name for one in store.collect_garbage()] == [kept.sha256]
        assert store.collect_garbage() == []

    def test_waiting_ends_with_an_append_or_with_its_time(self, store: Store) -> None:
        session = store.create(id="s")
        assert session.wait(after=1, timeout_s=0) == 1
        results = together(lambda: session.wait(after=1, timeout_s=3600), lambda: store.get("s").append(user("now")))
        assert results == [2, 2]
        wrong: list[Any] = [-1, True, "1", float("nan")]
        for timeout_s in wrong:
            with pytest.raises(Invalid):
                session.wait(timeout_s=timeout_s)

    def test_a_tail_gives_what_comes(self, store: Store) -> None:
        session = store.create(id="s")
        tail = session.tail(after=0)
        together(lambda: session.append([user("two"), user("three")]))
        assert [entry.seq for entry in itertools.islice(tail, 3)] == [1, 2, 3]
