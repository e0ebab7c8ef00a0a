"""A LangGraph agent that is killed in the middle of a tool call, and goes on from the Hansard store.

    python examples/langgraph/tide.py [FOLDER [QUESTION]]

agent → tools → agent, without a model and without a network. The second run goes on from the last checkpoint: it calls
the tool again, and no node that had finished runs twice.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from hansard.adapters.langgraph import HansardSaver

CONFIG = {"configurable": {"thread_id": "tides"}}


def agent(state: MessagesState) -> dict:
    """Stands in for a model: it reads a gauge with a tool, then answers."""
    print("agent: thinks", flush=True)
    last = state["messages"][-1]
    if isinstance(last, ToolMessage):
        return {"messages": [AIMessage(f"The tide stands at {last.content} at the pier.", id="answer")]}
    call = {"name": "read_gauge", "args": {"place": "pier"}, "id": "call-1"}
    told = {"input_tokens": 20, "output_tokens": 5, "total_tokens": 25}
    return {"messages": [AIMessage("", tool_calls=[call], id="call", usage_metadata=told)]}


def tools(state: MessagesState) -> dict:
    """Reads the gauge; with GAUGE_HANGS set it never comes back."""
    print("agent: calls its tool", flush=True)
    while os.environ.get("GAUGE_HANGS"):
        time.sleep(0.05)
    call = state["messages"][-1].tool_calls[0]
    return {"messages": [ToolMessage("2.4 m", tool_call_id=call["id"], id="result")]}


def build(saver: HansardSaver):
    """The graph."""
    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", tools)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    builder.add_edge("tools", "agent")
    return builder.compile(checkpointer=saver)


def ask(folder: Path, question: str) -> None:
    """Ask, and have every step written before the next one begins; a run that was cut off goes on and is asked nothing."""
    with HansardSaver(folder / "store") as saver:
        graph = build(saver)
        asked = None if graph.get_state(CONFIG).next else {"messages": [HumanMessage(question, id="question")]}
        result = graph.invoke(asked, CONFIG, durability="sync")
        print("agent:", result["messages"][-1].content)


if __name__ == "__main__":
    if sys.argv[2:]:
        ask(Path(sys.argv[1]), sys.argv[2])
    else:
        # Without a question: the whole story.
        os.execv(sys.executable, [sys.executable, str(Path(__file__).parents[1] / "killed.py"), *sys.argv])
