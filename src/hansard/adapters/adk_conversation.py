"""What any session says, as events of ADK: so that its agents go on with what another program began."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

try:
    from google.adk.events import Event
except ImportError as error:
    _MISSING: Final = "ADK is not installed: pip install 'hansard[adk]'"
    raise ImportError(_MISSING) from error

from ..aio import AsyncSession
from ..codec import times, values
from ..model.entry import Part
from ..model.info import Message
from ..payloads.adk import encode
from ..store import Session
from .adk_events import FORMAT
from .attached import Results, own_payload, with_files
from .opened import sync_of


def conversation(session: Session | AsyncSession, *, author: str) -> list[Event]:
    """The history of a session as events, answers and results being those of the agent `author`.

    They are appended to a new session of ADK: `for event in conversation(…): await service.append_event(adk_session,
    event)`. What ADK said itself is as it was. An event has the id that it had before as long as what was said up to it
    is the same, so that it is there once where a crash made somebody append them again.
    """
    session = sync_of(session)
    tools: dict[str, str] = {}
    events: list[Event] = []
    results = Results(whole=True)
    identity = f"{session.id}/{author}"
    for message in session.history():
        content = _content(session, message, results.wanted(message.parts), tools)
        if not content["parts"]:
            continue
        before = f"{identity}/{message.at}/".encode("utf-8", "surrogatepass")
        identity = str(uuid5(NAMESPACE_OID, sha256(before + values.encode(content)).hexdigest()))
        given: dict[str, Any] = {"timestamp": times.microseconds(message.at) / 1_000_000} if message.at else {}
        own = content.get("role") == "model" or any("function_response" in part for part in content["parts"])
        said = {"id": identity, "author": author if own else "user", "content": content}
        events.append(Event.model_validate({**said, **given}))
    return events


def _content(session: Session, message: Message, parts: Sequence[Part], tools: dict[str, str]) -> dict[str, Any]:
    """The content of an event: ADK's own, or one that says what another program said. `tools` learns names by call id."""
    for part in parts:
        if part.get("type") == "tool_call":
            tools[str(part.get("id", ""))] = str(part.get("name", ""))
    own = own_payload(session, message, format=FORMAT)
    event = None if own is None else values.decode(own.encode("utf-8", "surrogatepass"))
    content = event.get("content") if isinstance(event, dict) else None
    if isinstance(content, dict) and content.get("parts"):
        return content
    return encode(message.role, with_files(parts, session.attachment), tools=tools)
