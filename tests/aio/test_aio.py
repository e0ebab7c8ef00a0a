from __future__ import annotations

import base64

import anyio
import pytest

import hansard
from hansard import Conflict, Invalid, LeaseLost, NotFound, Unavailable
from support import places

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


@pytest.fixture
async def store(url):
    async with hansard.aio.open(url) as opened:
        yield opened


async def texts(session):
    return [message.text for message in await session.history()]


async def test_a_session_lives_at_the_async_door(store):
    session = await store.create(id="s", agent="coder", user="ana")
    assert await session.append(hansard.user("a")) == 2
    done = await session.commit([hansard.assistant("b")], key="k", state={"n": 1}, expect=2)
    assert (done.seq, done.ids) == (4, ("k.0", "k.1"))
    assert (await session.seq(), await session.state(), await session.title()) == (4, {"n": 1}, "a")
    assert (await session.info()).agent == "coder"
    assert await texts(session) == ["a", "b"]
    assert [entry.seq async for entry in session.entries(after=2)] == [3, 4]
    assert [entry.seq for entry in await session.last(2)] == [3, 4]
    await session.update(status="running")
    assert [info.id for info in await store.find(status="running")] == ["s"]
    assert [info.id async for info in store.sessions()] == ["s"]
    assert await store.get("s") == session
    assert "AsyncSession" in repr(session)
    assert store.backend_name in places.KINDS


async def test_trees_copies_and_checks(store):
    session = await store.create(id="s", entries=[hansard.user("a"), hansard.user("b")])
    fork = await session.fork(at=2, id="f")
    child = await session.spawn(name="helper")
    assert await session.children() == [child]
    assert await texts(fork) == ["a"]
    async with hansard.aio.open("memory:") as there:
        done = await store.copy([fork, "s"], there)
        assert [one.id for one in done] == ["s", "f", child.id]
        assert (await there.heads())["f"] == (await store.heads())["f"]
    assert await store.check(session) == []
    assert await store.delete(session) is True
    with pytest.raises(NotFound):
        await session.append(hansard.user("late"))


async def test_errors_come_as_they_are(store):
    session = await store.create()
    with pytest.raises(Conflict):
        await session.append(hansard.user("a"), expect=7)
    with pytest.raises(Invalid):
        await session.append("text")
    with pytest.raises(NotFound):
        await store.get("none")
    gone = await store.create()
    await gone.delete()
    with pytest.raises(NotFound):
        await anext(gone.entries())
    with pytest.raises(NotFound):
        await anext(gone.tail())


async def test_long_iterations_come_in_chunks_and_in_order(store):
    session = await store.create()
    await session.append([hansard.event("e", {"n": number}) for number in range(300)])
    assert [entry.seq async for entry in session.entries()] == list(range(1, 302))
    async for entry in session.entries(newest_first=True):
        assert entry.seq == 301
        break


async def test_many_tasks_append_at_once_and_none_is_lost(store):
    sessions = [await store.create(id=f"s{number}") for number in range(4)]

    async def work(session, number):
        for turn in range(5):
            await session.append([hansard.user(f"{number}.{turn}"), hansard.assistant("ok")], key=f"{number}.{turn}")

    async with anyio.create_task_group() as group:
        for number in range(16):
            group.start_soon(work, sessions[number % 4], number)
    for session in sessions:
        assert await session.seq() == 41
    assert await store.check() == []


async def test_modify_counts_exactly_among_tasks(store):
    session = await store.create(state={"n": 0})

    def count(draft):
        draft.state["n"] += 1

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(session.modify, count)
    assert await session.state() == {"n": 8}


async def test_images_are_cut_and_attached(store):
    session = await store.create()
    await session.append(
        hansard.user([{"type": "file", "url": "data:image/png;base64," + base64.b64encode(PNG).decode()}])
    )
    sha256 = (await session.entry(2)).body["parts"][0]["attachment"]
    assert await store.attachment(session, sha256) == PNG == await session.attachment(sha256)


async def test_leases_fence_and_are_released(store):
    session = await store.create()
    async with await session.lease("a") as lease:
        await session.append(hansard.user("mine"), lease=lease)
        assert (lease.owner, lease.fence, await lease.held()) == ("a", 1, True)
        await lease.renew()
        await session.append(hansard.user("mine"), lease=lease)
    with pytest.raises(LeaseLost):
        await session.append(hansard.user("late"), lease=lease)


async def test_tail_gives_entries_of_others_as_they_come(store):
    session = await store.create()
    seen = []

    async def follow():
        async for entry in session.tail(after=0):
            seen.append(entry.seq)
            if len(seen) == 3:
                return

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(follow)
            await session.append(hansard.user("a"))
            await session.append(hansard.user("b"))
    assert seen == [1, 2, 3]


async def test_a_store_is_opened_by_await_too_and_closed_once(url):
    store = await hansard.aio.open(url)
    await store.close()
    await store.close()
    with pytest.raises(Unavailable):
        await store.create()
    with pytest.raises(Invalid):
        await hansard.aio.open("what:")
