"""A commit whose answer is lost: the call finds out what became of it, whatever others did meanwhile, or says how to find out."""

from __future__ import annotations

import msgspec
import pytest

import hansard
from hansard.backend import Request
from hansard.backends.postgres.connecting import Lost
from hansard.model.documents import DocumentKey, DocumentWrite
from hansard.model.requests import Creation


@pytest.fixture
def lose_answer(store, monkeypatch):
    """Has the answer of the next commit get lost, after others did something."""

    def lose(meanwhile=lambda: None):
        db = store._place.backend._db
        transact = db.transact

        def lost(work):
            monkeypatch.setattr(db, "transact", transact)
            transact(work)
            meanwhile()
            msg = "the connection was cut"
            raise Lost(msg)

        monkeypatch.setattr(db, "transact", lost)

    return lose


def test_a_session_that_went_on_before_its_creator_knew_of_it_is_the_creators(store, open_store, lose_answer):
    other = open_store()
    lose_answer(lambda: other.get("s").append(hansard.user("hello")))
    created = store._place.backend.create(Creation(id="s"), Request(), reuse="id")
    assert (created.new, created.seq, store.info("s").seq) == (True, 1, 2)


def test_a_creation_that_was_not_committed_finds_who_was_faster(store, open_store, monkeypatch):
    other, db = open_store(), store._place.backend._db
    transact = db.transact

    def undone(work):
        monkeypatch.setattr(db, "transact", transact)
        with pytest.raises(ZeroDivisionError):
            transact(lambda con: (work(con), 1 // 0))
        other.create(id="s", title="the other's")
        msg = "the connection was cut"
        raise Lost(msg)

    monkeypatch.setattr(db, "transact", undone)
    with pytest.raises(hansard.AlreadyExists):
        store.create(id="s", title="mine")
    assert store.info("s").title == "the other's"


def test_a_fork_whose_origin_went_before_its_maker_knew_of_it_is_there(store, open_store, lose_answer):
    store.create(id="s", entries=[hansard.user("kept")])
    other = open_store()
    lose_answer(lambda: other.delete("s"))
    assert [message.text for message in store.fork("s", id="f").history()] == ["kept"]


def test_a_deletion_does_not_take_what_was_made_under_the_id_since(store, open_store, lose_answer):
    store.create(id="s", entries=[hansard.user("old"), hansard.user("older")])
    other = open_store()
    lose_answer(lambda: other.create(id="s", entries=[hansard.user("new")] * 5))
    assert store.delete("s") is True
    assert [message.text for message in store.get("s").history()] == ["new"] * 5


def test_a_deletion_that_was_undone_takes_the_session_though_it_went_on(store, open_store, monkeypatch):
    session = store.create(id="s")
    other, db = open_store(), store._place.backend._db
    transact = db.transact

    def undone(work):
        monkeypatch.setattr(db, "transact", transact)
        given = []
        with pytest.raises(ZeroDivisionError):
            transact(lambda con: (given.append(work(con)), 1 // 0))
        other.get("s").append(hansard.user("more"))
        msg = "the connection was cut"
        raise Lost(msg)

    monkeypatch.setattr(db, "transact", undone)
    assert session.delete() is True
    assert not other.exists("s")


def test_a_document_that_was_changed_before_its_writer_knew_keeps_both_versions(store, open_store, lose_answer):
    other = open_store()
    lose_answer(lambda: other.documents.save("plan", "theirs", expect=1))
    assert store.documents.save("plan", "mine").version == 1
    assert [store.documents.load("plan", version=one) for one in (1, 2)] == ["mine", "theirs"]


def test_a_document_that_came_back_before_its_deleter_knew_stays(store, open_store, lose_answer):
    store.documents.save("plan", "old")
    other = open_store()
    lose_answer(lambda: other.documents.save("plan", "new"))
    assert store.documents.delete("plan") is True
    assert store.documents.load("plan") == "new"


def test_what_was_erased_before_its_writer_knew_is_not_written_again(store, open_store, lose_answer):
    store.create(id="s")
    session, other = store.get("s"), open_store()
    lose_answer(lambda: other.get("s").erase([2]))
    writes = [DocumentWrite(DocumentKey("", "plan", "md"), b"text")]
    assert session.append(hansard.user("secret"), store_documents=writes) == 2
    assert [entry.kind for entry in session.entries()] == ["created", "message", "erase"]


def test_a_copy_that_went_on_before_its_bringer_knew_is_new(store, open_store, lose_answer):
    other = open_store()
    with hansard.open("memory:") as source:
        source.create(id="s", entries=[hansard.user("one")])
        lose_answer(lambda: other.get("s").append(hansard.user("two")))
        (copied,) = source.copy(["s"], store)
    assert (copied.new, copied.seq, store.info("s").seq) == (True, 2, 3)


UNRESOLVED = {
    "create": (lambda store: store.create(id="new"), "session 'new' is there.*get_or_create"),
    "fork": (lambda store: store.fork("s", id="new"), "get.'new'.*gives it"),
    "spawn": (lambda store: store.get("s").spawn(name="new"), "the same name finds it"),
    "delete": (lambda store: store.delete("s"), "False then"),
    "save": (lambda store: store.documents.save("plan", "two", expect=1), "Load 'plan.md'"),
    "delete a document": (lambda store: store.documents.delete("plan"), "'plan.md' is there"),
    "erase": (lambda store: store.get("s").erase([2]), "an erase entry says it"),
    "append": (lambda store: store.get("s").append([], store_documents={"other": "x"}), "same ids or the same key"),
}


@pytest.mark.parametrize(("call", "said"), UNRESOLVED.values(), ids=UNRESOLVED)
def test_what_stays_in_doubt_says_so_and_how_to_find_out(store, monkeypatch, call, said):
    store.create(id="s", entries=[hansard.user("one")])
    store.documents.save("plan", "one")
    db = store._place.backend._db
    transact, calls = db.transact, []
    monkeypatch.setattr(db, "settings", msgspec.structs.replace(db.settings, patience_s=0.0))

    def lost(work):
        if not calls:
            transact(work)
        calls.append(work)
        msg = "the connection was cut"
        raise Lost(msg)

    monkeypatch.setattr(db, "transact", lost)
    with pytest.raises(hansard.Unavailable, match=f"(?s)may have been done all the same.*{said}"):
        call(store)
    assert len(calls) == 2


def test_what_was_not_even_sent_says_that_nothing_was_done(store, monkeypatch):
    db = store._place.backend._db
    monkeypatch.setattr(db, "settings", msgspec.structs.replace(db.settings, patience_s=0.0))
    calls = []

    def lost(_work):
        calls.append(1)
        msg = "no server"
        raise Lost(msg)

    monkeypatch.setattr(db, "transact", lost)
    with pytest.raises(hansard.Unavailable, match="Nothing was done; repeat the call"):
        store.create(id="s")
    assert calls == [1]


CONFIRMED = {
    "create": ("INSERT ON hansard.entries", lambda store: store.create(id="new").seq == 1),
    "fork": ("INSERT ON hansard.forks", lambda store: store.fork("s", id="new").id == "new"),
    "delete": ("DELETE ON hansard.entries", lambda store: store.delete("s") is True),
    "save": ("INSERT ON hansard.documents", lambda store: store.documents.save("plan", "two", expect=1).version == 2),
}


@pytest.mark.parametrize(("change", "done"), CONFIRMED.values(), ids=CONFIRMED)
def test_a_verb_whose_commit_no_standby_confirmed_is_confirmed_by_another(store, warn_at, change, done):
    store.create(id="s", entries=[hansard.user("one")])
    store.documents.save("plan", "one")
    warn_at(change)
    assert done(store)
