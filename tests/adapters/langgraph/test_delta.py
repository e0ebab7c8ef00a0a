from __future__ import annotations

import operator
from typing import Annotated

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: pip install 'hansard[langgraph]'")

from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from hansard.adapters.langgraph import HansardSaver


def joined(state, writes):
    for write in writes:
        state = [*state, *write]
    return state


class State(TypedDict):
    log: Annotated[list, DeltaChannel(joined, snapshot_frequency=5)]
    count: Annotated[int, operator.add]


def graph_on(saver):
    def step(state):
        return {"log": [len(state["log"])], "count": 1}

    builder = StateGraph(State)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_edge("step", END)
    return builder.compile(checkpointer=saver)


@pytest.fixture
def saver(tmp_path):
    with HansardSaver(tmp_path / "store") as saver:
        yield saver


CONFIG = {"configurable": {"thread_id": "t"}}


def run(saver, turns, **config):
    for _ in range(turns):
        graph_on(saver).invoke({"log": ["in"]}, {"configurable": CONFIG["configurable"], **config})


def log(saver):
    return graph_on(saver).get_state(CONFIG).values["log"]


def wanted(turns):
    state = []
    for _ in range(turns):
        state = [*state, "in"]
        state = [*state, len(state)]
    return state


def test_a_delta_channel_comes_back_at_every_length_also_in_another_process(saver):
    for turns in range(1, 14):
        run(saver, 1)
        assert log(saver) == wanted(turns)
        assert log(HansardSaver(saver.store)) == wanted(turns)


@pytest.mark.parametrize("turns", range(1, 9))
def test_pruning_keeps_what_the_state_is_computed_from(saver, turns):
    run(saver, turns)
    saver.prune(["t"])
    for one in (saver, HansardSaver(saver.store)):
        assert len(list(one.list(CONFIG))) == 1
        assert log(one) == wanted(turns)
    run(saver, 3)
    saver.prune(["t"])
    assert log(HansardSaver(saver.store)) == wanted(turns + 3)


def test_a_run_that_later_ones_stand_on_is_hidden_and_still_counts(saver):
    run(saver, 2)
    run(saver, 1, metadata={"run_id": "r"})
    middle = {one.config["configurable"]["checkpoint_id"] for one in saver.list(CONFIG, filter={"run_id": "r"})}
    run(saver, 1)
    assert middle
    saver.delete_for_runs(["r"])
    assert not middle & {one.config["configurable"]["checkpoint_id"] for one in saver.list(CONFIG)}
    assert log(HansardSaver(saver.store)) == wanted(4)


def test_a_copy_of_a_thread_with_delta_channels_is_whole(saver):
    run(saver, 4)
    saver.copy_thread("t", "copy")
    saver.delete_thread("t")
    copied = graph_on(HansardSaver(saver.store)).get_state({"configurable": {"thread_id": "copy"}})
    assert copied.values["log"] == wanted(4)
