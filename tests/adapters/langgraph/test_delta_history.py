"""What a delta channel's state is computed from: the rules that LangGraph's delta channels stand on, for every saver."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: pip install 'hansard[langgraph]'")

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from hansard.adapters.langgraph import HansardSaver
from support.adapters import BACKENDS, empty_stores

SNAPSHOT = _DeltaSnapshot


@pytest.fixture(params=BACKENDS)
def saver(request, tmp_path):
    with empty_stores(request.param, tmp_path) as empty:
        yield HansardSaver(empty())


def chain(saver, *steps):
    """Checkpoints one after another; each step is the values that it holds, and the writes that wait at it."""
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    for number, (held, writes) in enumerate(steps, 1):
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = held
        checkpoint["channel_versions"] = versions = dict.fromkeys(held, f"{number:032}.0")
        config = saver.put(config, checkpoint, {"source": "loop", "step": number}, versions)
        for task, channel, value in writes:
            saver.put_writes(config, [(channel, value)], task)
    return config


def history(saver, config, *channels):
    """What the saver says, the same in both ways and to another process; only the values of the writes."""
    found = saver.get_delta_channel_history(config=config, channels=list(channels))
    again = HansardSaver(saver.store).get_delta_channel_history(config=config, channels=list(channels))
    other = asyncio.run(saver.aget_delta_channel_history(config=config, channels=list(channels)))
    told = [
        {name: {**one, "writes": [write[2] for write in one["writes"]]} for name, one in each.items()}
        for each in (found, again, other)
    ]
    assert told[0] == told[1] == told[2]
    return told[0]


def writing(value, channel="ch", task="task"):
    return ({}, [(task, channel, value)])


def test_the_writes_since_the_nearest_snapshot_come_oldest_first_and_those_at_it_count(saver):
    head = chain(
        saver,
        ({"ch": SNAPSHOT("old")}, [("t", "ch", 0)]), writing(1),
        ({"ch": SNAPSHOT("new")}, [("t", "ch", 2)]), writing(3), writing(4), writing("of the head"),
    )  # fmt: skip
    assert history(saver, head, "ch") == {"ch": {"seed": SNAPSHOT("new"), "writes": [2, 3, 4]}}


def test_what_waits_at_the_checkpoint_itself_is_no_part_of_its_history(saver):
    head = chain(saver, ({"ch": SNAPSHOT("s")}, []), writing(1), ({}, []))
    saver.put_writes(head, [("ch", "late")], "another")
    assert history(saver, head, "ch")["ch"]["writes"] == [1]


def test_each_channel_goes_back_to_a_snapshot_of_its_own(saver):
    both = [("t1", "a", "a"), ("t2", "b", "b")]
    head = chain(saver, ({}, both), ({"a": SNAPSHOT(1)}, both), ({}, both), ({"b": SNAPSHOT(2)}, both), ({}, both))
    assert history(saver, head, "a", "b", "none") == {
        "a": {"seed": SNAPSHOT(1), "writes": ["a"] * 3},
        "b": {"seed": SNAPSHOT(2), "writes": ["b"]},
        "none": {"writes": []},
    }
    assert history(saver, head) == {}


def test_without_a_snapshot_there_is_no_seed_and_all_writes_count(saver):
    head = chain(saver, writing(0), writing(1), writing(2), writing(3))
    assert history(saver, head, "ch") == {"ch": {"writes": [0, 1, 2]}}


@pytest.mark.parametrize("plain", [[10, 20], "text", 0, None, {"a": []}])
def test_a_plain_value_of_the_time_before_is_a_seed_like_a_snapshot(saver, plain):
    head = chain(saver, ({"ch": ["older"]}, [("t", "ch", "older")]), ({"ch": plain}, [("t", "ch", "at")]), writing("after"),
                 ({}, []))  # fmt: skip
    assert history(saver, head, "ch") == {"ch": {"seed": plain, "writes": ["at", "after"]}}


def test_writes_at_one_checkpoint_come_by_the_path_of_their_task_those_without_one_first(saver):
    config = chain(saver, ({"ch": SNAPSHOT("s")}, []), ({}, []))
    for task, path, value in (("a", "~pull, 02", 4), ("z", "~pull, 01", 2), ("y", "", 1), ("zz", "~pull, 01", 3)):
        saver.put_writes(config, [("ch", value)], task, path)
    head = saver.put(config, empty_checkpoint(), {"source": "loop", "step": 9}, {})
    assert history(saver, head, "ch")["ch"]["writes"] == [1, 2, 3, 4]


def test_the_history_follows_the_parents_not_the_order_of_writing(saver):
    base = chain(saver, ({"ch": SNAPSHOT("s")}, []), writing("shared"))
    left = saver.put(base, empty_checkpoint(), {"source": "fork", "step": 1}, {})
    right = saver.put(base, empty_checkpoint(), {"source": "fork", "step": 1}, {})
    saver.put_writes(left, [("ch", "left")], "t")
    saver.put_writes(right, [("ch", "right")], "t")
    ends = [saver.put(one, empty_checkpoint(), {"source": "loop", "step": 2}, {}) for one in (left, right)]
    assert [history(saver, end, "ch")["ch"]["writes"] for end in ends] == [["shared", "left"], ["shared", "right"]]
