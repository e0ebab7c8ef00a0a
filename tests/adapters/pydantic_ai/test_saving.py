"""The capability that saves each run as it goes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

import hansard

pytest.importorskip(
    "pydantic_ai.conversation_store", reason="pydantic-ai is not installed; make test-adapters has it"
)  # fmt: skip

from pydantic_ai import Agent
from pydantic_ai.capabilities import ProcessHistory
from pydantic_ai.conversation_store import ConversationConflict
from pydantic_ai.messages import BinaryContent, ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel

from hansard.adapters.pydantic_ai import HansardConversationStore, SaveConversation


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.fixture
def hansard_store(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        yield store


@pytest.fixture
def store(hansard_store):
    return HansardConversationStore(hansard_store)


def agent(store, *answers, scope=None):
    """An agent that gives these answers; a call is a tool call, an exception is raised."""
    left = list(answers)

    def model(messages, info):
        answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return ModelResponse(parts=[answer if isinstance(answer, ToolCallPart) else TextPart(content=answer)])

    return Agent(FunctionModel(model), capabilities=[SaveConversation(store, scope=scope)])


def roles(session):
    return [(message.role, message.text) for message in session.messages()]


def test_a_run_is_saved_and_its_result_goes_on_from_there(store, hansard_store):
    helper = agent(store, "hello", "again", scope="ana")
    result = run(helper.run("hi", conversation_id="c"))
    session = hansard_store.get("c")
    assert roles(session) == [("user", "hi"), ("assistant", "hello")]
    assert session.info.labels == {"scope": "ana"}
    result = run(helper.run("more", conversation=result.conversation))
    assert roles(session)[2:] == [("user", "more"), ("assistant", "again")]
    conversation = result.conversation
    conversation.messages.append(conversation.messages[0])
    run(store.save(conversation))
    assert run(store.load("c")) == conversation


def test_what_a_tool_is_called_with_is_durable_before_it_runs(store, hansard_store):
    helper = agent(store, ToolCallPart(tool_name="look", args={}, tool_call_id="t1"), "done")
    seen = []

    @helper.tool_plain
    def look() -> str:
        seen.extend(roles(hansard_store.get("c")))
        return "ok"

    run(helper.run("go", conversation_id="c"))
    assert [role for role, _ in seen] == ["user", "assistant"]
    assert [role for role, _ in roles(hansard_store.get("c"))] == ["user", "assistant", "tool", "assistant"]


def test_a_run_that_fails_is_saved_as_far_as_it_came(store, hansard_store):
    helper = agent(store, ToolCallPart(tool_name="look", args={}, tool_call_id="t1"), RuntimeError("the model is down"))

    @helper.tool_plain
    def look() -> str:
        return "ok"

    with pytest.raises(RuntimeError, match="the model is down"):
        run(helper.run("go", conversation_id="c"))
    assert [role for role, _ in roles(hansard_store.get("c"))][:3] == ["user", "assistant", "tool"]
    conversation = run(store.load("c"))
    result = run(agent(store, "better now").run("again", conversation=conversation))
    assert roles(hansard_store.get("c"))[-2:] == [("user", "again"), ("assistant", "better now")]
    assert run(store.load("c")) == result.conversation


def test_a_cancelled_run_is_saved_as_far_as_it_came(store, hansard_store):
    helper = agent(store, ToolCallPart(tool_name="wait", args={}, tool_call_id="t1"))

    async def work():
        began = asyncio.Event()

        @helper.tool_plain
        async def wait() -> str:
            began.set()
            await asyncio.Event().wait()
            return "never"

        task = asyncio.create_task(helper.run("go", conversation_id="c"))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work())
    assert [role for role, _ in roles(hansard_store.get("c"))] == ["user", "assistant"]


def test_a_run_with_another_history_than_the_stored_one_is_refused(store, hansard_store):
    first = run(agent(store, "hello").run("hi", conversation_id="c"))
    run(agent(store, "and").run("more", conversation=run(store.load("c"))))
    with pytest.raises(ConversationConflict):
        run(agent(store, "stale").run("late", conversation=first.conversation))
    assert [text for _, text in roles(hansard_store.get("c"))] == ["hi", "hello", "more", "and"]


def test_a_run_that_saw_the_newest_messages_only_adds_to_all_of_them(store, hansard_store):
    run(agent(store, "a1").run("u1", conversation_id="c"))
    run(agent(store, "a2").run("u2", conversation=run(store.load("c", limit=1))))
    assert [text for _, text in roles(hansard_store.get("c"))] == ["u1", "a1", "u2", "a2"]


def test_a_writer_between_the_steps_of_a_run_is_not_passed_over(store, hansard_store):
    helper = agent(store, ToolCallPart(tool_name="look", args={}, tool_call_id="t1"), "done")

    @helper.tool_plain
    def look() -> str:
        hansard_store.get("c").append(hansard.user("me too"))
        return "ok"

    with pytest.raises(ConversationConflict):
        run(helper.run("go", conversation_id="c"))
    assert roles(hansard_store.get("c"))[-1] == ("user", "me too")


@dataclass
class Tide:
    metres: float


def test_a_history_from_memory_is_the_stored_one_also_where_it_is_read_back_as_other_objects(store):
    helper = agent(store, ToolCallPart(tool_name="gauge", args={}), "2.4 m", "yes", "once more", "other")

    @helper.tool_plain
    def gauge() -> Tide:
        return Tide(2.4)

    asked = ["How high?", BinaryContent(b"\x89PNG", media_type="image/png")]
    first = run(helper.run(asked, conversation_id="c"))
    second = run(helper.run("sure?", conversation_id="c", message_history=first.all_messages()))
    run(helper.run("really?", conversation=second.conversation))
    said = run(store.load("c")).messages
    assert len(said) == 8
    assert run(store.read_history(run(store.read_record("c")).head_id))[-1].message == said[-1]
    other = [BinaryContent(b"\x89PNX", media_type="image/png")]
    history = run(helper.run(other, conversation_id="d")).all_messages()
    with pytest.raises(ConversationConflict):
        run(helper.run("and?", conversation_id="c", message_history=history))


def test_what_something_rewrites_behind_a_run_is_stored_once_and_as_it_was_said(store, hansard_store):
    """Older results of tools are shortened for the model, the newest is not."""

    def shortened(messages):
        return [
            replace(message, parts=[replace(part, content="…") for part in message.parts])
            if isinstance(message, ModelRequest) and message is not messages[-1] and is_result(message)
            else message
            for message in messages
        ]

    def is_result(message):
        return all(isinstance(part, ToolReturnPart) for part in message.parts)

    helper = agent(store, *(ToolCallPart("look", {}, tool_call_id=f"c{number}") for number in range(3)), "done")
    helper.tool_plain(lambda: "a long result", name="look")
    result = run(helper.run("go", conversation_id="c", capabilities=[ProcessHistory(shortened)]))
    assert "…" in str(result.all_messages())
    said = [
        (message.role, len(message.parts), "…" in str(message.parts)) for message in hansard_store.get("c").messages()
    ]
    turn = [("assistant", 1, False), ("tool", 1, False)]
    assert said == [("user", 1, False), *turn, *turn, *turn, ("assistant", 1, False)]
