"""Archives from and into a real backend: what the hand-made shelf of the other tests promises holds."""

from __future__ import annotations

import io

import pytest

from hansard.backend import Request
from hansard.backends.memory import MemoryBackend
from hansard.codec.line import seal
from hansard.errors import Conflict, NotFound
from hansard.formats.archive import read_archive, write_archive
from hansard.model.entry import NewEntry, user
from hansard.model.requests import Creation

NOW = 1_795_000_000_000_000
PIXEL = b"\x89PNG" + bytes(100)


def says(backend, session, *new):
    return backend.append(session, Request(sealed=tuple(seal(entry, now_us=NOW) for entry in new)))


def archive(backend, *ids):
    file = io.BytesIO()
    write_archive(backend, ids, file)
    return file.getvalue()


def take(backend, data, **options):
    return read_archive(backend, io.BytesIO(data), **options)


def lines(backend, *ids):
    return {one: list(backend.lines(one)) for one in ids}


@pytest.fixture
def store():
    backend = MemoryBackend(clock=lambda: 0)
    backend.create(Creation(id="root", agent="a", user="u"), Request())
    attachment = backend.attach("root", PIXEL, mime="image/png", name="p.png")
    says(backend, "root", user([{"type": "text", "text": "look"}, attachment.part]), user("two"))
    backend.create(Creation(id="kid", parent="root", kind="child"), Request())
    backend.create(Creation(id="baby", parent="kid", kind="child"), Request())
    backend.fork("root", Creation(id="fork"), at=2)
    says(backend, "fork", user("else"))
    yield backend
    backend.close()


@pytest.fixture
def other():
    backend = MemoryBackend(clock=lambda: 0)
    yield backend
    backend.close()


def test_a_tree_comes_back_with_its_attachments(store, other):
    report = take(other, archive(store, "kid"))
    assert [one.id for one in report] == ["root", "kid", "baby"]
    assert lines(other, "root", "kid", "baby") == lines(store, "root", "kid", "baby")
    [part] = [p for entry in other.entries("root") if entry.kind == "message" for p in entry.body["parts"][1:]]
    assert other.attachment("root", part["attachment"]) == PIXEL
    assert other.info("root") == store.info("root")
    assert not [finding for finding in other.check() if finding.severity == "damage"]
    assert archive(other, "root") == archive(store, "root")


def test_a_fork_comes_alone_with_all_that_it_shows(store, other):
    [report] = take(other, archive(store, "fork"))
    assert (report.seq, report.new) == (store.info("fork").seq, True)
    assert list(other.entries("fork")) == list(store.entries("fork"))
    assert lines(other, "fork") == lines(store, "fork")
    [part] = [p for e in other.entries("fork", before=3) if e.kind == "message" for p in e.body["parts"][1:]]
    assert other.attachment("fork", part["attachment"]) == PIXEL
    assert archive(other, "fork") == archive(store, "fork")
    with pytest.raises(NotFound):
        other.info("root")


def test_a_fork_whose_origin_is_gone_can_still_be_archived(store, other):
    before = archive(store, "fork")
    store.delete("root")
    assert archive(store, "fork") == before
    take(other, before)
    assert list(other.entries("fork")) == list(store.entries("fork"))


def test_a_fork_comes_with_its_origin(store, other):
    report = take(other, archive(store, "fork", "root"))
    assert sorted(one.id for one in report) == ["baby", "fork", "kid", "root"]
    assert report[0].id == "root"
    assert list(other.entries("fork")) == list(store.entries("fork"))


def test_again_adds_nothing_and_growth_adds_the_rest(store, other):
    take(other, archive(store, "root"))
    assert [one.added for one in take(other, archive(store, "root"))] == [0, 0, 0]
    says(store, "root", user("three"), NewEntry(kind="x-a.b", body=None))
    assert [one.added for one in take(other, archive(store, "root"))] == [2, 0, 0]
    assert other.info("root").hash == store.info("root").hash


def test_other_content_is_a_conflict_unless_it_gets_another_id(store, other):
    data = archive(store, "fork")
    other.create(Creation(id="fork"), Request())
    with pytest.raises(Conflict):
        take(other, data)
    [report] = take(other, data, as_="fork~2")
    assert (report.id, report.new) == ("fork~2", True)
    assert [entry.id for entry in other.entries("fork~2")] == [entry.id for entry in store.entries("fork")]
    assert [one.added for one in take(other, data, as_="fork~2")] == [0]
    assert not [finding for finding in other.check("fork~2") if finding.severity == "damage"]


def test_what_was_erased_stays_erased(store, other):
    store.erase("root", [3], by="ana", reason="private")
    take(other, archive(store, "root"))
    assert [entry.erased for entry in other.entries("root")] == [False, False, True, False]
    assert b"two" not in archive(other, "root")
