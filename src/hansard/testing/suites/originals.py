"""What the stores that came before promise by their own tests, asked of this one. See docs/explanation/four-stores.md."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from ...errors import Invalid, NotFound
from ...model.entry import Entry, assistant, event, system, tool, tool_call, usage, user
from ...model.info import SessionInfo
from ...store import RetentionPolicy, SnapshotStore, Store
from ..driver import Backdoor, Driver, together

_HOUR = 3600

NOT_PLAIN = ("session/1", "session\\1", "session..1", "session_1", "session-123", "foo\\bar\\baz", "foo_bar_baz", "foo/bar\\baz..qux")  # fmt: skip
"""Ids that others refuse, or store under one name."""


def _again(store: Store, drive: Driver) -> Store:
    """The store opened anew, where the backend outlives its closing."""
    if not drive.has("persistent"):
        return store
    drive.reopen()
    return Store(drive.backend, clock=drive.clock)


class OfBamboo:
    """What bamboo's tests ask of a session store."""

    def test_id_and_model_survive_reopening(self, store: Store, drive: Driver) -> None:
        store.create(id="session-1").update(model="gpt-test")
        found = _again(store, drive).info("session-1")
        assert (found.id, found.model) == ("session-1", "gpt-test")

    def test_a_session_that_is_not_there_is_told_at_every_entrance(self, store: Store, drive: Driver) -> None:
        for look in (store.get, store.info):
            with pytest.raises(NotFound):
                look("missing")
        assert store.exists("missing") is False
        assert SnapshotStore(Store(drive.backend, clock=drive.clock)).load("missing") is None

    def test_a_new_store_lists_nothing(self, store: Store) -> None:
        page = store.find()
        assert (page.items, page.cursor, page.complete) == ((), None, True)

    def test_two_sessions_are_listed_the_newest_first(self, store: Store, drive: Driver) -> None:
        for name in ("session-1", "session-2"):
            store.create(id=name)
            drive.clock.advance(seconds=1)
        assert [info.id for info in store.find()] == ["session-2", "session-1"]

    def test_what_was_deleted_is_found_nowhere_and_can_not_be_appended_to(self, store: Store) -> None:
        session = store.create(id="session-1", entries=[user("needle")])
        assert store.delete("session-1") is True
        assert not store.find().items
        assert "search" not in store.capabilities or not store.search("needle").items
        for late in (lambda: store.get("session-1"), lambda: session.append(user("late"))):
            with pytest.raises(NotFound):
                late()
        assert store.delete("session-1") is False

    def test_only_what_can_be_no_id_is_refused(self, store: Store) -> None:
        for wrong in ("", "x" * 513, "\udcff"):
            with pytest.raises(Invalid):
                store.create(id=wrong)
        for name in NOT_PLAIN:
            store.create(id=name, entries=[user(f"I am {name}")])
        assert [store.get(name).history()[0].text for name in NOT_PLAIN] == [f"I am {name}" for name in NOT_PLAIN]

    def test_calls_of_a_model_are_recorded_in_order_and_each_counts_once(self, store: Store) -> None:
        session = store.create(id="session-1")
        for call in ("a", "b", "a"):
            session.append(usage("m", call_id=call, input=10))
        assert [entry.body["call"] for entry in session.entries(kinds="usage")] == ["a", "b"]
        assert (session.info.usage.calls, session.info.usage.input) == (2, 20)

    def test_usage_of_an_unknown_session_is_refused(self, store: Store) -> None:
        session = store.create(id="gone")
        store.delete("gone")
        with pytest.raises(NotFound):
            session.append(usage("m", input=1))
        assert store.exists("gone") is False

    def test_state_is_saved_with_the_messages(self, store: Store, drive: Driver) -> None:
        store.create(id="s").append([user("a"), assistant("b")], state={"round": 3, "suspension": None})
        found = _again(store, drive).info("s")
        assert (found.state, found.message_count) == ({"round": 3, "suspension": None}, 2)

    def test_saving_state_alone_leaves_what_was_written_as_it_is(self, store: Store, drive: Driver) -> None:
        session = store.create(id="s", entries=[user("a"), assistant("b"), user("c")])
        before = drive.log("s")
        session.append(state={"round": 4}, status="running")
        assert drive.log("s").startswith(before)
        (listed,) = store.find(status="running")
        assert (listed.message_count, listed.state, store.info("s").state) == (3, {"round": 4}, {"round": 4})

    def test_a_session_that_was_never_saved_is_saved_whole(self, store: Store) -> None:
        session = store.get_or_create("s")
        session.append(user("first"), state={"round": 1})
        assert (store.info("s").message_count, store.info("s").state) == (1, {"round": 1})

    def test_a_grandchild_lives_under_the_root_and_is_found_by_its_id(self, store: Store, drive: Driver) -> None:
        store.create(id="root-1").spawn(id="child-1").spawn(id="grandchild-1", entries=[user("deep")])
        again = _again(store, drive)
        info = again.info("grandchild-1")
        assert (info.parent, info.root, info.depth) == ("child-1", "root-1", 2)
        assert again.get("grandchild-1").history()[0].text == "deep"


class OfOxios:
    """What oxios's tests ask of a state store."""

    def test_a_session_is_created_and_kept(self, store: Store, drive: Driver) -> None:
        created = store.create(user="ana", project="api", entries=[user("Hi"), assistant("Hello")])
        found = _again(store, drive).get(created.id)
        assert (found.info.user, found.info.project) == ("ana", "api")
        assert [message.text for message in found.history()] == ["Hi", "Hello"]

    def test_getting_or_creating_by_an_id_that_is_there_gives_that_session(self, store: Store) -> None:
        store.create(id="s", user="ana", entries=[user("one")])
        again = store.get_or_create("s", user="ana", entries=[user("not written")])
        assert (again.id, again.info.message_count) == ("s", 1)

    def test_getting_or_creating_without_an_id_gives_a_new_empty_session(self, store: Store) -> None:
        session = store.get_or_create(user="ana")
        assert (session.info.user, session.info.is_empty, session.info.message_count) == ("ana", True, 0)
        assert store.get_or_create().id != store.get_or_create().id

    def test_many_at_once_get_one_session(self, store: Store) -> None:
        found = together(*[lambda: store.get_or_create("s", user="ana").id] * 16)
        assert set(found) == {"s"}
        pairs = together(*[lambda: store.get_or_create(agent="coder", user="ana").id] * 16)
        assert len(set(pairs)) == 1

    def test_sessions_of_a_window_include_the_one_at_its_beginning(self, store: Store, drive: Driver) -> None:
        store.create(id="old")
        begin = drive.clock.now_us
        drive.clock.advance(seconds=200 * 24 * _HOUR)
        store.create(id="edge")
        edge = drive.clock.now_us
        drive.clock.advance(seconds=24 * _HOUR)
        assert [info.id for info in store.find(updated_since=edge / 1_000_000)] == ["edge"]
        assert len(store.find(updated_since=begin / 1_000_000)) == 2

    def test_pruning_by_count_and_by_age_leaves_the_newest_and_what_is_in_use(
        self, store: Store, drive: Driver
    ) -> None:
        for number in range(5):
            store.create(id=f"s{number}")
            drive.clock.advance(seconds=1)
        store.get("s3").update(pinned=True)
        store.get("s4").append(status="running")
        drive.clock.advance(seconds=48 * _HOUR)
        store.create(id="fresh")
        assert store.prune(RetentionPolicy(max_sessions=3), dry_run=True).deleted == ("s0", "s1", "s2")
        assert store.prune(RetentionPolicy(max_age=24 * _HOUR)).deleted == ("s0", "s1", "s2")
        assert sorted(info.id for info in store.find()) == ["fresh", "s3", "s4"]


class OfCrabtalk:
    """What crabtalk would ask, if it published tests."""

    def test_two_sessions_of_a_pair_are_numbered_and_resolved_by_their_slugs(self, store: Store) -> None:
        one, two = (store.create(agent="crab", user="tg:42") for _ in range(2))
        assert (one.info.number, two.info.number) == (1, 2)
        assert [store.resolve(str(made.info.slug)).id for made in (one, two)] == [one.id, two.id]

    def test_messages_and_events_keep_their_order_and_events_are_not_in_the_history(self, store: Store) -> None:
        session = store.create()
        session.append([user("a"), event("tool_start"), assistant("b"), event("tool_done")])
        assert [entry.kind for entry in session.entries(after=1)] == ["message", "event", "message", "event"]
        assert [message.text for message in session.history()] == ["a", "b"]

    def test_after_a_compaction_only_later_entries_and_the_archives_name_are_left(self, store: Store) -> None:
        session = store.create(entries=[user("a"), assistant("b")])
        session.compact("short", archive="a-1")
        session.append(user("c"))
        assert [message.text for message in session.history()] == ["short", "c"]
        session.compact("shorter", archive="a-2")
        assert (session.info.archive, session.info.summary) == ("a-2", "shorter")
        assert [message.text for message in session.history()] == ["shorter"]

    def test_changing_fields_leaves_the_log_before_as_it_is(self, store: Store, drive: Driver) -> None:
        session = store.create(id="s", entries=[user("a")])
        before = drive.log("s")
        session.rename("Title")
        assert drive.log("s").startswith(before)
        store.delete("s")
        with pytest.raises(NotFound):
            session.rename("Too late")


class OfA3sCode:
    """What a3s-code's tests ask of a session store, beside those of SnapshotStore."""

    def test_ids_that_are_paths_work_and_stay_apart(self, store: Store, drive: Driver) -> None:
        snapshots = SnapshotStore(Store(drive.backend, clock=drive.clock))
        for name in ("../../../etc/passwd", *NOT_PLAIN):
            snapshots.save({"id": name, "config": {"name": name}, "messages": []})
        for name in ("../../../etc/passwd", *NOT_PLAIN):
            assert (snapshots.load(name) or {})["config"] == {"name": name}
            assert store.info(name).id == name

    def test_an_overwritten_snapshot_comes_back_with_its_times_and_a_shorter_one_too(self, drive: Driver) -> None:
        snapshots = SnapshotStore(Store(drive.backend, clock=drive.clock))
        messages = [{"role": "user", "content": text} for text in "abc"]
        given: dict[str, Any] = {"id": "s", "messages": messages[:2], "updated_at": 1_700_000_100}
        snapshots.save(given)
        for longer in (
            {**given, "messages": messages, "updated_at": 1_700_000_200},
            {**given, "messages": messages[:1]},
        ):
            snapshots.save(longer)
            assert snapshots.load("s") == longer

    def test_policies_come_back_verbatim_with_unknown_members(self, store: Store) -> None:
        policies = {
            "permission_policy": {"deny": [{"rule": "Bash(rm:*)", "odd": None}], "future": 1},
            "confirmation_policy": {"enabled": True, "timeout_ms": 30000},
            "queue_config": {"control_max_concurrency": 2, "lanes": {}},
        }
        session = store.create(config=policies)
        assert session.info.config == policies

    def test_infos_and_entries_go_to_json_and_come_back_equal(self, store: Store) -> None:
        session = store.create(agent="a", labels={"k": "v"}, metadata={"n": None}, entries=[system("s")])
        session.append([assistant([tool_call("c", "ls", {})]), tool("c", "x"), usage("m", input=1)], state={"s": [1]})
        info = session.info
        assert msgspec.json.decode(msgspec.json.encode(info), type=SessionInfo) == info
        for entry in session.entries():
            plain = json.loads(json.dumps(msgspec.to_builtins(entry)))
            assert msgspec.convert(plain, Entry) == entry

    def test_names_of_tools_keep_their_order(self, store: Store) -> None:
        session = store.create(config={"tool_names": ["bash", "read"]})
        assert session.info.config["tool_names"] == ["bash", "read"]

    def test_there_not_there_and_there_again(self, store: Store) -> None:
        assert store.exists("s") is False
        store.create(id="s")
        assert store.exists("s") is True
        store.delete("s")
        assert store.exists("s") is False

    @pytest.mark.parametrize("cut", [lambda log: b"rubbish\n" * len(log), lambda log: log[: len(log) // 3]])
    def test_a_damaged_session_is_told_and_listed_and_the_others_are_fine(
        self, drive: Driver, backdoor: Backdoor, cut: Any
    ) -> None:
        drive.need("persistent")
        for name in ("good", "bad"):
            drive.new(name, first=[user("a"), user("b")])
        backdoor.replace("bad", cut(backdoor.log("bad")))
        drive.reopen()
        store = Store(drive.backend, clock=drive.clock)
        assert [message.text for message in store.get("good").history()] == ["a", "b"]
        assert store.exists("bad")
        assert "bad" in {finding.session for finding in store.check() if finding.severity == "damage"}
        assert sorted(info.id for info in store.find()) == ["bad", "good"]

    def test_a_healthy_store_says_so_and_its_name(self, store: Store) -> None:
        health = store.health()
        assert (health.ok, health.backend) == (True, store.backend_name)
