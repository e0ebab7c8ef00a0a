"""What the tree guarantees: branches, moves of the head, amendments, compactions, and a visible path that follows."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import pytest

from ...errors import Conflict, Invalid
from ...fold import Fold
from ...limits import MIB
from ...model.entry import NewEntry, assistant, event, user
from ...model.info import SessionInfo
from ...store import Store
from ..driver import Driver


def _head(to: int) -> NewEntry:
    return NewEntry(kind="head", body={"to": to})


def _compaction(covers: int, **members: object) -> NewEntry:
    return NewEntry(kind="compaction", body={"summary": "what was said", "covers": covers, **members})


def _visible(info: SessionInfo) -> list[int]:
    """The numbers in the ranges of the visible path, the open end closed."""
    return [seq for first, last in info.path for seq in range(first, (info.seq if last is None else last) + 1)]


class Branching:
    """Messages form a tree, and one path of it is visible."""

    def test_each_message_follows_the_one_before(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        info = drive.backend.info("s")
        assert (info.head, info.message_count) == (3, 2)
        assert {2, 3} <= set(_visible(info))
        assert [entry.parent for entry in drive.entries("s")] == [None, None, None]

    def test_a_rewind_hides_what_followed_and_the_next_message_follows_there(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three"), user("four")])
        drive.append("s", _head(2))
        assert drive.backend.info("s").head == 2
        drive.append("s", assistant("six"))
        info = drive.backend.info("s")
        assert (info.head, info.message_count) == (6, 2)
        assert {3, 4}.isdisjoint(_visible(info))

    def test_the_old_branch_stays_on_record_and_can_be_visited_again(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        drive.append("s", _head(2), assistant("five"))
        drive.append("s", _head(3))
        info = drive.backend.info("s")
        assert (info.head, info.message_count) == (3, 2)
        assert drive.texts("s") == ["two", "three", "five"]

    def test_a_rewind_to_before_the_first_message_shows_none(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        drive.append("s", _head(0))
        info = drive.backend.info("s")
        assert (info.head, info.message_count, info.is_empty) == (0, 0, True)

    def test_a_message_with_another_parent_makes_a_branch_and_leaves_the_head(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        drive.append("s", assistant("aside", parent=2))
        info = drive.backend.info("s")
        assert (info.head, info.message_count) == (3, 2)
        assert 4 not in _visible(info)
        assert drive.entries("s")[3].parent == 2

    def test_within_an_append_a_branch_goes_on_and_its_lines_say_so(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        drive.append("s", user("aside", parent=2), assistant("and on"))
        assert [entry.parent for entry in drive.entries("s")[3:]] == [2, 4]
        assert drive.backend.info("s").head == 3

    def test_other_entries_are_no_nodes(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), event("step")])
        assert drive.backend.info("s").head == 2
        drive.append("s", assistant("four"))
        assert drive.backend.info("s").message_count == 2


class Amending:
    """What an earlier entry shows can be replaced."""

    def test_an_amendment_is_listed_and_the_record_unchanged(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        drive.append("s", NewEntry(kind="amend", body={"seq": 2, "body": user("better").body}))
        assert drive.backend.info("s").amendments == ((3, 2),)
        assert drive.texts("s") == ["two"]

    def test_an_amendment_survives_a_rewind(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        drive.append("s", NewEntry(kind="amend", body={"seq": 2, "hide": True}))
        drive.append("s", _head(2))
        assert (4, 2) in drive.backend.info("s").amendments


class Compacting:
    """A summary stands for what it covers."""

    def test_a_compaction_becomes_the_beginning_of_the_path(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three"), user("four")])
        drive.append("s", _compaction(3, archive="plan"))
        info = drive.backend.info("s")
        assert (info.summary, info.archive, info.head) == ("what was said", "plan", 5)
        assert {2, 3}.isdisjoint(_visible(info))
        assert 4 in _visible(info)

    def test_what_was_compacted_away_stays_on_record(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        drive.append("s", _compaction(3))
        assert drive.texts("s") == ["two", "three"]

    def test_a_compaction_of_what_is_not_visible_is_a_conflict(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        drive.append("s", _head(2), assistant("five"))
        with pytest.raises(Conflict, match="visible path"):
            drive.append("s", _compaction(3))
        assert drive.backend.info("s").summary is None

    def test_a_compaction_can_keep_from_an_earlier_message_on(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three"), user("four")])
        drive.append("s", _compaction(4, keep=4))
        assert 4 in _visible(drive.backend.info("s"))

    def test_a_compaction_that_keeps_what_comes_later_is_refused(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        with pytest.raises(Invalid):
            drive.append("s", _compaction(2, keep=9))

    def test_a_rewind_behind_a_compaction_shows_the_messages_again(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        drive.append("s", _compaction(3))
        drive.append("s", _head(3))
        info = drive.backend.info("s")
        assert (info.summary, info.message_count) == (None, 2)
        assert {2, 3} <= set(_visible(info))


class Folding:
    """What a session is follows from its log alone."""

    def test_the_info_is_the_fold_of_the_entries(self, drive: Driver) -> None:
        _eventful(drive)
        sizes = [len(line) for line in drive.backend.lines("s")]
        fold = Fold.of(zip(drive.entries("s"), sizes, strict=True), tree=True)
        assert drive.backend.info("s") == fold.info()

    def test_making_everything_derived_anew_changes_nothing(self, drive: Driver) -> None:
        _eventful(drive)
        before = drive.backend.info("s"), drive.entries("s"), drive.log("s")
        drive.backend.reindex()
        assert (drive.backend.info("s"), drive.entries("s"), drive.log("s")) == before

    def test_progress_of_making_it_anew_is_told(self, drive: Driver) -> None:
        drive.new("s")
        told: list[tuple[str, int, int]] = []
        drive.backend.reindex(lambda what, done, total: told.append((what, done, total)))
        assert told
        assert told[-1][1] == told[-1][2]

    def test_a_session_that_ends_with_a_large_entry_is_read_checked_and_forked(self, store: Store) -> None:
        session = store.create()
        session.append(user("one"))
        session.append(event("large", {"data": "x" * 9 * MIB}))
        assert [entry.seq for entry in session.entries(newest_first=True)] == [3, 2, 1]
        fork = session.fork()
        for one in (session, fork):
            assert list(store.check(one.id)) == []
            one.append(user("two"))
            one.rewind(to=2)
            assert [message.text for message in one.history()] == ["one"]
            assert list(store.check(one.id)) == []
        store.reindex()
        assert [session.seq, fork.seq] == [5, 6]


def _eventful(drive: Driver) -> None:
    drive.new("s", agent="a", first=[user("two"), assistant("three")])
    drive.set("s", status="paused", title="Given", persona="dry")
    drive.append("s", _head(2), assistant("six"), NewEntry(kind="amend", body={"seq": 2, "hide": True}))
    drive.append("s", _compaction(6))
    drive.lease("s", 1)
