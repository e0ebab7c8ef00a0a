"""A whole LangGraph agent on Hansard and on SqliteSaver, in one run: `python -m benchmarks.peers.graph [MESSAGES] [TURNS]`.

agent → tools → agent, with that many messages in the state. Besides the turn as a user waits for it, the same graph is
run without any saver: what is left of a turn is what its saver costs.
"""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph

from hansard.adapters.langgraph import HansardSaver

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def question(number: int) -> HumanMessage:
    return HumanMessage(f"How high is the tide at {number}? " * 20, id=f"h{number}")


def call(number: int) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "gauge", "args": {"n": number}, "id": f"c{number}"}], id=f"a{number}")


def result(number: int) -> ToolMessage:
    return ToolMessage("2.4 m at the pier. " * 50, tool_call_id=f"c{number}", id=f"t{number}")


def answer(number: int) -> AIMessage:
    return AIMessage("The tide stands at 2.4 m. " * 40, id=f"z{number}")


def build(saver: Any) -> Any:
    """The graph; its nodes answer at once."""

    def agent(state: Any) -> Any:
        last = state["messages"][-1]
        return {"messages": [call(int(last.id[1:])) if last.type == "human" else answer(int(last.id[1:]))]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", lambda state: {"messages": [result(int(state["messages"][-1].id[1:]))]})
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    builder.add_edge("tools", "agent")
    return builder.compile(checkpointer=saver)


@contextlib.contextmanager
def savers(folder: Path) -> Iterator[dict[str, Any]]:
    """Hansard's and SQLite's, each with a way to say how many bytes it holds."""
    connection = sqlite3.connect(folder / "graph.db", check_same_thread=False)
    with HansardSaver(folder / "store") as ours:
        yield {
            "hansard": (ours, lambda: ours.store.info("t").size),
            "SqliteSaver": (SqliteSaver(connection), lambda: size_of(connection)),
        }
    connection.close()


def size_of(connection: sqlite3.Connection) -> int:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(
        connection.execute("PRAGMA page_count").fetchone()[0] * connection.execute("PRAGMA page_size").fetchone()[0]
    )


def timed(work: Any) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def main(messages: int, turns: int) -> None:
    """Print bytes and milliseconds a turn, and the ratios."""
    seed = [make(number) for number in range(messages // 4) for make in (question, call, result, answer)]
    with tempfile.TemporaryDirectory() as folder, savers(Path(folder)) as known:
        graphs = {name: build(saver) for name, (saver, _) in known.items()}
        bare, spent, written = build(None), {name: list[float]() for name in known}, dict[str, int]()
        floor: list[float] = []
        for name, graph in graphs.items():
            graph.invoke({"messages": [*seed, question(10**6)]}, CONFIG)
            written[name] = known[name][1]()
        for turn in range(turns):
            asked = question(2 * 10**6 + turn)
            for name, graph in graphs.items():
                spent[name].append(timed(lambda graph=graph, asked=asked: graph.invoke({"messages": [asked]}, CONFIG)))
            floor.append(timed(lambda asked=asked: bare.invoke({"messages": [*seed, asked]})))
        bytes_ = {name: (known[name][1]() - before) / turns for name, before in written.items()}
    base = statistics.median(floor)
    print(f"{messages} messages, {turns} turns of agent → tools → agent; the graph alone takes {base:.0f} ms")
    for name, times in spent.items():
        whole = statistics.median(times)
        print(
            f"{name:12} {whole:8.0f} ms a turn, {max(0.0, whole - base):8.0f} ms of them its own {bytes_[name]:14,.0f} bytes"
        )
    ours, theirs = (statistics.median(spent[name]) for name in known)
    print(f"{'ratio':12} {ours / theirs:8.3f}            {(ours - base) / (theirs - base):8.3f}              "
          f"{bytes_['hansard'] / bytes_['SqliteSaver']:14.5f}")  # fmt: skip


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [10_000, 10][len(given) :]))
