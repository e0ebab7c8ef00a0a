"""What callers see through `Store` on this backend: histories, keys, leases, forks and copies, from end to end."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from typing import Any

import pytest

from ...backends.memory import MemoryBackend
from ...errors import Conflict, Invalid, LeaseLost, NotFound
from ...model.entry import assistant, text, tool, tool_call, usage, user
from ...model.requests import Changes, Keys
from ...store import Draft, Session, Store
from ..driver import Driver, together


def _said(session: Session, **asked: Any) -> list[str]:
    return [message.text for message in session.history(**asked)]


class Storing:
    """A session from end to end."""

    def test_a_conversation_is_its_history(self, store: Store) -> None:
        session = store.create(agent="coder", user="ana")
        session.append(user("Fix the test"))
        session.append([assistant("Looking"), usage("m", input=10)], state={"plan": "read"}, status="running")
        assert _said(store.get(session.id)) == ["Fix the test", "Looking"]
        assert (session.state, session.info.status, session.info.usage.input) == ({"plan": "read"}, "running", 10)

    def test_get_or_create_continues_the_newest_session_of_an_agent_and_a_user(self, store: Store) -> None:
        first = store.get_or_create(agent="coder", user="ana")
        assert store.get_or_create(agent="coder", user="ana").id == first.id
        assert store.get_or_create(agent="coder", user="bob").id != first.id

    def test_a_keyed_append_whose_answer_is_lost_can_be_repeated_after_others(self, store: Store) -> None:
        session = store.create()
        call: dict[str, Any] = {"key": "k", "state": {"step": 1}}
        first = session.append([user("one"), usage("m", input=5)], **call)
        session.append(user("two"), state={"step": 2})
        assert session.append([user("one"), usage("m", input=5)], **call) == first
        assert (_said(session), session.state, session.info.usage.input) == (["one", "two"], {"step": 2}, 5)

    def test_a_key_with_other_content_is_a_conflict(self, store: Store) -> None:
        session = store.create()
        session.append(user("one"), key="k")
        for entries in (user("other"), [user("one"), user("two")]):
            with pytest.raises(Conflict):
                session.append(entries, key="k")
        assert _said(session) == ["one"]

    def test_an_expectation_is_met_once(self, store: Store) -> None:
        session = store.create()
        seq = session.seq
        session.append(user("one"), expect=seq)
        with pytest.raises(Conflict) as caught:
            session.append(user("two"), expect=seq)
        assert caught.value.seq == session.seq

    def test_read_modify_write_loses_no_update_of_a_thread(self, store: Store) -> None:
        session = store.create(state={"n": 0})

        def count(draft: Draft) -> None:
            draft.state["n"] += 1

        together(*[lambda: [session.modify(count) for _ in range(5)]] * 4)
        assert session.state == {"n": 20}

    def test_two_steps_from_one_number_to_the_same_are_two_steps(self, store: Store, drive: Driver) -> None:
        session = store.create(state={"n": 0})
        calls: list[int] = []

        def count(draft: Draft) -> None:
            calls.append(draft.state["n"])
            draft.state["n"] += 1
            if len(calls) == 1:
                # Another process has counted as well, after our look and before our write.
                drive.append(session.id, changes=Changes(state=Keys(set={"n": 1})))

        session.modify(count)
        assert (session.state, calls) == ({"n": 2}, [0, 1])

    def test_a_lease_fences_the_former_holder_out(self, store: Store, drive: Driver) -> None:
        session = store.create()
        lost = session.lease("one", ttl_s=60)
        with pytest.raises(Conflict):
            session.lease("two")
        drive.clock.advance(seconds=3600)
        taken = session.lease("two")
        with pytest.raises(LeaseLost):
            session.append(user("late"), lease=lost)
        session.append(user("mine"), lease=taken)
        assert _said(session) == ["mine"]

    def test_an_interrupted_call_has_a_result_in_the_history(self, store: Store) -> None:
        session = store.create()
        session.append([user("go"), assistant([text("calling"), tool_call("1", "ls", {})])])
        session.append(user("still there?"))
        results = [m for m in session.history() if any(part.get("type") == "tool_result" for part in m.parts)]
        assert [message.synthetic for message in results] == [True]

    def test_a_window_never_parts_a_call_from_its_result(self, store: Store) -> None:
        session = store.create()
        session.append([user("go"), assistant([tool_call("1", "ls", {})]), tool("1", "a.py"), assistant("done")])
        for limit in range(1, 5):
            parts = [part for message in session.history(limit=limit) for part in message.parts]
            calls = {part["id"] for part in parts if part["type"] == "tool_call"}
            assert calls == {part["call_id"] for part in parts if part["type"] == "tool_result"}

    def test_rewind_amend_and_compact_change_what_is_shown_and_nothing_on_record(self, store: Store) -> None:
        session = store.create()
        session.append([user("one"), assistant("two"), user("three")])
        session.rewind(to=3)
        assert _said(session) == ["one", "two"]
        session.amend(2, "ONE")
        assert _said(session) == ["ONE", "two"]
        session.compact("in short", keep=1)
        assert _said(session)[-1] == "two"
        assert "in short" in _said(session)[0]
        assert [entry.kind for entry in session.entries(kinds="message")] == ["message"] * 3
        assert len(session.branches()) >= 1

    def test_the_last_entries_are_the_newest_in_order(self, store: Store) -> None:
        session = store.create()
        session.append([user(str(number)) for number in range(2, 9)])
        assert [entry.seq for entry in session.last(3)] == [6, 7, 8]

    def test_children_are_found_and_residents_stay_the_same(self, store: Store) -> None:
        root = store.create()
        one = root.spawn(agent="reviewer", name="reviewer")
        assert one.spawn(name="reviewer").id == root.spawn(name="reviewer").id == one.id
        grandchild = one.spawn(id="deep")
        assert [child.id for child in root.children()] == [one.id]
        assert [child.id for child in root.children(recursive=True)] == [one.id, grandchild.id]
        with pytest.raises(Invalid):
            root.spawn(name="x", id="y")

    def test_a_deleted_session_is_gone_for_every_handle(self, store: Store) -> None:
        session = store.create()
        assert store.delete(session) is True
        assert store.delete(session.id) is False
        assert not store.exists(session.id)
        for call in (lambda: session.append(user("late")), lambda: session.info, session.history):
            with pytest.raises(NotFound):
                call()

    def test_a_fork_shows_the_history_up_to_its_place(self, store: Store) -> None:
        if "fork" not in store.capabilities:
            pytest.skip("forks are not declared")
        session = store.create()
        session.append([user("one"), assistant("two"), user("three")])
        fork = session.fork(at=3)
        fork.append(user("else"))
        assert (_said(fork), _said(session)) == (["one", "two", "else"], ["one", "two", "three"])

    def test_inline_images_become_attachments(self, store: Store) -> None:
        if "attachments" not in store.capabilities:
            pytest.skip("attachments are not declared")
        session = store.create()
        kept = session.attach(b"\x89PNG" * 100, mime="image/png", name="a.png")
        session.append(user([text("look"), kept.part]))
        (part,) = [p for message in session.history() for p in message.parts if p["type"] == "file"]
        assert session.attachment(part["attachment"]) == b"\x89PNG" * 100
        assert part["mime"] == "image/png"

    def test_a_store_is_copied_byte_for_byte_and_back_again(self, store: Store, drive: Driver) -> None:
        session = store.create(id="s", agent="coder", user="ana")
        session.append([user("one"), assistant("two")])
        session.spawn(id="c", name=None).append(user("in c"))
        if "fork" in store.capabilities:
            session.fork(at=2, id="f").append(user("in f"))
        heads = store.heads()
        with Store(MemoryBackend(clock=drive.clock), clock=drive.clock) as other:
            assert store.copy_store(other).failed == ()
            assert other.heads() == heads
            assert [finding for finding in other.check(heads=heads) if finding.severity == "damage"] == []
            assert all(one.added == 0 for one in store.copy_store(other).copied)
            other.get("s").append(user("three"))
            assert [one.added for one in other.copy("s", store) if one.id == "s"] == [1]
        assert _said(store.get("s")) == ["one", "two", "three"]
        assert [finding for finding in store.check() if finding.severity == "damage"] == []

    def test_a_log_that_was_cut_at_a_commit_shows_against_the_heads(self, store: Store) -> None:
        session = store.create()
        session.append(user("one"))
        heads = store.heads()
        heads[session.id][0] = session.seq + 1
        assert [finding.severity for finding in store.check(heads=heads)] == ["damage"]
