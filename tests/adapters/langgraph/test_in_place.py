"""Nodes that change messages of a long state where they stand: each checkpoint holds what InMemorySaver's would."""

from __future__ import annotations

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: pip install 'hansard[langgraph]'")

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

import hansard
from hansard.adapters.langgraph import HansardSaver

CONFIG = {"configurable": {"thread_id": "t"}}
LONG = 400
"""Messages: more than are given out as copies."""


def seed():
    return [
        HumanMessage([{"type": "text", "text": f"question {number}"}], id=f"h{number}")
        if number % 2
        else AIMessage(
            "",
            id=f"a{number}",
            tool_calls=[{"name": "gauge", "args": {"n": number, "at": {"pier": [1]}}, "id": f"c{number}"}],
            response_metadata={"usage": {"in": 1}},
        )
        for number in range(LONG)
    ]


def first(state):
    state["messages"][10].additional_kwargs["seen"] = ["first"]
    state["messages"][11].content[0]["text"] = "changed by the first"
    return {"messages": [AIMessage("one", id=f"one {len(state['messages'])}")]}


def second(state):
    state["messages"][10].additional_kwargs["seen"].append("second")
    state["messages"][12].tool_calls[0]["args"]["at"]["pier"][0] = True
    state["messages"][14].response_metadata["usage"]["in"] = 1.0
    return {"messages": [AIMessage("two", id=f"two {len(state['messages'])}")]}


def third(state):
    state["messages"][10].additional_kwargs.clear()
    state["messages"][12].tool_calls[0]["args"]["at"] = {"pier": [True]}
    state["messages"][16].id = f"other {len(state['messages'])}"
    state["messages"][-3].content = [*state["messages"][-3].content, "more"]
    return {"messages": [AIMessage("three", id=f"three {len(state['messages'])}")]}


def graph_on(saver):
    builder = StateGraph(MessagesState)
    builder.add_sequence([first, second, third])
    builder.add_edge(START, "first")
    builder.add_edge("third", END)
    return builder.compile(checkpointer=saver)


def history(graph):
    return [
        [repr((message.type, vars(message))) for message in state.values.get("messages", ())]
        for state in graph.get_state_history(CONFIG)
    ]


@pytest.mark.parametrize("durability", ["sync", "exit"])
def test_what_nodes_change_in_place_is_in_the_very_checkpoint_of_their_step(tmp_path, durability):
    theirs = graph_on(InMemorySaver())
    with hansard.open(tmp_path / "store") as store:
        ours = graph_on(HansardSaver(store))
        for graph in (ours, theirs):
            graph.invoke({"messages": seed()}, CONFIG, durability=durability)
            result = graph.invoke(
                {"messages": [HumanMessage([{"text": "again"}], id="h")]}, CONFIG, durability=durability
            )
            # What becomes of a result after the turn is nothing that the thread knows of.
            for message in result["messages"]:
                message.content, message.response_metadata["spoilt"] = "spoilt", True
            graph.invoke({"messages": [HumanMessage(["and again"], id="h2")]}, CONFIG, durability=durability)
        wanted = history(theirs)
        assert len(wanted) == (15 if durability == "sync" else 3)
        assert history(graph_on(HansardSaver(store))) == history(ours) == wanted


def test_what_a_node_changes_while_its_input_waits_to_be_written_is_not_in_the_checkpoint_before_it(tmp_path):
    values = {"plan": {"steps": ["first"]}, "notes": ["a"], "messages": [HumanMessage("hi", id="h")]}

    class Waiting(HansardSaver):
        """A saver whose store takes a moment, in which a node is at work."""

        def _session(self, thread_id):
            values["plan"]["steps"].append("second")
            values["notes"].append("b")
            values["messages"].append(AIMessage("too early", id="a"))
            return super()._session(thread_id)

    versions = dict.fromkeys(values, "1")
    checkpoint = {
        "v": 4, "id": "1ef4f797-8335-6428-8001-8a1503f9b875", "ts": "2026-11-21T08:00:00+00:00",
        "channel_values": values, "channel_versions": versions, "versions_seen": {}, "updated_channels": None,
    }  # fmt: skip
    with Waiting(tmp_path / "store") as saver:
        config = saver.put(
            {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, checkpoint, {"step": -1}, versions
        )
        held = saver.get_tuple(config).checkpoint["channel_values"]
    assert held == {"plan": {"steps": ["first"]}, "notes": ["a"], "messages": [HumanMessage("hi", id="h")]}
