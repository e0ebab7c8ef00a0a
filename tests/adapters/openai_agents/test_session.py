from __future__ import annotations

import asyncio
import base64
import json
import os
from dataclasses import dataclass

import pytest

import hansard

agents = pytest.importorskip("agents", reason="the OpenAI Agents SDK is not installed; make test-adapters has it")

from agents import Agent, RunConfig, Runner, function_tool
from agents.memory import Session, SessionSettings

from hansard.adapters.openai_agents import HansardSession
from support.places import KINDS, place_of


def run(coroutine):
    return asyncio.run(coroutine)


def said(text, role="user"):
    return {"role": role, "content": text}


def texts(items):
    return [item["content"] for item in items]


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    with hansard.open(place_of(request.param, tmp_path)) as store:
        yield store


@pytest.fixture
def session(store):
    return HansardSession("s", store)


def test_it_is_a_session_of_the_sdk(session):
    assert isinstance(session, Session)


def test_items_come_back_equal_and_in_order(session):
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "a\ud800\u0000b ü"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "xyz"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x": 1e400}', "z": 1.0, "a": None},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {"role": "user", "content": "same"},
        {"role": "user", "content": "same"},
    ]
    run(session.add_items(items))
    assert run(session.get_items()) == items
    assert [json.dumps(item) for item in run(session.get_items())] == [json.dumps(item) for item in items]


def test_an_image_is_kept_as_a_file_and_comes_back_in_its_item(store, session):
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(4000)).decode()
    item = {"role": "user", "content": [{"type": "input_image", "image_url": url, "detail": "auto"}]}
    run(session.add_items([item]))
    assert run(session.get_items()) == [item]
    if "attachments" in store.capabilities:
        assert url not in store.get("s").entry(2).body["raw"]["text"]


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, "abcd"), (2, "cd"), (9, "abcd"), (0, ""), (-1, "abcd"), (4, "abcd")]
)
def test_limit_gives_the_newest_in_order(session, limit, expected):
    run(session.add_items([said(letter) for letter in "abcd"]))
    assert "".join(texts(run(session.get_items(limit)))) == expected


def test_the_limit_of_the_settings_counts_where_none_is_given(store):
    session = HansardSession("s", store, session_settings={"limit": 1})
    run(session.add_items([said("a"), said("b")]))
    assert texts(run(session.get_items())) == ["b"]
    assert texts(run(session.get_items(2))) == ["a", "b"]
    with pytest.raises(TypeError, match="limitt"):
        HansardSession("s", store, session_settings={"limitt": 1})
    assert HansardSession("s", store, session_settings=SessionSettings(limit=3)).session_settings.limit == 3


def test_a_batch_is_one_commit_with_the_session_itself(store, session):
    run(session.add_items([said("a"), said("b")]))
    entries = list(store.get("s").entries())
    assert [entry.kind for entry in entries] == ["created", "message", "message"]
    assert [entry.commit is not None for entry in entries] == [False, False, True]
    run(session.add_items([said("c"), said("d")]))
    assert store.get("s").entry(5).commit[0] == 4


def test_a_batch_that_cannot_be_stored_leaves_nothing(store, session):
    run(session.add_items([said("a")]))
    with pytest.raises(TypeError):
        run(session.add_items([said("b"), {"role": "user", "content": object()}]))
    assert texts(run(session.get_items())) == ["a"]


def test_nothing_is_written_before_there_is_an_item(store, session):
    run(session.add_items([]))
    run(session.clear_session())
    assert run(session.get_items()) == []
    assert run(session.pop_item()) is None
    assert not store.exists("s")


def test_pop_takes_the_newest_and_the_next_goes_in_its_place(session):
    run(session.add_items([said("a"), said("b")]))
    assert run(session.pop_item()) == said("b")
    run(session.add_items([said("c")]))
    assert texts(run(session.get_items())) == ["a", "c"]
    assert run(session.pop_item()) == said("c")
    assert run(session.pop_item()) == said("a")
    assert run(session.pop_item()) is None


def test_a_message_that_is_several_items_is_popped_item_by_item(store, session):
    native = store.create(id="s")
    native.append(hansard.user("do it"))
    native.append(hansard.assistant([hansard.text("yes"), hansard.tool_call("c", "f", {"x": 1})]))
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"x":1}'}
    assert run(session.get_items()) == [said("do it"), said("yes", "assistant"), call]
    assert run(session.get_items(1)) == [call]
    assert run(session.pop_item()) == call
    assert run(session.get_items()) == [said("do it"), said("yes", "assistant")]


def test_a_cleared_session_is_empty_and_goes_on(session):
    run(session.add_items([said("a")]))
    run(session.clear_session())
    assert run(session.get_items()) == []
    run(session.add_items([said("b")]))
    assert texts(run(session.get_items())) == ["b"]


def test_a_closed_session_says_so(store, session):
    run(session.add_items([said("a")]))
    session.close()
    for call in (session.add_items([]), session.get_items(), session.pop_item(), session.clear_session()):
        with pytest.raises(RuntimeError, match="closed"):
            run(call)
    assert store.get("s").info.message_count == 1


def test_a_store_that_was_only_named_is_closed_with_the_session(tmp_path):
    session = HansardSession("s", tmp_path / "store", user="ana", labels={"team": "a"}, title="T")
    run(session.add_items([said("a")]))
    session.close()
    with hansard.open(tmp_path / "store") as store:
        info = store.get("s").info
        assert (info.user, info.labels, info.title) == ("ana", {"team": "a"}, "T")


def test_a_session_of_another_user_is_refused(store):
    run(HansardSession("s", store, user="ana").add_items([said("a")]))
    other = HansardSession("s", store, user="eve")
    for call in (other.get_items(), other.add_items([said("b")]), other.pop_item(), other.clear_session()):
        with pytest.raises(hansard.AlreadyExists, match="eve"):
            run(call)
    assert texts(run(HansardSession("s", store, user="ana").get_items())) == ["a"]
    assert texts(run(HansardSession("s", store).get_items())) == ["a"]


def test_tasks_that_add_and_pop_lose_and_double_nothing(session):
    async def work():
        async def one(name):
            for number in range(5):
                await session.add_items([said(f"{name}:{number}:a"), said(f"{name}:{number}:b")])

        await asyncio.gather(*(one(name) for name in "abcd"))
        items = texts(await session.get_items())
        popped = await asyncio.gather(*(session.pop_item() for _ in range(8)))
        return items, texts(popped), texts(await session.get_items())

    items, popped, left = run(work())
    assert len(items) == len({*items}) == 40
    assert all(one[:-1] == two[:-1] for one, two in zip(items[::2], items[1::2], strict=True))
    assert sorted([*popped, *left]) == sorted(items)


def test_a_cancelled_append_settles_before_the_cancellation_is_raised(store, session):
    async def work():
        task = asyncio.create_task(session.add_items([said("a")]))
        while not session._store.sync.exists("s"):  # noqa: ASYNC110 - another thread creates it
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await session.get_items()

    assert texts(run(work())) == ["a"]


@dataclass
class Context:
    tenant_id: str
    secret: str = "x"


@pytest.fixture
def script():
    """The SDK's scripted model, which older versions do not have."""
    return pytest.importorskip("agents.testing", reason="this version of the SDK has no scripted model")


def agent(script, answer):
    return Agent(name="A", model=script.ScriptedModel([[script.assistant_message(answer)]]))


def test_labels_come_from_the_context_of_a_run(store, script):
    session = HansardSession("s", store, labels={"app": "shop"})
    run(Runner.run(agent(script, "hi"), "hello", session=session, context=Context("acme")))
    assert store.get("s").info.labels == {"app": "shop", "tenant_id": "acme"}
    again = HansardSession("s", store, labels_from=lambda context: {"who": context["name"]})
    run(Runner.run(agent(script, "hi"), "hello", session=again, context={"name": "eve"}))
    assert store.get("s").info.labels == {"app": "shop", "tenant_id": "acme", "who": "eve"}
    entries = store.get("s").seq
    run(Runner.run(agent(script, "hi"), "hello", session=again, context={"name": "eve"}))
    assert store.get("s").seq == entries + 2


def test_usage_of_each_model_call_is_recorded_once(store, session, script):
    from agents.usage import Usage

    @function_tool
    def now() -> str:
        return "noon"

    def spent(number):
        return Usage(requests=1, input_tokens=100 * number, output_tokens=number, total_tokens=101 * number)

    model = script.ScriptedModel([
        script.ModelStep(output=[script.function_call("now", {}, call_id="c1")], usage=spent(1)),
        script.ModelStep(output=[script.assistant_message("noon")], usage=spent(2)),
    ])  # fmt: skip
    result = run(Runner.run(Agent(name="A", model=model, tools=[now]), "when?", session=session))
    usage = store.get("s").info.usage
    assert (usage.calls, usage.input, usage.output) == (2, 300, 3)
    run(session.store_run_usage(result))
    assert store.get("s").info.usage == usage


def test_what_a_run_has_spent_that_a_guardrail_stopped_can_be_recorded(store, session, script):
    @agents.output_guardrail
    async def never(context, agent, output):
        return agents.GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

    spent = agents.Usage(requests=1, input_tokens=10, output_tokens=3, total_tokens=13)
    model = script.ScriptedModel([script.ModelStep(output=[script.assistant_message("no")], usage=spent)])
    with pytest.raises(agents.OutputGuardrailTripwireTriggered) as stopped:
        run(Runner.run(Agent(name="A", model=model, output_guardrails=[never]), "hi", session=session))
    for _ in range(2):
        run(session.store_run_usage(stopped.value.run_data))
    usage = store.get("s").info.usage
    assert (usage.calls, usage.input, usage.output) == (1, 10, 3)


def test_a_turn_is_said_anew_on_a_branch_and_the_old_one_stays(session):
    run(session.add_items([said("u1"), said("a1", "assistant"), said("u2"), said("a2", "assistant")]))
    assert run(session.create_branch_from_turn(2, "other")) == "other"
    run(session.add_items([said("u2 again")]))
    assert texts(run(session.get_items())) == ["u1", "a1", "u2 again"]
    run(session.switch_to_branch("main"))
    assert texts(run(session.get_items())) == ["u1", "a1", "u2", "a2"]
    listed = {branch["branch_id"]: branch for branch in run(session.list_branches())}
    assert listed["main"] == {"branch_id": "main", "message_count": 4, "user_turns": 2, "is_current": True}
    assert listed["other"]["message_count"] == 3
    run(session.switch_to_branch("other"))
    assert texts(run(session.get_items())) == ["u1", "a1", "u2 again"]
    for wrong in (session.create_branch_from_turn(9), session.create_branch_from_turn(1, "main")):
        with pytest.raises(ValueError, match=r"turn|exists"):
            run(wrong)
    with pytest.raises(ValueError, match="nowhere"):
        run(session.switch_to_branch("nowhere"))


def test_a_suffix_is_replaced_only_while_it_is_the_suffix(session):
    if not hasattr(agents.memory.session, "_CompactionSnapshot"):
        pytest.skip("this version of the SDK compacts by clearing and adding")

    async def work():
        await session.add_items([said(letter) for letter in "abcd"])
        snapshot = await session._get_compaction_snapshot(3)
        assert (texts(snapshot.items), snapshot.complete) == (["b", "c", "d"], False)
        assert await snapshot.replace_suffix(1, [said("cd")])
        assert texts(await session.get_items()) == ["a", "b", "cd"]
        assert not await snapshot.replace_suffix(1, [said("again")])
        whole = await session._get_compaction_snapshot(3)
        assert whole.complete
        await session.add_items([said("e")])
        assert not await whole.replace_suffix(0, [said("lost")])
        pruned = await session._get_compaction_snapshot(1, prune_prefix=lambda item: item["content"] == "a")
        assert await pruned.replace_suffix(0, [said("E")])
        assert texts(await session.get_items()) == ["b", "cd", "E"]
        assert await session._atomic_replace_items([said("all")])
        return texts(await session.get_items())

    assert run(work()) == ["all"]


def test_a_run_that_is_limited_sees_the_newest_items_only(store, session, script):
    run(session.add_items([said(f"m{number}") for number in range(10)]))
    model = script.ScriptedModel([[script.assistant_message("fine")]])
    config = RunConfig(session_settings=SessionSettings(limit=2))
    run(Runner.run(Agent(name="A", model=model), "now", session=session, run_config=config))
    assert texts(model.calls[0].input) == ["m8", "m9", "now"]
    assert store.get("s").info.message_count == 12


def test_an_object_whose_session_was_deleted_elsewhere_is_empty_and_goes_on_with_a_new_one(store):
    session = HansardSession("s", store, labels={"team": "red"})
    for number in range(3):
        run(session.add_items([said(str(number))]))
        store.delete("s")
        assert run(session.get_items()) == []
        assert run(session.pop_item()) is None
        run(session.add_items([said("again"), said("and on")]))
        store.delete("s")
        run(session.clear_session())
        run(session.add_items([said("new")]))
        assert texts(run(session.get_items())) == ["new"]
        assert store.info("s").labels == {"team": "red"}
        store.delete("s")


def test_a_message_with_a_file_that_is_not_there_hides_no_other(store, session):
    lost = {"type": "file", "mime": "image/png", "attachment": "0" * 64, "name": "pier.png"}
    store.create(id="s").append([hansard.user("hi"), hansard.user([lost]), hansard.assistant("hello")])
    assert texts(run(session.get_items())) == ["hi", "[file pier.png]", "hello"]


def test_results_of_others_that_the_api_would_refuse_are_not_given(store, session):
    call = hansard.tool_call("c1", "tide.gauge", {})
    store.create(id="s").append([
        hansard.tool("of nobody", "lost"), hansard.assistant([call]), hansard.tool("c1", "2.4 m"),
        hansard.tool("c1", "again"), hansard.assistant([call]), hansard.tool("c1", "2.5 m"),
    ])  # fmt: skip
    own = {"type": "function_call_output", "call_id": "of nobody either", "output": "mine"}
    run(session.add_items([own]))
    items = run(session.get_items())
    assert [item.get("output", item.get("name")) for item in items] == [
        "tide_gauge", "2.4 m", "tide_gauge", "2.5 m", "mine",
    ]  # fmt: skip
    assert [item["call_id"] for item in items[:-1]] == ["c1", "c1", "c1-2", "c1-2"]
    assert items[-1] == own


def test_results_that_others_gave_in_the_name_of_the_user_are_no_turns(store, session):
    store.create(id="s").append([
        hansard.user("u1"), hansard.assistant([hansard.tool_call("c1", "f", {})]),
        hansard.user([hansard.tool_result("c1", "ok")]), hansard.user("u2"), hansard.assistant("a2"),
    ])  # fmt: skip
    assert [branch["user_turns"] for branch in run(session.list_branches())] == [2]
    run(session.create_branch_from_turn(2))
    assert [item.get("content", item.get("type")) for item in run(session.get_items())] == [
        "u1", "function_call", "function_call_output",
    ]  # fmt: skip


def test_a_lost_file_is_told_and_is_not_taken_for_a_session_without_items(tmp_path):
    image = base64.b64encode(os.urandom(6000)).decode()
    sent = {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{image}"}]}
    with hansard.open(tmp_path) as store:
        session = HansardSession("s", store)
        run(session.add_items([sent, said("hi")]))
        for file in tmp_path.glob("sessions/*/attachments/*"):
            file.unlink()
        with pytest.raises(hansard.NotFound, match="attachment"):
            run(session.get_items())


def test_a_limit_beyond_all_that_there_is_gives_what_no_limit_gives(store, session):
    store.create(id="s", entries=[hansard.user("hi"), hansard.tool("stray", "lost"), hansard.assistant("ok")])
    assert texts(run(session.get_items())) == texts(run(session.get_items(100))) == ["hi", "ok"]
