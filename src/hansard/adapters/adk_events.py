"""What ADK hands over, as Hansard keeps it: events with their usage, and the changes of three states."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.adk.events import Event
from google.adk.sessions import State
from pydantic_core import PydanticSerializationError, to_jsonable_python

from ..codec import times, values
from ..errors import Invalid
from ..model.counts import count
from ..model.entry import Json, NewEntry, usage
from ..payloads.adk import role_of
from .attached import spelled_usually

FORMAT: Final = "adk"

_logger: Final = logging.getLogger(__name__)


def entries_of(event: Event) -> list[NewEntry]:
    """The entry that holds an event, and the usage that it reports."""
    text = _text_of(event)
    raw = {"format": FORMAT, "text": text}
    at = times.normal(event.timestamp)
    agent = event.author if event.author not in ("", "user") else None
    content = event.content.model_dump(mode="json", exclude_none=True) if event.content else None
    if content and content.get("parts"):
        body: dict[str, Json] = {"role": role_of(content), "raw": raw}
        if event.model_version:
            body["model"] = event.model_version
        entry = NewEntry(kind="message", body=body, id=event.id, at=at, agent=agent, run=event.invocation_id or None)
    else:
        body = {"type": "adk.event", "raw": raw}
        entry = NewEntry(kind="event", body=body, id=event.id, at=at, agent=agent, run=event.invocation_id or None)
    return [entry, *_usage(event, at)]


def _text_of(event: Event) -> str:
    """The event as ADK writes it; half a character, which its reader refuses, becomes the mark for an unknown one."""
    try:
        return spelled_usually(event.model_dump_json(exclude_none=True), _files)
    except PydanticSerializationError as error:
        _logger.warning(
            "event %r holds text that is no Unicode, and is stored with U+FFFD in its place: %s", event.id, error
        )
    return values.encode(_unicode(event.model_dump(mode="json", exclude_none=True))).decode()


def _files(event: Json) -> Iterator[Json]:
    """The files in an event: what somebody gave or a model made, and what is beside the result of a tool."""
    content = event.get("content")
    for part in content.get("parts") or () if isinstance(content, dict) else ():
        yield part.get("inline_data")
        answer = part.get("function_response")
        yield from (piece.get("inline_data") for piece in (answer or {}).get("parts") or ())


def _unicode(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_unicode(key): _unicode(item) for key, item in value.items()}
    return [_unicode(item) for item in value] if isinstance(value, list) else value


def _usage(event: Event, at: str) -> list[NewEntry]:
    told = event.usage_metadata
    if told is None:
        return []
    cached, thought = count(told.cached_content_token_count), count(told.thoughts_token_count)
    return [
        usage(
            event.model_version,
            call_id=event.id,
            input=max(0, count(told.prompt_token_count) - cached),
            output=count(count(told.candidates_token_count) + thought),
            cache_read=cached,
            reasoning=thought,
            at=at,
        )
    ]


def deltas_of(state: Mapping[str, Any]) -> dict[str, dict[str, Json]]:
    """The changes of the app's, the user's and (by "") the session's own state, as JSON; temporary ones are left out."""
    deltas: dict[str, dict[str, Json]] = {State.APP_PREFIX: {}, State.USER_PREFIX: {}, "": {}}
    for key, value in state.items():
        if key.startswith(State.TEMP_PREFIX):
            continue
        prefix = next((one for one in (State.APP_PREFIX, State.USER_PREFIX) if key.startswith(one)), "")
        deltas[prefix][key.removeprefix(prefix)] = _as_json(key, value)
    return deltas


def _as_json(key: str, value: Any) -> Json:
    """The value as JSON has it; what has no form there becomes its text, and that is said."""
    try:
        plain = to_jsonable_python(value)
        values.check_value(plain)
    except (ValueError, TypeError, RecursionError) as error:
        _logger.warning("state %r holds what JSON has no form for, and is stored as text: %s", key, error)
        plain = to_jsonable_python(value, serialize_unknown=True, inf_nan_mode="strings", bytes_mode="base64")
        try:
            values.check_value(plain)
        except Invalid:
            plain = str(value)
    return plain
