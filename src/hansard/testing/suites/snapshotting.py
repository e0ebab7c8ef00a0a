"""What a store of whole snapshots guarantees: the last save comes back, only the difference is written, nobody is lost."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import copy
from typing import Any

import pytest

from ...errors import Conflict, Corrupt, Invalid
from ...model.entry import assistant, user
from ...store import SnapshotStore, Store
from ..driver import Backdoor, Driver, requires, together


def _text(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def _data(identity: str = "session-1", *texts: str) -> dict[str, Any]:
    """A snapshot as agents keep them: config, state, messages, usage, times of its own."""
    said = texts or ("Hello", "Hi there")
    return {
        "id": identity,
        "config": {"name": "Test", "workspace": "/tmp/w", "threshold": 0.8, "policy": {"allow": [], "odd": None}},  # noqa: S108
        "state": "Active",
        "messages": [_text("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(said)],
        "total_usage": {"prompt_tokens": 12345678901234567890, "cost": 1e-7, "ratio": 1.0},
        "tool_names": ["bash", "read"],
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_100,
    }


def _entries(drive: Driver, identity: str = "session-1") -> int:
    return drive.backend.info(identity).entry_count


class Snapshotting:
    """Snapshots go in and come out."""

    def test_a_snapshot_comes_back_in_every_field_and_in_its_order(self, snapshots: SnapshotStore) -> None:
        snapshots.save(_data())
        found = snapshots.load("session-1")
        assert found == _data()
        assert list(found or {}) == list(_data())

    def test_it_comes_back_after_reopening(self, drive: Driver) -> None:
        drive.need("persistent")
        SnapshotStore(Store(drive.backend, clock=drive.clock)).save(_data())
        drive.reopen()
        assert SnapshotStore(Store(drive.backend, clock=drive.clock)).load("session-1") == _data()

    def test_what_is_not_there_is_none_and_deleting_it_is_no_error(self, snapshots: SnapshotStore) -> None:
        assert snapshots.load("nobody") is None
        assert snapshots.digest("nobody") is None
        assert (snapshots.delete("nobody"), snapshots.delete(""), snapshots.exists("")) == (False, False, False)

    def test_exists_list_and_delete_follow_what_was_saved(self, snapshots: SnapshotStore) -> None:
        assert snapshots.list() == []
        for number in (3, 1, 2):
            snapshots.save(_data(f"session-{number}"))
        assert snapshots.list() == ["session-1", "session-2", "session-3"]
        assert (snapshots.exists("session-2"), snapshots.delete("session-2"), snapshots.exists("session-2")) == (
            True, True, False,
        )  # fmt: skip
        assert snapshots.load("session-2") is None
        assert snapshots.delete("session-2") is False
        snapshots.save(_data("session-2", "anew"))
        assert snapshots.load("session-2") == _data("session-2", "anew")

    def test_changing_what_was_loaded_or_saved_changes_nothing_stored(self, snapshots: SnapshotStore) -> None:
        given = _data()
        snapshots.save(given)
        given["messages"].clear()
        found = snapshots.load("session-1") or {}
        found["config"]["name"] = "other"
        assert snapshots.load("session-1") == _data()

    @pytest.mark.parametrize("identity", ["../../../etc/passwd", "foo\\bar\\baz", "foo/bar\\baz..qux", ".", "Ä" * 200])
    def test_any_id_works_and_is_its_own(self, snapshots: SnapshotStore, identity: str) -> None:
        for other in (identity, "foo_bar_baz", "foo_bar_baz_qux"):
            snapshots.save(_data(other))
        assert snapshots.load(identity) == _data(identity)
        assert snapshots.load("foo_bar_baz") == _data("foo_bar_baz")
        assert len(snapshots.list()) == 3

    def test_a_later_save_overwrites_with_more_less_or_other_messages(self, snapshots: SnapshotStore) -> None:
        for said in (("one",), ("one", "two", "three"), ("one",), (), ("one", "other", "three"), ("new",)):
            changed = _data("session-1", *said) | {"updated_at": 1_700_000_200 + len(said)}
            snapshots.save(changed)
            assert snapshots.load("session-1") == changed

    def test_members_come_go_and_change_their_kind(self, snapshots: SnapshotStore) -> None:
        long = [{"n": n, "text": "x" * 100} for n in range(100)]
        base = {"id": "session-1"}
        for more in (
            {"runs": long},
            {"runs": long[:50]},
            {"runs": [*long, 1]},
            {"runs": []},
            {"runs": {"a": long}},
            {},
        ):
            snapshots.save({**base, **more})
            assert snapshots.load("session-1") == {**base, **more}
        for odd in (
            {"messages": None},
            {"messages": "none"},
            {"messages": []},
            {"session": {"x": 1}},
            {"": 1, "a/b": 2},
        ):
            snapshots.save({**base, **odd})
            assert snapshots.load("session-1") == {**base, **odd}

    @pytest.mark.parametrize("odd", [None, 1, [], {"role": "user", "content": [{"type": {}}, None]}, {"role": 5}])
    def test_messages_of_any_shape_come_back(self, snapshots: SnapshotStore, odd: Any) -> None:
        given = {"id": "session-1", "messages": [odd, odd]}
        snapshots.save(given)
        assert snapshots.load("session-1") == given

    def test_an_envelope_around_the_session_comes_back_too(self, snapshots: SnapshotStore) -> None:
        whole: dict[str, Any] = {"schema_version": 1, "session": _data(), "artifacts": [], "runs": [{"id": "r"}]}
        snapshots.save(whole)
        assert snapshots.load("session-1") == whole
        whole["session"]["messages"].append(_text("user", "more"))
        snapshots.save(whole)
        assert snapshots.load("session-1") == whole

    def test_messages_are_messages_of_the_session(self, snapshots: SnapshotStore, drive: Driver) -> None:
        snapshots.save(_data())
        session = Store(drive.backend, clock=drive.clock).get("session-1")
        assert [(message.role, message.text) for message in session.history()] == [
            ("user", "Hello"), ("assistant", "Hi there"),
        ]  # fmt: skip
        assert (session.title, session.info.created_at) == ("Test", "2023-11-14T22:13:20.000000Z")
        session.append([user("And?"), assistant("That is all")])
        found = snapshots.load("session-1") or {}
        assert [message["role"] for message in found["messages"]] == ["user", "assistant"] * 2
        snapshots.save(found)
        assert snapshots.load("session-1") == found

    def test_no_secret_of_a_config_is_stored_and_everything_else_is(
        self, snapshots: SnapshotStore, drive: Driver
    ) -> None:
        call = {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c", "name": "t", "input": {"token": "abc"}}],
        }
        given: dict[str, Any] = _data() | {
            "llm_config": {"provider": "p", "model": "m", "api_key": "s3cret"},
            "messages": [call],
        }
        given["config"]["nested"] = {"apiKey": "s3cret", "keep": 1}
        snapshots.save(given)
        found = snapshots.load("session-1") or {}
        assert found["llm_config"] == {"provider": "p", "model": "m", "api_key": None}
        assert found["config"]["nested"] == {"apiKey": None, "keep": 1}
        assert found["messages"] == [call]
        assert b"s3cret" not in drive.log("session-1")
        assert snapshots.save(given) == snapshots.digest("session-1")

    @pytest.mark.parametrize("given", [None, [], {}, {"id": ""}, {"id": 1}, {"id": "a", "x": float("nan")}])
    def test_what_is_no_snapshot_is_refused(self, snapshots: SnapshotStore, given: Any) -> None:
        with pytest.raises(Invalid):
            snapshots.save(given)
        assert snapshots.list() == []

    def test_health_and_name_are_those_of_the_store(self, snapshots: SnapshotStore, drive: Driver) -> None:
        assert snapshots.health().ok
        assert snapshots.backend_name == drive.backend.name


class Comparing:
    """Only differences are written, and nobody's save is lost."""

    def test_an_equal_snapshot_writes_nothing(self, snapshots: SnapshotStore, drive: Driver) -> None:
        first = snapshots.save(_data())
        before = _entries(drive)
        turned = dict(reversed(_data().items()))
        turned["config"] = dict(reversed(turned["config"].items()))
        assert snapshots.save(_data()) == snapshots.save(turned) == first
        assert _entries(drive) == before

    def test_sets_have_no_order(self, snapshots: SnapshotStore, drive: Driver) -> None:
        lanes = {"id": "session-1", "policy": {"yolo_lanes": ["Query", "Execute"]}}
        turned: dict[str, Any] = copy.deepcopy(lanes)
        turned["policy"]["yolo_lanes"].reverse()
        first = snapshots.save(lanes)
        before = _entries(drive)
        assert snapshots.save(turned) == first
        assert _entries(drive) == before
        snapshots.save({"id": "session-1", "tools": {"b", "a"}})
        assert snapshots.load("session-1") == {"id": "session-1", "tools": ["a", "b"]}

    def test_a_save_adds_what_is_new_and_no_more(self, snapshots: SnapshotStore, drive: Driver) -> None:
        data: dict[str, Any] = _data() | {"runs": [{"n": n, "text": "x" * 1000} for n in range(200)]}
        snapshots.save(data)
        size = drive.backend.info("session-1").size
        for number in range(10):
            data["messages"].append(_text("user", f"turn {number}"))
            data["runs"].append({"n": 200 + number, "text": "y" * 1000})
            data["updated_at"] += 1
            snapshots.save(data)
        assert drive.backend.info("session-1").size - size < 40_000
        assert snapshots.load("session-1") == data

    def test_an_edited_history_is_a_branch_and_the_old_one_stays_on_record(
        self, snapshots: SnapshotStore, drive: Driver
    ) -> None:
        snapshots.save(_data("session-1", "a", "b", "c"))
        snapshots.save(_data("session-1", "a", "B", "c"))
        session = Store(drive.backend, clock=drive.clock).get("session-1")
        assert [message.text for message in session.messages()] == ["a", "B", "c"]
        assert len(list(session.entries(kinds="message"))) == 5
        assert len(session.branches()) == 2

    def test_a_digest_decides_whether_a_save_goes_through(self, snapshots: SnapshotStore) -> None:
        first = snapshots.save(_data(), expect="")
        with pytest.raises(Conflict):
            snapshots.save(_data("session-1", "other"), expect="")
        second = snapshots.save(_data("session-1", "other"), expect=first)
        with pytest.raises(Conflict) as caught:
            snapshots.save(_data("session-1", "late"), expect=first)
        assert caught.value.seq > 0
        assert snapshots.digest("session-1") == second
        assert snapshots.load("session-1") == _data("session-1", "other")
        with pytest.raises(Conflict):
            snapshots.save(_data("nobody"), expect=first)

    def test_a_digest_notices_what_was_said_beside_the_snapshots(self, snapshots: SnapshotStore, drive: Driver) -> None:
        first = snapshots.save(_data())
        session = Store(drive.backend, clock=drive.clock).get("session-1")
        session.update(status="running")
        assert snapshots.digest("session-1") == first
        session.append(user("More"))
        assert snapshots.digest("session-1") != first
        with pytest.raises(Conflict):
            snapshots.save(_data("session-1", "x"), expect=first)
        snapshots.save(_data())
        assert snapshots.load("session-1") == _data()

    def test_a_lease_between_two_saves_disturbs_neither(self, snapshots: SnapshotStore, drive: Driver) -> None:
        snapshots.save(_data("session-1", "a", "b"))
        drive.lease("session-1", 1)
        for said in (("a", "b", "c"), ("a", "x"), ("a", "x", "y")):
            snapshots.save(_data("session-1", *said))
            assert snapshots.load("session-1") == _data("session-1", *said)

    def test_five_saves_at_once_all_succeed(self, snapshots: SnapshotStore, drive: Driver) -> None:
        done = together(*[lambda: snapshots.save(_data())] * 5)
        assert len({str(one) for one in done}) == 1
        assert snapshots.load("session-1") == _data()
        before = _entries(drive)
        fresh = SnapshotStore(Store(drive.backend, clock=drive.clock))
        fresh.save(_data())
        assert _entries(drive) == before
        done = together(*[lambda n=n: snapshots.save(_data("session-1", f"t{n}")) for n in range(5)])
        assert all(isinstance(one, str) for one in done)
        assert snapshots.load("session-1") in [_data("session-1", f"t{n}") for n in range(5)]

    def test_two_views_of_one_store_see_each_other(self, snapshots: SnapshotStore, drive: Driver) -> None:
        other = SnapshotStore(Store(drive.backend, clock=drive.clock))
        for number in range(6):
            mine = snapshots if number % 2 else other
            mine.save(_data("session-1", *[f"t{n}" for n in range(number)], "end"))
        assert (
            snapshots.load("session-1")
            == other.load("session-1")
            == _data("session-1", *[f"t{n}" for n in range(5)], "end")
        )

    def test_a_damaged_log_is_told_and_never_taken_for_nothing(
        self, snapshots: SnapshotStore, drive: Driver, backdoor: Backdoor
    ) -> None:
        drive.need("persistent")
        snapshots.save(_data())
        log = backdoor.log("session-1")
        backdoor.replace("session-1", log.replace(b"Hello", b"Jello", 1))
        drive.reopen()
        fresh = SnapshotStore(Store(drive.backend, clock=drive.clock))
        with pytest.raises(Corrupt):
            fresh.load("session-1")
        assert fresh.exists("session-1")


@requires("attachments")
class Picturing:
    """Files inside messages."""

    def test_a_picture_inside_a_message_is_kept_beside_the_log_and_comes_back(
        self, snapshots: SnapshotStore, drive: Driver
    ) -> None:
        data = "iVBORw0KGgo" + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" * 40 + "A"
        block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
        given = _data() | {"messages": [{"role": "user", "content": [block]}]}
        snapshots.save(given)
        assert snapshots.load("session-1") == given
        assert len(drive.log("session-1")) < len(data) * 2
        assert snapshots.save(given) == snapshots.digest("session-1")
