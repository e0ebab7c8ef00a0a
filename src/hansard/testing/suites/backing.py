"""What backups guarantee: whole, verified, a prefix of each session, and a way back that overwrites nothing unsaid."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from ...backends.memory import MemoryBackend
from ...errors import AlreadyExists, Corrupt, Invalid, NotFound
from ...model.documents import DocumentKey
from ...model.entry import assistant, user
from ...store import Store
from ..driver import Backdoor, Driver

_KEY = DocumentKey("plans", "one", "md")


def _filled(store: Store, drive: Driver) -> None:
    session = store.create(id="s", agent="coder", user="ana", entries=[user("one")])
    session.append(assistant("two"), state={"a": 1})
    session.spawn(id="c", entries=[user("in the child")])
    if drive.has("attachments"):
        session.attach(b"\x89PNG" * 400, mime="image/png")
    if drive.has("fork"):
        session.fork(at=2, id="f").append(user("in the fork"))
    if drive.has("documents"):
        for text in (b"first", b"second"):
            drive.backend.put_document(_KEY, text)


def _fresh(drive: Driver) -> Store:
    return Store(MemoryBackend(clock=drive.clock), clock=drive.clock)


class Backing:
    """A store is kept elsewhere, and comes back."""

    @pytest.fixture(params=["folder", "file.zip"])
    def place(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        return tmp_path / "backups" / request.param

    def test_a_backup_restores_every_session_byte_for_byte(self, store: Store, drive: Driver, place: Path) -> None:
        _filled(store, drive)
        made = store.backup(place)
        assert made.failed == ()
        assert {session: list(head) for session, head in made.sessions.items()} == store.heads()
        with _fresh(drive) as other:
            done = other.restore(place)
            assert set(done.new) == set(made.sessions)
            assert other.heads() == store.heads()
            assert [finding for finding in other.check() if finding.severity == "damage"] == []
            assert other.restore(str(place)).unchanged == tuple(sorted(done.unchanged or done.new, key=_depth(other)))
            assert [entry.name for entry in place.parent.iterdir()] == [place.name]

    def test_documents_come_back_with_their_versions(self, store: Store, drive: Driver, place: Path) -> None:
        drive.need("documents")
        _filled(store, drive)
        before = drive.backend.document_versions(_KEY)
        assert store.backup(place).documents == 2
        target = MemoryBackend(clock=drive.clock)
        with Store(target, clock=drive.clock) as other:
            assert other.restore(place).documents == 2
            assert [(one.version, one.sha256) for one in target.document_versions(_KEY)] == [
                (one.version, one.sha256) for one in before
            ]
            target.put_document(_KEY, b"third")
            again = other.restore(place)
            assert (again.documents, again.conflicts) == (0, ())

    def test_a_backup_overwrites_nothing(self, store: Store, place: Path) -> None:
        store.backup(place)
        with pytest.raises(AlreadyExists, match="overwrites nothing"):
            store.backup(place)

    def test_what_is_no_backup_is_refused(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            store.restore(tmp_path / "nothing")
        with pytest.raises(Invalid, match="no backup"):
            store.restore(tmp_path)
        (tmp_path / "a.zip").write_bytes(b"PK rubbish")
        with pytest.raises(Invalid, match="whole"):
            store.restore(tmp_path / "a.zip")

    def test_a_damaged_backup_restores_nothing(self, store: Store, drive: Driver, tmp_path: Path) -> None:
        _filled(store, drive)
        store.backup(tmp_path / "b")
        log = tmp_path / "b" / "sessions" / "s" / "log.jsonl"
        log.write_bytes(log.read_bytes().replace(b'"two"', b'"TWO"'))
        with _fresh(drive) as other:
            with pytest.raises(Corrupt):
                other.restore(tmp_path / "b")
            assert not other.find().items

    def test_a_backup_that_was_cut_is_noticed(self, store: Store, drive: Driver, tmp_path: Path) -> None:
        _filled(store, drive)
        store.backup(tmp_path / "b")
        log = tmp_path / "b" / "sessions" / "s" / "log.jsonl"
        log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:2]))
        with _fresh(drive) as other, pytest.raises(Corrupt):
            other.restore(tmp_path / "b")

    def test_restoring_adds_what_is_missing_and_keeps_what_is_more(
        self, store: Store, drive: Driver, tmp_path: Path
    ) -> None:
        short, long = store.create(id="short", entries=[user("a")]), store.create(id="long", entries=[user("a")])
        with _fresh(drive) as other:
            store.copy_store(other)
            short.append(user("b"))
            store.backup(tmp_path / "b")
            other.get("long").append(user("only there"))
            done = other.restore(tmp_path / "b")
            assert (done.grown, done.unchanged, done.conflicts) == (("short",), ("long",), ())
            assert other.get("long").seq == long.seq + 1
            assert other.get("short").seq == short.seq

    def test_what_differs_is_left_unless_it_may_be_replaced(self, store: Store, drive: Driver, tmp_path: Path) -> None:
        store.create(id="s", entries=[user("mine")])
        store.backup(tmp_path / "b")
        with _fresh(drive) as other:
            other.create(id="s", entries=[user("other")])
            before = other.heads()
            asked = other.restore(tmp_path / "b", dry_run=True, overwrite=True)
            assert (asked.replaced, asked.dry_run) == (("s",), True)
            assert [one.session for one in other.restore(tmp_path / "b").conflicts] == ["s"]
            assert other.heads() == before
            assert other.restore(tmp_path / "b", overwrite=True).replaced == ("s",)
            assert other.heads() == store.heads()

    def test_replacing_a_parent_brings_its_children_back_and_tells_which_went(
        self, store: Store, drive: Driver, tmp_path: Path
    ) -> None:
        store.create(id="s").spawn(id="c", entries=[user("kept")])
        with _fresh(drive) as other:
            store.copy_store(other)
            other.get("s").append(user("else"))
            other.get("s").spawn(id="new there")
            store.get("s").append(user("here"))
            store.backup(tmp_path / "b")
            assert set(other.restore(tmp_path / "b", overwrite=True).replaced) == {"s", "c", "new there"}
            assert other.heads() == store.heads()

    def test_what_is_damaged_is_named_and_the_others_are_in_the_backup(
        self, drive: Driver, backdoor: Backdoor, tmp_path: Path
    ) -> None:
        for name in ("bad", "good"):
            drive.new(name)
            drive.say(name, "a")
            drive.say(name, "b")
        log = backdoor.log("bad")
        backdoor.replace("bad", log.replace(b'"a"', b'"A"', 1))
        if drive.has("persistent"):
            drive.reopen()
        made = Store(drive.backend, clock=drive.clock).backup(tmp_path / "b")
        assert [(one.session, one.severity) for one in made.failed] == [("bad", "damage")]
        assert set(made.sessions) == {"good"}
        with _fresh(drive) as other:
            assert other.restore(tmp_path / "b").new == ("good",)

    def test_what_went_while_the_backup_was_made_is_no_failure(self, store: Store, tmp_path: Path) -> None:
        for name in ("a", "b", "c"):
            store.create(id=name)

        def gone(_what: str, done: int, _total: int) -> None:
            if done == 1:
                store.delete("b")

        made = store.backup(tmp_path / "b", progress=gone)
        assert (set(made.sessions), made.failed) == ({"a", "c"}, ())

    def test_a_backup_beside_writers_has_a_prefix_of_each_session_with_all_that_was_acknowledged(
        self, store: Store, drive: Driver, tmp_path: Path
    ) -> None:
        sessions = [store.create(id=f"s{number}") for number in range(4)]
        stop, begun = threading.Event(), threading.Semaphore(0)
        acknowledged: dict[str, int] = {}

        def write(session: Any) -> None:
            while not stop.is_set():
                acknowledged[session.id] = session.append([user("x"), assistant("y")])
                begun.release()

        threads = [threading.Thread(target=write, args=(session,)) for session in sessions]
        for thread in threads:
            thread.start()
        try:
            while len(acknowledged) < len(sessions):
                assert begun.acquire(timeout=60)
            before = dict(acknowledged)
            made = store.backup(tmp_path / "b")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert made.failed == ()
        for session in sessions:
            seq, link = made.sessions[session.id]
            assert seq >= before[session.id]
            assert session.entry(seq).hash == link
        with _fresh(drive) as other:
            assert other.restore(tmp_path / "b").failed == ()
            assert [finding for finding in other.check() if finding.severity == "damage"] == []


def _depth(store: Store) -> Any:
    return lambda session: (store.info(session).depth, session)
