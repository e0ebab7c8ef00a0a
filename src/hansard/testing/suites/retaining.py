"""What cleaning up and pruning guarantee: what goes, what never goes, and that both are decided under the lock."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ...backend import Backend
from ...errors import Invalid, Unavailable
from ...model.entry import assistant, system, user
from ...store import RetentionPolicy, Session, Store
from ...store.place import place_of
from ...store.retention import MARK, Pruner
from ..driver import Driver, no_threads

_HOUR = 3600


def _there(store: Store) -> list[str]:
    return [info.id for info in store.sessions(all_kinds=True, order="id")]


class _Before:
    """A backend that does something else just before it deletes, or another verb: what a faster writer does."""

    def __init__(self, backend: Backend, first: Callable[[], object], verb: str = "delete") -> None:
        self._backend = backend
        self._first = first
        self._verb = verb

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._backend, name)
        if name != self._verb:
            return found

        def call(*given: Any, **asked: Any) -> Any:
            self._first()
            return found(*given, **asked)

        return call


class Cleaning:
    """Sessions that nobody needs go."""

    def _forest(self, store: Store) -> None:
        store.create(id="empty", entries=[system("Be brief.")])
        store.create(id="asked", entries=[user("hello")])
        full = store.create(id="full", entries=[user("hello"), assistant("hi")])
        full.spawn(id="full-empty")
        full.spawn(id="full-said", entries=[assistant("done")])
        store.create(id="pinned").update(pinned=True)
        deep = store.create(id="deep")
        deep.spawn(id="deep-1").spawn(id="deep-2").update(pinned=True)
        deep.spawn(id="deep-3")

    def test_empty_sessions_go_and_one_with_a_lone_question_stays(self, store: Store) -> None:
        self._forest(store)
        done = store.cleanup("empty")
        assert done.deleted == ("deep-3", "empty", "full-empty")
        reasons = {kept.id: kept.reason for kept in done.kept}
        assert reasons["asked"] == "not empty"
        assert reasons["pinned"] == "pinned"
        assert "deep-2" in reasons["deep"]
        assert _there(store) == ["asked", "deep", "deep-1", "deep-2", "full", "full-said", "pinned"]

    def test_children_go_and_their_roots_stay(self, store: Store) -> None:
        self._forest(store)
        assert store.cleanup("children").deleted == ("deep-3", "full-empty", "full-said")
        assert {"full", "empty", "deep", "deep-1", "deep-2"} <= set(_there(store))

    def test_all_go_but_what_is_pinned_and_what_it_hangs_on(self, store: Store) -> None:
        self._forest(store)
        done = store.cleanup("all")
        assert _there(store) == ["deep", "deep-1", "deep-2", "pinned"]
        assert set(done.deleted) == {"asked", "deep-3", "empty", "full", "full-empty", "full-said"}

    def test_pins_are_not_respected_if_so_asked_and_runs_and_leases_are(self, store: Store) -> None:
        self._forest(store)
        store.create(id="running", status="running")
        lease = store.create(id="leased").lease("worker")
        store.cleanup("all", keep_pinned=False)
        assert _there(store) == ["leased", "running"]
        lease.release()
        assert store.cleanup("all").deleted == ("leased",)

    def test_a_dry_run_names_the_same_and_takes_nothing(self, store: Store) -> None:
        self._forest(store)
        before = _there(store)
        asked = store.cleanup("all", dry_run=True)
        assert asked.dry_run
        assert _there(store) == before
        done = store.cleanup("all")
        assert (done.deleted, done.kept) == (asked.deleted, asked.kept)

    def test_what_was_said_and_then_hidden_is_not_empty(self, store: Store) -> None:
        session = store.create(id="s", entries=[user("hello")])
        session.rewind(to=0)
        session.clear()
        assert store.cleanup("empty").deleted == ()

    def test_an_unknown_mode_is_refused(self, store: Store) -> None:
        with pytest.raises(Invalid, match="mode"):
            store.cleanup("everything")  # pyright: ignore[reportArgumentType]

    @pytest.mark.parametrize(
        "first", [lambda s: s.append(user("now")), lambda s: s.update(pinned=True), lambda s: s.spawn(entries=[user("a")])]
    )  # fmt: skip
    def test_a_session_that_changes_on_the_way_stays(
        self, store: Store, drive: Driver, first: Callable[[Session], object]
    ) -> None:
        session = store.create(id="s")
        racing: Any = _Before(drive.backend, lambda: first(session))
        done = Store(racing, clock=drive.clock).cleanup("empty")
        assert done.deleted == ()
        assert [kept.id for kept in done.kept] == ["s"]
        assert store.exists("s")


class Pruning:
    """What a policy lets go goes."""

    def _aged(self, store: Store, drive: Driver, count: int, *, hours: float = 1, **fields: Any) -> list[Session]:
        made: list[Session] = []
        for number in range(count):
            made.append(store.create(id=f"s{number}", entries=[user("x")], **fields))
            drive.clock.advance(seconds=hours * _HOUR)
        return made

    def test_beyond_the_newest_so_many_the_oldest_go(self, store: Store, drive: Driver) -> None:
        self._aged(store, drive, 5)
        policy = RetentionPolicy(max_sessions=3)
        assert store.prune(policy, dry_run=True).deleted == ("s0", "s1")
        assert store.prune(policy).deleted == ("s0", "s1")
        assert _there(store) == ["s2", "s3", "s4"]
        assert store.prune(policy).deleted == ()

    def test_what_nobody_touched_for_long_goes(self, store: Store, drive: Driver) -> None:
        old, fresh = self._aged(store, drive, 2, hours=24)
        drive.clock.advance(seconds=1)
        fresh.append(user("again"))
        assert store.prune(RetentionPolicy(max_age=timedelta(hours=24))).deleted == (old.id,)

    def test_an_old_time_that_an_importer_gave_makes_no_session_old(self, store: Store) -> None:
        store.create(id="s", at="2001-01-01T00:00:00Z", entries=[user("x", at="2001-01-01T00:00:00Z")])
        assert store.prune(RetentionPolicy(max_age=_HOUR)).deleted == ()

    def test_what_is_pinned_running_or_leased_stays_with_its_whole_tree(self, store: Store, drive: Driver) -> None:
        pinned, running, leased, plain = self._aged(store, drive, 4)
        pinned.spawn(id="c").spawn(id="g").update(pinned=True)
        running.append(status="running")
        leased.lease("worker", ttl_s=300 * 24 * _HOUR)
        drive.clock.advance(seconds=100 * 24 * _HOUR)
        done = store.prune(RetentionPolicy(max_age=_HOUR))
        assert done.deleted == (plain.id,)
        assert sorted(kept.id for kept in done.kept) == sorted((pinned.id, running.id, leased.id))

    def test_a_tree_is_as_old_as_its_newest_session(self, store: Store, drive: Driver) -> None:
        first, _, _ = self._aged(store, drive, 3)
        first.spawn(id="c")
        assert store.prune(RetentionPolicy(max_sessions=2)).deleted == ("s1",)

    def test_children_go_with_their_root_and_are_not_counted(self, store: Store, drive: Driver) -> None:
        first, _ = self._aged(store, drive, 2)
        for name in "ab":
            first.spawn(id=name)
        store.get("s1").append(user("later"))
        drive.clock.advance(seconds=1)
        store.get("s1").append(user("later"))
        assert store.prune(RetentionPolicy(max_sessions=1)).deleted == ("a", "b", "s0")

    def test_forks_keep_what_they_show(self, store: Store, drive: Driver) -> None:
        drive.need("fork")
        (origin,) = self._aged(store, drive, 1)
        fork = origin.fork()
        assert store.prune(RetentionPolicy(max_sessions=1)).deleted == (origin.id,)
        assert [message.text for message in fork.history()] == ["x"]

    def test_users_and_projects_have_policies_of_their_own(self, store: Store, drive: Driver) -> None:
        for number in range(2):
            for who in ({"user": "ana"}, {"user": "bob", "project": "api"}, {"project": "api"}, {}):
                name = "-".join((*who.values(), str(number)))
                store.create(id=name, **who)  # pyright: ignore[reportArgumentType]
                drive.clock.advance(seconds=1)
        policy = RetentionPolicy(
            max_sessions=1, users={"ana": RetentionPolicy()}, projects={"api": RetentionPolicy(max_sessions=2)}
        )
        assert store.prune(policy).deleted == ("0", "api-0", "bob-api-0")
        assert store.prune(RetentionPolicy(users={"ana": RetentionPolicy(max_sessions=1)})).deleted == ("ana-0",)

    def test_without_limits_nothing_goes(self, store: Store, drive: Driver) -> None:
        self._aged(store, drive, 2, hours=10_000)
        assert store.prune(RetentionPolicy()).deleted == ()
        with pytest.raises(Invalid, match="retention"):
            store.prune()

    @pytest.mark.parametrize("limit", [{"max_age": 0}, {"max_sessions": 0}, {"max_age": "1d"}, {"max_sessions": -1}])
    def test_a_limit_of_zero_is_refused_with_a_hint(self, limit: dict[str, Any]) -> None:
        with pytest.raises(Invalid, match=r"None|timedelta"):
            RetentionPolicy(**limit)

    @pytest.mark.parametrize(
        "first", [lambda s: s.append(user("now")), lambda s: s.spawn(), lambda s: s.update(pinned=True)]
    )
    def test_a_session_that_is_touched_on_the_way_stays(
        self, store: Store, drive: Driver, first: Callable[[Session], object]
    ) -> None:
        (session,) = self._aged(store, drive, 1, hours=48)
        racing: Any = _Before(drive.backend, lambda: first(session))
        done = Store(racing, clock=drive.clock).prune(RetentionPolicy(max_age=_HOUR))
        assert done.deleted == ()
        assert store.exists(session.id)

    def test_a_dead_run_protects_no_more(self, store: Store, drive: Driver) -> None:
        session = store.create(id="s")
        session.lease("r1", ttl_s=60)
        session.append(status="running", set={"run_id": "r1"})
        drive.clock.advance(seconds=48 * _HOUR)
        assert store.prune(RetentionPolicy(max_age=_HOUR)).deleted == ("s",)


def _pruner(store: Store) -> Pruner:
    pruner = place_of(store).pruner
    assert pruner is not None
    return pruner


class PruningBehindSaves:
    """A store that was opened with a policy applies it by itself."""

    def _opened(self, drive: Driver, **limits: Any) -> Store:
        return Store(drive.backend, clock=drive.clock, retention=RetentionPolicy(**limits))

    def _settle(self, store: Store) -> None:
        _pruner(store).wait()

    def test_a_save_prunes_once_per_cooldown_whoever_saves(self, drive: Driver) -> None:
        drive.need("documents")
        one, two = (self._opened(drive, max_age=_HOUR, cooldown_s=3600) for _ in range(2))
        drive.new("old")
        drive.clock.advance(seconds=2 * _HOUR)
        one.create(id="a")
        self._settle(one)
        assert not one.exists("old")
        drive.new("older")
        drive.clock.advance(seconds=_HOUR - 1)
        drive.clock.now_us += 10
        two.get("a").append(user("x"))
        one.get("a").append(user("x"))
        self._settle(one)
        self._settle(two)
        assert two.exists("older")
        drive.clock.advance(seconds=2 * _HOUR)
        two.get("a").append(user("x"))
        self._settle(two)
        assert not two.exists("older")
        assert two.exists("a")

    def test_a_pruning_that_comes_late_finds_that_another_store_was_faster(self, drive: Driver) -> None:
        drive.need("documents")
        other = self._opened(drive, max_age=_HOUR)

        def be_faster() -> None:
            drive.clock.advance(seconds=1)
            other.create(id="b")
            self._settle(other)

        late: Any = _Before(drive.backend, be_faster, "document")
        store = Store(late, clock=drive.clock, retention=RetentionPolicy(max_age=_HOUR))
        store.create(id="a")
        self._settle(store)
        assert len(drive.backend.document_versions(MARK)) == 1

    def test_a_pruning_can_be_waited_for_while_it_is_being_started(
        self, drive: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = self._opened(drive, max_age=_HOUR)
        start, failed, closing = threading.Thread.start, [], []

        def close() -> None:
            try:
                _pruner(store).close()
            except RuntimeError as error:
                failed.append(error)

        def started(thread: threading.Thread) -> None:
            if thread.name == "hansard-retention":
                closing.append(threading.Thread(target=close))
                start(closing[0])
                # It ends now, or waits until the pruning has begun.
                closing[0].join(0.1)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", started)
        store.create(id="a")
        closing[0].join(60)
        assert not closing[0].is_alive()
        assert failed == []

    def test_a_failure_shows_in_the_health_and_fails_no_save(self, drive: Driver) -> None:
        def fail() -> None:
            msg = "the medium does not answer"
            raise Unavailable(msg)

        drive.new("old")
        drive.clock.advance(seconds=2 * _HOUR)
        failing: Any = _Before(drive.backend, fail)
        store = Store(failing, clock=drive.clock, retention=RetentionPolicy(max_age=_HOUR))
        assert store.create(id="a").seq == 1
        self._settle(store)
        assert "does not answer" in str(store.health().details["retention"])
        assert store.exists("old")

    def test_where_no_thread_can_be_started_nothing_is_pruned_and_no_save_fails(
        self, drive: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = self._opened(drive, max_age=_HOUR)
        with no_threads(monkeypatch):
            assert store.create(id="a").seq == 1
            assert "can't start new thread" in str(store.health().details["retention"])
            self._settle(store)

    def test_closing_waits_for_a_pruning_and_begins_no_other(self, drive: Driver) -> None:
        entered, go = threading.Event(), threading.Event()

        def hold() -> None:
            entered.set()
            assert go.wait(60)
            # Whether the closing thread has come as far as to say so or not.
            _pruner(store).close()

        for name in ("one", "two"):
            drive.new(name)
        drive.clock.advance(seconds=2 * _HOUR)
        holding: Any = _Before(drive.backend, hold)
        store = Store(holding, clock=drive.clock, retention=RetentionPolicy(max_age=_HOUR, batch=1))
        store.create(id="a")
        assert entered.wait(60)
        closing = threading.Thread(target=_pruner(store).close)
        closing.start()
        go.set()
        closing.join(60)
        assert not closing.is_alive()
        assert len(_there(Store(drive.backend, clock=drive.clock))) >= 2

    def test_processes_that_live_for_one_save_prune_a_batch_each(self, drive: Driver) -> None:
        drive.need("documents")
        for number in range(5):
            drive.new(f"old{number}")
        drive.clock.advance(seconds=2 * _HOUR)
        for left in (3, 1, 0):
            self._save_and_end(drive, RetentionPolicy(max_age=_HOUR, batch=2))
            there = _there(Store(drive.backend, clock=drive.clock))
            assert len([name for name in there if name.startswith("old")]) == left

    def _save_and_end(self, drive: Driver, policy: RetentionPolicy) -> None:
        """Open a store, save once, and close it while its first batch is being deleted."""
        ending: Any = _Before(drive.backend, lambda: _pruner(store).close())
        store = Store(ending, clock=drive.clock, retention=policy)
        store.create()
        self._settle(store)

    def test_without_a_policy_nothing_goes(self, store: Store, drive: Driver) -> None:
        drive.new("old")
        drive.clock.advance(seconds=100_000 * _HOUR)
        store.create(id="a").append(user("x"))
        assert store.retention is None
        assert store.exists("old")
