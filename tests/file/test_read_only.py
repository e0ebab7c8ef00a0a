"""A store on a medium that can't be written: all that reads works, nothing else does, and nothing in it changes."""

from __future__ import annotations

import os
import tempfile

import anyio
import pytest

import hansard
import hansard.aio
from hansard import Invalid, NotFound, Unavailable, Unsupported
from hansard.backends.file import FileReader
from support.closed import listed, seal, searched


@pytest.fixture
def root(tmp_path):
    """A store with something of everything in it."""
    root = tmp_path / "disc" / "store"
    with hansard.open(root) as store:
        session = store.create(
            id="s", agent="a", user="u", project="tides", entries=[hansard.user("When is high tide?")]
        )
        kept = session.attach(b"a picture", mime="image/png")
        session.append([hansard.assistant("At nine."), hansard.user([kept.part]), hansard.usage("m", input=5)])
        session.spawn(id="c", agent="helper").append(hansard.user("look"))
        session.fork(id="f").append(hansard.user("and low tide?"))
        store.documents.save("note", "the first")
        store.documents.save("note", "the second")
    with hansard.open(root, tenant="t") as theirs:
        theirs.create(id="theirs", entries=[hansard.user("mine")])
    return root


@pytest.fixture
def reader(root, monkeypatch):
    before = tree(root)
    seal(monkeypatch, root)
    with hansard.open(root, read_only=True) as store:
        listed(store)
        yield store
    monkeypatch.undo()
    assert tree(root) == before


def tree(root):
    return {
        path: (path.lstat().st_ino, path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in (root, *root.rglob("*"))
    }


def ids(found):
    return sorted(info.id for info in found)


def test_all_that_reads_works_where_nothing_can_be_written(reader, tmp_path):
    assert ids(reader.sessions(all_kinds=True)) == ["c", "f", "s"]
    assert ids(reader.find(project="tides")) == ["f", "s"]
    assert ids([child.info for child in reader.get("s").children()]) == ["c"]
    assert reader.latest(agent="a", user="u").id == "s"
    session = reader.resolve("s")
    assert [message.text for message in session.history()][:2] == ["When is high tide?", "At nine."]
    assert [message.text for message in reader.get("f").history()][-1] == "and low tide?"
    assert session.attachment(session.entry(5).body["parts"][0]["attachment"]) == b"a picture"
    assert reader.usage()[0].usage.input == 5
    assert {hit.session for hit in searched(reader, "tide")} == {"f", "s"}
    assert [document.version for document in reader.documents.versions("note")] == [1, 2]
    assert reader.documents.load("note") == "the second"
    assert reader.check() == []
    with hansard.open(tmp_path / "copy") as copy:
        reader.copy_store(copy)
        assert copy.info("s").hash == session.info.hash
    reader.backup(tmp_path / "backup.zip")


CHANGES = {
    "create": lambda store: store.create(),
    "create of a pair": lambda store: store.get_or_create(agent="b", user="u"),
    "append": lambda store: store.get("s").append(hansard.user("x")),
    "fork": lambda store: store.get("s").fork(),
    "spawn": lambda store: store.get("s").spawn(),
    "attach": lambda store: store.get("s").attach(b"x"),
    "erase": lambda store: store.get("s").erase([2]),
    "lease": lambda store: store.get("s").lease("w", ttl_s=9),
    "delete": lambda store: store.delete("s"),
    "documents.save": lambda store: store.documents.save("note", "the third"),
    "documents.delete": lambda store: store.documents.delete("note"),
    "reset": lambda store: store.reset(),
    "check": lambda store: store.check(repair=True),
    "reindex": lambda store: store.reindex(),
    "collect_garbage": lambda store: store.collect_garbage(dry_run=True),
}


@pytest.mark.parametrize("verb", CHANGES)
def test_whatever_would_change_something_is_unavailable_and_says_what_to_do(reader, verb):
    with pytest.raises(Unavailable, match=r"opened for reading only.* hansard copy"):
        CHANGES[verb](reader)


def test_its_health_is_that_nothing_can_be_written(reader):
    health = reader.health()
    assert (health.ok, health.details["problems"]) == (False, [])


def test_what_is_told_as_damage_is_told_there_too(root, monkeypatch):
    (pair,) = (root / "pairs").iterdir()
    pair.write_bytes(b"rubbish\n" + pair.read_bytes())
    (content,) = (
        path for path in root.rglob("*.md") if path.parent.parent.name == ".versions" and "first" in path.read_text()
    )
    content.write_text("another")
    log = root / "sessions/c"
    assert log.is_file()
    seal(monkeypatch, root)
    with hansard.open(root, read_only=True) as store:
        told = " ".join(finding.message for finding in store.check())
    assert "the number of a session can't be read" in told
    assert "content of version 1 does not have its hash" in told


def test_an_edited_document_is_shown_as_its_history_has_it(root, monkeypatch):
    (root / "documents/note.md").write_text("edited by hand")
    seal(monkeypatch, root)
    with hansard.open(root, read_only=True) as store:
        assert store.documents.load("note") == "the second"
        assert [document.version for document in store.documents.versions("note")] == [1, 2]


def test_a_torn_tail_is_left_where_it_is(root, monkeypatch):
    log = root / "sessions/s/log.jsonl"
    log.write_bytes(log.read_bytes() + b'{"seq":99,"id":"torn')
    seal(monkeypatch, root)
    with hansard.open(root, read_only=True) as store:
        assert [message.text for message in store.get("s").history()][:2] == ["When is high tide?", "At nine."]
        assert [finding.severity for finding in store.check()] == ["note"]


def test_the_store_of_a_tenant_can_be_read_and_is_not_made(root, monkeypatch):
    seal(monkeypatch, root)
    with hansard.open(root, tenant="t", read_only=True) as theirs:
        assert list(listed(theirs)) == ["theirs"]
    with pytest.raises(NotFound, match="there is no store"):
        hansard.open(root, tenant="nobody", read_only=True)


def test_the_folder_of_its_indexes_goes_with_it_and_is_its_own_process_only(root, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    store = hansard.open(root, read_only=True)
    assert len(list(scratch.iterdir())) == 1
    child = os.fork()
    if child == 0:
        store.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert len(list(scratch.iterdir())) == 1
    assert sorted(listed(store)) == ["c", "f", "s"]
    store.close()
    assert list(scratch.iterdir()) == []


def test_where_there_is_no_store_none_is_made_to_be_read(tmp_path):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(NotFound):
            hansard.open(place, read_only=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


@pytest.mark.parametrize("url", ["memory:", "postgresql://nobody@nowhere.invalid/x"])
def test_only_a_folder_is_opened_to_be_read(url):
    with pytest.raises(Unsupported, match="only a store in a folder"):
        hansard.open(url, read_only=True)


@pytest.mark.parametrize(
    "options",
    [{"retention": hansard.RetentionPolicy(max_sessions=1)}, {"redact": lambda _kind, body: body}],
    ids=lambda options: next(iter(options)),
)
@pytest.mark.parametrize("door", ["sync", "async"])
def test_options_for_what_is_written_are_refused_where_nothing_is(root, door, options):
    async def aio():
        await hansard.aio.open(root, read_only=True, **options)

    with pytest.raises(Invalid, match="retention or redact; leave them out, or open the store without read_only"):
        anyio.run(aio) if door == "async" else hansard.open(root, read_only=True, **options)


def test_what_a_policy_would_take_away_is_told_where_nothing_is_taken(reader):
    assert reader.prune(hansard.RetentionPolicy(max_sessions=1), dry_run=True).deleted == ("c", "s")


def test_what_is_written_elsewhere_meanwhile_is_read_though_not_listed(root):
    with hansard.open(root, read_only=True) as reader, hansard.open(root) as writer:
        assert sorted(listed(reader)) == ["c", "f", "s"]
        writer.get("s").append(hansard.user("later"))
        writer.create(id="new", entries=[hansard.user("here")])
        assert [message.text for message in reader.get("s").history()][-1] == "later"
        assert reader.get("new").history()[0].text == "here"
        assert reader.check() == []


def test_a_backup_is_restored_from_where_nothing_can_be_written_without_a_copy_of_it(root, tmp_path, monkeypatch):
    backup, scratch = tmp_path / "disc" / "backup", tmp_path / "scratch"
    with hansard.open(root) as store:
        store.backup(backup)
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    logs = []
    check = FileReader.check

    def looked(self, session=None, *, repair=False):
        logs.extend(scratch.rglob("log.jsonl"))
        return check(self, session, repair=repair)

    monkeypatch.setattr(FileReader, "check", looked)
    seal(monkeypatch, backup)
    with hansard.open(tmp_path / "fresh") as fresh:
        assert sorted(fresh.restore(backup).new) == ["c", "f", "s"]
        assert [document.version for document in fresh.documents.versions("note")] == [1, 2]
        assert fresh.check() == []
    assert logs == list(scratch.iterdir()) == []
