"""What working with a session guarantees: questions and answers, clearing, the steps on the way to an answer."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import pytest

from ...errors import Conflict, Invalid
from ...model.entry import assistant, event, reasoning, step, system, text, tool, tool_call, usage, user
from ...store import Session, Store
from ..driver import Driver, together


def _said(session: Session) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in session.history()]


class Asking:
    """A session waits for a person."""

    def test_a_question_waits_and_is_found(self, store: Store) -> None:
        session, other = store.create(), store.create()
        session.ask("Deploy?", ["yes", "no"], data={"source": "gate"})
        assert [info.id for info in store.find(has_question=True)] == [session.id]
        assert [info.id for info in store.find(has_question=False)] == [other.id]
        assert store.info(session.id).fields["question"] == {
            "question": "Deploy?", "options": ["yes", "no"], "allow_custom": True, "source": "gate",
        }  # fmt: skip
        assert session.info.status == "paused"

    def test_an_answer_ends_the_waiting_and_is_said_by_the_user(self, store: Store) -> None:
        session = store.create()
        session.ask("Deploy?")
        session.answer("yes", by="ana")
        assert not store.find(has_question=True).items
        assert session.info.status == "pending"
        assert _said(session) == [("user", "yes")]
        assert [entry.body["type"] for entry in session.entries(kinds="event")] == ["question", "answer"]

    def test_the_answer_to_a_tool_call_is_its_result(self, store: Store) -> None:
        session = store.create()
        session.append([user("go"), assistant([tool_call("c", "ask_user", {"q": "Which?"})])])
        session.ask("Which?", ["a", "b"], tool_call_id="c", tool_name="ask_user")
        session.answer("b")
        last = session.history()[-1]
        assert (last.role, last.synthetic, last.parts[0]["call_id"], last.parts[0]["content"]) == (
            "tool",
            False,
            "c",
            "b",
        )

    def test_only_the_options_can_be_answered_where_nothing_else_is_allowed(self, store: Store) -> None:
        session = store.create()
        session.ask("Deploy?", ["yes", "no"], allow_custom=False)
        with pytest.raises(Invalid, match="yes"):
            session.answer("maybe")
        assert session.info.fields["question"]

    @pytest.mark.parametrize("asked", [{"question": " "}, {"question": "a", "options": "yes"}])
    def test_what_is_no_question_is_refused(self, store: Store, asked: dict[str, str]) -> None:
        with pytest.raises(Invalid):
            store.create().ask(**asked)  # pyright: ignore[reportArgumentType]

    def test_nothing_can_be_answered_where_nothing_was_asked(self, store: Store) -> None:
        with pytest.raises(Conflict, match="question"):
            store.create().answer("yes")

    def test_of_several_answers_at_once_one_counts(self, store: Store) -> None:
        session = store.create()
        session.ask("Deploy?")
        found = together(*[lambda: session.answer("yes")] * 4)
        assert sorted(type(one).__name__ for one in found) == ["Conflict"] * 3 + ["int"]
        assert len(_said(session)) == 1


class Clearing:
    """A session begins afresh."""

    def _full(self, store: Store) -> Session:
        session = store.create(title="Mine", labels={"k": "v"}, config={"c": 1})
        session.update(pinned=True, set={"tasks": [{"id": 1}]})
        session.append([user("early bird"), system("Be brief."), assistant("a secret answer")])
        session.append([usage("m", input=10, cost=0.5, context={"used": 10}), event("trace", {"text": "inner"})])
        session.spawn(id="child")
        return session

    def test_only_the_first_system_message_stays_visible_wherever_it_stood(self, store: Store) -> None:
        session = self._full(store)
        session.append(system("Be long."))
        session.clear()
        assert _said(session) == [("system", "Be brief.")]
        session.append(user("again"))
        assert _said(session) == [("system", "Be brief."), ("user", "again")]

    def test_nothing_stays_visible_if_the_system_message_is_not_kept(self, store: Store) -> None:
        session = self._full(store)
        session.clear(keep_system=False)
        assert _said(session) == []
        assert session.info.is_empty

    def test_costs_title_pin_labels_config_tasks_and_children_stay(self, store: Store) -> None:
        session = self._full(store)
        session.clear()
        info = session.info
        assert (info.title, info.pinned, info.labels, info.config) == ("Mine", True, {"k": "v"}, {"c": 1})
        assert (info.usage.cost, info.fields["tasks"]) == (0.5, [{"id": 1}])
        assert [child.id for child in session.children()] == ["child"]

    def test_gauge_summary_and_question_go(self, store: Store) -> None:
        session = self._full(store)
        session.compact("in short", keep=0)
        session.ask("Well?")
        session.clear()
        info = session.info
        assert (info.context, info.summary, info.fields.get("question")) == (None, None, None)
        assert _said(session) == [("system", "Be brief.")]

    def test_what_was_cleared_is_on_record_and_no_search_finds_it(self, store: Store) -> None:
        session = self._full(store)
        if "search" in store.capabilities:
            assert len(store.search("bird")) == 1
        session.clear()
        assert [entry.kind for entry in session.entries(kinds="message")] == ["message"] * 4
        if "search" in store.capabilities:
            assert not store.search("bird").items
            session.append(user("another bird"))
            assert len(store.search("bird")) == 1

    def test_whoever_goes_back_to_what_was_cleared_has_it_again(self, store: Store) -> None:
        session = self._full(store)
        head = session.info.head
        session.clear()
        session.rewind(to=head)
        assert _said(session)[0] == ("user", "early bird")
        if "search" in store.capabilities:
            assert len(store.search("bird")) == 1

    def test_clearing_twice_writes_nothing_more(self, store: Store) -> None:
        session = self._full(store)
        session.clear()
        seq = session.seq
        session.clear()
        assert session.seq == seq

    def test_erased_text_is_gone_from_the_record_and_from_forks(self, store: Store, drive: Driver) -> None:
        drive.need("erase")
        session = self._full(store)
        shot = session.attach(b"\x89PNG" * 100, mime="image/png") if drive.has("attachments") else None
        fork = session.fork() if drive.has("fork") else None
        done = session.clear(erase=True)
        assert done is not None
        assert len(done.seqs) >= 4
        log = drive.log(session.id)
        assert all(word not in log for word in (b"early bird", b"secret answer", b"inner"))
        assert _said(session) == [("system", "Be brief.")]
        assert session.info.usage.cost == 0.5
        if fork is not None:
            assert not any("secret" in said for _, said in _said(fork))
        if shot is not None:
            assert shot.sha256 in done.attachments
        assert "damage" not in drive.findings()

    def test_what_a_fork_inherits_is_named_and_left_to_its_origin(self, store: Store, drive: Driver) -> None:
        drive.need("erase")
        drive.need("fork")
        session = self._full(store)
        fork = session.fork()
        fork.append(user("own secret"))
        done = fork.clear(erase=True)
        assert done is not None
        assert session.id in done.unreached[0]
        assert b"own secret" not in drive.log(fork.id)
        assert _said(fork) == [("system", "Be brief.")]
        assert _said(session)[0] == ("user", "early bird")

    def test_archives_are_erased_with_their_versions_and_other_documents_stay(
        self, store: Store, drive: Driver
    ) -> None:
        drive.need("erase")
        drive.need("attachments")
        drive.need("documents")
        drive.need("attachments")
        session = self._full(store)
        for words in ("first archived words", "second archived words"):
            store.documents.save("a1", words, category="archives")
        session.documents.save("plan", "the plan stays")
        session.documents.save("own", "own archived words", category="archives")
        session.compact(None, archive="a1")
        session.clear(erase=True)
        assert [one.sha256 for one in store.documents.versions("a1", category="archives")] == [""]
        assert session.documents.load("plan") == "the plan stays"
        assert session.documents.get("own", category="archives") is None

    def test_an_archive_that_another_session_begins_with_stays_and_is_told(self, store: Store, drive: Driver) -> None:
        for capability in ("erase", "attachments", "documents"):
            drive.need(capability)
        session, other = self._full(store), store.create(id="other", entries=[user("hello")])
        for name in ("shared", "older", "mine"):
            store.documents.save(name, f"archived in {name}", category="archives")
        for one in (session, other):
            one.compact(archive="older")
            one.append(user("on"))
            one.compact(archive="shared")
        session.append(user("on"))
        session.compact(archive="mine")
        done = session.clear(erase=True)
        assert done is not None
        assert [("shared" in words, "older" in words) for words in done.unreached] == [(False, True), (True, False)]
        assert all("'other'" in words for words in done.unreached)
        assert [one.sha256 for one in store.documents.versions("mine", category="archives")] == [""]
        assert other.history()[0].text == "archived in shared"
        assert store.documents.load("older", category="archives") == "archived in older"
        other.clear(erase=True)
        assert store.documents.list("archives") == ()

    def test_an_interrupted_erasure_is_completed_by_the_next(self, store: Store, drive: Driver) -> None:
        drive.need("erase")
        session = self._full(store)
        session.clear()
        session.clear(erase=True)
        assert b"early bird" not in drive.log(session.id)
        again = session.clear(erase=True)
        assert again is not None
        assert again.seqs == ()


class Stepping:
    """What an agent did on the way to each answer."""

    def test_calls_and_results_are_steps_to_the_answer_that_follows(self, store: Store, drive: Driver) -> None:
        session = store.create()
        session.append([user("go"), assistant([reasoning("think"), tool_call("c", "ls", {"path": "."})])])
        drive.clock.advance(seconds=2)
        session.append([tool("c", "a.py\nb.py"), assistant("two files")])
        session.append([user("more"), assistant([tool_call("d", "cat", {})]), tool("d", "boom", is_error=True)])
        first, second, third = session.trajectory()
        assert (first.kind, first.output, first.answer) == ("reasoning", "think", 5)
        assert (second.name, second.arguments, second.output, second.tool_call_id) == (
            "ls", {"path": "."}, "a.py\nb.py", "c",
        )  # fmt: skip
        assert (second.summary, second.duration_ms, second.error, second.answer) == ("a.py b.py", 2000, None, 5)
        assert (third.error, third.answer) == (True, 0)
        assert session.trajectory(answer=5) == [first, second]

    def test_an_event_of_a_step_says_what_messages_do_not(self, store: Store) -> None:
        session = store.create()
        session.append([user("go"), assistant([tool_call("c", "ls", {})])])
        said = {"started_at": "2026-01-01T00:00:00Z", "duration_ms": 12, "summary": "short", "error": "denied"}
        session.append([tool("c", "x" * 1000), step("ls", tool_call_id="c", **said), assistant("done")])  # pyright: ignore[reportArgumentType]
        (found,) = session.trajectory()
        assert (found.started_at, found.duration_ms, found.summary, found.error) == tuple(said.values())
        assert found.output == "x" * 1000

    def test_a_step_without_a_call_stands_alone_and_may_name_its_answer(self, store: Store) -> None:
        session = store.create()
        session.append([user("go"), assistant("done"), user("thanks")])
        session.append([step("search", arguments={"q": 1}, output="hit"), event("note", {"text": "no step"})])
        session.append(event("reasoning", {"text": "because", "answer": 3}))
        alone, linked = session.trajectory()
        assert (alone.name, alone.output, alone.answer) == ("search", "hit", 0)
        assert (linked.kind, linked.output, linked.answer) == ("reasoning", "because", 3)

    def test_events_are_kept_in_order_and_are_no_history(self, store: Store) -> None:
        session = store.create()
        session.append([user("a"), event("one"), assistant("b"), event("two")])
        assert [entry.kind for entry in session.entries(after=1)] == ["message", "event", "message", "event"]
        assert _said(session) == [("user", "a"), ("assistant", "b")]

    def test_text_beside_calls_is_no_answer(self, store: Store) -> None:
        session = store.create()
        session.append([user("go"), assistant([text("let me see"), tool_call("c", "ls", {})]), tool("c", "x")])
        session.append(assistant("there"))
        assert [one.answer for one in session.trajectory()] == [5]
