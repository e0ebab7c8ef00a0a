from __future__ import annotations

import asyncio
import datetime as dt
import logging
from pathlib import Path

import pytest

pytest.importorskip("google.adk", reason="ADK is not installed: pip install 'hansard[adk]'", exc_type=ImportError)

from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event, EventActions
from google.adk.sessions import Session
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types

from hansard.adapters import adk
from hansard.adapters.adk import HansardSessionService, session_key
from hansard.backends.memory import MemoryBackend
from hansard.errors import Invalid, Unavailable
from hansard.store import Store
from hansard.testing import Faults
from support.adapters import BACKENDS, empty_stores, together
from support.places import place_of

pytestmark = pytest.mark.anyio
WHO = {"app_name": "tides", "user_id": "mara"}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(params=BACKENDS)
def store(request, tmp_path):
    with empty_stores(request.param, tmp_path) as empty:
        yield empty()


@pytest.fixture
def service(store):
    return HansardSessionService(store)


def event(text=None, *, author="agent", role="model", at=1_795_000_000.0, state=None, **more):
    content = types.Content(role=role, parts=[types.Part(text=text)]) if text is not None else None
    actions = EventActions(state_delta=state or {})
    return Event(author=author, invocation_id="inv", content=content, timestamp=at, actions=actions, **more)


async def load(service, session_id, **config):
    return await service.get_session(**WHO, session_id=session_id, config=GetSessionConfig(**config))


# Each rule of the contract.


async def test_a_session_is_created_found_and_deleted(service):
    session = await service.create_session(**WHO, session_id="s")
    assert (session.id, session.events, session.state) == ("s", [], {})
    assert await load(service, "s") == session
    assert await load(service, "nobody") is None
    with pytest.raises(AlreadyExistsError, match="'s'"):
        await service.create_session(**WHO, session_id="s")
    await service.delete_session(**WHO, session_id="s")
    await service.delete_session(**WHO, session_id="s")
    assert await load(service, "s") is None


async def test_an_id_is_drawn_where_none_or_a_blank_one_is_given(service):
    drawn = [(await service.create_session(**WHO, session_id=given)).id for given in (None, "", "  ")]
    assert len(set(drawn)) == 3
    assert all(drawn)


async def test_blanks_around_an_id_do_not_count(service):
    assert (await service.create_session(**WHO, session_id=" s ")).id == "s"
    assert (await load(service, "\ts")).id == "s"


async def test_the_same_id_under_another_user_or_app_is_another_session(service):
    for app, user in (("a", "u"), ("a", "v"), ("b", "u"), ("a@u", "x"), ("u", "a")):
        session = await service.create_session(app_name=app, user_id=user, session_id="s", state={"who": [app, user]})
        assert session.state == {"who": [app, user]}
    for app, user in (("a", "u"), ("a", "v"), ("b", "u"), ("a@u", "x")):
        found = await service.get_session(app_name=app, user_id=user, session_id="s")
        assert (found.app_name, found.user_id, found.state) == (app, user, {"who": [app, user]})


async def test_state_has_three_scopes_and_a_temporary_one(service):
    one = await service.create_session(**WHO, session_id="1", state={"app:a": 1, "user:u": 2, "own": 3, "temp:t": 4})
    assert one.state == {"app:a": 1, "user:u": 2, "own": 3}
    two = await service.create_session(**WHO, session_id="2")
    assert two.state == {"app:a": 1, "user:u": 2}
    other = await service.create_session(app_name="tides", user_id="ole", session_id="3")
    assert other.state == {"app:a": 1}
    added = await service.append_event(one, event("x", state={"app:a": 5, "user:v": 6, "own": 7, "temp:t": 8}))
    assert added.actions.state_delta == {"app:a": 5, "user:v": 6, "own": 7}
    assert one.state == {"app:a": 5, "user:u": 2, "user:v": 6, "own": 7, "temp:t": 8}
    assert (await load(service, "2")).state == {"app:a": 5, "user:u": 2, "user:v": 6}
    assert await service.get_user_state(**WHO) == {"u": 2, "v": 6}
    assert await service.get_user_state(app_name="tides", user_id="nobody") == {}
    reloaded = await load(service, "1")
    assert reloaded.state == {"app:a": 5, "user:u": 2, "user:v": 6, "own": 7}
    assert reloaded.events[0].actions.state_delta == {"app:a": 5, "user:v": 6, "own": 7}


async def test_a_change_replaces_a_value_whole_and_null_is_a_value(service):
    session = await service.create_session(**WHO, session_id="s", state={"d": {"a": 1}, "n": 1, "user:n": 1})
    await service.append_event(session, event(state={"d": {"b": 2}, "n": None, "user:n": None}))
    assert (await load(service, "s")).state == {"d": {"b": 2}, "n": None, "user:n": None}


async def test_booleans_and_long_numbers_survive(service):
    state = {"yes": True, "f": 0.1 + 0.2, "big": 2**70, "app:f": 1e-17, "nul": "a\0b"}
    await service.create_session(**WHO, session_id="s", state=state)
    found = (await load(service, "s")).state
    assert found == state
    assert found["yes"] is True


async def test_a_value_without_a_form_in_json_becomes_text_with_a_warning(service, caplog):
    session = await service.create_session(**WHO, session_id="s")
    with caplog.at_level(logging.WARNING):
        await service.append_event(
            session, event("kept", state={"f": len, "inf": float("inf"), "d": dt.date(2026, 1, 2)})
        )
    assert "'f'" in caplog.text
    found = await load(service, "s")
    assert [one.content.parts[0].text for one in found.events] == ["kept"]
    assert isinstance(found.state["f"], str)
    assert found.state["d"] == "2026-01-02"


async def test_half_a_character_costs_no_event(service, caplog):
    session = await service.create_session(**WHO, session_id="s")
    await service.append_event(session, event("before \ud800 after", state={"half": "\ud800", "user:half": "\ud800"}))
    loaded = await load(service, "s")
    assert [one.content.parts[0].text for one in loaded.events] == ["before \ufffd after"]
    assert loaded.state == {"half": "\ud800", "user:half": "\ud800"}
    assert "no Unicode" in caplog.text


async def test_apps_and_users_may_have_no_name(service):
    session = await service.create_session(app_name="", user_id="", session_id="s", state={"user:a": 1})
    await service.append_event(session, event("hi"))
    for listed in (
        await service.list_sessions(app_name=""),
        await service.list_sessions(app_name="", user_id=""),
    ):
        assert [(one.app_name, one.user_id, one.id, one.state) for one in listed.sessions] == [
            ("", "", "s", {"user:a": 1})
        ]
    assert not (await service.list_sessions(app_name="", user_id="mara")).sessions


async def test_a_state_that_is_too_large_changes_no_scope(service):
    session = await service.create_session(**WHO, session_id="s", state={"user:a": 1, "b": "x" * 600_000})
    with pytest.raises(Invalid, match="the state would have"):
        await service.append_event(session, event("hi", state={"user:a": 2, "app:a": 2, "c": "x" * 600_000}))
    with pytest.raises(Invalid, match="the state would have"):
        await service.create_session(**WHO, session_id="t", state={"user:a": 2, "app:a": 2, "c": "x" * 1_200_000})
    loaded = await load(service, "s")
    assert (loaded.state["user:a"], loaded.events, "app:a" in loaded.state) == (1, [], False)


async def test_a_cancelled_append_leaves_session_and_store_alike(service):
    session = await service.create_session(**WHO, session_id="s")
    for number in range(20):
        task = asyncio.create_task(service.append_event(session, event(str(number), state={"n": number})))
        for _ in range(number % 5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    loaded = await load(service, "s")
    assert [one.id for one in loaded.events] == [one.id for one in session.events]
    assert loaded.state == session.state


async def test_a_partial_event_is_returned_and_not_stored(service):
    session = await service.create_session(**WHO, session_id="s")
    given = event("half", partial=True, state={"x": 1})
    assert await service.append_event(session, given) is given
    assert session.events == []
    assert (await load(service, "s")).events == []


async def test_the_last_update_is_the_time_of_the_event(service):
    session = await service.create_session(**WHO, session_id="s")
    at = 1_795_000_123.1234567
    await service.append_event(session, event("x", at=at))
    assert session.last_update_time == at
    assert (await load(service, "s")).last_update_time == at


async def test_events_come_in_the_order_of_their_appends_whatever_their_times(service):
    session = await service.create_session(**WHO, session_id="s")
    for number, at in enumerate((300.0, 100.0, 200.0, 200.0)):
        await service.append_event(session, event(str(number), at=1_795_000_000 + at))
    texts = [one.content.parts[0].text for one in (await load(service, "s")).events]
    assert texts == ["0", "1", "2", "3"]


async def test_only_the_events_that_are_asked_for_are_read(service):
    session = await service.create_session(**WHO, session_id="s")
    for number in range(6):
        await service.append_event(session, event(str(number), at=1_795_000_000.0 + number))

    async def texts(**config):
        return [int(one.content.parts[0].text) for one in (await load(service, "s", **config)).events]

    assert await texts() == [0, 1, 2, 3, 4, 5]
    assert await texts(num_recent_events=2) == [4, 5]
    assert await texts(num_recent_events=0) == []
    assert await texts(num_recent_events=100) == [0, 1, 2, 3, 4, 5]
    assert await texts(after_timestamp=1_795_000_003.0) == [3, 4, 5]
    assert await texts(after_timestamp=1_795_000_003.0, num_recent_events=2) == [4, 5]
    with pytest.raises(ValueError, match="num_recent_events"):
        GetSessionConfig(num_recent_events=-1)
    part = await load(service, "s", num_recent_events=1)
    await service.append_event(part, event("6"))
    assert await texts() == [0, 1, 2, 3, 4, 5, 6]


async def test_the_newest_events_cost_what_they_cost_however_many_there_are(tmp_path):
    faults = Faults(MemoryBackend(clock=lambda: 1_795_000_000_000_000))
    service = HansardSessionService(Store(faults, clock=lambda: 1_795_000_000_000_000))
    session = await service.create_session(**WHO, session_id="s")
    for number in range(50):
        await service.append_event(session, event(str(number)))
    read = []
    entries = faults.inner.entries

    def counted(*args, **keywords):
        for entry in entries(*args, **keywords):
            read.append(entry.seq)
            yield entry

    faults.inner.entries = counted
    assert len((await load(service, "s", num_recent_events=3)).events) == 3
    assert len(read) < 20


async def test_sessions_are_listed_the_least_recently_updated_first_without_events(service):
    for name, at in (("a", 3), ("b", 1), ("c", 2)):
        session = await service.create_session(**WHO, session_id=name, state={"own": name, "user:u": 1, "app:a": 2})
        await service.append_event(session, event("x", at=1_795_000_000.0 + at))
    other = await service.create_session(app_name="tides", user_id="ole", session_id="d")
    await service.append_event(other, event("x", at=1_795_000_009.0))
    await service.create_session(app_name="else", user_id="mara", session_id="e")
    found = (await service.list_sessions(**WHO)).sessions
    assert [session.id for session in found] == ["b", "c", "a"]
    assert found[0].state == {"own": "b", "user:u": 1, "app:a": 2}
    assert not any(session.events for session in found)
    everybody = (await service.list_sessions(app_name="tides")).sessions
    assert [(session.user_id, session.id) for session in everybody][-1] == ("ole", "d")
    assert len(everybody) == 4


async def test_an_event_with_every_kind_of_part_comes_back_equal(service):
    parts = [
        types.Part(text="hello"),
        types.Part(text="hm", thought=True),
        types.Part(inline_data=types.Blob(data=bytes(range(256)) * 10, mime_type="image/png", display_name="p.png")),
        types.Part(file_data=types.FileData(file_uri="gs://a/b", mime_type="text/plain")),
        types.Part(function_call=types.FunctionCall(id="c1", name="gauge", args={"place": "pier", "n": 1.5})),
        types.Part(function_response=types.FunctionResponse(id="c1", name="gauge", response={"result": "2.4 m"})),
        types.Part(thought_signature=b"\x00\xff", text="signed"),
    ]
    given = Event(
        author="agent",
        invocation_id="inv",
        content=types.Content(role="model", parts=parts),
        branch="a.b",
        long_running_tool_ids={"c1"},
        grounding_metadata=types.GroundingMetadata(web_search_queries=["tide"]),
        usage_metadata=types.GenerateContentResponseUsageMetadata(
            prompt_token_count=10, candidates_token_count=4, cached_content_token_count=6, thoughts_token_count=3
        ),
        custom_metadata={"k": [1, {"a": None}]},
        turn_complete=True,
        actions=EventActions(state_delta={"x": 1}, artifact_delta={"f": 2}, transfer_to_agent="b", escalate=True),
    )
    session = await service.create_session(**WHO, session_id="s")
    await service.append_event(session, given)
    found = await load(service, "s")
    assert found == session
    assert found.events[0].model_dump() == given.model_dump()


async def test_an_event_of_a_deleted_session_is_refused(service):
    session = await service.create_session(**WHO, session_id="s")
    await service.delete_session(**WHO, session_id="s")
    with pytest.raises(SessionNotFoundError):
        await service.append_event(session, event("x"))
    assert await load(service, "s") is None


# Stale writers.


async def test_of_two_writers_of_one_revision_one_is_stale_and_nothing_is_lost(service, store):
    await service.create_session(**WHO, session_id="s")
    one, two = await load(service, "s"), await HansardSessionService(store).get_session(**WHO, session_id="s")
    await service.append_event(one, event("one", state={"a": 1}))
    with pytest.raises(StaleSessionError):
        await HansardSessionService(store).append_event(two, event("two", state={"b": 2}))
    fresh = await load(service, "s")
    await service.append_event(fresh, event("two", state={"b": 2}))
    found = await load(service, "s")
    assert [one.content.parts[0].text for one in found.events] == ["one", "two"]
    assert found.state == {"a": 1, "b": 2}


async def test_what_says_nothing_to_adk_makes_no_session_stale(service, store):
    session = await service.create_session(**WHO, session_id="s")
    stored = store.get(session_key("tides", "mara", "s"))
    stored.rename("Tides")
    stored.tag({"kept": "yes"})
    with stored.lease("somebody"):
        await service.append_event(session, event("x"))
    assert stored.title == "Tides"
    stored.append(state={"changed": "outside"})
    with pytest.raises(StaleSessionError):
        await service.append_event(session, event("y"))


async def test_many_tasks_may_append_to_one_loaded_session(service):
    session = await service.create_session(**WHO, session_id="s")
    await asyncio.gather(*(service.append_event(session, event(str(number))) for number in range(20)))
    stored = await load(service, "s")
    assert [one.id for one in stored.events] == [one.id for one in session.events]
    assert sorted(int(one.content.parts[0].text) for one in stored.events) == list(range(20))


@pytest.mark.parametrize("verb", ["append", "put_document"])
async def test_an_event_whose_answer_was_lost_can_be_sent_again(anyio_backend, verb):
    faults = Faults(MemoryBackend(clock=lambda: 1_795_000_000_000_000))
    service = HansardSessionService(Store(faults, clock=lambda: 1_795_000_000_000_000))
    session = await service.create_session(**WHO, session_id="s", state={"user:n": 0})
    for nth in (1, 2):
        given = event("x", state={"user:n": nth, "own": nth})
        faults.plan("lose", verb=verb, error=Unavailable("the answer is lost"))
        with pytest.raises(Unavailable):
            await service.append_event(session, given)
        await service.append_event(session, given)
    found = await load(service, "s")
    assert len(found.events) == 2
    assert found.state == {"user:n": 2, "own": 2}
    await service.append_event(session, event("y"))


async def test_scopes_and_event_are_one_where_the_store_can_do_that(service, store, monkeypatch):
    session = await service.create_session(**WHO, session_id="s", state={"app:a": 1, "user:u": 1})
    other = await load(service, "s")
    atomic = "atomic_documents" in store.capabilities
    faster = event("faster", state={"app:a": 2})
    written = service._scopes.writes

    def overtaken(*given, **more):
        found = written(*given, **more)
        monkeypatch.undo()
        asyncio.run(HansardSessionService(store).append_event(other, faster))
        return found

    monkeypatch.setattr(service._scopes, "writes", overtaken)
    with pytest.raises(StaleSessionError):
        await service.append_event(session, event("late", state={"app:late": True, "user:u": 3}))
    found = await load(service, "s")
    assert [one.id for one in found.events] == [faster.id]
    assert found.state == {"app:a": 2, "user:u": 1} if atomic else {"app:a": 2, "app:late": True, "user:u": 3}


async def test_scopes_that_sessions_change_beside_each_other_lose_nothing(service):
    async def work(name):
        session = await service.create_session(**WHO, session_id=name, state={f"app:born {name}": True})
        for number in range(3):
            state = {f"app:{name}": number, f"user:{name}": number, "app:last": name}
            await service.append_event(session, event(str(number), state=state))

    await asyncio.gather(*(work(name) for name in "abcd"))
    state = (await load(service, "a")).state
    assert state.pop("app:last") in "abcd"
    wanted = {f"{scope}:{name}": 2 for scope in ("app", "user") for name in "abcd"}
    assert state == wanted | {f"app:born {name}": True for name in "abcd"}


async def test_a_session_made_by_hand_is_judged_by_what_it_has_seen(service):
    kept = await service.create_session(**WHO, session_id="s")
    by_hand = Session(id="s", app_name="tides", user_id="mara", last_update_time=kept.last_update_time)
    await service.append_event(by_hand, event("one"))
    old = Session(id="s", app_name="tides", user_id="mara", last_update_time=0.0)
    with pytest.raises(StaleSessionError):
        await service.append_event(old, event("two"))


# What Hansard adds.


async def test_events_are_deleted_and_pruned_for_good(service, store):
    session = await service.create_session(**WHO, session_id="s")
    given = [event(f"secret {number}", state={"n": number}) for number in range(5)]
    for one in given:
        await service.append_event(session, one)
    assert await service.delete_events(**WHO, session_id="s", event_ids=[given[1].id, "nobody"]) == 1
    assert await service.prune_events(**WHO, session_id="s", keep=2) == 2
    found = await load(service, "s")
    assert [one.content.parts[0].text for one in found.events] == ["secret 3", "secret 4"]
    assert found.state == {"n": 4}
    with pytest.raises(StaleSessionError):
        await service.append_event(session, event("x"))
    await service.append_event(found, event("y"))
    assert not list(store.search('"secret 1"'))
    with pytest.raises(Invalid, match="keep"):
        await service.prune_events(**WHO, session_id="s", keep=-1)


async def test_hansard_understands_what_adk_said(service, store):
    session = await service.create_session(**WHO, session_id="s")
    call = types.Part(function_call=types.FunctionCall(id="c1", name="gauge", args={"place": "pier"}))
    answer = types.Part(function_response=types.FunctionResponse(id="c1", name="gauge", response={"result": "2.4 m"}))
    told = types.GenerateContentResponseUsageMetadata(
        prompt_token_count=10, candidates_token_count=4, cached_content_token_count=6, thoughts_token_count=3
    )
    await service.append_event(session, event("How high is the tide?", author="user", role="user"))
    asked = Event(
        author="agent",
        invocation_id="i",
        content=types.Content(role="model", parts=[call]),
        usage_metadata=told,
        model_version="g",
    )
    await service.append_event(session, asked)
    await service.append_event(
        session, Event(author="agent", invocation_id="i", content=types.Content(role="user", parts=[answer]))
    )
    await service.append_event(session, event("2.4 m at the pier"))
    stored = store.get(session_key("tides", "mara", "s"))
    assert [message.role for message in stored.history()] == ["user", "assistant", "tool", "assistant"]
    info = stored.info
    assert (info.agent, info.user, info.title, info.model) == ("tides", "mara", "How high is the tide?", "g")
    assert (info.usage.input, info.usage.cache_read, info.usage.output, info.usage.reasoning) == (4, 6, 7, 3)
    assert [hit.session for hit in store.search("tide")] == [stored.id]
    assert store.resolve("s").id == stored.id
    assert [found.id for found in store.find()] == [stored.id]


async def test_a_rewind_is_one_of_the_conversation_too(service, store):
    session = await service.create_session(**WHO, session_id="s")
    for run in ("i1", "i2"):
        for text in ("question", "answer"):
            content = types.Content(
                role="user" if text == "question" else "model", parts=[types.Part(text=f"{text} {run}")]
            )
            await service.append_event(session, Event(author="a", invocation_id=run, content=content))
    back = Event(author="user", invocation_id="i3", actions=EventActions(rewind_before_invocation_id="i2"))
    await service.append_event(session, back)
    await service.append_event(session, event("on"))
    stored = store.get(session_key("tides", "mara", "s"))
    assert [message.text for message in stored.history()] == ["question i1", "answer i1", "on"]
    assert len((await load(service, "s")).events) == 6


def check_nothing_lost(root, told):
    expected = {who: ids for names, _ in told for who, ids in names.items()}

    async def read():
        service = HansardSessionService(root)
        session = await service.get_session(app_name="app", user_id="user", session_id="s")
        await service.close()
        return session

    session = asyncio.run(read())
    ids = [one.id for one in session.events]
    assert len(ids) == len(set(ids)) == sum(map(len, expected.values()))
    for who, wanted in expected.items():
        assert [one for one in ids if one.rpartition("-")[0] == who] == wanted
        last = len(wanted) - 1
        assert (session.state[f"own {who}"], session.state[f"user:{who}"], session.state[f"app:{who}"]) == (last,) * 3


def begun(kind, tmp_path):
    root = place_of(kind, tmp_path)

    async def create():
        service = HansardSessionService(root)
        await service.create_session(app_name="app", user_id="user", session_id="s")
        await service.close()

    asyncio.run(create())
    return root


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_two_processes_of_eight_tasks_lose_nothing(kind, tmp_path):
    root = begun(kind, tmp_path)
    check_nothing_lost(root, together(Path(__file__).parent / "worker.py", (root, "a", 3, 0), (root, "b", 3, 0)))


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_two_processes_of_eight_tasks_lose_nothing_in_twenty_seconds(kind, tmp_path):
    root = begun(kind, tmp_path)
    check_nothing_lost(root, together(Path(__file__).parent / "worker.py", (root, "a", 1, 20), (root, "b", 1, 20)))


async def test_bytes_in_a_state_that_are_no_text_are_stored_and_their_event_with_them(service, caplog):
    session = await service.create_session(**WHO, session_id="s")
    with caplog.at_level(logging.WARNING):
        await service.append_event(session, event("kept", state={"key": b"\xff\xfe"}))
    assert "no form for" in caplog.text
    loaded = await load(service, "s")
    assert [one.content.parts[0].text for one in loaded.events] == ["kept"]
    assert loaded.state == {"key": "__4="}


async def test_a_server_keeps_nothing_of_the_sessions_that_nobody_appends_to_any_more():
    service = HansardSessionService("memory:")
    for _ in range(3):
        session = await service.create_session(**WHO)
        await asyncio.gather(*(service.append_event(session, event(str(number))) for number in range(3)))
    del session
    assert len(adk._locks.get({})) == 0
    await service.close()
