"""What a run does to its history is not said twice, nor lost: the capability beside saving each result by hand."""

from __future__ import annotations

import asyncio
import copy

import pytest

import hansard

pytest.importorskip(
    "pydantic_ai.conversation_store", reason="pydantic-ai is not installed; make test-adapters has it"
)  # fmt: skip

from pydantic_ai import Agent, CallDeferred, DeferredToolRequests, DeferredToolResults, ModelRetry
from pydantic_ai.capabilities import ProcessHistory
from pydantic_ai.conversation_store import ConversationConflict, InMemoryConversationStore
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
    repair_messages,
)
from pydantic_ai.models.function import FunctionModel

from hansard.adapters import pydantic_ai_saving
from hansard.adapters.pydantic_ai import HansardConversationStore, SaveConversation


def call(name, call_id, **args):
    return ToolCallPart(tool_name=name, args=args, tool_call_id=call_id)


def agent(answers, *capabilities, **options):
    """An agent with tools that answer, that ask to be called again, that wait for a person and that others run."""
    left = list(answers)

    def model(messages, info):
        answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        parts = answer if isinstance(answer, list) else [answer]
        return ModelResponse(parts=[TextPart(part) if isinstance(part, str) else part for part in parts])

    made = Agent(FunctionModel(model), capabilities=capabilities, retries=3, **options)

    @made.tool_plain
    def look(n: int = 0) -> str:
        return f"seen {n}"

    @made.tool_plain
    def shy() -> str:
        raise ModelRetry("ask again")

    @made.tool_plain(requires_approval=True)
    def dangerous() -> str:
        return "done"

    @made.tool_plain
    def elsewhere() -> str:
        raise CallDeferred

    return made


def said(conversation):
    return [
        (message.kind, [(part.part_kind, getattr(part, "content", None)) for part in message.parts])
        for message in conversation.messages
    ]


def trimmed(messages):
    kept = messages[-3:]
    return messages if any(isinstance(part, ToolReturnPart) for part in kept[0].parts) else kept


def summarised(messages):
    return [ModelRequest(parts=[UserPromptPart("a summary")]), messages[-1]] if len(messages) > 2 else messages


def told(conversation):
    """A conversation to which something was added before the run."""
    conversation.messages.append(ModelRequest(parts=[UserPromptPart("by the way")]))
    return {"conversation": conversation}


def approved(conversation):
    results = DeferredToolResults(approvals={"c1": True})
    return {"conversation": conversation, "deferred_tool_results": results}


def answered(conversation):
    return {
        "conversation": conversation,
        "deferred_tool_results": DeferredToolResults(calls={"c1": "from elsewhere"}),
    }


DEFERRED = {"output_type": [str, DeferredToolRequests]}
RUNS = {
    "calls side by side": ([("u1", [[call("look", "c1", n=1), call("look", "c2", n=2)], "a1"], None)], (), {}),
    "a tool that asks to be called again": ([("u1", [call("shy", "c1"), call("shy", "c2"), "a1"], None)], (), {}),
    "a call that a person approves": (
        [("u1", [[call("look", "c0"), call("dangerous", "c1")]], None), (None, ["a1"], approved)], (), DEFERRED,
    ),
    "an approval with more to say": (
        [("u1", [call("dangerous", "c1")], None), ("and more", ["a1"], approved)], (), DEFERRED,
    ),
    "a call that others answer": (
        [("u1", [[call("look", "c0"), call("elsewhere", "c1")]], None), (None, ["a1"], answered)], (), DEFERRED,
    ),
    "a history that is copied at each step": (
        [("u1", [call("look", "c1"), call("look", "c2"), "a1"], None)], (ProcessHistory(copy.deepcopy),), {},
    ),
    "a history that is trimmed at each step": (
        [("u1", [call("look", "c1"), call("look", "c2"), "a1"], None)], (ProcessHistory(trimmed),), {},
    ),
    "a history that is summarised": ([("u1", ["a1"], None), ("u2", ["a2"], None)], (ProcessHistory(summarised),), {}),
    "an output that is a call": ([("u1", [call("final_result", "c1", response=3)], None)], (), {"output_type": int}),
    "instructions": ([("u1", ["a1"], None)], (), {"instructions": "be kind", "system_prompt": "a system"}),
    "a turn that was added before a run without a prompt": ([("u1", ["a1"], None), (None, ["a2"], told)], (), {}),
    "a turn that was added before a run": ([("u1", ["a1"], None), ("u2", ["a2"], told)], (), {}),
}  # fmt: skip


@pytest.mark.parametrize(("turns", "capabilities", "options"), RUNS.values(), ids=RUNS)
def test_a_conversation_is_what_saving_each_result_by_hand_makes_of_it(tmp_path, turns, capabilities, options):
    # One more turn at the end, as what was saved wrongly is often met only then.
    final = [call("final_result", "last", response=4)] if options.get("output_type") is int else ["the end"]
    by_hand = InMemoryConversationStore()
    store = HansardConversationStore(tmp_path / "store")

    async def play(own, save):
        for prompt, answers, given in [*turns, ("u9", final, None)]:
            conversation = await own.load("c")
            known = {"conversation": conversation} if conversation is not None else {"conversation_id": "c"}
            extra = given(conversation) if given is not None else known
            result = await agent(answers, *save, *capabilities, **options).run(prompt, **extra)
            if not save:
                await own.save(result)
        return await own.load("c")

    async def work():
        return await play(by_hand, ()), await play(store, (SaveConversation(store),))

    expected, found = asyncio.run(work())
    store.close()
    assert said(found) == said(expected)
    assert found.usage == expected.usage


@pytest.fixture
def store(tmp_path):
    found = HansardConversationStore(tmp_path / "store")
    yield found
    found.close()


def tried(store, *answers, prompt=None, **given):
    return asyncio.run(agent(answers, SaveConversation(store)).run(prompt, **given))


def loaded(store):
    return asyncio.run(store.load("c"))


def texts(conversation):
    return [part.content for message in conversation.messages for part in message.parts]


def test_a_question_that_the_model_failed_on_is_asked_again_and_stored_once(store):
    with pytest.raises(RuntimeError):
        tried(store, RuntimeError("the model is down"), prompt="u1", conversation_id="c")
    tried(store, "a1", conversation=loaded(store))
    assert texts(loaded(store)) == ["u1", "a1"]


def test_questions_that_follow_one_another_are_each_stored_once_however_the_conversation_is_carried_on(store):
    with pytest.raises(RuntimeError):
        tried(store, RuntimeError("the model is down"), prompt="u1", conversation_id="c")
    tried(store, "a2", prompt="u2", conversation=loaded(store))
    result = tried(store, "a3", prompt="u3", conversation=loaded(store))
    result = tried(store, "a4", prompt="u4", conversation=result.conversation)
    tried(store, "a5", prompt="u5", message_history=result.all_messages(), conversation_id="c")
    assert texts(loaded(store)) == ["u1", "u2", "a2", "u3", "a3", "u4", "a4", "u5", "a5"]


def test_what_another_program_asked_is_answered_and_stored_once(tmp_path):
    with hansard.open(tmp_path / "store") as place:
        place.create(id="c").append(hansard.user("How high is the tide?"))
        store = HansardConversationStore(place)
        tried(store, "2.4 m", conversation=loaded(store))
        tried(store, "2.6 m", prompt="And tomorrow?", conversation=loaded(store))
        said = [(message.role, message.text) for message in place.get("c").messages()]
    assert said == [
        ("user", "How high is the tide?"), ("assistant", "2.4 m"), ("user", "And tomorrow?"), ("assistant", "2.6 m"),
    ]  # fmt: skip


def test_a_call_that_another_program_left_open_is_closed_before_a_new_question(tmp_path):
    with hansard.open(tmp_path / "store") as place:
        asked = hansard.assistant([hansard.tool_call("c1", "look", {})])
        place.create(id="c").append([hansard.user("How high is the tide?"), asked])
        store = HansardConversationStore(place)
        conversation = loaded(store)
        conversation.messages[:] = repair_messages(conversation.messages)
        result = tried(store, "2.4 m", prompt="Well?", conversation=conversation)
        tried(store, "2.6 m", prompt="And tomorrow?", conversation=result.conversation)
        history = [(message.role, message.synthetic) for message in place.get("c").history()]
    assert history == [
        (role, False) for role in ("user", "assistant", "tool", "user", "assistant", "user", "assistant")
    ]


def test_calls_that_were_left_open_before_the_last_question_are_closed_as_well(tmp_path):
    with hansard.open(tmp_path / "store") as place:
        asked = hansard.assistant([hansard.tool_call("c1", "look", {}), hansard.tool_call("c2", "look", {})])
        said = [hansard.user("u1"), asked, hansard.user("u2"), hansard.tool("c1", "seen"), hansard.tool("c1", "again")]
        place.create(id="c").append(said)
        store = HansardConversationStore(place)
        conversation = loaded(store)
        conversation.messages[:] = repair_messages(conversation.messages)
        tried(store, "a3", prompt="u3", conversation=conversation)
        tried(store, "a4", prompt="u4", conversation=loaded(store))
        texts = [message.text for message in place.get("c").messages()[len(said) :]]
        sent = repair_messages(loaded(store).messages)
    assert [text for text in texts if text] == ["u3", "a3", "u4", "a4"]
    results = [part.tool_call_id for message in sent for part in message.parts if isinstance(part, ToolReturnPart)]
    assert sorted(results) == ["c1", "c2"]


def test_a_long_history_that_is_not_the_stored_one_is_refused_after_a_few_looks(tmp_path, monkeypatch):
    looks = []

    def counted(messages, **options):
        looks.append(len(messages))
        return repair_messages(messages, **options)

    monkeypatch.setattr(pydantic_ai_saving, "repair_messages", counted)
    with hansard.open(tmp_path / "store") as place:
        said = [message for n in range(100) for message in (hansard.user(f"u{n}"), hansard.assistant(f"a{n}"))]
        place.create(id="c").append(said)
        store = HansardConversationStore(place)
        conversation = loaded(store)
        conversation.messages[-1] = ModelResponse(parts=[TextPart("something else")])
        with pytest.raises(ConversationConflict):
            tried(store, prompt="u", conversation=conversation)
    assert len(looks) < 10
