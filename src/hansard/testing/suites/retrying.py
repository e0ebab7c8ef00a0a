"""What a caller may rely on who repeats an append, expects a number, or holds a lease."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ...errors import Conflict, LeaseLost
from ...model.entry import NewEntry, assistant, usage, user
from ...model.requests import Changes, Keys
from ..driver import Driver

BASE = NewEntry(kind="message", body=user("same").body, id="a", agent="coder", run="r1", parent=1)
OTHER = {
    "kind": {"kind": "event", "parent": None},
    "agent": {"agent": "x"},
    "run": {"run": None},
    "parent": {"parent": 0},
    "body": {"body": user("other").body},
    "key order": {"body": dict(reversed(user("same").body.items()))},
}


class Retrying:
    """An id names one content for ever."""

    def test_a_repeated_append_gives_the_first_answer_and_writes_nothing(self, drive: Driver) -> None:
        drive.new("s")
        first = drive.append("s", user("one", id="a"), user("two", id="b"))
        drive.say("s", "between")
        again = drive.append("s", user("one", id="a"), user("two", id="b"))
        assert again == msgspec.structs.replace(first, added=0)
        assert drive.texts("s") == ["one", "two", "between"]

    def test_a_repeated_append_may_have_another_time(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", user("one", id="a", at="2020-01-01T00:00:00Z"))
        assert drive.append("s", user("one", id="a", at="2021-01-01T00:00:00Z")).added == 0

    @pytest.mark.parametrize("change", OTHER.values(), ids=OTHER.keys())
    def test_an_id_with_other_content_is_a_conflict(self, drive: Driver, change: dict[str, object]) -> None:
        drive.new("s", first=[user("start")])
        drive.append("s", BASE)
        with pytest.raises(Conflict, match="'a'") as caught:
            drive.append("s", user("beside"), msgspec.structs.replace(BASE, **change))
        assert caught.value.seq == 3
        assert drive.backend.info("s").seq == 3

    def test_what_is_missing_of_a_repeated_append_goes_in(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", user("two", id="b"))
        answer = drive.append("s", user("one", id="a"), user("two", id="b"), user("three", id="c"))
        assert (answer.seqs, answer.added) == ((3, 2, 4), 2)
        assert drive.texts("s") == ["two", "one", "three"]

    @pytest.mark.parametrize("asked", [{"expect": 2}, {"unit": True}])
    def test_a_part_of_a_repeated_append_is_a_conflict_for_expect_and_units(
        self, drive: Driver, asked: dict[str, Any]
    ) -> None:
        drive.new("s")
        drive.append("s", user("one", id="a"))
        with pytest.raises(Conflict):
            drive.append("s", user("one", id="a"), user("two", id="b"), **asked)
        assert drive.texts("s") == ["one"]

    def test_ids_are_looked_at_before_expect(self, drive: Driver) -> None:
        drive.new("s")
        first = drive.append("s", user("one", id="a"), expect=1)
        drive.say("s", "between")
        assert drive.append("s", user("one", id="a"), expect=1).seqs == first.seqs

    def test_ids_are_looked_at_before_the_fence(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        drive.append("s", user("one", id="a"), fence=1)
        drive.lease("s", 2)
        assert drive.append("s", user("one", id="a"), fence=1).added == 0

    def test_ids_of_two_sessions_have_nothing_to_do_with_each_other(self, drive: Driver) -> None:
        drive.new("s")
        drive.new("t")
        drive.append("s", user("one", id="a"))
        assert drive.append("t", user("other", id="a")).added == 1

    def test_a_repeated_unit_turns_no_state_back_and_counts_no_usage_twice(self, drive: Driver) -> None:
        drive.new("s")
        unit: dict[str, Any] = {"unit": True, "change_id": "k.3", "changes": Changes(state=Keys(set={"step": 1}))}
        entries = (user("one", id="k.1"), usage("m", input=5, call_id="c"))
        first = drive.append("s", *entries, **unit)
        drive.append("s", assistant("two"), changes=Changes(state=Keys(set={"step": 2})))
        again = drive.append("s", *entries, **unit)
        assert again == msgspec.structs.replace(first, added=0)
        info = drive.backend.info("s")
        assert (info.state, info.usage.input) == ({"step": 2}, 5)

    def test_a_unit_writes_its_changes_as_given_also_unchanged_ones(self, drive: Driver) -> None:
        drive.new("s")
        drive.set("s", status="running")
        answer = drive.append("s", changes=Changes(set={"status": "running"}), unit=True, change_id="k.1")
        assert (answer.added, drive.entries("s")[-1].body) == (1, {"set": {"status": "running"}})


class Expecting:
    """Compare-and-set on the last number."""

    def test_an_expectation_that_holds_is_met(self, drive: Driver) -> None:
        drive.new("s")
        assert drive.append("s", user("one"), expect=1).seq == 2

    @pytest.mark.parametrize("expect", [0, 1, 3])
    def test_any_other_expectation_is_a_conflict_that_says_the_number(self, drive: Driver, expect: int) -> None:
        drive.new("s", first=[user("one")])
        with pytest.raises(Conflict, match="'s'") as caught:
            drive.append("s", user("two"), expect=expect)
        assert caught.value.seq == 2
        assert drive.texts("s") == ["one"]

    def test_lease_entries_do_not_spoil_an_expectation(self, drive: Driver) -> None:
        drive.new("s", first=[user("one")])
        drive.lease("s", 1)
        drive.lease("s", 2)
        assert drive.append("s", user("two"), expect=2).seq == 5

    def test_an_expectation_counts_also_where_nothing_would_change(self, drive: Driver) -> None:
        drive.new("s")
        drive.set("s", status="running")
        for changes in (Changes(set={"status": "running"}), None):
            with pytest.raises(Conflict):
                drive.append("s", changes=changes, expect=1)
            assert drive.append("s", changes=changes, expect=2).seq == 2

    def test_an_entry_before_the_lease_does(self, drive: Driver) -> None:
        drive.new("s")
        drive.say("s", "one")
        drive.lease("s", 1)
        with pytest.raises(Conflict):
            drive.append("s", user("two"), expect=1)


class Leasing:
    """The fence decides."""

    def test_who_holds_the_newest_lease_may_append(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        assert drive.append("s", user("mine"), fence=1).added == 1
        lease = drive.backend.info("s").lease
        assert lease is not None
        assert (lease.owner, lease.fence, lease.released) == ("worker", 1, False)

    def test_who_was_fenced_out_stays_out(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        drive.lease("s", 2, owner="other")
        with pytest.raises(LeaseLost, match="'other'"):
            drive.append("s", user("mine"), fence=1)
        assert drive.texts("s") == []

    def test_a_released_lease_is_lost(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        drive.lease("s", 1, released=True)
        with pytest.raises(LeaseLost):
            drive.append("s", user("mine"), fence=1)

    def test_the_number_rises_over_a_release(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        drive.lease("s", 1, released=True)
        drive.lease("s", 2)
        assert drive.append("s", user("mine"), fence=2).added == 1

    def test_of_two_who_take_the_same_number_the_second_is_refused(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        with pytest.raises(Conflict):
            drive.lease("s", 1, owner="other")

    def test_without_a_lease_no_fence_holds(self, drive: Driver) -> None:
        drive.new("s")
        with pytest.raises(LeaseLost):
            drive.append("s", user("mine"), fence=1)

    def test_appends_without_a_fence_are_taken_beside_a_lease(self, drive: Driver) -> None:
        drive.new("s")
        drive.lease("s", 1)
        assert drive.say("s", "a person interrupts").added == 1
