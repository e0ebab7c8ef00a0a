"""What forks guarantee: they continue their origin's numbers, and keep all that they show whatever becomes of it."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import pytest

from ...errors import AlreadyExists, Conflict, HansardError, Invalid, NotFound, Unsupported
from ...model.entry import NewEntry, assistant, text, user
from ...model.requests import Changes, Creation, Keys
from ...query import parse
from ..driver import Driver, requires, said, together, without


@requires("fork")
class Forking:
    """A new session continues an old one."""

    def test_a_fork_continues_the_numbers_and_shows_the_prefix(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user("three"), user("four")])
        created = drive.backend.fork("s", Creation(id="f"), at=3)
        assert (created.id, created.seq, created.new) == ("f", 4, True)
        drive.say("f", "five")
        assert [entry.seq for entry in drive.entries("f")] == [1, 2, 3, 4, 5]
        assert drive.texts("f") == ["two", "three", "five"]
        assert drive.texts("s") == ["two", "three", "four"]

    def test_the_first_line_of_a_fork_is_chained_to_its_origin(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user("three")])
        drive.backend.fork("s", Creation(id="f"), at=2)
        first = drive.entries("f")[2]
        at = drive.entries("s")[1]
        assert (first.kind, first.seq) == ("created", 3)
        assert first.body["segments"] == [{"session": "s", "last": 2, "hash": at.hash}]

    def test_without_a_place_a_fork_leaves_at_the_last_entry(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        assert drive.backend.fork("s", Creation(id="f"), at=None).seq == 3

    @pytest.mark.parametrize("at", [0, -1, 3, True])
    def test_a_place_that_is_not_there_is_refused(self, drive: Driver, at: int) -> None:
        drive.new("s", first=[user("two")])
        with pytest.raises(Invalid, match="'s'"):
            drive.backend.fork("s", Creation(id="f"), at=at)
        with pytest.raises(NotFound):
            drive.backend.info("f")

    def test_the_id_of_a_fork_must_be_free(self, drive: Driver) -> None:
        drive.new("s")
        drive.new("f")
        with pytest.raises(AlreadyExists):
            drive.backend.fork("s", Creation(id="f"), at=None)
        assert drive.backend.info("f").segments == ()

    def test_a_fork_is_a_root_with_its_own_creation(self, drive: Driver) -> None:
        drive.new("root")
        child = drive.new(parent="root", name="reviewer", kind="child")
        drive.backend.fork(child, Creation(id="f"), at=None)
        info = drive.backend.info("f")
        assert (info.kind, info.root, info.parent, info.depth, info.name) == ("fork", "f", None, 0, None)

    def test_a_fork_takes_over_what_was_set_but_not_what_was_running(self, drive: Driver) -> None:
        drive.new("s", agent="a", user="u", project="p", labels={"k": "v"})
        drive.set("s", status="running", pinned=True, persona="dry")
        drive.append("s", changes=Changes(state=Keys(set={"step": 1})))
        drive.lease("s", 1)
        drive.backend.fork("s", Creation(id="f"), at=None)
        info = drive.backend.info("f")
        assert (info.agent, info.user, info.project, info.labels) == ("a", "u", "p", {"k": "v"})
        assert (info.state, info.fields) == ({"step": 1}, {"persona": "dry"})
        assert (info.status, info.pinned, info.lease, info.number, info.slug) == (None, False, None, None, None)

    def test_a_fork_at_an_earlier_place_knows_nothing_of_what_came_later(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        drive.append("s", assistant("three"), changes=Changes(set={"title": "Later"}))
        drive.backend.fork("s", Creation(id="f"), at=2)
        info = drive.backend.info("f")
        assert (info.head, info.message_count, info.title) == (2, 1, "two")

    def test_usage_and_counts_are_the_forks_own(self, drive: Driver) -> None:
        drive.new("s", first=[NewEntry(kind="usage", body={"input": 5, "output": 1})])
        drive.backend.fork("s", Creation(id="f"), at=None)
        info = drive.backend.info("f")
        assert (info.usage.input, info.entry_count) == (0, 1)

    def test_amendments_made_after_the_place_go_along(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user("three")])
        drive.append("s", NewEntry(kind="amend", body={"seq": 2, "body": user("better").body}))
        drive.append("s", NewEntry(kind="amend", body={"seq": 3, "hide": True}))
        drive.backend.fork("s", Creation(id="f"), at=2)
        copies = [entry for entry in drive.entries("f") if entry.kind == "amend"]
        assert [entry.body for entry in copies] == [{"seq": 2, "body": user("better").body}]
        assert copies[0].commit is not None
        assert drive.backend.info("f").amendments == ((4, 2),)

    def test_a_fork_of_a_fork_reads_across_all_segments(self, drive: Driver) -> None:
        _lineage(drive)
        assert drive.texts("h") == ["two", "three", "in f", "in g", "in h"]
        assert [entry.seq for entry in drive.entries("h")] == list(range(1, 10))

    def test_reads_across_segments_can_be_bounded_and_turned_round(self, drive: Driver) -> None:
        _lineage(drive)
        assert [entry.seq for entry in drive.entries("h", after=2, before=8)] == [3, 4, 5, 6, 7]
        assert [entry.seq for entry in drive.entries("h", after=1, before=6, newest_first=True)] == [5, 4, 3, 2]

    def test_a_fork_of_a_fork_within_the_prefix_goes_back_to_the_origin(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user("three")])
        drive.backend.fork("s", Creation(id="f"), at=3)
        drive.backend.fork("f", Creation(id="g"), at=2)
        drive.say("g", "four")
        assert drive.texts("g") == ["two", "four"]
        assert [segment.session for segment in drive.backend.info("g").segments] == ["s"]

    def test_the_lines_of_a_fork_are_its_own(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.say("f", "four")
        assert drive.log("f").count(b"\n") == 2

    def test_ids_of_the_prefix_are_taken_in_the_fork_too(self, drive: Driver) -> None:
        drive.new("s", first=[user("two", id="a")])
        drive.backend.fork("s", Creation(id="f"), at=None)
        assert drive.append("f", user("two", id="a")).seqs == (2,)
        with pytest.raises(Conflict):
            drive.append("f", user("other", id="a"))

    def test_an_amended_message_of_the_prefix_is_found_in_the_origin_alone(self, drive: Driver) -> None:
        drive.need("search")
        drive.new("s", first=[user("alpha")])
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.append("f", NewEntry(kind="amend", body={"seq": 2, "body": {"role": "user", "parts": [text("omega")]}}))
        drive.say("f", "gamma")
        found = {
            word: [(hit.session, hit.seq) for hit in drive.backend.search(
                parse(word), session=None, order="newest", limit=9, cursor=None)]
            for word in ("alpha", "omega", "gamma")
        }  # fmt: skip
        assert found == {"alpha": [("s", 2)], "omega": [], "gamma": [("f", 5)]}

    def test_a_fork_can_rewind_into_its_prefix(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), assistant("three")])
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.append("f", NewEntry(kind="head", body={"to": 2}), assistant("again"))
        info = drive.backend.info("f")
        assert (info.head, info.message_count) == (6, 2)


@requires("fork")
class Orphaning:
    """A fork outlives its origin."""

    @pytest.mark.parametrize("gone", [["s"], ["f"], ["s", "f"], ["f", "s"], ["g", "s", "f"]], ids="+".join)
    def test_forks_keep_all_that_they_show_when_origins_go(self, drive: Driver, gone: list[str]) -> None:
        _lineage(drive)
        before = drive.entries("h"), drive.backend.info("h"), drive.log("h")
        for session in gone:
            assert drive.backend.delete(session) == (session,)
        assert (drive.entries("h"), drive.backend.info("h"), drive.log("h")) == before
        assert drive.say("h", "on").seq == 10
        assert drive.findings() == []

    def test_a_fork_without_its_origin_can_be_forked_and_go_too(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user("three")])
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.backend.delete("s")
        drive.backend.fork("f", Creation(id="g"), at=2)
        drive.backend.fork("f", Creation(id="h"), at=4)
        drive.backend.delete("f")
        assert (drive.texts("g"), drive.texts("h")) == (["two"], ["two", "three"])
        assert drive.findings() == []

    def test_an_origin_of_the_same_id_made_anew_is_not_read_as_the_old_one(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.backend.delete("s")
        drive.new("s", first=[user("impostor")])
        assert drive.texts("f") == ["two"]

    def test_a_fork_of_such_a_fork_reads_the_old_one_too(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user("three")])
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.backend.delete("s")
        drive.new("s", first=[user("impostor"), user("another"), user("third")])
        drive.backend.fork("f", Creation(id="g"), at=2)
        assert drive.texts("g") == ["two"]
        drive.backend.erase("s", [2], by=None, reason=None)
        drive.backend.delete("s")
        assert (drive.texts("f"), drive.texts("g")) == (["two", "three"], ["two"])

    def test_attachments_of_the_prefix_stay_with_the_fork(self, drive: Driver) -> None:
        drive.need("attachments")
        drive.new("s")
        kept = drive.backend.attach("s", b"a picture", mime="image/png")
        drive.append("s", user([kept.part]))
        drive.backend.fork("s", Creation(id="f"), at=None)
        assert drive.backend.attachment("f", kept.sha256) == b"a picture"
        drive.backend.delete("s")
        assert drive.backend.attachment("f", kept.sha256) == b"a picture"

    def test_forks_of_children_stay_when_the_tree_goes(self, drive: Driver) -> None:
        drive.new("root")
        drive.new("child", parent="root", first=[user("two")])
        drive.backend.fork("child", Creation(id="f"), at=None)
        drive.backend.delete("root")
        assert drive.texts("f") == ["two"]

    def test_a_fork_beside_the_deletion_of_its_origin_is_whole_or_refused(self, drive: Driver) -> None:
        for number in range(10):
            origin, fork = f"s{number}", f"f{number}"
            drive.new(origin, first=[user("two")])
            forked, _ = together(
                lambda: drive.backend.fork(origin, Creation(id=fork), at=None),  # noqa: B023 - run at once
                lambda: drive.backend.delete(origin),  # noqa: B023 - run at once
            )
            if isinstance(forked, Exception):
                assert isinstance(forked, HansardError)
                with pytest.raises(NotFound):
                    drive.backend.info(fork)
            else:
                assert drive.texts(fork) == ["two"]


@without("fork")
class NotForking:
    """Without the capability, forking is refused."""

    def test_a_backend_that_does_not_fork_says_so(self, drive: Driver) -> None:
        drive.new("s")
        with pytest.raises(Unsupported):
            drive.backend.fork("s", Creation(id="f"), at=None)


def _lineage(drive: Driver) -> None:
    """Sessions s (1 to 3) ← f (4, 5) ← g (6, 7) ← h (8, 9), each forked at the end of the one before."""
    drive.new("s", first=[user("two"), user("three")])
    for origin, fork in (("s", "f"), ("f", "g"), ("g", "h")):
        drive.backend.fork(origin, Creation(id=fork), at=None)
        drive.say(fork, f"in {fork}")
    assert said(drive.entries("h")[-1]) == "in h"
