"""What other programs said, as a transcript that the SDK reads."""

from __future__ import annotations

import uuid

import anyio
import pytest

import hansard

sdk = pytest.importorskip("claude_agent_sdk", reason="the Claude Agent SDK is not installed; make test-adapters has it")

from claude_agent_sdk import get_session_messages_from_store

from hansard.adapters.claude import HansardSessionStore
from hansard.adapters.claude_conversation import conversation
from hansard.aio import AsyncStore

IMAGE = {"type": "file", "mime": "image/png", "url": "data:image/png;base64,iVBORw0KGgo="}
SAID = [
    hansard.system("Be brief."),
    hansard.user([hansard.text("What is this?"), IMAGE]),
    hansard.assistant([hansard.reasoning("hm")]),
    hansard.assistant([hansard.text("I look."), hansard.tool_call("a.1", "look at", {"n": 1}), hansard.tool_call("b", "f", {})]),
    hansard.tool("b", [hansard.text("a photo"), IMAGE]),
    hansard.tool("a.1", "boom", is_error=True),
    hansard.assistant("A pier."),
]  # fmt: skip


@pytest.fixture
def store(tmp_path):
    with hansard.open(tmp_path / "store") as opened:
        opened.create(id="other").append(SAID)
        yield opened


def test_a_transcript_says_what_another_program_said_and_is_appended_once(store, tmp_path):
    key = {"project_key": sdk.project_key_for_directory(tmp_path), "session_id": str(uuid.uuid4())}
    mirror = HansardSessionStore(store)

    async def work():
        for _ in range(2):
            await mirror.append(key, conversation(store.get("other"), key, cwd=tmp_path))
        return await get_session_messages_from_store(mirror, key["session_id"], directory=str(tmp_path))

    found = anyio.run(work)
    assert [message.type for message in found] == ["user", "user", "assistant", "user", "user", "assistant"]
    contents = [message.message["content"] for message in found]
    assert contents[1] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
    ]
    calls = [block for block in contents[2] if block["type"] == "tool_use"]
    assert [(call["id"], call["name"]) for call in calls] == [("a_1", "look_at"), ("b", "f")]
    results = {block["tool_use_id"]: block for content in contents[3:5] for block in content}
    assert results["a_1"]["is_error"] is True
    assert [block["type"] for block in results["b"]["content"]] == ["text", "image"]
    assert contents[5] == [{"type": "text", "text": "A pier."}]
    assert [entry.kind for entry in store.get(f"{key['session_id']}@{key['project_key']}").entries()].count(
        "message"
    ) == 6


def test_a_session_that_the_sdk_could_not_resume_is_refused(store):
    with pytest.raises(hansard.Invalid, match="no UUID"):
        conversation(store.get("other"), {"project_key": "p", "session_id": "mine"})


def key_of(directory):
    return {"project_key": sdk.project_key_for_directory(directory), "session_id": str(uuid.uuid4())}


def spoken(mirror, key, directory):
    found = anyio.run(lambda: get_session_messages_from_store(mirror, key["session_id"], directory=str(directory)))
    return [message.message["content"] for message in found]


def test_a_history_that_has_become_another_is_told_as_it_is_now(store, tmp_path):
    session = store.create(id="s")
    session.append([hansard.user("u1"), hansard.assistant("a1"), hansard.user("u2"), hansard.assistant("a2")])
    mirror, key = HansardSessionStore(store), key_of(tmp_path)
    anyio.run(mirror.append, key, conversation(session, key, cwd=tmp_path))
    session.compact(summary="u1 and a1", keep=2)
    session.append(hansard.user("u3"))
    anyio.run(mirror.append, key, conversation(session, key, cwd=tmp_path))
    contents = spoken(mirror, key, tmp_path)
    assert [block["text"] for content in contents for block in content] == ["u1 and a1", "u2", "a2", "u3"]


def test_what_claude_said_itself_is_as_it_was(store, tmp_path):
    thought = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "a1"}]
    usage = {"input_tokens": 5, "output_tokens": 7}
    answer = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-9",
        "content": thought,
        "usage": usage,
    }
    first, second = key_of(tmp_path), key_of(tmp_path)
    mirror = HansardSessionStore(store)
    asked = {"role": "user", "content": "u1"}
    lines = [
        {"type": said["role"], "message": said, "uuid": str(uuid.uuid4()), "sessionId": first["session_id"]}
        for said in (asked, answer)
    ]
    anyio.run(mirror.append, first, lines)
    session = store.get(f"{first['session_id']}@{first['project_key']}")
    session.append(hansard.user("u2"))
    given = conversation(session, second, cwd=tmp_path)
    assert [line["message"]["content"] for line in given] == ["u1", thought, [{"type": "text", "text": "u2"}]]
    assert {name: given[1]["message"][name] for name in ("id", "model")} == {"id": "msg_1", "model": "claude-9"}
    anyio.run(mirror.append, second, given)
    assert sum(info.usage.output for info in store.sessions()) == 7


def test_a_directory_is_named_in_full(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [first, *_] = conversation(store.get("other"), key_of(tmp_path), cwd=".")
    assert first["cwd"] == str(tmp_path)


def test_a_session_of_the_async_door_is_told_as_well(store, tmp_path):
    session = anyio.run(AsyncStore(store).get, "other")
    key = key_of(tmp_path)
    assert conversation(session, key) == conversation(store.get("other"), key)
