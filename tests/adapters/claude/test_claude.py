from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path

import anyio
import pytest

sdk = pytest.importorskip(
    "claude_agent_sdk", reason="the Claude Agent SDK is not installed: pip install 'hansard[claude]'"
)

from claude_agent_sdk.testing import run_session_store_conformance

import hansard
from hansard.adapters.claude import HansardSessionStore, session_id
from hansard.backends.memory import MemoryBackend
from hansard.errors import Invalid, Unavailable
from hansard.formats.importing import import_paths
from hansard.store import Store
from hansard.testing import Faults
from support.adapters import BACKENDS, empty_stores, together
from support.places import place_of

pytestmark = pytest.mark.anyio

KEY = {"project_key": "-home-mara-tidewatch", "session_id": "0b6f6a1e-6f5e-4a55-9a36-3b2f4ac8f5a1"}
SUB = {**KEY, "subpath": "subagents/agent-7"}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(params=BACKENDS)
def empty(request, tmp_path):
    with empty_stores(request.param, tmp_path) as make:
        yield make


@pytest.fixture
def opened(empty):
    return empty()


@pytest.fixture
def store(opened):
    return HansardSessionStore(opened)


def user(text, uuid, **more):
    line = {"type": "user", "uuid": uuid, "sessionId": KEY["session_id"], "timestamp": "2026-11-20T10:00:00.000Z"}
    return {**line, "cwd": "/home/mara/tidewatch", "message": {"role": "user", "content": text}, **more}


def answer(text, uuid, call="msg_1", output=7):
    message = {"id": call, "role": "assistant", "model": "claude-x", "content": [{"type": "text", "text": text}]}
    usage = {"input_tokens": 3, "output_tokens": output}
    return {
        "type": "assistant",
        "uuid": uuid,
        "timestamp": "2026-11-20T10:00:01.000Z",
        "message": {**message, "usage": usage},
    }


async def test_the_conformance_suite_of_the_sdk_passes(empty):
    made = []

    def make():
        made.append(HansardSessionStore(empty()))
        return made[-1]

    await run_session_store_conformance(make)
    assert len(made) > 10


async def test_a_uuid_is_written_once_whatever_comes_under_it_again(store):
    await store.append(KEY, [user("a", "1"), user("b", "2"), user("again", "1")])
    await store.append(KEY, [user("other", "2"), user("c", "3")])
    texts = [entry["message"]["content"] for entry in await store.load(KEY)]
    assert texts == ["a", "b", "c"]


@pytest.mark.parametrize("uuid", ["u" * 600, "😀/..", "half \ud800"])
async def test_any_uuid_is_written_once(store, uuid):
    await store.append(KEY, [user("a", uuid), user("b", uuid)])
    await HansardSessionStore(store.store).append(KEY, [user("c", uuid), user("d", "2")])
    assert await store.load(KEY) == [user("a", uuid), user("d", "2")]


async def test_entries_without_a_uuid_are_all_kept(store):
    title = {"type": "custom-title", "customTitle": "Tides"}
    await store.append(KEY, [title, title])
    await store.append(KEY, [title])
    assert await store.load(KEY) == [title] * 3


async def test_a_batch_whose_answer_was_lost_can_be_sent_again(anyio_backend):
    faults = Faults(MemoryBackend(clock=lambda: 1_790_000_000_000_000))
    store = HansardSessionStore(Store(faults, clock=lambda: 1_790_000_000_000_000))
    await store.append(KEY, [user("a", "1")])
    faults.plan("lose", verb="append", error=Unavailable("the answer is lost"))
    batch = [user("b", "2"), answer("c", "3")]
    with pytest.raises(Unavailable):
        await store.append(KEY, batch)
    await store.append(KEY, batch)
    assert [entry["uuid"] for entry in await store.load(KEY)] == ["1", "2", "3"]
    assert store.store.info(session_id(KEY)).usage.output == 7


async def test_whatever_json_can_hold_comes_back_equal(store):
    image = {
        "type": "image",
        "source": {
            "type": "base64",
            "media_type": "image/png",
            "data": base64.b64encode(bytes(range(256)) * 9).decode(),
        },
    }
    odd = {
        "type": "x",
        "uuid": "u",
        "nul": "a\0b",
        "half": "\ud800",
        "big": 2**80,
        "f": 0.1 + 0.2,
        "deep": [[{"k": None}]],
        "": "",
    }
    batch = [odd, user([image], "img"), {"type": "x", "parentUuid": None}]
    await store.append(KEY, batch)
    loaded = await store.load(KEY)
    assert loaded == batch
    assert [list(entry) for entry in loaded] == [list(entry) for entry in batch]


async def test_a_value_that_is_no_json_is_refused_and_nothing_is_written(store):
    with pytest.raises(Invalid, match=r"entries\[1\]"):
        await store.append(KEY, [user("a", "1"), {"type": "x", "n": float("nan")}])
    assert await store.load(KEY) is None


async def test_the_time_of_the_last_write_grows_with_every_append(store):
    seen = []
    for number in range(5):
        await store.append(KEY, [user("a", str(number))])
        seen.append((await store.list_sessions(KEY["project_key"]))[0]["mtime"])
    assert seen == sorted(set(seen))
    assert (await store.list_session_summaries(KEY["project_key"]))[0]["mtime"] == seen[-1]


async def test_sessions_that_are_written_in_one_millisecond_have_times_in_their_order(store, monkeypatch):
    monkeypatch.setattr("hansard.adapters.claude.time.time_ns", lambda: 1_790_000_000_000_000_000)
    keys = [{**KEY, "session_id": one} for one in "badc"]
    for key in keys:
        await store.append(key, [user("a", "1")])
    listed = sorted(await store.list_sessions(KEY["project_key"]), key=lambda one: one["mtime"])
    assert [one["session_id"] for one in listed] == list("badc")
    assert len({one["mtime"] for one in listed}) == len(keys)


async def test_a_summary_is_what_the_sdk_folds_from_the_whole_transcript(store):
    batches = [
        [user("first", "1")],
        [answer("x", "2"), {"type": "tag", "tag": "blue"}],
        [{"type": "custom-title", "customTitle": "T"}],
    ]
    for batch in batches:
        await store.append(KEY, batch)
        await store.append(KEY, batch[:1] if batch[0].get("uuid") else [])
    [summary] = await store.list_session_summaries(KEY["project_key"])
    assert summary["data"] == sdk.fold_session_summary(None, KEY, await store.load(KEY))["data"]
    assert summary["data"]["custom_title"] == "T"


async def test_subpaths_are_children_of_their_transcript(store, opened):
    await store.append(SUB, [user("look", "s1")])
    assert await store.load(KEY) is None
    assert await store.list_sessions(KEY["project_key"]) == []
    await store.append(KEY, [user("go", "m1")])
    child = opened.get(session_id(SUB)).info
    assert (child.kind, child.parent) == ("child", session_id(KEY))
    assert await store.list_subkeys(KEY) == ["subagents/agent-7"]
    await store.delete(KEY)
    assert not opened.exists(session_id(SUB))


async def test_what_was_deleted_begins_anew(store):
    await store.append(KEY, [user("old", "1")])
    await store.delete(KEY)
    await store.append(KEY, [user("new", "1")])
    assert [entry["message"]["content"] for entry in await store.load(KEY)] == ["new"]


async def test_keys_that_look_alike_are_different_sessions(store):
    keys = [
        {"project_key": "b@c", "session_id": "a"},
        {"project_key": "c", "session_id": "a@b"},
        {"project_key": "b", "session_id": "a", "subpath": "c/d"},
        {"project_key": "b", "session_id": "a", "subpath": "c%2fd"},
        {"project_key": "b/c/d", "session_id": "a"},
        {"project_key": "b", "session_id": "a" * 600},
        {"project_key": "b", "session_id": "a" * 600 + "b"},
    ]
    for number, key in enumerate(keys):
        await store.append(key, [{"type": "x", "n": number}])
    assert [await store.load(key) for key in keys] == [[{"type": "x", "n": n}] for n in range(len(keys))]


async def test_an_empty_subpath_is_refused(store):
    with pytest.raises(Invalid, match="subpath"):
        await store.append({**KEY, "subpath": ""}, [user("a", "1")])


async def test_the_end_and_pages_are_read_without_the_rest(store):
    entries = [user(str(n), str(n)) for n in range(25)]
    await store.append(KEY, entries)
    assert await store.load_tail(KEY, 4) == entries[-4:]
    pages, cursor = [], None
    while True:
        page = await store.load_page(KEY, after=cursor, limit=10)
        pages.append(list(page))
        cursor = page.cursor
        if cursor is None:
            break
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [entry for page in pages for entry in page] == entries
    for cursor in ("x", "²", "-1"):
        with pytest.raises(Invalid, match="cursor"):
            await store.load_page(KEY, after=cursor)
    assert await store.load_tail(KEY, 0) == []
    for wrong in (store.load_tail(KEY, -1), store.load_page(KEY, limit=-1), store.load_page(KEY, limit=0)):
        with pytest.raises(Invalid, match="limit"):
            await wrong


@pytest.mark.parametrize("wrong", [5, None, "text", [user("listed", "2")]])
async def test_what_is_no_entry_is_refused_with_its_batch(store, wrong):
    with pytest.raises(Invalid, match=r"entries\[1\]: a JSON object"):
        await store.append(KEY, [user("one", "1"), wrong])
    assert await store.load(KEY) is None


async def test_hansard_understands_what_was_mirrored(store, opened):
    await store.append(KEY, [user("Why does the gauge drift?", "1")])
    await store.append(KEY, [answer("Because of the moon", "2", output=3)])
    await store.append(
        KEY, [answer("Because of the moon.", "3", output=9), {"type": "custom-title", "customTitle": "Gauge"}]
    )
    info = opened.info(session_id(KEY))
    assert (info.title, info.project, info.agent, info.model) == ("Gauge", "tidewatch", "claude-code", "claude-x")
    assert (info.usage.input, info.usage.output) == (3, 9)
    assert next((m.role, m.text) for m in opened.get(session_id(KEY)).history()) == (
        "user",
        "Why does the gauge drift?",
    )
    assert [hit.session for hit in opened.search("gauge drift")] == [session_id(KEY)]
    assert opened.resolve(KEY["session_id"]).id == session_id(KEY)


async def test_a_prompt_typed_after_going_back_is_a_branch_also_for_a_new_process(store, opened):
    await store.append(KEY, [user("a", "1", parentUuid=None), answer("b", "2")])
    await store.append(KEY, [user("c", "3", parentUuid="2"), answer("d", "4", call="msg_2")])
    other = HansardSessionStore(opened)
    await other.append(KEY, [user("c, better", "5", parentUuid="2")])
    assert [m.text for m in opened.get(session_id(KEY)).history()] == ["a", "b", "c, better"]
    assert len(await store.load(KEY)) == 5


async def test_what_is_mirrored_is_not_imported_a_second_time(store, opened, tmp_path):
    lines = [user("a ☃", "1"), answer("b", "2"), user("c", "3")]
    await store.append(KEY, lines[:2])
    await store.append(SUB, [user("look", "s1", isSidechain=True, agentId="7")])
    main = tmp_path / f"{KEY['session_id']}.jsonl"
    main.write_text("".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines[:2]))
    agent = tmp_path / KEY["session_id"] / "subagents" / "agent-7.jsonl"
    agent.parent.mkdir(parents=True)
    said = user("look", "s1", isSidechain=True, agentId="7")
    agent.write_text(json.dumps(said, separators=(",", ":")) + "\n")
    for _ in range(2):
        report = import_paths(opened, [main, agent])
        told = {one.id: one for file in report.files for one in file.sessions}
        assert set(told) == {session_id(KEY), session_id(SUB)}
        assert (told[session_id(KEY)].already, told[session_id(KEY)].added) == (2, 0)
    assert len(list(opened.sessions(kind=("root", "child")))) == 2
    main.write_text(main.read_text() + json.dumps(lines[2], separators=(",", ":")) + "\n")
    [told] = import_paths(opened, [main]).files[0].sessions
    assert "lacks 1 of the lines" in told.note
    assert len(await store.load(KEY)) == 2


async def test_the_helpers_of_the_sdk_work_on_the_store(store, monkeypatch, tmp_path):
    from claude_agent_sdk import (
        fork_session_via_store,
        get_session_messages_from_store,
        list_sessions_from_store,
        project_key_for_directory,
        rename_session_via_store,
    )

    folder = str(tmp_path)
    key = {"project_key": project_key_for_directory(folder), "session_id": KEY["session_id"]}
    await store.append(key, [user("a", "11111111-1111-4111-8111-111111111111", parentUuid=None)])
    await rename_session_via_store(store, key["session_id"], "Named", directory=folder)
    [listed] = await list_sessions_from_store(store, directory=folder)
    assert (listed.session_id, listed.custom_title) == (key["session_id"], "Named")
    forked = await fork_session_via_store(store, key["session_id"], directory=folder)
    messages = await get_session_messages_from_store(store, forked.session_id, directory=folder)
    assert [message.message["content"] for message in messages] == ["a"]


async def test_a_cancelled_append_is_there_or_not_and_can_be_sent_again(store):
    batch = [user("a", "1"), user("b", "2")]
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.append(KEY, batch)
    assert await store.load(KEY) in (None, batch)
    await store.append(KEY, batch)
    assert await store.load(KEY) == batch


def check_nothing_lost(root, told):
    with hansard.open(root) as store:
        adapter = HansardSessionStore(store)
        loaded = anyio.run(adapter.load, {"project_key": "p", "session_id": "s"})
        [summary] = anyio.run(adapter.list_session_summaries, "p")
        assert not [finding for finding in store.check() if finding.severity == "damage"]
    uuids = [entry["uuid"] for entry in loaded]
    assert max(Counter(uuids).values()) == 1
    assert {uuid for uuid in uuids if not uuid.startswith("shared")} == {uuid for one in told for uuid in one}
    for one in told:
        places = {uuid: place for place, uuid in enumerate(uuids)}
        tasks: dict[str, list[int]] = {}
        for uuid in one:
            tasks.setdefault("-".join(uuid.split("-")[:2]), []).append(places[uuid])
        assert len(tasks) == 8
        assert all(order == sorted(order) for order in tasks.values())
    key = {"project_key": "p", "session_id": "s"}
    assert summary["data"] == sdk.fold_session_summary(None, key, loaded)["data"]


def test_two_processes_of_eight_tasks_lose_and_repeat_nothing(tmp_path):
    root = str(tmp_path / "store")
    told = together(Path(__file__).parent / "worker.py", (root, "a", 6, 0), (root, "b", 6, 0))
    check_nothing_lost(root, told)


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_two_processes_of_eight_tasks_lose_and_repeat_nothing_in_twenty_seconds(kind, tmp_path):
    root = place_of(kind, tmp_path)
    told = together(Path(__file__).parent / "worker.py", (root, "a", 1, 20), (root, "b", 1, 20))
    check_nothing_lost(root, told)
