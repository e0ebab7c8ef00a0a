from __future__ import annotations

import pytest

import hansard
from hansard import Conflict, Invalid, NotFound

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def there(open_store):
    return open_store("there")


def log(store, name):
    return [(entry.seq, entry.id, entry.hash) for entry in store.get(name).entries()]


def texts(store, name):
    return [message.text for message in store.get(name).history()]


def test_a_copy_holds_the_same_bytes_and_a_second_one_adds_nothing(store, session, there):
    session.append([hansard.user("a"), hansard.assistant("b")], state={"n": 1})
    attachment = session.attach(PNG, name="x.png")
    (done,) = store.copy("s", there)
    assert (done.id, done.seq, done.added, done.new) == ("s", 5, 5, True)
    assert log(there, "s") == log(store, "s")
    assert there.attachment("s", attachment.sha256) == PNG
    assert there.info("s").state == {"n": 1}
    assert [finding.severity for finding in there.check()] == []
    (again,) = store.copy(session, there)
    assert (again.added, again.new) == (0, False)


def test_a_copy_that_has_the_beginning_gets_the_rest(store, session, there):
    session.append(hansard.user("a"))
    store.copy("s", there)
    session.append(hansard.user("b"))
    (done,) = store.copy(["s"], there)
    assert (done.added, done.new) == (1, False)
    assert log(there, "s") == log(store, "s")


def test_other_content_is_a_conflict_unless_it_gets_another_name(store, session, there):
    session.append(hansard.user("mine"))
    attachment = session.attach(PNG)
    there.create(id="s").append(hansard.user("other"))
    with pytest.raises(Conflict):
        store.copy("s", there)
    assert texts(there, "s") == ["other"]
    (done,) = store.copy("s", there, as_="s2")
    assert (done.id, done.added) == ("s2", 3)
    assert texts(there, "s2") == ["mine"]
    assert there.attachment("s2", attachment.sha256) == PNG
    assert [entry.id for entry in there.get("s2").entries()] == [entry.id for entry in session.entries()]
    assert there.check() == []
    session.append(hansard.user("more"))
    assert [one.added for one in store.copy("s", there, as_="s2")] == [1]


def test_a_longer_one_there_is_a_conflict(store, session, there):
    store.copy("s", there)
    there.get("s").append(hansard.user("went on"))
    with pytest.raises(Conflict):
        store.copy("s", there)


def test_children_go_with_their_root_and_parents_before_their_child(store, session, there, open_store):
    child = session.spawn(id="c")
    grandchild = child.spawn(id="g", entries=[hansard.user("deep")])
    assert [done.id for done in store.copy("s", there)] == ["s", "c", "g"]
    assert there.get("s").children(recursive=True) == [there.get("c"), there.get("g")]
    other = open_store("other")
    assert [done.id for done in store.copy(grandchild, other)] == ["s", "c", "g"]
    assert texts(other, "g") == ["deep"]


def test_a_fork_brings_its_origin(store, session, there):
    session.append([hansard.user("a"), hansard.user("b")])
    fork = session.fork(at=2, id="f")
    fork.append(hansard.user("f"))
    assert [done.id for done in store.copy("f", there)] == ["s", "f"]
    assert texts(there, "f") == ["a", "f"]
    assert log(there, "f") == log(store, "f")
    session.append(hansard.user("later"))
    fork.append(hansard.user("more"))
    assert [(done.id, done.added) for done in store.copy("f", there)] == [("f", 1)]
    assert there.check() == []


def test_a_fork_whose_origin_is_gone_brings_what_it_inherits(store, session, there):
    attachment = session.attach(PNG)
    session.append([hansard.user([hansard.text("a"), attachment.part]), hansard.user("b")])
    fork = session.fork(at=3, id="f")
    fork.append(hansard.user("f"))
    store.delete("s")
    assert [done.id for done in store.copy("f", there)] == ["f"]
    assert texts(there, "f") == ["a", "f"]
    assert there.attachment("f", attachment.sha256) == PNG
    assert there.check() == []


def test_erased_and_branched_sessions_are_copied_as_they_are(store, session, there):
    session.append([hansard.user("secret"), hansard.user("b")])
    session.rewind(to=2)
    session.append(hansard.user("c"))
    session.erase(3)
    store.copy("s", there)
    assert log(there, "s") == log(store, "s")
    assert there.get("s").entry(3).erased
    store.copy("s", there, as_="t")
    assert there.get("t").entry(3).erased
    assert texts(there, "t") == texts(store, "s")
    assert there.check() == []


def test_a_whole_store_is_copied_with_progress_and_failures_listed(store, session, there):
    session.spawn(id="c")
    session.fork(id="f")
    store.create(id="x").append(hansard.user("here"))
    there.create(id="x").append(hansard.user("there"))
    seen = []
    report = store.copy_store(there, progress=lambda what, done, total: seen.append((what, done, total)))
    assert sorted(done.id for done in report.copied) == ["c", "f", "s"]
    assert [(failed.session, failed.severity) for failed in report.failed] == [("x", "conflict")]
    assert seen[-1] == ("sessions", 4, 4)
    assert {one: head for one, head in store.heads().items() if one != "x"} == {
        one: head for one, head in there.heads().items() if one != "x"
    }


def test_what_can_not_be_copied_is_refused(store, session, there):
    for wrong in (
        lambda: store.copy("s", store),
        lambda: store.copy("s", "there"),
        lambda: store.copy(5, there),
        lambda: store.copy(["s", "t"], there, as_="u"),
        lambda: store.copy("s", there, as_=""),
    ):
        with pytest.raises(Invalid):
            wrong()
    with pytest.raises(NotFound):
        store.copy("none", there)


def test_a_copy_of_a_store_takes_the_newest_versions_of_its_documents_along(store, there):
    store.documents.save("plan", "one")
    store.documents.save("plan", "two", category="")
    store.documents.save("gone", "x")
    store.documents.delete("gone")
    report = store.copy_store(there)
    assert [(one.key.name, one.version) for one in report.documents] == [("plan", 1)]
    assert there.documents.load("plan") == "two"
    assert store.copy_store(there).documents == ()
    store.documents.save("plan", "three")
    assert [one.version for one in store.copy_store(there).documents] == [2]


def test_a_document_that_is_ahead_or_other_in_the_second_store_is_left_as_it_is(store, there):
    store.documents.save("plan", "one")
    store.copy_store(there)
    there.documents.save("plan", "two")
    report = store.copy_store(there)
    assert (report.documents, report.failed, there.documents.load("plan")) == ((), (), "two")
    store.documents.save("plan", "three")
    report = store.copy_store(there)
    assert [one.severity for one in report.failed] == ["conflict"]
    assert there.documents.load("plan") == "two"


@pytest.fixture
def before_an_attachment_is_read(store, monkeypatch):
    """Have something done once, by somebody else, when a copy has read the lines and comes to the attachments."""

    def prepare(work):
        backend, waiting = store._place.backend, [work]
        read = backend.attachment

        def attachment(session, sha256):
            while waiting:
                waiting.pop()()
            return read(session, sha256)

        monkeypatch.setattr(backend, "attachment", attachment)

    return prepare


def test_a_session_that_is_deleted_while_it_is_copied_is_gone(store, session, there, before_an_attachment_is_read):
    session.attach(PNG)
    before_an_attachment_is_read(lambda: store.delete("s"))
    with pytest.raises(NotFound, match="'s'"):
        store.copy("s", there)
    assert not there.exists("s")


def test_a_session_that_is_deleted_and_made_anew_while_it_is_copied_is_another(
    store, session, there, before_an_attachment_is_read
):
    session.attach(PNG)
    before_an_attachment_is_read(lambda: [store.delete("s"), store.create(id="s").append(hansard.user("anew"))])
    with pytest.raises(NotFound, match="'s' was deleted meanwhile"):
        store.copy("s", there)
    assert not there.exists("s")


def test_an_entry_that_is_erased_while_it_is_copied_arrives_erased(store, session, there, before_an_attachment_is_read):
    attachment = session.attach(PNG)
    before_an_attachment_is_read(lambda: session.erase(2))
    store.copy("s", there)
    assert there.get("s").entry(2).erased
    assert log(there, "s") == log(store, "s")
    assert there.check() == []
    with pytest.raises(NotFound):
        there.attachment("s", attachment.sha256)


def test_a_backup_leaves_out_what_is_deleted_meanwhile(store, session, there, tmp_path, before_an_attachment_is_read):
    store.create(id="kept").append(hansard.user("kept"))
    session.attach(PNG)
    before_an_attachment_is_read(lambda: store.delete("s"))
    made = store.backup(tmp_path / "backup")
    assert made.failed == ()
    there.restore(tmp_path / "backup")
    assert [info.id for info in there.find()] == ["kept"]
    assert there.check() == []


def test_a_child_that_is_deleted_while_its_parent_is_copied_is_left_out(
    store, session, there, before_an_attachment_is_read
):
    session.spawn(id="c").attach(PNG)
    before_an_attachment_is_read(lambda: store.delete("c"))
    assert [done.id for done in store.copy("s", there)] == ["s"]
    assert not there.exists("c")
