"""What looking over many sessions guarantees: filters, owners, the latest, what calls cost, what changed."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from typing import Any

import pytest

from ...codec.times import stamp
from ...errors import Conflict, Invalid, NotFound
from ...model.entry import assistant, system, usage, user
from ...store import Store
from ...store.overview import watcher_of
from ..driver import START_US, Driver, together

_HOUR = 3600
_DAY = 24 * _HOUR


def _ids(store: Store, **asked: Any) -> list[str]:
    return [info.id for info in store.find(**asked)]


class Filtering:
    """Whatever a listing shows can be asked for."""

    @pytest.mark.parametrize(
        ("told", "asked"),
        [
            ({"status": "paused"}, {"status": "paused"}),
            ({"provider": "anthropic"}, {"provider": "anthropic"}),
            ({"model": "m"}, {"model": ["m", "n"]}),
            ({"project": "api"}, {"project": "api"}),
            ({"persona": "auditor"}, {"persona": "auditor"}),
            ({"persona": "auditor"}, {"labels": {"persona": "auditor"}}),
            ({"set": {"persona": "auditor"}}, {"persona": ("auditor", "other")}),
            ({"config": {"workspace": "/srv"}}, {"workspace": "/srv"}),
            ({"set": {"workspace": "/srv"}}, {"workspace": "/srv"}),
            ({"config": {"reasoning_effort": "high"}}, {"reasoning_effort": "high"}),
            ({"set": {"schedule_id": "s1"}}, {"schedule_id": "s1"}),
            ({"set": {"run_id": "r1"}}, {"run_id": "r1"}),
            ({"set": {"lifecycle": "resident"}}, {"lifecycle": "resident"}),
            ({"set": {"plan_mode": {"status": "exploring"}}}, {"plan_mode": {"status": "exploring"}}),
            ({"set": {"permission_mode": "auto"}}, {"permission_mode": "auto"}),
            ({"set": {"goal": "ship"}}, {"fields": {"goal": "ship"}}),
            ({"error": "boom"}, {"has_error": True}),
            ({"pinned": True}, {"pinned": True}),
            ({"labels": {"seed": "7"}}, {"labels": {"seed": "7"}}),
        ],
    )  # fmt: skip
    def test_a_session_is_found_by_what_was_said_of_it(
        self, store: Store, told: dict[str, Any], asked: dict[str, Any]
    ) -> None:
        session = store.create(id="told")
        store.create(id="silent")
        session.update(**told)
        assert _ids(store, **asked) == ["told"]

    @pytest.mark.parametrize("name", ["persona", "workspace", "schedule_id", "run_id", "lifecycle", "status", "model"])
    def test_none_asks_for_what_was_not_said(self, store: Store, name: str) -> None:
        store.create(id="told").append(set={name: "x"})
        store.create(id="silent")
        assert _ids(store, **{name: None}) == ["silent"]

    def test_a_sub_agents_type_is_the_agent_of_a_child(self, store: Store) -> None:
        root = store.create(agent="coder")
        root.spawn(id="r", agent="reviewer")
        root.spawn(id="t", agent="tester")
        assert _ids(store, kind="child", agent="reviewer") == ["r"]

    def test_counts_are_filtered_by_value_and_by_bounds(self, store: Store) -> None:
        store.create(id="one", entries=[user("a")])
        store.create(id="three", entries=[user("a"), assistant("b"), user("c")])
        assert _ids(store, message_count=1) == ["one"]
        assert _ids(store, exchange_count=1) == ["three"]
        assert _ids(store, at_least={"message_count": 2}) == ["three"]
        assert _ids(store, at_most={"user_message_count": 1}) == ["one"]
        with pytest.raises(Invalid, match="no session field"):
            store.find(at_least={"mesage_count": 2})

    def test_sessions_with_attachments_are_found(self, store: Store, drive: Driver) -> None:
        drive.need("attachments")
        store.create(id="bare")
        store.create(id="with").attach(b"data")
        assert (_ids(store, has_attachments=True), _ids(store, has_attachments=False)) == (["with"], ["bare"])

    @pytest.mark.parametrize("blank", ["", "  "])
    def test_a_blank_status_is_none(self, store: Store, blank: str) -> None:
        session = store.create(id="s", status="running")
        session.append(status=blank)
        assert session.info.status is None
        assert _ids(store, status=None) == ["s"]

    def test_touching_a_session_moves_it_up(self, store: Store, drive: Driver) -> None:
        for name in "ab":
            store.create(id=name, entries=[user("hello")])
            drive.clock.advance(seconds=1)
        assert _ids(store) == ["b", "a"]
        store.get("a").append(user("more"))
        assert _ids(store) == _ids(store, order="-activity") == ["a", "b"]

    def test_the_statuses_of_direct_children_are_one_query(self, store: Store) -> None:
        root = store.create()
        done = root.spawn(id="ch-done", status="completed")
        root.spawn(id="ch-pending")
        done.spawn(id="grandchild")
        store.create().spawn(id="foreign")
        found = {info.id: info.status for info in store.find(parent=root.id)}
        assert found == {"ch-done": "completed", "ch-pending": None}

    def test_a_thread_is_a_child_with_a_kind(self, store: Store) -> None:
        root = store.create()
        root.spawn(id="t", kind="thread", title="aside")
        root.spawn(id="c")
        assert _ids(store, kind="thread") == ["t"]
        assert (store.info("t").root, store.info("t").depth) == (root.id, 1)


class Entitling:
    """Titles: given, generated, derived."""

    def test_a_generated_title_never_replaces_a_given_one_and_none_leads_back_to_the_derived(
        self, store: Store
    ) -> None:
        flag = "\U0001f1fa\U0001f1f3"
        session = store.create(entries=[system("Be brief."), user(f"\n  {flag * 70}\nmore")])
        assert (session.info.title, session.info.title_source) == (flag * 59 + "…", "derived")
        assert session.rename("Made up", generated=True)
        assert (session.info.title, session.info.title_source) == ("Made up", "generated")
        session.rename("Mine")
        assert not session.rename("Made up again", generated=True)
        version = session.info.title_version
        assert (session.title, version) == ("Mine", 2)
        with pytest.raises(Conflict):
            session.rename("Late", expect_version=version - 1)
        assert [info.id for info in store.find(title="Mine")] == [session.id]
        if "search" in store.capabilities:
            assert {hit.session for hit in store.search("title:mine")} == {session.id}
        seq = session.info.seq
        assert session.append(set={"title": "Made up by an importer", "title_source": "generated"}) == seq
        assert (session.title, session.info.title_source, session.info.title_version) == ("Mine", "given", version)
        if "search" in store.capabilities:
            assert len(store.search("importer role:title")) == 0
        session.rename(None)
        assert (session.info.title, session.info.title_source) == (flag * 59 + "…", "derived")

    def test_a_generated_title_that_a_person_chooses_is_given(self, store: Store) -> None:
        session = store.create(entries=[user("hello")])
        session.rename("Good", generated=True)
        session.rename("Good")
        assert (session.info.title, session.info.title_source, session.info.title_version) == ("Good", "given", 2)
        assert not session.rename("Other", generated=True)
        seq = session.info.seq
        session.rename("Good")
        assert session.info.seq == seq
        with pytest.raises(Invalid):
            session.update(set={"title_source": "generated"})
        assert session.info.fields == {}


class Owning:
    """Sessions of an agent and a user."""

    def test_an_empty_agent_or_user_is_none(self, store: Store) -> None:
        same = [store.get_or_create("s", agent="", user="", project="") for _ in range(2)]
        children = [session.spawn(name="helper", agent="", user="") for session in same]
        assert [(session.info.agent, session.info.user) for session in (*same, *children)] == [(None, None)] * 4
        assert [one.id for one in same[0].children()] == [children[0].id]
        assert children[0].id == children[1].id
        assert store.get_or_create(agent="", user="").id not in (same[0].id, children[0].id)

    def test_another_owners_session_is_not_there(self, store: Store) -> None:
        store.create(id="s", agent="coder", user="ana")
        assert store.get("s", user="ana").id == "s"
        assert store.get("s").id == "s"
        for asked in ({"user": "bob"}, {"user": None}, {"agent": "other"}):
            with pytest.raises(NotFound):
                store.get("s", **asked)  # pyright: ignore[reportArgumentType]

    def test_a_session_is_got_by_slug_and_by_number(self, store: Store) -> None:
        one, two = (store.create(agent="coder", user="ana") for _ in range(2))
        slugs = [one.info.slug, two.info.slug]
        assert [store.get(slug).id for slug in slugs] == [one.id, two.id]
        assert store.get(agent="coder", user="ana", number=2).id == two.id
        with pytest.raises(NotFound):
            store.get(agent="coder", user="bob", number=2)

    def test_an_id_counts_before_a_slug(self, store: Store) -> None:
        numbered = store.create(agent="coder", user="ana")
        slug = numbered.info.slug
        assert slug is not None
        named = store.create(id=slug)
        assert store.get(slug).id == named.id

    def test_a_slug_that_two_people_share_is_ambiguous(self, store: Store) -> None:
        one = store.create(agent="coder", user="ana b")
        store.create(agent="coder", user="ana-b")
        slug = one.info.slug
        assert slug is not None
        with pytest.raises(Invalid, match="more than one"):
            store.get(slug)
        assert store.get(slug, user="ana b").id == one.id

    def test_the_latest_has_the_highest_number(self, store: Store, drive: Driver) -> None:
        ids = [store.create(agent="a", user="u").id for _ in range(11)]
        root = store.create(agent="a", user="v")
        root.spawn(agent="a", user="u")
        if drive.has("fork"):
            store.fork(ids[0])
        latest = store.latest(agent="a", user="u")
        assert latest is not None
        assert latest.id == ids[10]
        assert latest.info.number == 11

    def test_there_is_no_latest_of_who_has_none(self, store: Store) -> None:
        store.create(agent="a", user="u")
        assert store.latest(agent="a") is None
        assert store.latest(agent="b", user="u") is None

    def test_the_latest_by_activity_was_active_last(self, store: Store, drive: Driver) -> None:
        first, _ = store.create(agent="a", user="u"), store.create(agent="a", user="u")
        drive.clock.advance(seconds=1)
        first.append(user("back again"))
        latest = store.latest(agent="a", user="u", order="activity")
        assert latest is not None
        assert latest.id == first.id


class Spending:
    """What calls of models took."""

    def _spend(self, store: Store, drive: Driver) -> None:
        root = store.create(id="r", agent="coder", user="ana", project="api")
        root.append([usage("big", call_id="1", input=100, output=10, cost=1.0), usage("small", input=5)])
        drive.clock.advance(seconds=_DAY)
        root.spawn(id="c", agent="reviewer").append(usage("big", call_id="2", input=50, cost=0.5))
        store.create(id="o", agent="coder", project="web").append(usage("big", call_id="3", input=1, cost=0.25))

    def test_usage_is_summed_up_by_what_is_asked(self, store: Store, drive: Driver) -> None:
        self._spend(store, drive)
        days = [stamp(START_US)[:10], stamp(START_US + _DAY * 1_000_000)[:10]]
        assert [(one.by["day"], one.usage.input) for one in store.usage(by="day")] == [(days[0], 105), (days[1], 51)]
        assert {one.by["model"]: one.usage.cost for one in store.usage(by=["model"])} == {"big": 1.75, "small": 0}
        assert {one.by["agent"]: one.usage.calls for one in store.usage(by=["agent"])} == {"coder": 3, "reviewer": 1}
        assert {one.by["root"]: one.usage.input for one in store.usage(by=["root"])} == {"r": 155, "o": 1}
        (everything,) = store.usage()
        assert (everything.usage.calls, everything.usage.cost) == (4, 1.75)

    def test_what_a_sub_agent_took_counts_for_its_roots_project(self, store: Store, drive: Driver) -> None:
        self._spend(store, drive)
        by_project = {one.by["project"]: one.usage.input for one in store.usage(by=["project"])}
        assert by_project == {"api": 155, "web": 1}
        assert [one.usage.input for one in store.usage(project="api")] == [155]
        assert [one.usage.input for one in store.usage(user="ana", by=["user"])] == [155]

    def test_a_sub_agent_that_is_meant_beside_its_root_counts_once(self, store: Store) -> None:
        root = store.create(id="r", agent="coder")
        root.append(usage("m", input=1))
        child = root.spawn(id="c", agent="coder")
        child.append(usage("m", input=10))
        child.spawn(id="d", agent="other").append(usage("m", input=100))
        meant: list[dict[str, Any]] = [{"root": "r"}, {"id": ["c", "r"]}, {"agent": "coder"}]
        meant.append({"agent": "coder", "all_kinds": True})
        for filters in meant:
            assert [one.usage.input for one in store.usage(**filters)] == [111]
        assert [one.usage.input for one in store.usage(id="c")] == [10]

    def test_usage_of_a_time_includes_its_beginning_and_not_its_end(self, store: Store, drive: Driver) -> None:
        self._spend(store, drive)
        second = stamp(START_US + _DAY * 1_000_000)
        assert [one.usage.input for one in store.usage(since=second)] == [51]
        assert [one.usage.input for one in store.usage(until=second)] == [105]
        assert store.usage(since="2100-01-01") == []

    def test_a_call_counts_once_whoever_reports_it(self, store: Store) -> None:
        session = store.create()
        for _ in range(2):
            session.append(usage("m", call_id="x", input=7))
        store.create().append(usage("m", call_id="x", input=7))
        assert session.info.usage.input == session.usage().input == 7
        assert [one.usage.input for one in store.usage()] == [7]

    def test_a_fork_does_not_spend_its_origins_calls_again(self, store: Store, drive: Driver) -> None:
        drive.need("fork")
        session = store.create()
        session.append(usage("m", input=7))
        fork = session.fork()
        fork.append(usage("m", input=2))
        assert (fork.usage().input, session.usage().input) == (2, 7)
        assert [one.usage.input for one in store.usage()] == [9]

    def test_a_tree_takes_what_all_its_sessions_took(self, store: Store, drive: Driver) -> None:
        self._spend(store, drive)
        store.get("c").spawn(id="g").append(usage("big", input=1000))
        assert store.get("r").usage().input == 105
        assert store.get("r").usage(tree=True).input == 1155

    def test_the_gauge_keeps_whatever_the_last_call_said(self, store: Store) -> None:
        session = store.create()
        gauge = {"used": 10, "max": 100, "percent": 10.0, "turns": 2, "cached": 3, "truncated": False, "more": [1]}
        session.append([usage("m", context={"used": 1}), usage("m", context=gauge), usage("m")])
        assert session.info.context == gauge

    def test_an_unknown_group_is_refused(self, store: Store) -> None:
        with pytest.raises(Invalid, match="colour"):
            store.usage(by=["colour"])


class Following:
    """What changed since a time."""

    def test_sessions_touched_at_the_very_time_are_included(self, store: Store, drive: Driver) -> None:
        store.create(id="old", entries=[user("then", at="2030-01-01T00:00:00Z")])
        drive.clock.advance(seconds=_DAY)
        store.create(id="new")
        now = stamp(drive.clock.now_us)
        assert _ids(store, updated_since=now) == ["new"]
        assert sorted(_ids(store, updated_since=stamp(drive.clock.now_us - _DAY * 1_000_000))) == ["new", "old"]

    def test_entries_of_all_sessions_since_a_time_are_those_committed_since(self, store: Store, drive: Driver) -> None:
        session = store.create(id="s", entries=[user("early")])
        store.create(id="quiet", entries=[user("early")])
        drive.clock.advance(seconds=_HOUR)
        session.append([user("late"), assistant("answer")])
        session.spawn(id="c", entries=[user("in the child")])
        since = stamp(drive.clock.now_us)
        found = [(one.session, one.entry.seq) for one in store.entries(updated_since=since, kinds="message")]
        assert found == [("c", 2), ("s", 3), ("s", 4)]
        assert len(list(store.entries())) == 8
        assert [one.session for one in store.entries(kinds="message", id="quiet")] == ["quiet"]

    def test_whoever_watches_sees_each_change(self, store: Store, drive: Driver) -> None:
        store.create(id="before")
        drive.clock.advance(seconds=1)
        watching = store.watch(poll_s=0.01)
        session = store.create(id="s")
        assert next(watching).id == "s"
        session.append(user("hello"))
        assert next(watching).seq == 2
        session.spawn(id="c")
        assert next(watching).id == "c"

    def test_a_watch_since_a_time_begins_with_what_changed_since(self, store: Store, drive: Driver) -> None:
        store.create(id="old")
        drive.clock.advance(seconds=_HOUR)
        since = stamp(drive.clock.now_us)
        store.create(id="a")
        watching = store.watch(since, poll_s=0.01)
        assert next(watching).id == "a"

    def test_a_watch_by_a_clock_that_is_ahead_sees_what_changes_after_its_first_look(
        self, store: Store, drive: Driver
    ) -> None:
        store.create(id="before")
        drive.clock.advance(seconds=_HOUR)
        watcher = watcher_of(store, None, {})
        assert watcher.look() == []
        drive.clock.advance(seconds=1 - _HOUR)
        store.create(id="s").append(user("by another machine, whose clock is right"))
        assert [info.id for info in watcher.look()] == ["s"]
        store.get("before").append(user("too"))
        assert [info.id for info in watcher.look()] == ["before"]
        assert watcher.look() == []

    def test_a_writer_whose_clock_is_far_ahead_hides_no_other_from_who_watches(
        self, store: Store, drive: Driver
    ) -> None:
        watcher = watcher_of(store, None, {})
        drive.clock.advance(seconds=_DAY)
        store.create(id="ahead")
        drive.clock.advance(seconds=60 - _DAY)
        assert [info.id for info in watcher.look()] == ["ahead"]
        store.create(id="s")
        assert [info.id for info in watcher.look()] == ["s"]

    def test_a_change_wakes_who_waits_for_it(self, store: Store) -> None:
        session = store.create()
        watching = store.watch(poll_s=0.01)
        found = together(lambda: _first_after(watching, 1), lambda: session.append(user("now")))
        assert found == [2, 2]


def _first_after(watching: Any, seq: int) -> int:
    return next(info.seq for info in watching if info.seq > seq)
