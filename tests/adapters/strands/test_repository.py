from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

import hansard

pytest.importorskip("strands", reason="Strands Agents is not installed; make test-adapters has it")

from strands import Agent, tool
from strands.session.repository_session_manager import RepositorySessionManager
from strands.types.exceptions import SessionException
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType

from hansard.adapters.strands import HansardSessionRepository
from support.places import KINDS, place_of
from support.scripted_strands import Scripted


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    with hansard.open(place_of(request.param, tmp_path)) as store:
        yield store


@pytest.fixture
def repository(store):
    return HansardSessionRepository(store)


@pytest.fixture
def talk(repository):
    """A session with one agent and three messages."""
    repository.create_session(Session("s", SessionType.AGENT))
    repository.create_agent("s", SessionAgent("a", state={"n": 1}, conversation_manager_state={}))
    for number, text in enumerate(("u1", "a1", "u2")):
        repository.create_message("s", "a", said(text, number))
    return repository


def said(text, index):
    role = "assistant" if text.startswith("a") else "user"
    return SessionMessage.from_message({"role": role, "content": [{"text": text}]}, index)


def texts(messages):
    return [message.to_message()["content"][0]["text"] for message in messages]


def test_messages_come_back_equal_with_their_bytes(talk, store):
    message = SessionMessage.from_message(
        {"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n" * 500}}}]}, 3
    )
    talk.create_message("s", "a", message)
    assert talk.read_message("s", "a", 3) == message
    [part] = store.get("s").messages()[-1].parts
    assert (part["type"], part["mime"]) == ("file", "image/png")
    assert [entry.agent for entry in store.get("s").entries(kinds="message")] == ["a"] * 4


@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [(None, 0, ["u1", "a1", "u2"]), (1, 0, ["u1"]), (None, 2, ["u2"]), (1, 1, ["a1"]), (5, 5, []), (0, 0, [])],
)
def test_messages_are_listed_by_offset_and_limit(talk, limit, offset, expected):
    assert texts(talk.list_messages("s", "a", limit=limit, offset=offset)) == expected


def test_an_index_that_is_taken_is_refused_and_nothing_is_lost(talk):
    with pytest.raises(SessionException, match="another writer"):
        talk.create_message("s", "a", said("mine", 2))
    with pytest.raises(SessionException):
        talk.create_message("s", "a", said("u2", 2))
    assert texts(talk.list_messages("s", "a")) == ["u1", "a1", "u2"]


def test_repeating_the_very_same_call_adds_nothing(talk):
    message = said("u3", 7)
    talk.create_message("s", "a", message)
    talk.create_message("s", "a", message)
    assert texts(talk.list_messages("s", "a")) == ["u1", "a1", "u2", "u3"]
    with pytest.raises(SessionException):
        talk.create_message("s", "a", said("left out", 5))


def test_of_writers_that_choose_one_index_one_is_told(talk):
    told = []

    def write(name):
        try:
            talk.create_message("s", "a", said(name, 3))
        except SessionException:
            told.append(name)

    threads = [threading.Thread(target=write, args=(f"writer {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = texts(talk.list_messages("s", "a"))[3:]
    assert sorted([*told, winner]) == [f"writer {number}" for number in range(6)]


def test_a_redacted_message_shows_the_redaction_and_the_log_keeps_what_it_was(talk, store):
    message = talk.read_message("s", "a", 2)
    message.redact_message = {"role": "user", "content": [{"text": "[redacted]"}]}
    talk.update_message("s", "a", message)
    again = talk.read_message("s", "a", 2)
    assert again.to_message()["content"] == [{"text": "[redacted]"}]
    assert (again.message["content"], again.created_at) == ([{"text": "u2"}], message.created_at)
    session = store.get("s")
    assert session.history()[-1].text == "[redacted]"
    assert [entry.kind for entry in session.last(1)] == ["amend"]
    if "erase" in store.capabilities:
        session.erase(session.messages()[-1].seq)
        assert texts(talk.list_messages("s", "a")) == ["u1", "a1"]


def test_what_is_not_there_is_said(repository, talk):
    assert repository.read_session("nobody") is None
    assert repository.read_agent("s", "nobody") is None
    assert repository.read_agent("nobody", "a") is None
    assert repository.read_message("s", "a", 99) is None
    assert repository.list_messages("s", "nobody") == []
    agent = SessionAgent("nobody", state={}, conversation_manager_state={})
    for call in (
        lambda: repository.create_session(Session("s", SessionType.AGENT)),
        lambda: repository.create_agent("nobody", agent),
        lambda: repository.create_agent("s", SessionAgent("a", state={}, conversation_manager_state={})),
        lambda: repository.update_agent("s", agent),
        lambda: repository.create_message("s", "nobody", said("x", 0)),
        lambda: repository.update_message("s", "a", said("x", 99)),
        lambda: repository.delete_session("nobody"),
    ):
        with pytest.raises(SessionException):
            call()


def test_an_agent_keeps_its_state_and_when_it_was_made(talk):
    made = talk.read_agent("s", "a")
    assert made.state == {"n": 1}
    talk.update_agent("s", SessionAgent("a", state={"n": 2}, conversation_manager_state={"x": None}))
    now = talk.read_agent("s", "a")
    assert (now.state, now.conversation_manager_state, now.created_at) == ({"n": 2}, {"x": None}, made.created_at)


def test_each_further_agent_has_a_session_of_its_own_and_a_label(talk, store):
    talk.create_agent("s", SessionAgent("b", state={}, conversation_manager_state={}))
    talk.create_message("s", "b", said("to b", 0))
    assert texts(talk.list_messages("s", "a")) == ["u1", "a1", "u2"]
    assert texts(talk.list_messages("s", "b")) == ["to b"]
    assert [child.info.agent for child in store.get("s").children()] == ["b"]
    assert [info.id for info in store.find(labels={"strands.agent:b": "1"})] == ["s"]
    with pytest.raises(SessionException):
        talk.create_agent("s", SessionAgent("b", state={}, conversation_manager_state={}))
    talk.delete_session("s")
    assert not store.exists("s")


def test_a_group_of_agents_keeps_its_state(talk):
    class Group:
        id = "g"

        def serialize_state(self):
            return {"step": 1}

    with pytest.raises(SessionException):
        talk.update_multi_agent("s", Group())
    talk.create_multi_agent("s", Group())
    talk.update_multi_agent("s", Group())
    assert talk.read_multi_agent("s", "g") == {"step": 1}
    assert talk.read_multi_agent("s", "other") is None


def agent(repository, model, tools=()):
    manager = RepositorySessionManager("s", repository)
    return Agent(model=model, agent_id="a", session_manager=manager, tools=list(tools), callback_handler=None)


def test_a_run_is_kept_with_its_usage_and_restored(repository, store):
    agent(repository, Scripted("a1"))("u1")
    assert [message.text for message in store.get("s").messages()] == ["u1", "a1"]
    usage = store.get("s").info.usage
    assert (usage.calls, usage.input, usage.output) == (1, 7, 2)
    model = Scripted("a2")
    agent(repository, model)("u2")
    assert [message["content"][0]["text"] for message in model.seen[0]] == ["u1", "a1", "u2"]


def test_a_session_that_was_cut_in_a_tool_call_goes_on(repository, store):
    @tool
    def look() -> str:
        """Look."""
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        agent(repository, Scripted({"id": "t1", "name": "look"}), [look])("go")
    assert [part["type"] for part in store.get("s").messages()[-1].parts] == ["tool_call"]
    model = Scripted("fine")
    agent(repository, model, [look])("again")
    [asked] = model.seen
    results = [
        block["toolResult"]["toolUseId"] for message in asked for block in message["content"] if "toolResult" in block
    ]
    assert results == ["t1"]
    assert store.get("s").messages()[-1].text == "fine"


def test_a_session_of_another_program_is_continued(repository, store):
    session = store.create(id="s", entries=[
        hansard.user("hi"), hansard.assistant("one moment"), hansard.assistant([hansard.tool_call("c1", "f", {"x": 1})]),
        hansard.tool("c1", "42"), hansard.assistant([hansard.reasoning("hm"), hansard.text("42 it is")]),
    ])  # fmt: skip
    told = repository.conversation("s")
    assert [message["role"] for message in told] == ["user", "assistant", "user", "assistant"]
    assert told[1]["content"] == [
        {"text": "one moment"},
        {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"x": 1}}},
    ]
    assert told[3]["content"] == [{"text": "42 it is"}]
    fork = session.fork(id="t")
    manager = RepositorySessionManager("t", repository)
    model = Scripted("you are welcome")
    Agent(model=model, agent_id="a", session_manager=manager, messages=told, callback_handler=None)("thanks")
    assert [message.text for message in fork.messages()][-2:] == ["thanks", "you are welcome"]
    assert len(model.seen[0]) == 5


def test_times_are_those_of_the_messages(talk, store):
    message = talk.read_message("s", "a", 0)
    at = datetime.fromisoformat(store.get("s").messages()[0].at)
    assert at == datetime.fromisoformat(message.created_at).astimezone(UTC)
