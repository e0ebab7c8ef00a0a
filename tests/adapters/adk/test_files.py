"""Files in events: kept once beside the session, and given back with their bytes."""

from __future__ import annotations

import asyncio

import pytest

import hansard

pytest.importorskip("google.adk", reason="ADK is not installed; make test-adapters has it")

from google.adk.events import Event
from google.genai import types

from hansard.adapters.adk import HansardSessionService

PHOTO = b"\xfb\xef\xff" * 2000
"""Its base64 has both letters in which the alphabets of base64 differ."""


def test_a_photo_is_kept_once_beside_the_session_and_comes_back_with_its_bytes(tmp_path):
    seen = types.FunctionResponse(
        id="c",
        name="camera",
        response={"data": "a-_b" * 400, "mime_type": "text/plain"},
        parts=[types.FunctionResponsePart(inline_data=types.FunctionResponseBlob(data=PHOTO, mime_type="image/png"))],
    )
    parts = [
        types.Part.from_bytes(data=PHOTO, mime_type="image/png"),
        types.Part(function_response=seen),
        types.Part(text="so", thought_signature=b"\xff" * 2000),
    ]
    given = Event(author="user", content=types.Content(role="user", parts=parts))

    async def work(service):
        session = await service.create_session(app_name="tides", user_id="mara", session_id="s")
        await service.append_event(session, given)
        return await service.get_session(app_name="tides", user_id="mara", session_id="s")

    with hansard.open(tmp_path / "store") as store:
        loaded = asyncio.run(work(HansardSessionService(store)))
        [message] = store.get("s@mara@tides").messages()
        [body] = [entry.body for entry in store.get("s@mara@tides").entries(kinds="message")]
    assert loaded.events == [given]
    assert message.parts[0]["attachment"] == message.parts[1]["content"][1]["attachment"]
    assert len(str(body)) < 6000


def test_a_lost_file_is_told_and_is_not_taken_for_no_session(tmp_path):
    async def work(store):
        service = HansardSessionService(store)
        session = await service.create_session(app_name="a", user_id="u", session_id="s")
        blob = types.Blob(data=PHOTO, mime_type="image/png")
        content = types.Content(role="user", parts=[types.Part(inline_data=blob)])
        await service.append_event(session, Event(author="user", content=content))
        for file in tmp_path.glob("sessions/*/attachments/*"):
            file.unlink()
        with pytest.raises(hansard.NotFound, match="attachment"):
            await service.get_session(app_name="a", user_id="u", session_id="s")

    with hansard.open(tmp_path) as store:
        asyncio.run(work(store))
