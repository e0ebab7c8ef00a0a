from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("google.adk", reason="ADK is not installed: pip install 'hansard[adk]'", exc_type=ImportError)

from google.adk.errors.input_validation_error import InputValidationError
from google.genai import types

from hansard.adapters.adk import HansardArtifactService, HansardSessionService
from support.adapters import BACKENDS, empty_stores

pytestmark = pytest.mark.anyio
WHO = {"app_name": "tides", "user_id": "mara"}
HERE = {**WHO, "session_id": "s"}
PNG = types.Part(inline_data=types.Blob(data=b"\x89PNG" + bytes(range(256)) * 20, mime_type="image/png"))


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(params=BACKENDS)
def service(request, tmp_path):
    with empty_stores(request.param, tmp_path) as empty:
        yield HansardArtifactService(empty())


async def test_versions_count_from_nought_and_stay_readable(service):
    for number in range(3):
        assert await service.save_artifact(**HERE, filename="note", artifact=types.Part(text=str(number))) == number
    assert (await service.load_artifact(**HERE, filename="note")).text == "2"
    assert (await service.load_artifact(**HERE, filename="note", version=0)).text == "0"
    assert await service.load_artifact(**HERE, filename="note", version=3) is None
    assert await service.list_versions(**HERE, filename="note") == [0, 1, 2]
    assert await service.load_artifact(**HERE, filename="other") is None
    assert await service.list_versions(**HERE, filename="other") == []


async def test_bytes_come_back_equal_with_their_kind(service):
    await service.save_artifact(**HERE, filename="a/b.png", artifact=PNG, custom_metadata={"k": [1]})
    await service.save_artifact(**HERE, filename="again.png", artifact=PNG)
    assert await service.load_artifact(**HERE, filename="a/b.png") == PNG
    told = await service.get_artifact_version(**HERE, filename="a/b.png")
    assert (told.version, told.mime_type, told.custom_metadata) == (0, "image/png", {"k": [1]})
    assert "a/b.png" in told.canonical_uri
    assert [one.version for one in await service.list_artifact_versions(**HERE, filename="a/b.png")] == [0]
    assert await service.get_artifact_version(**HERE, filename="a/b.png", version=9) is None
    empty = types.Part(inline_data=types.Blob(data=b"", mime_type="text/plain"))
    await service.save_artifact(**HERE, filename="empty", artifact=empty)
    assert (await service.load_artifact(**HERE, filename="empty")).inline_data.data == b""


async def test_a_dict_is_an_artifact_too(service):
    await service.save_artifact(
        **HERE, filename="d", artifact={"inlineData": {"data": "aGk=", "mimeType": "text/plain"}}
    )
    assert (await service.load_artifact(**HERE, filename="d")).inline_data.data == b"hi"
    with pytest.raises(InputValidationError, match="none of them"):
        await service.save_artifact(**HERE, filename="x", artifact=types.Part())


async def test_names_with_user_belong_to_all_sessions_of_the_user(service):
    await service.save_artifact(**HERE, filename="own", artifact=types.Part(text="o"))
    await service.save_artifact(**HERE, filename="user:shared", artifact=types.Part(text="s"))
    elsewhere = {**WHO, "session_id": "t"}
    assert (await service.load_artifact(**elsewhere, filename="user:shared")).text == "s"
    assert await service.load_artifact(**elsewhere, filename="own") is None
    assert await service.list_artifact_keys(**HERE) == ["own", "user:shared"]
    assert await service.list_artifact_keys(**elsewhere) == ["user:shared"]
    assert await service.list_artifact_keys(**WHO) == ["user:shared"]
    assert await service.list_artifact_keys(app_name="tides", user_id="ole", session_id="s") == []
    with pytest.raises(InputValidationError, match="session_id"):
        await service.save_artifact(**WHO, filename="own", artifact=types.Part(text="o"))


async def test_what_was_deleted_begins_anew(service):
    await service.save_artifact(**HERE, filename="f", artifact=types.Part(text="1"))
    await service.delete_artifact(**HERE, filename="f")
    await service.delete_artifact(**HERE, filename="never")
    assert await service.load_artifact(**HERE, filename="f") is None
    assert await service.list_artifact_keys(**HERE) == []
    assert await service.save_artifact(**HERE, filename="f", artifact=types.Part(text="2")) == 0
    assert (await service.load_artifact(**HERE, filename="f")).text == "2"


async def test_what_points_to_another_artifact_is_followed_and_not_beyond_its_user(service):
    await service.save_artifact(**HERE, filename="f", artifact=PNG)
    uri = "artifact://apps/tides/users/mara/sessions/s/artifacts/f/versions/0"
    pointing = types.Part(file_data=types.FileData(file_uri=uri, mime_type="image/png"))
    await service.save_artifact(**HERE, filename="link", artifact=pointing)
    assert await service.load_artifact(**HERE, filename="link") == PNG
    other = types.Part(file_data=types.FileData(file_uri=uri.replace("mara", "ole")))
    await service.save_artifact(**HERE, filename="theirs", artifact=other)
    with pytest.raises(InputValidationError, match="another app or user"):
        await service.load_artifact(**HERE, filename="theirs")
    loop = types.Part(file_data=types.FileData(file_uri=uri.replace("artifacts/f", "artifacts/loop")))
    await service.save_artifact(**HERE, filename="loop", artifact=loop)
    with pytest.raises(InputValidationError, match="more than"):
        await service.load_artifact(**HERE, filename="loop")


async def test_many_savers_get_many_versions(service):
    saves = [service.save_artifact(**HERE, filename="f", artifact=types.Part(text=str(n))) for n in range(12)]
    assert sorted(await asyncio.gather(*saves)) == list(range(12))


async def test_saving_an_artifact_makes_no_session_stale(service):
    sessions = HansardSessionService(service.store)
    session = await sessions.create_session(**WHO, session_id="s")
    await service.save_artifact(**HERE, filename="f", artifact=PNG)
    from google.adk.events import Event

    await sessions.append_event(session, Event(author="a", invocation_id="i"))
    assert [found.id for found in service.store.find()] == ["s@mara@tides"]
