"""What other programs said, as events that ADK's agents go on with."""

from __future__ import annotations

import asyncio

import pytest

import hansard
from hansard import aio

pytest.importorskip("google.adk", reason="ADK is not installed; make test-adapters has it")

from google.adk.agents import LlmAgent
from google.adk.events import Event
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import Runner
from google.genai import types
from pydantic import Field

from hansard.adapters.adk import HansardSessionService
from hansard.adapters.adk_conversation import conversation

IMAGE = {"type": "file", "mime": "image/png", "url": "data:image/png;base64,iVBORw0KGgo="}
SAID = [
    hansard.system("Be brief."),
    hansard.user([hansard.text("What is this?"), IMAGE]),
    hansard.assistant([hansard.reasoning("hm")]),
    hansard.assistant(
        [hansard.text("I look."), hansard.tool_call("a", "look", {"n": 1}), hansard.tool_call("b", "f", {})]
    ),
    hansard.tool("b", [hansard.text("a photo"), IMAGE]),
    hansard.tool("a", "boom", is_error=True),
    hansard.assistant("A pier."),
]


class Scripted(BaseLlm):
    """A model that keeps what it was sent."""

    seen: list = Field(default_factory=list)

    async def generate_content_async(self, llm_request, stream=False):  # noqa: FBT002 - ADK calls it so
        self.seen.append(llm_request.contents)
        yield LlmResponse(content=types.Content(role="model", parts=[types.Part(text="You are welcome.")]))


@pytest.mark.filterwarnings("ignore")
def test_an_agent_goes_on_with_what_another_program_said(tmp_path):
    async def work(store):
        service = HansardSessionService(store)
        session = await service.create_session(app_name="tides", user_id="mara", session_id="s")
        for event in conversation(store.get("other"), author="helper"):
            await service.append_event(session, event)
        model = Scripted(model="scripted")
        runner = Runner(app_name="tides", agent=LlmAgent(name="helper", model=model), session_service=service)
        thanks = types.Content(role="user", parts=[types.Part(text="Thanks")])
        async for _ in runner.run_async(user_id="mara", session_id="s", new_message=thanks):
            pass
        return model.seen[-1]

    with hansard.open(tmp_path / "store") as store:
        store.create(id="other").append(SAID)
        contents = asyncio.run(work(store))
        shown = store.get("s@mara@tides").history()
    parts = [part for content in contents for part in content.parts]
    assert [part.text for part in parts if part.text] == [
        "Be brief.", "What is this?", "I look.", "A pier.", "Thanks",
    ]  # fmt: skip
    assert next(part.inline_data for part in parts if part.inline_data).data == b"\x89PNG\r\n\x1a\n"
    asked = [part.function_call for part in parts if part.function_call]
    answers = {part.function_response.id: part.function_response for part in parts if part.function_response}
    assert [(call.id, call.name, call.args) for call in asked] == [("a", "look", {"n": 1}), ("b", "f", {})]
    assert (answers["a"].name, answers["a"].response) == ("look", {"error": "boom"})
    assert (answers["b"].name, answers["b"].response) == ("f", {"result": "a photo"})
    assert answers["b"].parts[0].inline_data.data == b"\x89PNG\r\n\x1a\n"
    assert [message.role for message in shown][-3:] == ["assistant", "user", "assistant"]


def texts(session):
    return [part.text for event in session.events for part in event.content.parts]


def test_a_conversation_that_was_given_in_part_is_given_again_and_is_there_once(tmp_path):
    who = {"app_name": "tides", "user_id": "mara", "session_id": "s"}

    async def work(store):
        service = HansardSessionService(store)
        session = await service.create_session(**who)
        for event in conversation(store.get("other"), author="helper")[:2]:
            await service.append_event(session, event)
        session = await service.get_session(**who)
        for event in conversation(store.get("other"), author="helper"):
            await service.append_event(session, event)
        return await service.get_session(**who)

    with hansard.open(tmp_path / "store") as store:
        store.create(id="other").append([hansard.user("u1"), hansard.assistant("a1"), hansard.user("u1")])
        assert texts(asyncio.run(work(store))) == ["u1", "a1", "u1"]


def test_what_adk_said_itself_is_as_it_was(tmp_path):
    thought = types.Part(text="hm", thought=True, thought_signature=b"\x01\xff")
    call = types.Part(function_call=types.FunctionCall(id="c", name="f", args={}), thought_signature=b"\x02")
    parts = [thought, types.Part(text="a1", thought_signature=b"\x03"), call]
    answer = types.FunctionResponse(id="c", name="f", response={"result": [1, {"a": None}]})

    async def work(store):
        service = HansardSessionService(store)
        session = await service.create_session(app_name="tides", user_id="mara", session_id="s")
        for author, role, said in (
            ("user", "user", [types.Part(text="u1")]),
            ("other", "model", parts),
            ("other", "user", [types.Part(function_response=answer)]),
        ):
            await service.append_event(session, Event(author=author, content=types.Content(role=role, parts=said)))
        store.get("s@mara@tides").append([hansard.user("u2"), hansard.assistant("a2")])
        return conversation(store.get("s@mara@tides"), author="helper"), session.events

    with hansard.open(tmp_path / "store") as store:
        events, own = asyncio.run(work(store))
    assert [event.content for event in events[:3]] == [event.content for event in own]
    assert [event.author for event in events] == ["user", "helper", "helper", "user", "helper"]
    assert [part.text for event in events[3:] for part in event.content.parts] == ["u2", "a2"]


def test_a_session_of_the_async_door_is_told_as_well(tmp_path):
    async def work():
        async with aio.open(tmp_path / "store") as store:
            session = await store.create(id="other")
            await session.append([hansard.user("u1"), hansard.assistant("a1")])
            return conversation(session, author="helper")

    assert [event.content.parts[0].text for event in asyncio.run(work())] == ["u1", "a1"]
