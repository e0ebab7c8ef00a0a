"""What erasing and deleting guarantee: gone means gone, everywhere it was, and nothing else is touched."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import pytest

from ...errors import Conflict, HansardError, Invalid, NotFound, Unsupported
from ...model.entry import NewEntry, user
from ...model.requests import Appended, Creation
from ...query import EVERYTHING, parse
from ...store.protecting import unless_protected
from ..driver import Backdoor, Driver, requires, together, without

SECRET = "the launch code is 0000"  # noqa: S105 - it is none


@requires("erase")
class Erasing:
    """Single entries go for good."""

    def test_an_erased_entry_keeps_its_place_and_loses_its_content(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user(SECRET), user("four")])
        before = drive.entries("s")
        erasure = drive.backend.erase("s", [3], by="ana", reason="asked to")
        after = drive.entries("s")
        assert erasure.seqs == (3,)
        assert (after[2].body, after[2].salt, after[2].erased) == (None, "", True)
        assert (after[2].id, after[2].digest, after[2].hash) == (before[2].id, before[2].digest, before[2].hash)
        assert [after[0], after[1], after[3]] == [before[0], before[1], before[3]]

    def test_who_when_and_which_is_on_record(self, drive: Driver) -> None:
        drive.new("s", first=[user(SECRET)])
        drive.backend.erase("s", [2], by="ana", reason="asked to")
        entry = drive.entries("s")[-1]
        assert (entry.kind, entry.body) == ("erase", {"seqs": [2], "by": "ana", "reason": "asked to"})

    def test_the_stored_bytes_no_longer_hold_the_text(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.new("s", first=[user(SECRET)])
        drive.backend.erase("s", [2], by=None, reason=None)
        assert SECRET.encode() not in backdoor.log("s")

    def test_the_chain_still_verifies(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user(SECRET)])
        drive.backend.erase("s", [2, 3], by=None, reason=None)
        assert drive.findings("s") == []
        assert drive.say("s", "on").seq == 5

    def test_what_was_derived_from_it_goes_too(self, drive: Driver) -> None:
        drive.new("s", first=[user(SECRET)])
        assert drive.backend.info("s").title == SECRET
        drive.backend.erase("s", [2], by=None, reason=None)
        assert drive.backend.info("s").title != SECRET
        assert SECRET not in repr(drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None))

    def test_it_is_not_found_any_more(self, drive: Driver) -> None:
        drive.need("search")
        drive.new("s", first=[user(SECRET), user("launch tomorrow")])
        drive.backend.erase("s", [2], by=None, reason=None)
        page = drive.backend.search(parse("launch"), session=None, order="newest", limit=9, cursor=None)
        assert [hit.seq for hit in page] == [3]

    def test_amendments_that_show_it_otherwise_go_with_it(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.new("s", first=[user("two")])
        drive.append("s", NewEntry(kind="amend", body={"seq": 2, "body": user(SECRET).body}))
        drive.backend.erase("s", [2], by=None, reason=None)
        assert SECRET.encode() not in backdoor.log("s")

    def test_attachments_that_nothing_else_names_go_with_it(self, drive: Driver) -> None:
        drive.need("attachments")
        drive.new("s")
        one, two = (drive.backend.attach("s", data, mime="text/plain") for data in (b"one", b"two"))
        drive.append("s", user([one.part, two.part]), user([two.part]))
        assert drive.backend.erase("s", [2], by=None, reason=None).attachments == (one.sha256,)
        with pytest.raises(NotFound):
            drive.backend.attachment("s", one.sha256)
        assert drive.backend.attachment("s", two.sha256) == b"two"

    @pytest.mark.parametrize("seq", [0, 99, -1])
    def test_what_is_not_there_can_not_be_erased(self, drive: Driver, seq: int) -> None:
        drive.new("s", first=[user("two")])
        with pytest.raises(Invalid):
            drive.backend.erase("s", [2, seq], by=None, reason=None)
        assert drive.texts("s") == ["two"]

    def test_what_the_log_stands_on_can_not_be_erased(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), NewEntry(kind="head", body={"to": 2})])
        drive.lease("s", 1)
        for seq in (1, 3, 4):
            with pytest.raises(Invalid):
                drive.backend.erase("s", [seq], by=None, reason=None)
        assert not any(entry.erased for entry in drive.entries("s"))

    def test_an_erased_entry_equals_whatever_is_repeated_under_its_id(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", user(SECRET, id="a"))
        drive.backend.erase("s", [2], by=None, reason=None)
        assert drive.append("s", user(SECRET, id="a")).added == 0
        assert drive.entries("s")[1].erased

    def test_erasing_again_is_no_error(self, drive: Driver) -> None:
        drive.new("s", first=[user(SECRET)])
        drive.backend.erase("s", [2], by=None, reason=None)
        assert drive.backend.erase("s", [2], by=None, reason=None).seqs == (2,)
        assert drive.findings("s") == []

    def test_erasing_in_a_missing_session_is_not_found(self, drive: Driver) -> None:
        with pytest.raises(NotFound):
            drive.backend.erase("nobody", [1], by=None, reason=None)

    def test_appends_beside_an_erasure_are_not_lost(self, drive: Driver) -> None:
        drive.new("s", first=[user(SECRET)])

        def write() -> list[Appended]:
            return [drive.say("s", str(number)) for number in range(20)]

        together(write, lambda: drive.backend.erase("s", [2], by=None, reason=None), write)
        assert sorted(drive.texts("s")) == sorted(["", *map(str, range(20)), *map(str, range(20))])
        assert drive.findings("s") == []


@requires("erase")
class ErasingInForks:
    """What forks show, and what they were left of it, goes with it."""

    def test_forks_no_longer_show_it(self, drive: Driver) -> None:
        drive.need("fork")
        drive.new("s", first=[user(SECRET)])
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.backend.erase("s", [2], by=None, reason=None)
        assert drive.entries("f")[1].erased
        assert drive.backend.info("f").title != SECRET
        assert drive.findings() == []

    def test_what_a_fork_copied_of_it_goes_too(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.need("fork")
        drive.new("s", first=[user("two")])
        drive.append("s", NewEntry(kind="amend", body={"seq": 2, "body": user(SECRET).body}))
        drive.backend.fork("s", Creation(id="f"), at=2)
        assert drive.backend.erase("s", [2], by="ana", reason=None).forks == ("f",)
        assert SECRET.encode() not in backdoor.log("f")
        assert drive.entries("f")[-1].kind == "erase"
        assert drive.findings() == []

    def test_a_fork_whose_origin_is_gone_can_erase_what_it_was_left(self, drive: Driver) -> None:
        drive.need("fork")
        drive.new("s", first=[user(SECRET)])
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.backend.delete("s")
        drive.backend.erase("f", [2], by=None, reason=None)
        assert drive.entries("f")[1].erased
        assert drive.findings() == []

    @pytest.mark.parametrize("gone", [("f",), ("f", "g")])
    def test_erasing_reaches_what_the_forks_of_deleted_forks_show(self, drive: Driver, gone: tuple[str, ...]) -> None:
        drive.need("fork")
        drive.new("s", first=[user(SECRET)])
        for origin, fork in (("s", "f"), ("f", "g"), ("g", "h")):
            drive.backend.fork(origin, Creation(id=fork), at=None)
            drive.say(fork, f"in {fork}")
        for session in gone:
            drive.backend.delete(session)
        drive.backend.erase("s", [2], by=None, reason=None)
        assert drive.entries("h")[1].erased
        assert drive.texts("h") == ["", "in f", "in g", "in h"]
        assert drive.findings() == []

    @pytest.mark.parametrize("at", [2, 4, None])
    @pytest.mark.parametrize("later", ["fork", "delete", "restore"])
    def test_what_a_fork_erased_of_the_copy_it_was_left_comes_back_in_none_of_its_own(
        self, drive: Driver, at: int | None, later: str
    ) -> None:
        drive.need("fork")
        drive.new("s", first=[user(SECRET)])
        for origin, fork in (("s", "f"), ("f", "g")):
            drive.backend.fork(origin, Creation(id=fork), at=None)
            drive.say(fork, f"in {fork}")
        was = list(drive.backend.lines("f"))
        drive.backend.delete("f")
        # Of the two that it continues, one is gone: it has a copy of both.
        drive.backend.erase("g", [2], by=None, reason=None)
        drive.backend.fork("g", Creation(id="h"), at=at)
        if later == "delete":
            drive.backend.delete("g")
        elif later == "restore":
            drive.backend.receive("f", was, [])
        for session in {"g", "h"} - ({"g"} if later == "delete" else set()):
            assert drive.entries(session)[1].erased
            assert SECRET not in repr(drive.backend.info(session))
        assert drive.texts("s") == [SECRET]
        assert drive.findings() == []


@without("erase")
class NotErasing:
    """Without the capability, erasing is refused."""

    def test_a_backend_that_does_not_erase_says_so(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        with pytest.raises(Unsupported):
            drive.backend.erase("s", [2], by=None, reason=None)


class Deleting:
    """Whole sessions go."""

    def test_a_deleted_session_is_not_found(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        assert drive.backend.delete("s") == ("s",)
        for call in (drive.backend.info, drive.entries, drive.log, lambda one: drive.say(one, "late")):
            with pytest.raises(NotFound):
                call("s")
        assert not drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None).items

    def test_deleting_what_is_not_there_says_so_without_an_error(self, drive: Driver) -> None:
        assert drive.backend.delete("nobody") == ()
        drive.new("s")
        drive.backend.delete("s")
        assert drive.backend.delete("s") == ()

    def test_descendants_go_with_their_session_and_others_stay(self, drive: Driver) -> None:
        drive.new("root")
        drive.new("child", parent="root")
        drive.new("grandchild", parent="child")
        drive.new("sibling", parent="root")
        assert drive.backend.delete("child") == ("child", "grandchild")
        assert drive.backend.info("sibling").seq == 1
        assert drive.backend.delete("root") == ("root", "sibling")

    def test_an_id_can_be_used_again_and_nothing_comes_back(self, drive: Driver) -> None:
        drive.new("s", first=[user("old", id="a")])
        drive.append("s", user("more"))
        drive.backend.delete("s")
        drive.new("s")
        assert drive.texts("s") == []
        assert drive.append("s", user("new", id="a")).seq == 2

    @pytest.mark.parametrize("fields", [{"pinned": True}, {"status": "running"}], ids=["pinned", "running"])
    def test_what_is_protected_stays_with_the_whole_tree(self, drive: Driver, fields: dict[str, object]) -> None:
        drive.new("root")
        drive.new("child", parent="root")
        drive.set("child", **fields)
        with pytest.raises(Conflict, match="child"):
            drive.backend.delete("root", guard=unless_protected(drive.clock))
        assert drive.backend.info("root").seq == 1
        assert drive.backend.delete("root") == ("child", "root")

    def test_what_is_leased_stays_until_the_lease_ends(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        guard = unless_protected(drive.clock)
        with pytest.raises(Conflict, match="leased"):
            drive.backend.delete("s", guard=guard)
        drive.lease("s", 1, released=True)
        assert drive.backend.delete("s", guard=guard) == ("s",)

    def test_an_append_beside_a_deletion_never_brings_a_session_back(self, drive: Driver) -> None:
        for number in range(10):
            session = f"s{number}"
            drive.new(session)
            results = together(
                lambda: drive.say(session, "late"),  # noqa: B023 - run at once
                lambda: drive.backend.delete(session),  # noqa: B023 - run at once
                lambda: drive.say(session, "later"),  # noqa: B023 - run at once
            )
            assert results[1] == (session,)
            assert all(isinstance(one, Appended | NotFound) for one in (results[0], results[2]))
            with pytest.raises(NotFound):
                drive.backend.info(session)

    def test_of_threads_that_delete_one_session_one_says_it_did(self, drive: Driver) -> None:
        drive.new("s")
        assert sorted(map(repr, together(*[lambda: drive.backend.delete("s")] * 3))) == ["('s',)", "()", "()"]

    def test_get_or_create_beside_a_deletion_gives_a_session_that_is_there_or_gone(self, drive: Driver) -> None:
        for _ in range(10):
            drive.new("s", reuse="id")
            created, _ = together(lambda: drive.create("s", reuse="id"), lambda: drive.backend.delete("s"))
            assert not isinstance(created, HansardError), created
            drive.new("s", reuse="id")
            assert drive.say("s", "hello").added == 1
