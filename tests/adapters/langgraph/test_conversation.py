"""What a session says, given to a graph: when it is new, and again when others went on with it."""

from __future__ import annotations

import anyio
import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: pip install 'hansard[langgraph]'")

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

import hansard
from hansard.adapters.langgraph import HansardSaver
from hansard.adapters.langgraph_conversation import conversation
from hansard.aio import AsyncStore

THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}


@pytest.fixture
def store(tmp_path):
    with hansard.open(tmp_path / "store") as opened:
        yield opened


def turn(store, text, *, thread="t"):
    """A turn of a graph that is given the conversation first; what its node was given."""
    given = []

    def node(state):
        given[:] = state["messages"]
        number = sum(isinstance(message, HumanMessage) for message in given)
        said = [THOUGHT, {"type": "text", "text": f"a{number}"}]
        return {"messages": [AIMessage(said, response_metadata={"model_name": "m"})]}

    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    graph = builder.compile(checkpointer=HansardSaver(store))
    told = conversation(store.get("t")) if store.exists("t") else []
    graph.invoke({"messages": [*told, HumanMessage(text)]}, {"configurable": {"thread_id": thread}})
    return given


def texts(session):
    return [message.text for message in session.messages()]


def test_a_conversation_that_goes_to_and_fro_says_nothing_twice(store):
    turn(store, "u1")
    for number in (2, 4):
        store.get("t").append([hansard.user(f"u{number}"), hansard.assistant(f"a{number}")])
        turn(store, f"u{number + 1}")
    expected = [f"{who}{number}" for number in range(1, 6) for who in "ua"]
    assert texts(store.get("t")) == expected
    assert [message.text for message in conversation(store.get("t"))] == expected


def test_messages_of_langgraph_come_back_as_they_were(store):
    turn(store, "u1")
    store.get("t").append([hansard.user("u2"), hansard.assistant("a2")])
    given = turn(store, "u3")
    assert given[1].content == [THOUGHT, {"type": "text", "text": "a1"}]
    assert given[1].response_metadata == {"model_name": "m"}
    other = turn(store, "u4", thread="other")
    assert other[:-1] == conversation(store.get("t"))


def test_parts_of_one_message_are_messages_of_their_own(store):
    session = store.create(id="t")
    session.append(hansard.assistant([hansard.tool_call("a", "f", {}), hansard.tool_call("b", "f", {})]))
    session.append(hansard.user([hansard.tool_result("b", "B"), hansard.tool_result("a", "A"), hansard.text("Well?")]))
    given = turn(store, "u1")
    assert [message.text for message in given] == ["", "B", "A", "Well?", "u1"]
    assert [message.text for message in turn(store, "u2")][:4] == ["", "B", "A", "Well?"]


def test_a_session_of_the_async_door_is_told_as_well(store):
    store.create(id="t").append([hansard.user("u1"), hansard.assistant("a1")])
    session = anyio.run(AsyncStore(store).get, "t")
    assert [message.text for message in conversation(session)] == ["u1", "a1"]
