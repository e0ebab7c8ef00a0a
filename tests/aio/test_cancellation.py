from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

import hansard
from hansard.aio import AsyncStore, running
from hansard.backends.memory import MemoryBackend
from hansard.store import Store

pytestmark = pytest.mark.anyio


class Gated(MemoryBackend):
    """A backend whose commits wait until the test opens the gate."""

    def __init__(self, *, clock):
        super().__init__(clock=clock)
        self.gate = threading.Event()
        self.started = threading.Event()

    def submit(self, session, request, done):
        def work():
            self.started.set()
            self.gate.wait(60)
            done(self.append(session, request))

        threading.Thread(target=work, daemon=True).start()

    def attach(self, session, data, *, mime, name=None):
        self.started.set()
        self.gate.wait(60)
        return super().attach(session, data, mime=mime, name=name)


@pytest.fixture
def backend():
    return Gated(clock=lambda: 1_790_000_000_000_000)


@pytest.fixture
async def session(backend):
    store = AsyncStore(Store(backend, clock=lambda: 1_790_000_000_000_000))
    made = await store.create(id="s")
    yield made
    backend.gate.set()
    await store.close()


@pytest.mark.parametrize("verb", ["append", "attach"])
async def test_a_cancelled_mutation_settles_before_the_cancellation_is_raised(backend, session, verb):
    ended = []

    async def mutate():
        try:
            await (session.append(hansard.user("a")) if verb == "append" else session.attach(b"x", record=False))
        except anyio.get_cancelled_exc_class():
            ended.append(backend.gate.is_set())
            raise
        ended.append("not cancelled")

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(mutate)
            await anyio.to_thread.run_sync(backend.started.wait)
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                for _ in range(5):
                    await anyio.lowlevel.checkpoint()
                assert ended == []
                backend.gate.set()
    assert ended == [True]
    if verb == "append":
        assert await session.seq() == 2


async def test_a_call_that_is_cancelled_before_it_starts_does_nothing(backend, session):
    with anyio.CancelScope() as scope:
        scope.cancel()
        await session.append(hansard.user("a"))
    assert scope.cancelled_caught
    assert not backend.started.is_set()
    assert await session.seq() == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_task_cancel_of_asyncio_waits_too(backend, session):
    task = asyncio.create_task(session.append(hansard.user("a")))
    await asyncio.to_thread(backend.started.wait)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    backend.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await session.seq() == 2


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_timeout_of_asyncio_is_a_timeout(backend, session):
    threading.Thread(
        target=lambda: (backend.started.wait(60) and backend.gate.wait(0.05)) or backend.gate.set()
    ).start()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await session.append(hansard.user("a"))
    assert await session.seq() == 2


async def test_answers_that_are_ready_together_wake_the_loop_once(monkeypatch, backend, session):
    wakes, waiting = [], []
    bell = running._here.bell
    real = bell._wake
    monkeypatch.setattr(bell, "_wake", lambda call: (wakes.append(1), real(call)))
    monkeypatch.setattr(backend, "submit", lambda *asked: waiting.append(asked))
    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(session.append, hansard.user(f"m{number}"))
        while len(waiting) < 8:
            await anyio.lowlevel.checkpoint()
        for name, request, done in waiting:
            done(backend.append(name, request))
    assert len(wakes) == 1
    assert await session.seq() == 9


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
def test_an_answer_for_a_loop_that_has_ended_is_dropped(anyio_backend):
    kept = []
    loop = asyncio.new_event_loop()
    task = loop.create_task(running.settled(kept.append))
    loop.call_soon(loop.call_soon, loop.stop)
    loop.run_forever()
    task._log_destroy_pending = False
    loop.close()
    kept[0](("late", None))
    assert not task.done()


async def test_a_store_whose_opening_was_cancelled_is_closed(monkeypatch):
    gate, started, made = threading.Event(), threading.Event(), []

    def slow(*args, **kwargs):
        started.set()
        gate.wait(60)
        made.append(Store(MemoryBackend(clock=lambda: 0), clock=lambda: 0))
        return made[0]

    monkeypatch.setattr("hansard.opening.open", slow)
    async with anyio.create_task_group() as group:
        group.start_soon(hansard.aio.open("memory:").__aenter__)
        await anyio.to_thread.run_sync(started.wait)
        group.cancel_scope.cancel()
        gate.set()
    with pytest.raises(hansard.Unavailable):
        made[0].create()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_message_that_is_changed_while_its_append_waits_is_known_as_it_was_written(tmp_path):
    async with hansard.aio.open(tmp_path / "store") as store:
        made = await store.create()
        said = hansard.user("As it was")
        waiting = asyncio.create_task(made.append(said))
        await asyncio.sleep(0)
        said.body["parts"][0]["text"] = "Another"
        said.body["parts"].append({"type": "tool_result", "call_id": "c", "is_error": True})
        said.body["role"] = "tool"
        await waiting
        info = await made.info()
        assert (info.title, info.user_message_count, info.error_count) == ("As it was", 1, 0)
