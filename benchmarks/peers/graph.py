"""A whole LangGraph agent on Hansard and on SqliteSaver, in one run: `python -m benchmarks.peers.graph [MESSAGES] [TURNS]`.

agent → tools → agent, with that many messages in the state. Besides the turn as a user waits for it, the processor's
time in the saver's own methods is measured, which a busy machine does not change much, and the same graph without any
saver.
"""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph

from hansard.adapters.langgraph import HansardSaver

from ..basics import paired, timed
from ..report import Report

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


class Clocked:
    """A saver whose methods note the processor's time that they take, in whatever thread they run."""

    def __init__(self, saver: Any) -> None:
        self.spent_ms = 0.0
        for name in ("get_tuple", "put", "put_writes"):
            setattr(saver, name, partial(self._call, getattr(saver, name)))

    def _call(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        begin = time.thread_time()
        try:
            return work(*args, **kwargs)
        finally:
            self.spent_ms += (time.thread_time() - begin) * 1000

    def taken(self) -> float:
        """Milliseconds since it was asked last."""
        spent, self.spent_ms = self.spent_ms, 0.0
        return spent


class Spent:
    """What the turns on one saver took."""

    def __init__(self, graph: Any, clock: Clocked | None) -> None:
        self.graph, self.clock = graph, clock
        self.waited: list[float] = []
        self.all: list[float] = []
        self.own: list[float] = []

    def turn(self, messages: list[Any]) -> None:
        """Run one."""
        begin = time.process_time()
        self.waited.append(timed(lambda: self.graph.invoke({"messages": messages}, CONFIG)))
        self.all.append((time.process_time() - begin) * 1000)
        self.own.append(self.clock.taken() if self.clock is not None else 0.0)


def measure(report: Report, folder: Path, messages: int, turns: int) -> None:
    """Add milliseconds and bytes of a turn on both savers, and the ratios."""
    seed = [make(number) for number in range(messages // 4) for make in (question, call, result, answer)]
    with savers(folder) as known:
        spent = {name: Spent(build(saver), Clocked(saver)) for name, (saver, _) in known.items()}
        bare, written = Spent(build(None), None), dict[str, int]()
        for name, one in spent.items():
            one.graph.invoke({"messages": [*seed, question(10**6)]}, CONFIG)
            written[name] = known[name][1]()
        for turn in range(turns + 1):
            asked = question(2 * 10**6 + turn)
            for one in spent.values():
                one.turn([asked])
            bare.turn([*seed, asked])
        for one in (bare, *spent.values()):
            # The first turn still reads what the first run has left.
            del one.waited[0], one.all[0], one.own[0]
        size = {name: (known[name][1]() - before) / (turns + 1) for name, before in written.items()}
    say(report, f"LangGraph agent at {messages}", spent, bare, size)


def say(report: Report, what: str, spent: dict[str, Spent], bare: Spent, size: dict[str, float]) -> None:
    """The figures of the turns."""
    ours, theirs = spent["hansard"], spent["SqliteSaver"]
    report.add(f"{what}, no saver", statistics.median(bare.waited), "ms")
    for name, one in spent.items():
        note = f"processor: {statistics.median(one.all):.0f} ms, {statistics.median(one.own):.0f} of them in the saver"
        report.add(f"{what}, {name}", statistics.median(one.waited), "ms", note=note)
    report.add("  turn: hansard / SqliteSaver", paired(ours.waited, theirs.waited), "x", 0.1)
    report.add("  processor, whole turn", paired(ours.all, theirs.all), "x")
    report.add("  processor, in the saver", paired(ours.own, theirs.own), "x", 0.1)
    report.add("  bytes a turn", size["hansard"] / size["SqliteSaver"], "x", 0.01,
               note=f"{size['hansard']:,.0f} and {size['SqliteSaver']:,.0f} bytes")  # fmt: skip


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as place:
        measure(Report(), Path(place), *(given + [10_000, 10][len(given) :]))
