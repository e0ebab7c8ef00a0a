"""What other programs said, as messages that a provider of Strands takes."""

from __future__ import annotations

import pytest

import hansard

pytest.importorskip("strands", reason="Strands Agents is not installed; make test-adapters has it")

from strands import Agent
from strands.session.repository_session_manager import RepositorySessionManager
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType

from hansard.adapters import strands_messages
from hansard.adapters.strands import HansardSessionRepository
from support.scripted_strands import Scripted


@pytest.fixture
def store(tmp_path):
    with hansard.open(tmp_path / "store") as opened:
        yield opened


def call(*ids):
    return hansard.assistant([hansard.tool_call(one, "look", {}) for one in ids])


def shape(messages):
    """Of each message the role, the ids of calls and results, and the texts."""
    return [
        (
            message["role"],
            [
                block.get("text") or next(part.get("toolUseId") for part in block.values() if "toolUseId" in part)
                for block in message["content"]
            ],
        )
        for message in messages
    ]


def continued(store, *, agent_id="helper"):
    """What the model of an agent that goes on with the session is sent."""
    repository = HansardSessionRepository(store)
    model = Scripted("You are welcome.")
    manager = RepositorySessionManager("s", repository)
    told = repository.conversation("s")
    Agent(agent_id=agent_id, model=model, session_manager=manager, messages=told, callback_handler=None)("Thanks")
    return model.seen[0]


def test_a_result_follows_on_its_call_and_a_call_without_one_is_answered(store):
    store.create(id="s").append([
        hansard.user("hi"),
        call("late", "never"),
        hansard.user("still there?"),
        hansard.assistant("yes"),
        hansard.tool("late", "seen"),
        hansard.tool("of nobody", "lost"),
        call("twice"), call("twice"),
        hansard.tool("twice", "once"),
        call("open"),
    ])  # fmt: skip
    sent = continued(store)
    assert shape(sent) == [
        ("user", ["hi"]),
        ("assistant", ["late", "never"]),
        ("user", ["late", "never", "still there?"]),
        ("assistant", ["yes"]),
        ("user", ["(nothing)"]),
        ("assistant", ["twice"]),
        ("user", ["twice"]),
        ("assistant", ["open"]),
        ("user", ["open"]),
        ("user", ["Thanks"]),
    ]
    late, never = (block["toolResult"] for block in sent[2]["content"][:2])
    assert (late["status"], late["content"]) == ("success", [{"text": "seen"}])
    assert never["status"] == "error"
    assert store.get("s").messages()[-3].role == "tool"


def test_an_agent_goes_on_again_and_again_and_says_nothing_twice(store):
    store.create(id="s").append([hansard.user("hi"), hansard.assistant([hansard.reasoning("hm")]), call("a", "b")])
    store.get("s").append([hansard.tool("b", "B"), hansard.tool("a", "A"), hansard.assistant("done")])
    first = continued(store)
    assert shape(first)[:4] == [
        ("user", ["hi"]), ("assistant", ["a", "b"]), ("user", ["a", "b"]), ("assistant", ["done"]),
    ]  # fmt: skip
    count = len(store.get("s").messages())
    repository = HansardSessionRepository(store)
    again = Agent(agent_id="helper", session_manager=RepositorySessionManager("s", repository), model=Scripted())
    assert shape(again.messages) == [*shape(first), ("assistant", ["You are welcome."])]
    assert len(store.get("s").messages()) == count


def test_a_conversation_shows_what_a_message_was_redacted_to(store):
    repository = HansardSessionRepository(store)
    repository.create_session(Session("s", SessionType.AGENT))
    repository.create_agent("s", SessionAgent("a", state={}, conversation_manager_state={}))
    secret = SessionMessage.from_message({"role": "user", "content": [{"text": "secret"}]}, 0)
    repository.create_message("s", "a", secret)
    secret.redact_message = {"role": "user", "content": [{"text": "[redacted]"}]}
    repository.update_message("s", "a", secret)
    assert shape(repository.conversation("s")) == [("user", ["[redacted]"])]


def test_an_id_that_is_used_again_is_another_one(store):
    session = store.create(id="s")
    for result in (None, "second", "third"):
        session.append([hansard.user("and now?"), call("c")])
        if result is not None:
            session.append(hansard.tool("c", result))
    sent = continued(store)
    asked = [block["toolUse"] for message in sent for block in message["content"] if "toolUse" in block]
    given = [block["toolResult"] for message in sent for block in message["content"] if "toolResult" in block]
    assert [one["toolUseId"] for one in asked] == [one["toolUseId"] for one in given] == ["c", "c-2", "c-3"]
    assert [one["content"][0]["text"] for one in given][1:] == ["second", "third"]
    assert given[0]["status"] == "error"
    count = len(session.messages())
    again = Agent(
        agent_id="helper",
        session_manager=RepositorySessionManager("s", HansardSessionRepository(store)),
        model=Scripted(),
    )
    assert shape(again.messages)[: len(sent)] == shape(sent)
    assert len(session.messages()) == count


def test_each_message_is_looked_at_a_few_times_whatever_their_number(store, monkeypatch):
    looks = 0
    blocks = strands_messages._calls

    def counted(message):
        nonlocal looks
        looks += len(message["content"])
        return blocks(message)

    count = 200
    session = store.create(id="s")
    session.append([entry for number in range(count) for entry in (call(f"u{number}"), hansard.user("go on"))])
    session.append([hansard.assistant("one more") for _ in range(count)])
    monkeypatch.setattr(strands_messages, "_calls", counted)
    assert len(strands_messages.indexed(session)) == 2 * count + 1
    assert looks < 20 * count
