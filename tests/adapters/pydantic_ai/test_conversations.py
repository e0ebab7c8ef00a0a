"""Each rule of pydantic-ai's ConversationStore, on its own store in memory and on ours."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import hansard

pytest.importorskip(
    "pydantic_ai.conversation_store", reason="pydantic-ai is not installed; make test-adapters has it"
)  # fmt: skip

from pydantic_ai.conversation import Conversation
from pydantic_ai.conversation_store import ConversationConflict, InMemoryConversationStore
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    BinaryContent,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.usage import RequestUsage, RunUsage

from hansard.adapters import pydantic_ai_messages
from hansard.adapters.pydantic_ai import HansardConversationStore
from support.places import KINDS, place_of


def run(coroutine):
    return asyncio.run(coroutine)


def asked(text):
    return ModelRequest(parts=[UserPromptPart(content=text)])


def answered(text, **usage):
    return ModelResponse(parts=[TextPart(content=text)], model_name="m", usage=RequestUsage(**usage))


def texts(messages):
    return [str(part.content) for message in messages for part in message.parts]


@pytest.fixture
def hansard_store(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        yield store


@pytest.fixture(params=["theirs", *KINDS])
def store(request, tmp_path):
    if request.param == "theirs":
        yield InMemoryConversationStore()
        return
    ours = HansardConversationStore(place_of(request.param, tmp_path))
    yield ours
    ours.close()


@pytest.fixture
def saved(store):
    """A conversation of two turns, as it is after its save."""
    conversation = Conversation(
        conversation_id="c", messages=[asked("u1"), answered("a1"), asked("u2"), answered("a2")],
        usage=RunUsage(requests=2, input_tokens=7, tool_calls=1),
    )  # fmt: skip
    run(store.save(conversation, scope="ana"))
    return conversation


def test_a_conversation_comes_back_as_it_was_saved(store, saved):
    again = run(store.load("c"))
    assert again == saved
    assert again.usage.tool_calls == 1
    assert run(store.load("nobody")) is None


def test_every_kind_of_part_comes_back_equal(store):
    paper = BinaryContent(data=b"%PDF-1.7" + os.urandom(5000), media_type="application/pdf")
    messages = [
        ModelRequest(parts=[UserPromptPart(content=["look", paper])], instructions="be brief"),
        ModelResponse(
            parts=[
                ThinkingPart(content="hm", signature="s"),
                ToolCallPart(tool_name="f", args={"x": None}, tool_call_id="1"),
            ]
        ),
        ModelRequest(parts=[ToolReturnPart(tool_name="f", content={"n": 1.5, "z": None}, tool_call_id="1")]),
    ]
    run(store.save(Conversation(conversation_id="c", messages=messages)))
    assert run(store.load("c")).messages == messages


def test_a_save_stores_what_is_new_only(store, saved):
    assert run(store.save(saved)) == []
    saved.messages.append(asked("u3"))
    entries = run(store.save(saved))
    assert texts(entry.message for entry in entries) == ["u3"]
    loaded = run(store.load_entries("c"))
    assert [entry.parent_id for entry in loaded] == [None, *(entry.id for entry in loaded[:-1])]
    assert loaded[-1].id == entries[0].id
    assert run(store.read_entry(entries[0].id)) == entries[0]


def test_the_newest_messages_are_loaded_and_the_rest_stays_stored(store, saved):
    window = run(store.load("c", limit=2))
    assert texts(window.messages) == ["u2", "a2"]
    window.messages.append(asked("u3"))
    run(store.save(window))
    assert texts(run(store.load("c")).messages) == ["u1", "a1", "u2", "a2", "u3"]
    assert run(store.load("c", limit=0)).messages == []
    whole, tail = run(store.load_entries("c")), run(store.load_entries("c", limit=2))
    assert tail == whole[-2:]
    with pytest.raises(UserError):
        run(store.load("c", limit=-1))


def test_the_second_of_two_writers_is_told(store, saved):
    one, two = run(store.load("c")), run(store.load("c"))
    one.messages.append(asked("one"))
    two.messages.append(asked("two"))
    run(store.save(one))
    with pytest.raises(ConversationConflict):
        run(store.save(two))
    with pytest.raises(ConversationConflict):
        run(store.save(Conversation(conversation_id="c", messages=[asked("new")])))
    assert texts(run(store.load("c")).messages)[-1] == "one"


def test_a_rewritten_history_branches_and_the_old_one_stays(store, saved):
    left = run(store.load_entries("c"))[-1].id
    saved.messages[2:] = [asked("u2 again")]
    run(store.save(saved))
    assert texts(run(store.load("c")).messages) == ["u1", "a1", "u2 again"]
    assert run(store.read_record("c")).branches == [left]
    assert texts(entry.message for entry in run(store.read_history(left))) == ["u1", "a1", "u2", "a2"]
    saved.messages[:] = [asked("from the start")]
    run(store.save(saved))
    assert texts(run(store.load("c")).messages) == ["from the start"]


def test_branch_moves_the_end_and_back(store, saved):
    end = run(store.load_entries("c"))[-1].id
    branched = run(store.branch("c", at=2, expected_revision=saved.revision))
    assert texts(branched.messages) == ["u1", "a1"]
    branched.messages.append(asked("other"))
    run(store.save(branched))
    assert texts(run(store.load("c")).messages) == ["u1", "a1", "other"]
    back = run(store.branch("c", from_entry=end, expected_revision=branched.revision))
    assert texts(back.messages) == ["u1", "a1", "u2", "a2"]
    assert texts(run(store.load("c")).messages) == ["u1", "a1", "u2", "a2"]
    empty = run(store.branch("c", at=0, expected_revision=back.revision))
    assert empty.messages == run(store.load("c")).messages == []
    with pytest.raises(ConversationConflict):
        run(store.branch("c", at=1, expected_revision=back.revision))


def test_a_fork_shares_entries_and_goes_its_own_way(store, saved):
    origin = run(store.load_entries("c"))
    whole = run(store.fork("c", new_conversation_id="whole"))
    early = run(store.fork("c", at=2, new_conversation_id="early"))
    assert (whole.messages, whole.usage) == (saved.messages, saved.usage)
    assert (texts(early.messages), early.usage) == (["u1", "a1"], RunUsage())
    early.messages.append(asked("elsewhere"))
    run(store.save(early))
    assert texts(run(store.load("early")).messages) == ["u1", "a1", "elsewhere"]
    assert run(store.load_entries("early"))[:2] == origin[:2]
    assert texts(run(store.load("c")).messages) == ["u1", "a1", "u2", "a2"]
    record = run(store.read_record("early"))
    assert (record.forked_from, record.forked_at, record.scope) == ("c", origin[1].id, "ana")
    empty = run(store.fork("c", at=0, new_conversation_id="empty"))
    assert empty.messages == []
    with pytest.raises(ConversationConflict):
        run(store.fork("c", new_conversation_id="early"))


def test_a_fork_of_a_branch_that_was_left_shows_it(store, saved):
    tip = run(store.load_entries("c"))[3].id
    branched = run(store.branch("c", at=1, expected_revision=saved.revision))
    branched.messages.append(answered("other"))
    run(store.save(branched))
    fork = run(store.fork("c", from_entry=tip, new_conversation_id="f"))
    assert texts(fork.messages) == ["u1", "a1", "u2", "a2"]
    fork.messages.append(asked("on"))
    run(store.save(fork))
    assert texts(run(store.load("f")).messages) == ["u1", "a1", "u2", "a2", "on"]


def test_scopes_keep_conversations_apart(store, saved):
    run(store.save(Conversation(conversation_id="d", messages=[asked("x")]), scope="eve"))
    assert [record.conversation_id for record in run(store.list_conversations())] == ["d", "c"]
    assert [record.conversation_id for record in run(store.list_conversations(scope="ana"))] == ["c"]
    assert [record.conversation_id for record in run(store.list_conversations(limit=1))] == ["d"]
    assert run(store.list_conversations(limit=0)) == []
    assert run(store.load("c", scope="eve")) is None
    saved.messages.append(asked("more"))
    with pytest.raises(ConversationConflict):
        run(store.save(saved, scope="eve"))
    run(store.save(saved))
    assert [record.conversation_id for record in run(store.list_conversations())] == ["c", "d"]


def test_what_is_deleted_is_gone_and_forks_keep_what_they_show(store, saved):
    run(store.fork("c", at=2, new_conversation_id="f"))
    stale = run(store.load("c"))
    run(store.delete("c", scope="eve"))
    assert run(store.load("c")) is not None
    run(store.delete("c"))
    run(store.delete("c"))
    assert run(store.load("c")) is None
    assert [record.conversation_id for record in run(store.list_conversations())] == ["f"]
    assert texts(run(store.load("f")).messages) == ["u1", "a1"]
    stale.messages.append(asked("late"))
    with pytest.raises(ConversationConflict):
        run(store.save(stale))
    with pytest.raises(ConversationConflict):
        run(store.delete_record("c", expected_revision=stale.revision))
    run(store.save(Conversation(conversation_id="c", messages=[asked("anew")])))
    assert texts(run(store.load("c")).messages) == ["anew"]
    with pytest.raises(ConversationConflict):
        run(store.save(stale))


def test_an_entry_that_nobody_has_is_a_lookup_error(store, saved):
    with pytest.raises(LookupError):
        run(store.read_entry("nothing"))


def test_a_save_is_one_commit_that_costs_what_is_new(hansard_store):
    store = HansardConversationStore(hansard_store)
    conversation = Conversation(conversation_id="c", messages=[asked("u1"), answered("a1", input_tokens=9)])
    run(store.save(conversation))
    session = hansard_store.get("c")
    assert [entry.kind for entry in session.entries()] == ["created", "message", "message", "usage", "update"]
    conversation.messages.append(asked("u2"))
    run(store.save(conversation))
    added = list(session.entries(after=5))
    assert [(entry.kind, entry.commit is not None) for entry in added] == [("message", False), ("update", True)]
    assert session.info.usage.input == 9
    assert session.info.model == "m"


def test_another_object_finds_entries_by_their_ids(hansard_store):
    first = HansardConversationStore(hansard_store)
    [one, _] = run(first.save(Conversation(conversation_id="c", messages=[asked("u1"), answered("a1")])))
    run(first.save(Conversation(conversation_id="d", messages=[asked("x")])))
    second = HansardConversationStore(hansard_store)
    assert run(second.read_entry(one.id)) == one


def test_a_change_by_other_means_makes_a_loaded_copy_stale(hansard_store):
    store = HansardConversationStore(hansard_store)
    run(store.save(Conversation(conversation_id="c", messages=[asked("u1")])))
    stale = run(store.load("c"))
    hansard_store.get("c").append(hansard.assistant("from elsewhere"))
    stale.messages.append(answered("mine"))
    with pytest.raises(ConversationConflict):
        run(store.save(stale))
    fresh = run(store.load("c"))
    assert texts(fresh.messages) == ["u1", "from elsewhere"]
    fresh.messages.append(asked("u2"))
    run(store.save(fresh))
    assert texts(run(store.load("c")).messages) == ["u1", "from elsewhere", "u2"]


def test_a_session_of_another_program_is_loaded_and_continued(hansard_store):
    session = hansard_store.create(id="s", labels={"scope": "ana"})
    session.append([
        hansard.system("be brief"), hansard.user("hi"),
        hansard.assistant([hansard.reasoning("hm"), hansard.text("calling"), hansard.tool_call("c1", "f", {"x": 1})]),
        hansard.tool("c1", "42"), hansard.assistant("42 it is"), hansard.usage("m", input=5, output=2),
    ])  # fmt: skip
    store = HansardConversationStore(hansard_store)
    conversation = run(store.load("s", scope="ana"))
    kinds = [[part.part_kind for part in message.parts] for message in conversation.messages]
    assert kinds == [["system-prompt"], ["user-prompt"], ["text", "tool-call"], ["tool-return"], ["text"]]
    assert conversation.messages[3].parts[0].tool_name == "f"
    assert (conversation.usage.requests, conversation.usage.input_tokens) == (1, 5)
    conversation.messages.append(asked("thanks"))
    run(store.save(conversation))
    assert [message.role for message in session.history()][-1] == "user"
    assert session.history()[-1].text == "thanks"


def test_a_deletion_that_was_cut_short_is_finished_by_the_next_creation(hansard_store):
    store = HansardConversationStore(hansard_store)
    run(store.save(Conversation(conversation_id="c", messages=[asked("u1")])))
    revision = run(store.read_record("c")).revision
    session = hansard_store.get("c")
    session.modify(lambda draft: store._mark(draft, revision))
    assert run(store.load("c")) is None
    assert run(store.list_conversations()) == []
    run(store.save(Conversation(conversation_id="c", messages=[asked("anew")])))
    assert texts(run(store.load("c")).messages) == ["anew"]


def test_the_newest_conversations_are_those_saved_last_whatever_else_happened_to_their_sessions(hansard_store):
    store = HansardConversationStore(hansard_store)
    for name in ("old", "older still", "new"):
        run(store.save(Conversation(conversation_id=name, messages=[asked("hi")])))
    hansard_store.get("old").update(title="a title", labels={"seen": "1"})
    assert [record.conversation_id for record in run(store.list_conversations(limit=1))] == ["new"]
    assert [record.conversation_id for record in run(store.list_conversations(limit=3))] == [
        "new",
        "older still",
        "old",
    ]


def test_a_branch_that_was_left_is_found_without_looking_through_the_store(hansard_store, monkeypatch):
    store = HansardConversationStore(hansard_store)
    conversation = Conversation(conversation_id="c", messages=[asked("u1"), answered("a1")])
    run(store.save(conversation))
    conversation = run(store.branch("c", at=0, expected_revision=conversation.revision))
    conversation.messages.append(asked("better"))
    run(store.save(conversation))

    later = HansardConversationStore(hansard_store)
    record = run(later.read_record("c"))
    monkeypatch.setattr(type(hansard_store), "sessions", None)
    back = run(later.branch("c", from_entry=record.branches[0], expected_revision=record.revision))
    assert texts(back.messages) == ["u1", "a1"]


def test_a_photo_is_kept_once_beside_the_session_and_comes_back_with_its_bytes(hansard_store):
    store = HansardConversationStore(hansard_store)
    # Bytes whose base64 has both letters in which the alphabets differ.
    photo = BinaryContent(b"\xfb\xef\xff" * 2000, media_type="image/png")
    said = [
        ModelRequest(parts=[UserPromptPart(content=["look", photo])]),
        ModelResponse(parts=[ToolCallPart(tool_name="f", args={"data": "a-_b" * 400}, tool_call_id="c")]),
        ModelRequest(parts=[ToolReturnPart(tool_name="f", content=[photo, "seen"], tool_call_id="c")]),
    ]
    run(store.save(Conversation(conversation_id="c", messages=said)))
    loaded = run(store.load("c")).messages
    assert loaded[0].parts[0].content[1].data == photo.data
    assert loaded[1].parts[0].args == {"data": "a-_b" * 400}
    assert loaded[2].parts[0].content[0].data == photo.data
    session = hansard_store.get("c")
    [shown, answered] = [session.messages()[0].parts[1], session.messages()[2].parts[0]["content"][0]]
    assert shown["attachment"] == answered["attachment"]
    assert max(len(str(entry.body)) for entry in session.entries(kinds="message")) < 3000


def test_threads_remember_places_beside_one_another(monkeypatch):
    monkeypatch.setattr(pydantic_ai_messages, "_KNOWN_MAX", 4)
    places = pydantic_ai_messages.Places(None)

    def remember(name):
        for number in range(3000):
            places.remember(f"{name}{number}", "s", number)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(remember, "abcd"))
    finally:
        sys.setswitchinterval(before)
