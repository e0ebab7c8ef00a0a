"""What creating a session guarantees: its first line, its id, its numbers, its place in a tree, and one winner."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from typing import Any

import pytest

from ...codec.times import stamp
from ...errors import AlreadyExists, HansardError, Invalid, NotFound
from ...model.entry import NewEntry, user
from ...model.requests import Created
from ...query import EVERYTHING
from ..driver import START_US, Driver, promptly, together

WEIRD_IDS = (
    ".", "..", "a/b", "a_b", "A", "a", "con", "CON", "a\\b", "session..1", "../../../etc/passwd", "x" * 300,
    "x" * 299 + "y", "🏛️", "a b", "a%2fb", "-", "~", "\n", "a\x00b", "log.jsonl", "é", "e\u0301", "x" * 512,
)  # fmt: skip


class Creating:
    """Sessions begin."""

    def test_a_new_session_begins_with_its_created_entry(self, drive: Driver) -> None:
        drive.new("s", agent="coder", labels={"team": "red"})
        (first,) = drive.entries("s")
        assert (first.seq, first.kind, first.commit) == (1, "created", (1, START_US))
        assert first.body["session"] == "s"
        assert first.body["format"] == 1

    def test_creation_carries_all_that_it_was_given(self, drive: Driver) -> None:
        said = {
            "agent": "coder", "user": "ana", "project": "api", "labels": {"k": "v"}, "metadata": {"a": [1, None]},
            "config": {"model": "m"}, "source": {"format": "codex"}, "title": "A title",
        }  # fmt: skip
        drive.new("s", **said)
        info = drive.backend.info("s")
        assert {name: getattr(info, name) for name in said} == said
        assert (info.id, info.kind, info.root, info.parent, info.seq) == ("s", "root", "s", None, 1)

    def test_the_entries_of_the_first_request_are_in_the_first_commit(self, drive: Driver) -> None:
        created = drive.create("s", first=[user("one"), user("two")])
        assert created == Created("s", 3, new=True)
        assert [entry.commit is not None for entry in drive.entries("s")] == [False, False, True]

    def test_an_id_is_drawn_where_none_is_given(self, drive: Driver) -> None:
        first, second = drive.new(), drive.new()
        assert first != second
        assert drive.backend.info(first).id == first

    def test_an_id_in_use_is_refused(self, drive: Driver) -> None:
        drive.new("s", first=[user("mine")])
        with pytest.raises(AlreadyExists, match="'s'"):
            drive.new("s")
        assert drive.texts("s") == ["mine"]

    def test_ids_that_look_like_paths_devices_or_each_other_are_all_distinct(self, drive: Driver) -> None:
        for session in WEIRD_IDS:
            drive.new(session, first=[user(f"in {session}")])
        assert [drive.texts(session) for session in WEIRD_IDS] == [[f"in {session}"] for session in WEIRD_IDS]
        assert {info.id for info in drive.backend.find(EVERYTHING, order="id", limit=99, cursor=None)} == set(WEIRD_IDS)

    @pytest.mark.parametrize("session", ["x" * 513, "é" * 257, "\ud800"])
    def test_an_id_that_is_too_long_or_no_text_is_refused(self, drive: Driver, session: str) -> None:
        with pytest.raises(Invalid, match="id"):
            drive.new(session)

    def test_a_given_time_is_when_the_session_began(self, drive: Driver) -> None:
        drive.new("s", at="2020-02-02T12:00:00+02:00")
        assert drive.backend.info("s").created_at == "2020-02-02T10:00:00.000000Z"

    def test_without_a_given_time_the_session_began_now(self, drive: Driver) -> None:
        drive.new("s")
        assert drive.backend.info("s").created_at == stamp(START_US)

    def test_a_refused_creation_leaves_nothing_behind(self, drive: Driver) -> None:
        with pytest.raises(Invalid):
            drive.new("s", agent="a", first=[NewEntry(kind="head", body={"to": 99})])
        with pytest.raises(NotFound):
            drive.backend.info("s")
        assert not drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None).items
        assert drive.create("s").new

    def test_labels_and_metadata_beyond_their_bound_are_refused(self, drive: Driver) -> None:
        with pytest.raises(Invalid, match="64 KiB"):
            drive.new("s", metadata={"large": "x" * 65_536})


class Reusing:
    """A session that is there is returned, or it is not."""

    def test_reuse_by_id_returns_the_session_that_is_there(self, drive: Driver) -> None:
        drive.new("s", first=[user("hello")])
        assert drive.create("s", reuse="id") == Created("s", 2, new=False)

    def test_reuse_by_id_makes_a_session_that_is_not_there(self, drive: Driver) -> None:
        assert drive.create("s", reuse="id") == Created("s", 1, new=True)

    @pytest.mark.parametrize("other", [{"agent": "x"}, {"user": "x"}])
    def test_reuse_by_id_refuses_a_session_of_another_agent_or_user(self, drive: Driver, other: dict[str, Any]) -> None:
        drive.new("s", agent="a", user="u")
        with pytest.raises(AlreadyExists):
            drive.create("s", reuse="id", **other)

    def test_reuse_by_id_of_a_child_returns_the_child(self, drive: Driver) -> None:
        drive.new("root")
        drive.new("child", parent="root")
        assert promptly(lambda: drive.create("child", reuse="id")) == Created("child", 1, new=False)

    def test_reuse_by_pair_returns_the_newest_of_exactly_this_agent_and_user(self, drive: Driver) -> None:
        drive.new("one", agent="a", user="u")
        drive.new("two", agent="a", user="u")
        drive.new("other", agent="a", user="v")
        drive.new("nobody's", agent="a")
        assert drive.create(agent="a", user="u", reuse="pair") == Created("two", 1, new=False)
        assert drive.create(agent="a", reuse="pair").id == "nobody's"

    def test_reuse_by_pair_returns_no_child(self, drive: Driver) -> None:
        drive.new("one", agent="a", user="u")
        drive.new("child", parent="one", agent="a", user="u")
        assert drive.create(agent="a", user="u", reuse="pair").id == "one"

    def test_reuse_by_pair_falls_back_to_the_newest_that_still_exists(self, drive: Driver) -> None:
        drive.new("one", agent="a", user="u")
        drive.new("two", agent="a", user="u")
        drive.backend.delete("two")
        assert drive.create(agent="a", user="u", reuse="pair") == Created("one", 1, new=False)
        drive.backend.delete("one")
        assert drive.create(agent="a", user="u", reuse="pair").new

    def test_threads_that_reuse_one_id_get_one_session(self, drive: Driver) -> None:
        found = together(*[lambda: drive.create("s", reuse="id")] * 4)
        assert sorted(one.new for one in found if isinstance(one, Created)) == [False, False, False, True]

    def test_threads_that_reuse_one_pair_get_one_session(self, drive: Driver) -> None:
        found = together(*[lambda: drive.create(agent="a", user="u", reuse="pair")] * 4)
        created = [one for one in found if isinstance(one, Created)]
        assert len({one.id for one in created}) == 1
        assert sorted(one.new for one in created) == [False, False, False, True]

    def test_of_threads_that_want_one_id_one_gets_it(self, drive: Driver) -> None:
        found = together(*[lambda: drive.create("s")] * 4)
        assert sorted(type(one).__name__ for one in found) == ["AlreadyExists"] * 3 + ["Created"]


class Numbering:
    """The roots of an agent and a user are counted."""

    def test_the_sessions_of_an_agent_and_a_user_are_numbered(self, drive: Driver) -> None:
        ids = [drive.new(agent="a", user="u"), drive.new(agent="a", user="v"), drive.new(agent="a", user="u")]
        assert [drive.backend.info(one).number for one in ids] == [1, 1, 2]

    def test_a_number_is_never_given_twice(self, drive: Driver) -> None:
        drive.new(agent="a", user="u")
        drive.backend.delete(drive.new(agent="a", user="u"))
        assert drive.backend.info(drive.new(agent="a", user="u")).number == 3

    def test_numbered_sessions_have_a_slug_and_others_neither(self, drive: Driver) -> None:
        numbered, plain = drive.backend.info(drive.new(agent="Co der", user="ana")), drive.backend.info(drive.new())
        assert numbered.slug == "co-der-ana-1"
        assert (plain.number, plain.slug) == (None, None)

    def test_children_have_no_number(self, drive: Driver) -> None:
        child = drive.new(parent=drive.new(agent="a", user="u"), agent="a", user="u")
        assert drive.backend.info(child).number is None
        assert drive.backend.info(drive.new(agent="a", user="u")).number == 2

    def test_threads_get_numbers_without_gaps_or_repeats(self, drive: Driver) -> None:
        found = together(*[lambda: drive.new(agent="a", user="u")] * 4)
        assert sorted(drive.backend.info(str(one)).number or 0 for one in found) == [1, 2, 3, 4]


class Spawning:
    """Children live under their root."""

    def test_a_child_knows_its_parent_its_root_and_its_depth(self, drive: Driver) -> None:
        drive.new("root")
        drive.new("child", parent="root")
        drive.new("grandchild", parent="child")
        info = drive.backend.info("grandchild")
        assert (info.parent, info.root, info.depth) == ("child", "root", 2)

    def test_the_parent_must_exist(self, drive: Driver) -> None:
        with pytest.raises(NotFound, match="nobody"):
            drive.new(parent="nobody")

    def test_the_same_name_is_the_same_child(self, drive: Driver) -> None:
        drive.new("root")
        first = drive.create(parent="root", name="reviewer")
        assert drive.create(parent="root", name="reviewer") == Created(first.id, first.seq, new=False)
        assert drive.backend.info(first.id).name == "reviewer"

    def test_one_name_under_two_roots_is_two_children(self, drive: Driver) -> None:
        drive.new("one")
        drive.new("two")
        assert drive.new(parent="one", name="reviewer") != drive.new(parent="two", name="reviewer")

    def test_the_same_name_anywhere_under_a_root_is_the_same_child(self, drive: Driver) -> None:
        drive.new("root")
        drive.new("child", parent="root")
        assert drive.new(parent="child", name="reviewer") == drive.new(parent="root", name="reviewer")

    def test_a_resident_child_can_be_made_anew_after_its_deletion(self, drive: Driver) -> None:
        drive.new("root")
        first = drive.new(parent="root", name="reviewer", first=[user("old")])
        drive.backend.delete(first)
        assert drive.create(parent="root", name="reviewer") == Created(first, 1, new=True)

    def test_name_and_id_together_are_refused(self, drive: Driver) -> None:
        drive.new("root")
        with pytest.raises(Invalid, match="name"):
            drive.new("mine", parent="root", name="reviewer")

    def test_the_id_of_a_root_is_no_childs(self, drive: Driver) -> None:
        drive.new("root")
        drive.new("other")
        with pytest.raises(AlreadyExists):
            promptly(lambda: drive.new("other", parent="root"))

    def test_the_id_of_a_child_is_no_roots_nor_another_childs(self, drive: Driver) -> None:
        drive.new("root")
        drive.new("second")
        drive.new("child", parent="root")
        for parent in (None, "root", "second"):
            with pytest.raises(AlreadyExists):
                promptly(lambda parent=parent: drive.new("child", parent=parent))

    def test_threads_that_spawn_one_name_get_one_child(self, drive: Driver) -> None:
        drive.new("root")
        found = together(*[lambda: drive.create(parent="root", name="reviewer")] * 4)
        created = [one for one in found if isinstance(one, Created)]
        assert len({one.id for one in created}) == 1
        assert sorted(one.new for one in created) == [False, False, False, True]

    def test_a_child_beside_the_deletion_of_its_root_goes_with_it_or_is_refused(self, drive: Driver) -> None:
        drive.new("root")
        spawned, _ = together(lambda: drive.new("child", parent="root"), lambda: drive.backend.delete("root"))
        assert spawned == "child" or isinstance(spawned, HansardError)
        for session in ("root", "child"):
            with pytest.raises(NotFound):
                drive.backend.info(session)
