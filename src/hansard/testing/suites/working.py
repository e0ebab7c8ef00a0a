"""What runs guarantee, and what is never stored: secrets of a config, and what a hook takes out."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from typing import Any

import pytest

from ...errors import Conflict, Invalid, LeaseLost
from ...model.entry import assistant, event, tool, tool_call, usage, user
from ...model.requests import Keys
from ...store import Run, Store
from ..driver import Driver


class _Boom(Exception):
    pass


def _only(store: Store, **asked: Any) -> Run:
    (run,) = store.runs(**asked)
    return run


class Running:
    """An agent works on a session."""

    def test_a_run_says_that_it_runs_and_how_it_ended(self, store: Store, drive: Driver) -> None:
        session = store.create(agent="coder", user="ana", project="api")
        with session.run(task="fix it", data={"trigger": "cron"}) as run:
            info = session.info
            assert info.status == "running"
            assert (info.fields["run_id"], info.lease is not None and info.lease.owner) == (run.id, run.id)
            assert _only(store).status == "running"
            run.append([user("go"), assistant([tool_call("c", "ls", {})]), tool("c", "x")])
            run.append([usage("m", input=10, output=2, cost=0.5), assistant("done")])
            drive.clock.advance(seconds=3)
            run.finish({"answer": 42})
        assert session.info.status == "completed"
        done = _only(store)
        assert (done.id, done.session, done.status, done.agent) == (run.id, session.id, "completed", "coder")
        assert (done.user, done.project, done.task, done.data) == ("ana", "api", "fix it", {"trigger": "cron"})
        assert (done.steps, done.usage.input, done.usage.cost, done.duration_ms) == (1, 10, 0.5, 3000)
        assert (done.result, done.error) == ({"answer": 42}, None)
        assert session.info.lease is not None
        assert session.info.lease.released

    def test_entries_of_a_run_say_so(self, store: Store) -> None:
        session = store.create()
        with session.run(agent="coder") as run:
            seq = run.append(user("go"))
        assert (session.entry(seq).run, session.entry(seq).agent) == (run.id, "coder")

    def test_an_exception_is_the_runs_error_and_the_next_success_clears_it(self, store: Store) -> None:
        session = store.create()
        with pytest.raises(_Boom), session.run():
            raise _Boom(*("broken",))
        assert session.info.status == "error"
        assert session.info.error == {"type": "_Boom", "message": "broken"}
        assert _only(store).error == session.info.error
        with session.run():
            assert session.info.error is not None
        assert (session.info.status, session.info.error) == ("completed", None)
        assert [run.status for run in store.runs()] == ["error", "completed"]

    def test_an_interrupted_run_is_cancelled(self, store: Store) -> None:
        session = store.create()
        with pytest.raises(KeyboardInterrupt), session.run():
            raise KeyboardInterrupt
        assert session.info.status == "cancelled"

    def test_a_run_that_asks_leaves_the_session_paused(self, store: Store) -> None:
        session = store.create()
        with session.run() as run:
            session.ask("Deploy?")
            run.append(user("x"))
        assert session.info.status == "paused"
        assert _only(store).status == "completed"

    def test_two_runs_at_once_are_refused(self, store: Store) -> None:
        session = store.create()
        with session.run(), pytest.raises(Conflict), session.run():
            pytest.fail("a second run began")

    def test_a_dead_run_is_found_by_its_lease_and_another_goes_on(self, store: Store, drive: Driver) -> None:
        session = store.create()
        dead = session.run(ttl_s=3600)
        dead.__enter__()
        dead.append(usage("m", input=5))
        assert [run.status for run in store.runs()] == ["running"]
        drive.clock.advance(seconds=7200)
        assert _only(store, run_status="dead").usage.input == 5
        with session.run() as alive:
            with pytest.raises(LeaseLost):
                dead.append(user("late"))
            alive.append(user("on"))
        dead.__exit__(_Boom, _Boom(), None)
        assert [run.status for run in store.runs()] == ["dead", "completed"]

    def test_a_session_whose_run_died_can_be_deleted_without_force(self, store: Store, drive: Driver) -> None:
        alive, gone = store.create(id="alive"), store.create(id="gone")
        alive.update(status="running")
        # As a run leaves it whose process is killed.
        run = gone.lease("r1", 60)
        gone.append(status="running", set={"run_id": "r1"}, lease=run.fence)
        for session in (alive, gone):
            with pytest.raises(Conflict):
                session.delete()
        drive.clock.advance(seconds=3600)
        gone.delete()
        with pytest.raises(Conflict, match="running"):
            alive.delete()
        assert [info.id for info in store.find()] == ["alive"]

    def test_runs_are_filtered(self, store: Store) -> None:
        for agent, user_name in (("a", "ana"), ("b", "bob")):
            session = store.create(agent=agent, user=user_name)
            with session.run():
                pass
        with pytest.raises(_Boom), store.get(store.find(agent="a").items[0].id).run(agent="c"):
            raise _Boom
        assert sorted((run.agent, run.status) for run in store.runs()) == [
            ("a", "completed"), ("b", "completed"), ("c", "error"),
        ]  # fmt: skip
        assert [run.agent for run in store.runs(user="bob")] == ["b"]
        assert [run.agent for run in store.runs(run_status=("error", "dead"))] == ["c"]
        assert [run.status for run in store.runs(run_agent="a")] == ["completed"]

    def test_an_agent_without_a_session_gets_one_that_listings_leave_out(self, store: Store) -> None:
        with store.run(agent="cron", user="ana", task="tidy up") as run:
            run.append(assistant("tidied"))
        assert not store.find().items
        (info,) = store.find(kind="run")
        assert (info.id, info.agent, info.user, info.status) == (run.session.id, "cron", "ana", "completed")
        assert _only(store).task == "tidy up"

    def test_streamed_output_is_gathered_into_few_events(self, store: Store) -> None:
        session = store.create()
        with session.run() as run:
            for _ in range(1000):
                run.output("0123456789")
            run.append(assistant("done"))
        pieces = [e.body["text"] for e in session.entries(kinds="event") if e.body["type"] == "run.output"]
        assert "".join(pieces) == "0123456789" * 1000
        assert len(pieces) <= 4

    def test_bodies_of_old_runs_are_erased_in_bounded_batches(self, store: Store, drive: Driver) -> None:
        drive.need("erase")
        session = store.create()
        for number in range(2):
            with session.run() as run:
                run.append([event("trace", {"text": f"secret {number}"}), user(f"said {number}"), usage("m", input=1)])
            drive.clock.advance(seconds=3600)
        with store.run(agent="cron") as alone:
            alone.append(assistant("secret 0 of cron"))
        drive.clock.advance(seconds=1800)
        assert len(store.trim_runs(max_age_s=6000, dry_run=True)) == 1
        (trimmed,) = store.trim_runs(max_age_s=6000)
        assert (trimmed.session, len(trimmed.seqs)) == (session.id, 1)
        log = drive.log(session.id)
        assert b"secret 0" not in log
        assert b"secret 1" in log
        assert b"said 0" in log
        assert [(run.status, run.trimmed, run.usage.input) for run in store.runs(id=session.id)] == [
            ("completed", 1, 1), ("completed", 0, 1),
        ]  # fmt: skip
        drive.clock.advance(seconds=36_000)
        assert sum(len(one.seqs) for one in store.trim_runs(max_age_s=6000, limit=1)) == 1
        assert sum(len(one.seqs) for one in store.trim_runs(max_age_s=6000)) == 1
        assert b"secret" not in drive.log(alone.session.id)
        assert store.trim_runs(max_age_s=6000) == []
        assert "damage" not in drive.findings()


class Redacting:
    """What is never stored."""

    def test_secrets_in_a_config_are_dropped_and_that_is_on_record(self, store: Store, drive: Driver) -> None:
        config = {"llm": {"api_key": "hunter2", "provider": "p", "max_tokens": 5}, "queues": [{"password": "hunter2"}]}
        session = store.create(config=config)
        assert session.info.config == {"llm": {"provider": "p", "max_tokens": 5}, "queues": [{}]}
        session.update(config={"token": "hunter2", "model": "m"})
        session.append(state={"api_key": "kept: no config"})
        assert session.info.config["model"] == "m"
        assert b"hunter2" not in drive.log(session.id)
        told = [entry.body["config"] for entry in session.entries(kinds="event")]
        assert told == [["llm.api_key", "queues[0].password"], ["token"]]
        assert session.state == {"api_key": "kept: no config"}

    def test_arguments_and_messages_are_left_as_they_are(self, store: Store) -> None:
        session = store.create(config={"tool_names": ["bash", "read"], "unknown": {"deep": [1, None]}})
        session.append(assistant([tool_call("c", "login", {"token": "t", "password": "p"})]))
        assert session.history()[0].parts[0]["arguments"] == {"token": "t", "password": "p"}
        assert session.info.config == {"tool_names": ["bash", "read"], "unknown": {"deep": [1, None]}}
        assert [entry.kind for entry in session.entries()] == ["created", "message"]

    def test_policies_and_tasks_are_kept_verbatim(self, store: Store) -> None:
        policies = {"permission_policy": {"deny": [{"rule": "x", "unknown": 1}]}, "queue_config": {"lanes": {}}}
        session = store.create(config=policies)
        session.update(set={"tasks": [{"id": "1", "content": "c", "status": "pending", "x": None}], "goal": "ship"})
        assert session.info.config == policies
        assert session.info.fields["tasks"][0] == {"id": "1", "content": "c", "status": "pending", "x": None}

    def test_the_name_in_a_config_is_the_title(self, store: Store) -> None:
        assert store.create(config={"name": "Mine"}).info.title == "Mine"
        assert store.create(config={"name": "Mine"}, title="Ours").info.title == "Ours"

    def test_a_hook_sees_whatever_is_to_be_stored(self, drive: Driver) -> None:
        def redact(kind: str, body: Any) -> Any:
            del kind
            if isinstance(body, str):
                return body.replace("hunter2", "***")
            if isinstance(body, list):
                return [redact("", item) for item in body]
            return {key: redact("", item) for key, item in body.items()} if isinstance(body, dict) else body

        store = Store(drive.backend, clock=drive.clock, redact=redact)
        session = store.create(
            title="hunter2", labels={"l": "hunter2"}, config={"c": "hunter2"}, entries=[user("hunter2")]
        )
        session.append([user("hunter2"), event("e", {"x": ["hunter2"]})], state={"s": "hunter2"}, key="k")
        session.append([user("hunter2"), event("e", {"x": ["hunter2"]})], state={"s": "hunter2"}, key="k")
        session.update(metadata={"m": "hunter2"}, labels=Keys(set={"l": "my hunter2"}))
        session.modify(lambda draft: draft.append(assistant("hunter2")))
        assert b"hunter2" not in drive.log(session.id)
        assert (session.title, session.state, session.info.labels) == ("***", {"s": "***"}, {"l": "my ***"})
        assert [message.text for message in session.history()] == ["***"] * 3

    def test_a_hook_that_gives_what_can_not_be_stored_is_refused(self, drive: Driver) -> None:
        store = Store(
            drive.backend, clock=drive.clock, redact=lambda kind, body: {"x": object()} if kind == "event" else body
        )
        session = store.create()
        with pytest.raises(Invalid, match="redact"):
            session.append(event("e"))
        assert session.seq == 1


class Saving:
    """What saving the same state over and over costs."""

    def test_a_counter_in_a_large_state_costs_a_line_and_not_the_state(self, store: Store, drive: Driver) -> None:
        session = store.create(state={"large": "x" * 50_000, "count": 0})
        before = len(drive.log(session.id))
        for number in range(1, 41):
            session.append(state={"large": "x" * 50_000, "count": number})
        grown = len(drive.log(session.id)) - before
        assert grown <= 40 * 1_000
        assert session.state["count"] == 40

    def test_an_unchanged_state_writes_nothing(self, store: Store, drive: Driver) -> None:
        session = store.create(state={"a": [1, {"b": None}], "c": 1})
        before = drive.log(session.id)
        session.append(state={"a": [1, {"b": None}], "c": 1})
        session.append(state=Keys(set={"a": [1, {"b": None}], "c": 1}, replace=True))
        session.append([])
        assert drive.log(session.id) == before
