from __future__ import annotations

import anyio
import pytest

import hansard
from hansard import aio

pytestmark = pytest.mark.anyio


async def test_a_run_that_is_cancelled_ends_as_cancelled_before_the_cancellation_is_raised(url):
    async with aio.open(url) as store:
        session = await store.create(agent="coder")
        with anyio.CancelScope() as scope:
            async with session.run(task="long") as run:
                await run.append(hansard.user("go"))
                assert (await session.info()).status == "running"
                scope.cancel()
                await anyio.sleep_forever()
        info = await session.info()
        assert (info.status, info.lease is not None and info.lease.released) == ("cancelled", True)
        assert [found.status async for found in store.runs()] == ["cancelled"]


async def fail_in_a_run(session):
    async with session.run() as run:
        assert run.session == session
        raise KeyError(run.id)


async def test_an_error_inside_a_run_is_its_error(url):
    async with aio.open(url) as store:
        session = await store.create()
        with pytest.raises(KeyError):
            await fail_in_a_run(session)
        assert (await session.info()).error["type"] == "KeyError"


async def test_watching_tells_changes_and_can_be_left(url):
    async with aio.open(url) as store:
        watching = store.watch(poll_s=0.01)
        session = await store.create(id="s")
        with anyio.fail_after(60):
            async for info in watching:
                assert info.id == session.id
                break
