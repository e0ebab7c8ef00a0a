"""What upkeep guarantees: guards are asked under the lock, garbage is only garbage, a reset leaves nothing, tenants are apart."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from ...errors import AlreadyExists, Conflict, Invalid, NotFound, Unavailable, Unsupported
from ...limits import GARBAGE_AGE_S
from ...model.documents import DocumentKey
from ...model.entry import user
from ...model.info import SessionInfo
from ...model.requests import Appended, Creation
from ...query import EVERYTHING, parse
from ..driver import Driver, requires, together, without

PLAN = DocumentKey("", "plan")


class Guarding:
    """A deletion asks its guard about what is true under the lock."""

    def test_the_guard_sees_the_whole_tree_the_session_first(self, drive: Driver) -> None:
        drive.new("root")
        drive.new("child", parent="root", first=[user("two")])
        drive.new("grandchild", parent="child")
        drive.new("other", parent="root")
        asked: list[list[tuple[str, int]]] = []

        def guard(tree: Sequence[SessionInfo]) -> str:
            asked.append([(info.id, info.seq) for info in tree])
            return ""

        assert drive.backend.delete("child", guard=guard) == ("child", "grandchild")
        assert asked == [[("child", 2), ("grandchild", 1)]]

    def test_a_reason_keeps_the_tree_and_is_told(self, drive: Driver) -> None:
        drive.new("root", first=[user("two")])
        drive.new("child", parent="root")
        with pytest.raises(Conflict, match="it is dear to me") as caught:
            drive.backend.delete("root", guard=lambda _: "it is dear to me")
        assert caught.value.seq == 2
        assert drive.backend.info("child").seq == 1
        assert drive.say("root", "on").seq == 3

    def test_a_guard_is_not_asked_about_what_is_not_there(self, drive: Driver) -> None:
        assert drive.backend.delete("nobody", guard=lambda _: "never") == ()

    def test_nothing_is_appended_between_the_answer_and_the_end(self, drive: Driver) -> None:
        for number in range(10):
            session, child = f"s{number}", f"c{number}"
            drive.new(session)
            drive.new(child, parent=session)
            seen: list[int] = []

            def guard(tree: Sequence[SessionInfo], seen: list[int] = seen) -> str:
                seen[:] = [info.seq for info in tree]
                return "" if len(tree) == 2 else "half of it is gone"

            def write(child: str = child) -> int:
                last = 1
                try:
                    for word in range(50):
                        last = drive.say(child, str(word)).seq
                except NotFound:
                    pass
                return last

            results = together(write, lambda: drive.backend.delete(session, guard=guard))  # noqa: B023 - run at once
            assert results[1] == tuple(sorted((session, child)))
            assert results[0] == seen[1]

    def test_nothing_is_appended_to_a_tree_of_many_sessions_after_the_answer(self, drive: Driver) -> None:
        many = 260
        drive.new("root")
        for number in range(many):
            drive.new(f"c{number:03}", parent="root")
        answers: list[str] = []
        # The last ones, too, have to be locked: a writer that comes while the guard is asked gets in before it or never.
        late = [threading.Thread(target=self._say, args=(drive, f"c{many - 1:03}", answers), daemon=True)]

        def guard(tree: Sequence[SessionInfo]) -> str:
            late[0].start()
            late[0].join(0.2)
            return "" if len(tree) == many + 1 and not answers else "somebody got in"

        assert len(drive.backend.delete("root", guard=guard)) == many + 1
        late[0].join(60)
        assert answers == ["not there"]

    def _say(self, drive: Driver, session: str, answers: list[str]) -> None:
        try:
            drive.say(session, "late")
            answers.append("appended")
        except NotFound:
            answers.append("not there")


@requires("attachments")
class Collecting:
    """Garbage is what nothing names, after an hour."""

    def test_an_attachment_that_nothing_names_goes_after_an_hour(self, drive: Driver) -> None:
        drive.new("s")
        kept = drive.backend.attach("s", b"one", mime="text/plain")
        drive.clock.advance(seconds=GARBAGE_AGE_S - 1)
        assert drive.backend.collect_garbage() == ()
        drive.clock.advance(seconds=1)
        (found,) = drive.backend.collect_garbage(dry_run=True)
        assert (found.session, found.what, found.name, found.size) == ("s", "attachment", kept.sha256, 3)
        assert drive.backend.attachment("s", kept.sha256) == b"one"
        assert drive.backend.collect_garbage() == (found,)
        assert drive.backend.collect_garbage() == ()
        with pytest.raises(NotFound):
            drive.backend.attachment("s", kept.sha256)

    def test_what_an_entry_names_stays(self, drive: Driver) -> None:
        drive.new("s")
        kept = drive.backend.attach("s", b"one", mime="text/plain")
        drive.append("s", user([kept.part]))
        drive.clock.advance(seconds=GARBAGE_AGE_S)
        assert drive.backend.collect_garbage() == ()
        assert drive.backend.attachment("s", kept.sha256) == b"one"

    def test_what_only_a_fork_names_stays(self, drive: Driver) -> None:
        drive.need("fork")
        drive.new("s")
        kept = drive.backend.attach("s", b"one", mime="text/plain")
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.backend.fork("f", Creation(id="g"), at=None)
        drive.append("g", user([kept.part]))
        drive.clock.advance(seconds=GARBAGE_AGE_S)
        assert drive.backend.collect_garbage() == ()
        assert drive.backend.attachment("g", kept.sha256) == b"one"

    def test_what_is_handed_in_again_is_young_again(self, drive: Driver) -> None:
        drive.new("s")
        kept = drive.backend.attach("s", b"one", mime="text/plain")
        drive.clock.advance(seconds=GARBAGE_AGE_S)
        drive.backend.attach("s", b"one", mime="text/plain")
        assert drive.backend.collect_garbage() == ()
        assert drive.backend.attachment("s", kept.sha256) == b"one"

    def test_nobody_who_attaches_and_appends_beside_it_loses_anything(self, drive: Driver) -> None:
        drive.new("s")
        drive.backend.attach("s", b"one", mime="text/plain")
        drive.clock.advance(seconds=GARBAGE_AGE_S)

        def write() -> None:
            kept = drive.backend.attach("s", b"one", mime="text/plain")
            drive.append("s", user([kept.part]))

        together(write, drive.backend.collect_garbage, drive.backend.collect_garbage)
        assert drive.findings("s") == []


class Resetting:
    """A reset leaves a store as new."""

    def test_sessions_documents_and_numbers_are_gone(self, drive: Driver) -> None:
        drive.new("root", agent="a", user="u", first=[user("two")])
        drive.new("child", parent="root")
        if drive.has("documents"):
            drive.backend.put_document(PLAN, b"one")
        assert drive.backend.reset() == 2
        for call in (drive.backend.info, drive.entries, drive.log, lambda one: drive.say(one, "late")):
            for session in ("root", "child"):
                with pytest.raises(NotFound):
                    call(session)
        assert not drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None).items
        if drive.has("search"):
            page = drive.backend.search(parse("two"), session=None, order="newest", limit=9, cursor=None)
            assert not page.items
        if drive.has("documents"):
            assert drive.backend.documents() == ()
            assert drive.backend.document_versions(PLAN) == ()
        assert drive.backend.info(drive.new(agent="a", user="u")).number == 1
        assert drive.findings() == []

    def test_an_empty_store_can_be_reset(self, drive: Driver) -> None:
        assert drive.backend.reset() == 0
        assert drive.backend.reset() == 0

    def test_it_stays_so_after_reopening(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        drive.backend.reset()
        drive.new("t")
        drive.reopen()
        assert [info.id for info in drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None)] == ["t"]
        assert drive.findings() == []

    def test_an_id_of_before_the_reset_can_be_used_again(self, drive: Driver) -> None:
        drive.new("s", first=[user("old", id="a")])
        drive.backend.reset()
        drive.new("s")
        assert drive.append("s", user("new", id="a")).seq == 2
        assert drive.texts("s") == ["new"]

    def test_a_reason_of_the_guard_keeps_everything(self, drive: Driver) -> None:
        drive.new("a")
        drive.new("b")
        drive.new("child", parent="b")
        asked: list[list[str]] = []

        def guard(tree: Sequence[SessionInfo]) -> str:
            asked.append([info.id for info in tree])
            return "b is dear to me" if tree[0].id == "b" else ""

        with pytest.raises(Conflict, match="dear"):
            drive.backend.reset(guard=guard)
        assert ["b", "child"] in asked
        assert [drive.backend.info(one).seq for one in ("a", "b", "child")] == [1, 1, 1]
        assert drive.backend.reset(guard=lambda _: "") == 3

    def test_writers_beside_a_reset_bring_nothing_back(self, drive: Driver) -> None:
        for number in range(4):
            session = f"s{number}"
            drive.new(session)

            def write(session: str = session) -> Appended | None:
                for word in range(30):
                    try:
                        drive.say(session, str(word))
                    except NotFound:
                        return None
                return None

            together(write, drive.backend.reset, write)
            with pytest.raises(NotFound):
                drive.backend.info(session)
            assert drive.findings() == []


@requires("tenants")
class Tenanting:
    """A tenant has a store to itself."""

    def test_a_tenant_has_its_own_sessions_and_documents(self, drive: Driver) -> None:
        one, two = drive.backend.tenant("one"), drive.backend.tenant("two")
        for number, backend in enumerate((drive.backend, one, two)):
            backend.create(Creation(id="s", agent="a"), drive.seal([user(f"words {number}")] * number))
            if drive.has("documents"):
                backend.put_document(PLAN, b"%d" % number)
        assert [backend.info("s").seq for backend in (drive.backend, one, two)] == [1, 2, 3]
        assert [backend.info("s").number for backend in (drive.backend, one, two)] == [1, 1, 1]
        if drive.has("documents"):
            found = [backend.document(PLAN) for backend in (drive.backend, one, two)]
            assert [None if each is None else each[1] for each in found] == [b"0", b"1", b"2"]

    def test_the_same_name_is_the_same_store(self, drive: Driver) -> None:
        drive.backend.tenant("one").create(Creation(id="s"), drive.seal([]))
        assert drive.backend.tenant("one").info("s").seq == 1
        drive.reopen()
        assert drive.backend.tenant("one").info("s").seq == 1

    def test_no_verb_reaches_another_tenants_session(self, drive: Driver) -> None:
        theirs = drive.backend.tenant("theirs")
        theirs.create(Creation(id="s", agent="a", user="u"), drive.seal([user("secret words")]))
        kept = theirs.attach("s", b"one", mime="text/plain") if drive.has("attachments") else None
        log = list(theirs.lines("s"))
        for mine in (drive.backend, drive.backend.tenant("mine")):
            calls: list[Callable[[], object]] = [
                lambda mine=mine: mine.append("s", drive.seal([user("mine")])),
                lambda mine=mine: list(mine.entries("s")),
                lambda mine=mine: list(mine.lines("s")),
                lambda mine=mine: mine.info("s"),
                lambda mine=mine: mine.wait("s", after=0, timeout_s=0),
                lambda mine=mine: mine.renew("s", 1),
                lambda mine=mine: list(mine.check("s")),
                lambda mine=mine: mine.create(Creation(parent="s", kind="child"), drive.seal([])),
            ]
            if drive.has("fork"):
                calls.append(lambda mine=mine: mine.fork("s", Creation(), at=None))
            if drive.has("erase"):
                calls.append(lambda mine=mine: mine.erase("s", [2], by=None, reason=None))
            if kept is not None:
                calls.append(lambda mine=mine: mine.attach("s", b"x", mime="text/plain"))
                calls.append(lambda mine=mine, name=kept.sha256: mine.attachment("s", name))
            if drive.has("search"):
                calls.append(
                    lambda mine=mine: mine.search(parse("secret"), session="s", order="newest", limit=9, cursor=None)
                )
            for call in calls:
                with pytest.raises(NotFound):
                    call()
            assert mine.delete("s") == ()
            assert not mine.find(EVERYTHING, order="id", limit=9, cursor=None).items
            if drive.has("search"):
                assert not mine.search(parse("secret"), session=None, order="newest", limit=9, cursor=None).items
            assert mine.create(Creation(agent="a", user="u"), drive.seal([]), reuse="pair").new
            assert mine.reset() == 1
        assert list(theirs.lines("s")) == log

    @pytest.mark.parametrize("name", ["..", ".", "a/b", "A", "con", "a" * 300, "\x00", "../../x"])
    def test_any_name_is_a_store_of_its_own(self, drive: Driver, name: str) -> None:
        drive.new("s")
        drive.backend.tenant("a").create(Creation(id="s"), drive.seal([]))
        with pytest.raises(NotFound):
            drive.backend.tenant(name).info("s")
        drive.backend.tenant(name).create(Creation(id="t"), drive.seal([]))
        for other in (drive.backend, drive.backend.tenant("a")):
            with pytest.raises(NotFound):
                other.info("t")

    @pytest.mark.parametrize("name", ["", "a" * 513, "\ud800"])
    def test_a_tenant_whose_name_can_not_be_stored_is_refused(self, drive: Driver, name: str) -> None:
        with pytest.raises(Invalid):
            drive.backend.tenant(name)

    def test_a_tenant_has_no_tenants(self, drive: Driver) -> None:
        with pytest.raises(Invalid):
            drive.backend.tenant("one").tenant("two")

    def test_closing_the_store_closes_its_tenants(self, drive: Driver) -> None:
        tenant = drive.backend.tenant("one")
        tenant.create(Creation(id="s"), drive.seal([]))
        drive.backend.close()
        with pytest.raises(Unavailable):
            tenant.info("s")

    def test_a_reset_leaves_the_tenants(self, drive: Driver) -> None:
        drive.new("s")
        drive.backend.tenant("one").create(Creation(id="s"), drive.seal([]))
        drive.backend.reset()
        assert drive.backend.tenant("one").info("s").seq == 1
        with pytest.raises(AlreadyExists):
            drive.backend.tenant("one").create(Creation(id="s"), drive.seal([]))


@without("tenants")
class NotTenanting:
    """Without the capability, tenants are refused."""

    def test_a_backend_without_tenants_says_so(self, drive: Driver) -> None:
        with pytest.raises(Unsupported):
            drive.backend.tenant("one")
