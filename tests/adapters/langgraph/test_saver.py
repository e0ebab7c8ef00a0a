from __future__ import annotations

import datetime as dt
import enum
import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: pip install 'hansard[langgraph]'")

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, MessagesState, StateGraph

import hansard
from hansard.adapters.langgraph import HansardSaver
from hansard.errors import Conflict, Invalid
from support.adapters import BACKENDS, empty_stores, together
from support.places import place_of

CONFIG = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


@pytest.fixture(params=BACKENDS)
def store(request, tmp_path):
    with empty_stores(request.param, tmp_path) as empty:
        yield empty()


@pytest.fixture
def saver(store):
    return HansardSaver(store)


def put(saver, config=CONFIG, run=None, **values):
    """A checkpoint after the one in the config, with these channels changed."""
    before = saver.get_tuple(config)
    checkpoint = empty_checkpoint()
    versions = dict(before.checkpoint["channel_versions"]) if before else {}
    held = dict(before.checkpoint["channel_values"]) if before else {}
    new = {channel: saver.get_next_version(versions.get(channel), None) for channel in values}
    checkpoint["channel_values"] = {**held, **values}
    checkpoint["channel_versions"] = {**versions, **new}
    metadata = {"source": "loop", "step": len(versions)} | ({"run_id": run} if run else {})
    parent = (
        {"configurable": {**config["configurable"], "checkpoint_id": before.checkpoint["id"]}} if before else config
    )
    return saver.put(parent, checkpoint, metadata, new)


def values(saver, config=CONFIG):
    return saver.get_tuple(config).checkpoint["channel_values"]


def fresh(saver):
    """Another saver on the same store, as another process has it: it knows nothing yet."""
    return HansardSaver(saver.store, serde=saver.serde)


def talk(number):
    return [
        HumanMessage(content=f"How high is the tide? {number} " * 5, id=f"h{number}"),
        AIMessage(
            content="",
            id=f"a{number}",
            tool_calls=[{"name": "gauge", "args": {"n": number}, "id": f"c{number}"}],
            usage_metadata={"input_tokens": 10, "output_tokens": 2, "total_tokens": 12},
        ),
        ToolMessage(content="2.4 m " * 30, tool_call_id=f"c{number}", id=f"t{number}"),
        AIMessage(content=f"The tide stands at 2.4 m. {number}", id=f"z{number}"),
    ]


def size(store):
    return store.info("t").size


def scripted(saver):
    """agent → tools → agent, without a model."""

    def agent(state):
        number = sum(message.type == "human" for message in state["messages"])
        return {"messages": [talk(number)[1 if state["messages"][-1].type == "human" else 3]]}

    def tools(state):
        return {"messages": [talk(sum(message.type == "human" for message in state["messages"]))[2]]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", tools)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    builder.add_edge("tools", "agent")
    return builder.compile(checkpointer=saver)


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: float


VALUES = {
    "text": "a\0b ☃",
    "number": 2**60,
    "float": 0.1 + 0.2,
    "half a character": "a\ud800",
    "halves of characters": {"\udc00": ("\udc00\ud800", 1), "b": HumanMessage("a\ud800", id="half")},
    "infinite": float("inf"),
    "flag": True,
    "none": None,
    "bytes": bytes(range(256)),
    "array": bytearray(b"x"),
    "tuple": (1, "a", (2.0,)),
    "set": {1, 2},
    "frozen": frozenset("ab"),
    "when": dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
    "uuid": uuid.UUID(int=7),
    "path": Path("/a/b"),
    "colour": Colour.RED,
    "point": Point(1, 2.5),
    "keys": {1: "a", None: "b"},
    "nested": {"a": [{"b": (1,)}, HumanMessage("x", id="1")], "c": {}},
    "empty": [],
    "mixed": [1, "a", {"b": [True, 1, 1.0]}, HumanMessage("hi", id="m"), (3,), Point(1, 2.0)],
    "large": {"rows": [[number, str(number)] for number in range(500)]},
    "removal": [RemoveMessage(id="gone"), SystemMessage("s", id="q")],
}


def test_a_state_comes_back_as_it_was_also_for_another_process(saver):
    put(saver, **VALUES)
    for one in (saver, fresh(saver)):
        found = values(one)
        assert found == VALUES
        assert {key: type(value) for key, value in found.items()} == {key: type(value) for key, value in VALUES.items()}
        assert [type(item) for item in found["mixed"][2]["b"]] == [bool, int, float]


def test_a_graph_runs_on_and_its_state_is_what_it_was(saver):
    graph = scripted(saver)
    config = {"configurable": {"thread_id": "t"}}
    for number in range(1, 4):
        result = graph.invoke({"messages": [talk(number)[0]]}, config)
    wanted = [message for number in range(1, 4) for message in talk(number)]
    assert result["messages"] == wanted
    assert scripted(fresh(saver)).get_state(config).values["messages"] == wanted
    history = list(graph.get_state_history(config))
    assert [len(one.values.get("messages", [])) for one in history] == [12, 11, 10, 9, 8, 8, 7, 6, 5, 4, 4, 3, 2, 1, 0]


def test_a_turn_costs_what_it_adds_however_long_the_state_is(saver, store):
    short, long = talk(0), [message for number in range(500) for message in talk(number)]
    costs = []
    for thread, before in (("short", short), ("t", long)):
        config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        put(saver, config, messages=before)
        start = store.info(thread).size
        messages = before
        for number in range(1000, 1005):
            for message in talk(number):
                messages = [*messages, message]
                put(saver, config, messages=messages)
        costs.append(store.info(thread).size - start)
        assert values(fresh(saver), config)["messages"] == messages
    assert costs[1] < costs[0] * 1.1
    assert costs[1] < 60_000


@pytest.mark.parametrize("backend", ["file"])
def test_a_turn_writes_a_hundredth_of_what_sqlite_writes(backend, tmp_path):
    saver_of_sqlite = pytest.importorskip(
        "langgraph.checkpoint.sqlite", reason="pip install langgraph-checkpoint-sqlite"
    )
    seed = [message for number in range(10_000, 10_500) for message in talk(number)]
    connection = sqlite3.connect(tmp_path / "x.db", check_same_thread=False)
    config = {"configurable": {"thread_id": "t"}}
    with HansardSaver(tmp_path / "store") as saver:
        written = []
        for one in (saver, saver_of_sqlite.SqliteSaver(connection)):
            graph = scripted(one)
            graph.invoke({"messages": [*seed, talk(1)[0]]}, config)
            bytes_of = (lambda: saver.store.info("t").size) if one is saver else lambda: pages(connection)
            before = bytes_of()
            graph.invoke({"messages": [talk(2)[0]]}, config)
            written.append(bytes_of() - before)
    connection.close()
    # A fifth of the messages that the promise is about, so a fifth of the distance.
    assert written[0] * 20 < written[1]


def pages(connection):
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return connection.execute("PRAGMA page_count").fetchone()[0] * connection.execute("PRAGMA page_size").fetchone()[0]


CHANGES = {
    "appended": lambda old: [*old, HumanMessage("new", id="n")],
    "trimmed at the front": lambda old: old[100:],
    "cut at the end": lambda old: old[:-7],
    "removed in the middle": lambda old: [*old[:150], *old[180:]],
    "put in between": lambda old: [*old[:10], SystemMessage("s", id="s"), *old[10:]],
    "replaced": lambda old: [*old[:5], HumanMessage("edited", id=old[5].id), *old[6:]],
    "turned around": lambda old: old[::-1],
    "doubled": lambda old: [*old, *old],
    "emptied": lambda _: [],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_list_comes_back_and_costs_what_changed(saver, store, change):
    old = [message for number in range(100) for message in talk(number)]
    put(saver, messages=old)
    before, whole = size(store), size(store)
    new = CHANGES[change](old)
    put(saver, messages=new)
    assert values(saver)["messages"] == new
    assert values(fresh(saver))["messages"] == new
    assert size(store) - before < whole / 20
    again = put(saver, messages=[*new, HumanMessage("more", id="more")])
    assert values(fresh(saver), again)["messages"] == [*new, HumanMessage("more", id="more")]


@pytest.mark.parametrize("change", CHANGES)
def test_a_list_of_other_things_comes_back_whatever_becomes_of_it(saver, change):
    old = [{"id": number, "text": "x" * 50} for number in range(300)]
    edits = {"put in between": [*old[:9], 1, *old[9:]], "replaced": [*old[:5], None, *old[6:]]}
    new = edits.get(change) or ([*old, "new"] if change == "appended" else CHANGES[change](old))
    put(saver, log=old)
    put(saver, log=new)
    assert values(saver)["log"] == new
    assert values(fresh(saver))["log"] == new


@pytest.mark.parametrize("place", [3, -1])
def test_a_message_that_was_changed_in_place_is_noticed(saver, place):
    messages = [message for number in range(100) for message in talk(number)]
    put(saver, messages=messages)
    state = values(saver)["messages"]
    state[place].content = "changed"
    state[place].additional_kwargs["deep"] = {"n": 1}
    put(saver, messages=state)
    state[place].additional_kwargs["deep"]["n"] = True
    put(saver, messages=state)
    found = values(fresh(saver))["messages"]
    assert found[place].content == "changed"
    assert found[place].additional_kwargs["deep"]["n"] is True
    others = messages[: place % len(messages)]
    assert found[: len(others)] == others


def test_what_a_caller_does_to_a_state_changes_nothing_that_is_stored(store):
    saver = HansardSaver(store, copies=4)
    messages = [message for number in range(10) for message in talk(number)]
    put(saver, messages=messages)
    for _ in range(3):
        state = values(saver)["messages"]
        assert state == messages_again()
        for message in state:
            message.content = "spoilt"
            message.additional_kwargs["x"] = 1
        state.clear()


def messages_again():
    return [message for number in range(10) for message in talk(number)]


def test_the_newest_messages_are_copies(saver):
    put(saver, messages=talk(1))
    one, two = values(saver)["messages"], values(saver)["messages"]
    one[1].tool_calls[0]["args"]["n"] = "spoilt"
    assert two == talk(1)
    assert not {id(message) for message in one} & {id(message) for message in two}


def test_an_encrypted_state_is_nowhere_readable(tmp_path):
    class Cipher:
        def encrypt(self, plaintext):
            return "rot", bytes(255 - byte for byte in plaintext)

        def decrypt(self, ciphername, ciphertext):
            return bytes(255 - byte for byte in ciphertext)

    with HansardSaver(tmp_path / "store", serde=EncryptedSerializer(Cipher())) as saver:
        config = put(saver, messages=[HumanMessage("a secret tide", id="1")], note="a secret note")
        saver.put_writes(config, [("messages", [HumanMessage("a secret write")])], "task")
        found = fresh(saver).get_tuple(config)
        assert found.checkpoint["channel_values"] == {
            "messages": [HumanMessage("a secret tide", id="1")],
            "note": "a secret note",
        }
        assert found.pending_writes == [("task", "messages", [HumanMessage("a secret write")])]
        before = size(saver.store)
        messages = values(saver)["messages"]
        for number in range(50):
            messages = [*messages, HumanMessage("x" * 1000, id=str(number))]
            put(saver, messages=messages)
        assert size(saver.store) - before < 50 * 5000
    for file in (tmp_path / "store").rglob("*"):
        assert file.is_dir() or b"secret" not in file.read_bytes()


def test_nothing_is_pickled_and_nothing_unpickled(saver, store):
    pickling = HansardSaver(store, serde=JsonPlusSerializer(pickle_fallback=True))
    with pytest.raises(Invalid, match="pickled"):
        put(pickling, odd=complex(1, 2))
    assert pickling.get_tuple(CONFIG) is None
    config = put(saver, fine=1)
    entry = store.get("t").last(1, kinds="x-langgraph.checkpoint")[0]
    bad = {**entry.body, "id": "9" * 36, "values": {"fine": {"s": ["pickle", "gASVAA=="]}}}
    store.get("t").append(hansard.NewEntry(kind="x-langgraph.checkpoint", body=bad))
    with pytest.raises(Invalid, match="pickled"):
        pickling.get_tuple({"configurable": {"thread_id": "t", "checkpoint_id": "9" * 36}})
    assert values(saver, config) == {"fine": 1}


def test_writes_come_in_the_order_in_which_a_run_applies_them(saver):
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "z"}}
    saver.put_writes(config, [("a", 1), ("b", 2)], "task-2", task_path="~1")
    saver.put_writes(config, [("a", 3)], "task-1", task_path="~2")
    saver.put_writes(config, [("a", 0)], "task-9")
    saver.put_writes(config, [("a", "late"), ("b", "late"), ("c", 9)], "task-2", task_path="~1")
    saver.put_writes(config, [("__interrupt__", "first")], "task-1", task_path="~2")
    saver.put_writes(config, [("__interrupt__", "second")], "task-1", task_path="~2")
    checkpoint = empty_checkpoint()
    checkpoint["id"] = "z"
    saver.put({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, checkpoint, {}, {})
    for one in (saver, fresh(saver)):
        assert one.get_tuple(config).pending_writes == [
            ("task-9", "a", 0),
            ("task-2", "a", 1),
            ("task-2", "b", 2),
            ("task-2", "c", 9),
            ("task-1", "__interrupt__", "second"),
            ("task-1", "a", 3),
        ]


def test_two_writers_on_one_parent_are_two_branches(saver):
    base = put(saver, n=0)
    one, two = put(saver, base, n=1), put(fresh(saver), base, n=2)
    assert [head["configurable"]["checkpoint_id"] for head in saver.heads("t")] == sorted(
        (config["configurable"]["checkpoint_id"] for config in (one, two)), reverse=True
    )
    assert (values(saver, one)["n"], values(saver, two)["n"]) == (1, 2)


def test_a_thread_that_was_deleted_elsewhere_begins_anew_with_what_comes_next(saver, store):
    scripted(saver).invoke({"messages": talk(1)[:1]}, CONFIG)
    HansardSaver(store).delete_thread("t")
    at = {"configurable": {**CONFIG["configurable"], "checkpoint_id": "c"}}
    saver.put_writes(at, [("messages", "x")], "task")
    assert store.exists("t")
    assert saver.get_tuple(CONFIG) is None
    HansardSaver(store).delete_thread("t")
    found = scripted(saver).invoke({"messages": talk(1)[:1]}, CONFIG)
    assert found["messages"] == talk(1)
    assert values(fresh(saver))["messages"] == talk(1)


def test_a_fork_can_be_refused(store):
    saver = HansardSaver(store, on_fork="refuse")
    base = put(saver, n=0)
    one = put(saver, base, n=1)
    with pytest.raises(Conflict, match="another run has gone on"):
        put(HansardSaver(store, on_fork="refuse"), base, n=2)
    assert values(saver) == {"n": 1}
    put(saver, one, n=2)
    graph = scripted(saver)
    config = {"configurable": {"thread_id": "g"}}
    graph.invoke({"messages": [talk(1)[0]]}, config)
    earlier = list(graph.get_state_history(config))[2].config
    graph.update_state(earlier, {"messages": [HumanMessage("back", id="back")]}, as_node="tools")
    assert graph.get_state(config).values["messages"][-1].id == "back"


def test_the_messages_of_the_state_are_the_messages_of_the_session(saver, store):
    graph = scripted(saver)
    graph.invoke({"messages": [talk(1)[0]]}, {"configurable": {"thread_id": "t"}})
    session = store.get("t")
    assert [(message.role, message.id[:3]) for message in session.history()] == [
        ("user", "lg:"), ("assistant", "lg:"), ("tool", "lg:"), ("assistant", "lg:"),
    ]  # fmt: skip
    call, result = session.history()[1].parts[0], session.history()[2].parts[0]
    assert (call["type"], call["name"], call["arguments"]) == ("tool_call", "gauge", {"n": 1})
    assert (result["type"], result["call_id"]) == ("tool_result", "c1")
    assert (session.info.usage.calls, session.info.usage.input, session.info.usage.output) == (1, 10, 2)
    assert [hit.session for hit in store.search("high tide")] == ["t"]


def test_going_back_in_time_is_a_branch_of_the_conversation(saver, store):
    graph = scripted(saver)
    config = {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [talk(1)[0]]}, config)
    graph.invoke({"messages": [talk(2)[0]]}, config)
    first = next(one for one in graph.get_state_history(config) if len(one.values["messages"]) == 4 and not one.next)
    graph.invoke({"messages": [HumanMessage("another question", id="other")]}, first.config)
    session = store.get("t")
    assert [message.text for message in session.history() if message.role == "user"][1:] == ["another question"]
    assert len(session.branches()) == 2


def test_a_copied_thread_is_a_fork_that_outlives_what_becomes_of_its_origin(saver, store):
    graph = scripted(saver)
    config, copied = {"configurable": {"thread_id": "t"}}, {"configurable": {"thread_id": "copy"}}
    graph.invoke({"messages": [talk(1)[0]]}, config)
    saver.copy_thread("t", "copy")
    assert store.info("copy").segments[0].session == "t"
    graph.invoke({"messages": [talk(2)[0]]}, copied)
    saver.prune(["t"])
    graph.invoke({"messages": [talk(2)[0]]}, config)
    saver.delete_thread("t")
    assert graph.get_state(config).values == {}
    assert fresh(saver).get_tuple(copied).checkpoint["channel_values"]["messages"] == [*talk(1), *talk(2)]
    assert {one.config["configurable"]["thread_id"] for one in saver.list(None)} == {"copy"}


def test_pruning_keeps_the_newest_state_and_gives_the_bytes_back(saver, store):
    messages = []
    for number in range(30):
        messages = [*messages, *talk(number)]
        put(saver, messages=messages, note="x" * 2000 + str(number))
    sub = {"configurable": {"thread_id": "t", "checkpoint_ns": "sub:1"}}
    put(saver, sub, messages=messages[:10])
    before = size(store)
    saver.prune(["t", "nobody"])
    for one in (saver, fresh(saver)):
        found = list(one.list({"configurable": {"thread_id": "t"}}))
        assert [one.config["configurable"]["checkpoint_ns"] for one in found] in (["", "sub:1"], ["sub:1", ""])
        assert values(one)["messages"] == messages
        assert values(one, sub)["messages"] == messages[:10]
    assert size(store) < before * 0.8
    put(saver, messages=[*messages, HumanMessage("on", id="on")])
    assert len(values(fresh(saver))["messages"]) == 121
    saver.prune(["t"], strategy="delete")
    assert saver.get_tuple(CONFIG) is None
    with pytest.raises(Invalid, match="strategy"):
        saver.prune(["t"], strategy="keep_best")


def test_a_run_is_deleted_with_what_only_it_said(saver, store):
    first = put(saver, run="r1", messages=talk(1))
    second = put(saver, first, run="r2", messages=[*talk(1), *talk(2)])
    saver.put_writes(second, [("messages", "x")], "task")
    saver.delete_for_runs(["r2", "r9"])
    for one in (saver, fresh(saver)):
        assert one.get_tuple(second) is None
        assert values(one)["messages"] == talk(1)
    assert not list(store.search('"tide 2"'))


def test_a_thread_is_found_by_any_id(saver):
    threads = {"a/b", "..", "数", "x" * 600, "😀" * 300, "1", "", "half \ud800"}
    for thread in threads:
        config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        put(saver, config, name=thread)
        assert values(fresh(saver), config) == {"name": thread}
    named = {one.config["configurable"]["thread_id"] for one in saver.list(None)}
    assert named == threads


def check_nothing_lost(root, told):
    with HansardSaver(root) as saver:
        for ns, identities in (item for one in told for item in one.items()):
            found = list(saver.list({"configurable": {"thread_id": "t", "checkpoint_ns": ns}}))[::-1]
            assert [one.config["configurable"]["checkpoint_id"] for one in found] == identities
            parents = [one.parent_config and one.parent_config["configurable"]["checkpoint_id"] for one in found]
            assert parents == [None, *identities[:-1]]
            for number, one in enumerate(found):
                wanted = [f"{ns} {place}" for place in range(number + 1)]
                assert [message.content for message in one.checkpoint["channel_values"]["messages"]] == wanted
                assert one.pending_writes == [(f"task-{number}", "messages", [f"w{number}"])]
        assert not [finding for finding in saver.store.check() if finding.severity == "damage"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_two_processes_of_eight_tasks_lose_and_mix_up_nothing(kind, tmp_path):
    root = place_of(kind, tmp_path)
    told = together(Path(__file__).parent / "worker.py", (root, "a", 5, 0), (root, "b", 5, 0))
    assert sum(len(ids) for one in told for ids in one.values()) == 80
    check_nothing_lost(root, told)


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_two_processes_of_eight_tasks_lose_and_mix_up_nothing_in_twenty_seconds(kind, tmp_path):
    root = place_of(kind, tmp_path)
    check_nothing_lost(root, together(Path(__file__).parent / "worker.py", (root, "a", 1, 20), (root, "b", 1, 20)))
