"""What an append guarantees: numbers without gaps, all or nothing, and nothing at all when it is refused."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import pytest

from ...backend import Answer
from ...codec.times import stamp
from ...errors import Invalid, NotFound, Unsupported
from ...limits import STATE_BYTES_MAX
from ...model.entry import NewEntry, event, text, usage, user
from ...model.requests import Appended, Changes, Keys
from ..driver import START_US, Driver, no_threads, promptly, together

REFUSED = {
    "a parent that is not there": user("x", parent=99),
    "a head that is not there": NewEntry(kind="head", body={"to": 99}),
    "a head that is no number": NewEntry(kind="head", body={"to": "1"}),
    "an amendment of what is not there": NewEntry(kind="amend", body={"seq": 99, "hide": True}),
    "an amendment of what is no message": NewEntry(kind="amend", body={"seq": 1, "hide": True}),
    "a compaction that covers nothing": NewEntry(kind="compaction", body={"summary": "s", "covers": 0}),
    "a head without an object": NewEntry(kind="head", body=None),
}


class Appending:
    """Entries are added."""

    def test_entries_are_numbered_without_gaps(self, drive: Driver) -> None:
        drive.new("s")
        answer = drive.append("s", user("one"), event("step"), usage("m", input=3))
        assert (answer.seq, answer.seqs, answer.added) == (4, (2, 3, 4), 3)
        assert [entry.seq for entry in drive.entries("s")] == [1, 2, 3, 4]

    def test_the_answer_names_the_ids_in_order(self, drive: Driver) -> None:
        drive.new("s")
        answer = drive.append("s", user("one", id="a"), user("two"))
        assert answer.ids == ("a", drive.entries("s")[2].id)

    def test_the_entries_of_one_append_are_one_group(self, drive: Driver) -> None:
        drive.new("s")
        drive.say("s", "one", "two", "three")
        assert [entry.commit for entry in drive.entries("s")[1:]] == [None, None, (2, START_US)]

    def test_a_missing_session_is_not_found(self, drive: Driver) -> None:
        with pytest.raises(NotFound, match="nobody"):
            drive.say("nobody", "hello")

    def test_an_append_of_nothing_writes_nothing(self, drive: Driver) -> None:
        drive.new("s")
        assert drive.append("s") == Appended(1)
        assert drive.backend.info("s").seq == 1

    def test_changes_become_one_update_after_the_entries(self, drive: Driver) -> None:
        drive.new("s")
        answer = drive.append("s", user("one"), changes=Changes(set={"status": "running"}, state=Keys(set={"a": None})))
        assert answer.seqs == (2, 3)
        update = drive.entries("s")[2]
        assert (update.kind, update.commit) == ("update", (2, START_US))
        info = drive.backend.info("s")
        assert (info.status, info.state) == ("running", {"a": None})

    def test_changes_that_change_nothing_write_nothing(self, drive: Driver) -> None:
        drive.new("s")
        drive.set("s", status="running", pinned=True, persona="dry")
        assert drive.set("s", status="running", pinned=True, persona="dry").added == 0
        assert drive.backend.info("s").seq == 2

    def test_true_and_one_and_one_point_nought_are_three_values(self, drive: Driver) -> None:
        drive.new("s")
        for value in (1, True, 1.0):
            assert drive.append("s", changes=Changes(state=Keys(set={"n": value}))).added == 1
            assert type(drive.backend.info("s").state["n"]) is type(value)

    def test_keys_are_removed_by_name_and_null_is_a_value(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", changes=Changes(state=Keys(set={"a": 1, "b": 2, "c": None})))
        drive.append("s", changes=Changes(state=Keys(set={"b": None}, remove=("a",))))
        assert drive.backend.info("s").state == {"b": None, "c": None}

    def test_a_replaced_object_holds_only_the_new_keys(self, drive: Driver) -> None:
        drive.new("s", config={"a": 1, "b": 2})
        drive.append("s", changes=Changes(config=Keys(set={"b": 3}, replace=True)))
        assert drive.backend.info("s").config == {"b": 3}

    def test_a_state_beyond_its_bound_is_refused(self, drive: Driver) -> None:
        drive.new("s")
        with pytest.raises(Invalid, match="state"):
            drive.append("s", changes=Changes(state=Keys(set={"large": "x" * STATE_BYTES_MAX})))
        assert drive.backend.info("s").state == {}

    @pytest.mark.parametrize("entry", REFUSED.values(), ids=REFUSED.keys())
    def test_an_entry_that_makes_no_sense_is_refused_with_all_beside_it(self, drive: Driver, entry: NewEntry) -> None:
        drive.new("s")
        before = drive.backend.info("s"), drive.log("s")
        with pytest.raises(Invalid):
            drive.append("s", user("beside"), entry)
        assert (drive.backend.info("s"), drive.log("s")) == before
        assert drive.say("s", "next").seq == 2

    def test_one_id_twice_in_one_append_is_refused(self, drive: Driver) -> None:
        drive.new("s")
        with pytest.raises(Invalid, match="twice"):
            drive.append("s", user("one", id="a"), user("two", id="a"))

    def test_unknown_kinds_members_and_part_types_are_carried_along(self, drive: Driver) -> None:
        drive.new("s")
        strange = NewEntry(kind="x-acme.note", body=[1, {"b": 2, "a": 1}], extra={"zz": {"deep": [None]}})
        odd = user([{"type": "hologram", "beam": 7}, text("hi")])
        drive.append("s", strange, odd)
        _, first, second = drive.entries("s")
        assert (first.kind, first.body, first.extra) == (strange.kind, strange.body, strange.extra)
        assert second.body == odd.body

    def test_agent_run_and_parent_are_kept(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", NewEntry(kind="message", body=user("hi").body, agent="coder", run="r1", parent=0))
        entry = drive.entries("s")[1]
        assert (entry.agent, entry.run, entry.parent) == ("coder", "r1", 0)

    def test_a_session_with_an_unknown_need_takes_no_more(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", NewEntry(kind="upgrade", body={"needs": ["x-telepathy"]}))
        with pytest.raises(Unsupported, match="x-telepathy"):
            drive.say("s", "hello")
        assert [entry.kind for entry in drive.entries("s")] == ["created", "upgrade"]
        assert drive.findings("s") == []
        assert drive.log("s").count(b"\n") == 2


class Times:
    """Entries have times; the log has an order."""

    def test_a_given_time_is_kept_in_its_one_spelling(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", user("old", at="1999-12-31T23:59:59.5-01:00"))
        assert drive.entries("s")[1].at == "2000-01-01T00:59:59.500000Z"

    def test_what_is_not_timed_happened_now(self, drive: Driver) -> None:
        drive.new("s")
        drive.clock.advance(seconds=5)
        drive.say("s", "now")
        assert drive.entries("s")[1].at == stamp(START_US + 5_000_000)
        assert drive.backend.info("s").touched_us == START_US + 5_000_000

    def test_order_is_that_of_the_appends_and_not_of_the_times(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", user("first", at="2030-01-01T00:00:00Z"))
        drive.append("s", user("second", at="2001-01-01T00:00:00Z"))
        assert drive.texts("s") == ["first", "second"]

    def test_the_commit_clock_never_goes_back(self, drive: Driver) -> None:
        drive.new("s")
        drive.clock.advance(seconds=-3600)
        drive.say("s", "later, by a clock that was set back")
        assert drive.backend.info("s").touched_us == START_US
        assert drive.entries("s")[1].commit == (2, START_US)

    def test_times_of_an_importer_do_not_move_the_commit_clock(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", user("future", at="2100-01-01T00:00:00Z"))
        info = drive.backend.info("s")
        assert (info.touched_us, info.activity_at) == (START_US, "2100-01-01T00:00:00.000000Z")


class Submitting:
    """Appends are handed in without waiting."""

    def test_a_submitted_append_is_there_when_its_answer_comes(self, drive: Driver) -> None:
        drive.new("s")
        answers = _submitted(drive, "s", "one")
        assert [type(answer) for answer in answers] == [Appended]
        assert drive.texts("s") == ["one"]

    def test_submitted_appends_keep_the_order_of_the_calls(self, drive: Driver) -> None:
        drive.new("s")
        said = [str(number) for number in range(20)]
        _submitted(drive, "s", *said)
        assert drive.texts("s") == said

    def test_what_is_refused_gets_its_error_and_harms_no_other(self, drive: Driver) -> None:
        drive.new("s")
        answers = _submitted(drive, "s", "one", "two", expect=1)
        assert sorted(type(answer).__name__ for answer in answers) == ["Appended", "Conflict"]
        assert drive.texts("s") == ["one"]

    def test_a_missing_session_is_an_answer(self, drive: Driver) -> None:
        assert [type(answer) for answer in _submitted(drive, "nobody", "one", "two")] == [NotFound, NotFound]

    def test_appends_that_wait_for_one_session_share_a_commit(self, drive: Driver) -> None:
        from threading import Event

        drive.new("s")
        first_done, go_on, last_done = Event(), Event(), Event()

        def hold(_answer: Answer) -> None:
            first_done.set()
            go_on.wait(timeout=60)

        drive.submit("s", user("first"), done=hold)
        assert first_done.wait(timeout=60)
        for number in range(4):
            drive.submit("s", user(f"waiting {number}"), done=lambda _: None)
        drive.submit("s", user("last"), done=lambda _: last_done.set())
        go_on.set()
        assert last_done.wait(timeout=60)
        assert [entry.seq for entry in drive.entries("s") if entry.commit is not None] == [1, 2, 7]


def _submitted(drive: Driver, session: str, *texts: str, **asked: int) -> list[Answer]:
    from threading import Semaphore

    answers: list[Answer] = []
    ready = Semaphore(0)

    def done(answer: Answer) -> None:
        answers.append(answer)
        ready.release()

    for one in texts:
        drive.submit(session, user(one), done=done, **asked)
    for _ in texts:
        assert ready.acquire(timeout=60)
    return answers


class Threads:
    """Many callers at once."""

    def test_an_append_is_acknowledged_also_where_no_thread_can_be_started(
        self, drive: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with no_threads(monkeypatch):
            drive.new("s")
            assert drive.say("s", "one").seq == 2
            assert drive.backend.wait("s", after=2, timeout_s=0.01) == 2
        assert drive.say("s", "two").seq == 3
        assert promptly(drive.backend.close) is None

    def test_threads_on_one_session_lose_repeat_and_reorder_nothing(self, drive: Driver) -> None:
        drive.new("s")

        def work(name: int) -> list[int]:
            return [drive.say("s", f"{name}.{number}").seq for number in range(25)]

        seqs = together(*[lambda name=name: work(name) for name in range(4)])
        texts = drive.texts("s")
        assert sorted(seq for one in seqs if isinstance(one, list) for seq in one) == list(range(2, 102))
        assert all([t for t in texts if t.startswith(f"{n}.")] == [f"{n}.{k}" for k in range(25)] for n in range(4))
        assert drive.findings("s") == []

    def test_threads_on_many_sessions_do_not_mix_them(self, drive: Driver) -> None:
        for name in range(4):
            drive.new(f"s{name}")
        together(*[lambda name=name: [drive.say(f"s{name}", f"{name}.{n}") for n in range(10)] for name in range(4)])
        for name in range(4):
            assert drive.texts(f"s{name}") == [f"{name}.{number}" for number in range(10)]

    def test_of_threads_that_expect_one_seq_one_wins(self, drive: Driver) -> None:
        drive.new("s")
        for seq in range(1, 6):
            found = together(*[lambda seq=seq: drive.append("s", user("x"), expect=seq)] * 4)
            assert sorted(type(one).__name__ for one in found) == ["Appended", "Conflict", "Conflict", "Conflict"]

    def test_readers_see_whole_groups_only(self, drive: Driver) -> None:
        drive.new("s")

        def write() -> None:
            for _ in range(20):
                drive.say("s", "a", "b", "c")

        def look() -> set[int]:
            return {len(drive.entries("s")) % 3 for _ in range(20)} | {drive.backend.info("s").seq % 3}

        _, seen, _ = promptly(lambda: together(write, look, write))
        assert seen == {1}
