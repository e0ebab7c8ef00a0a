"""Entries: what a log consists of, what a caller hands in, and the constructors of the common kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from .counts import check_usage

Json: TypeAlias = Any
"""A JSON value: dict with str keys, list, str, int, float, bool or None, as `hansard.codec.values` checks it."""

Part: TypeAlias = dict[str, Any]
"""One part of a message, told apart by its member `type`: text, reasoning, tool_call, tool_result, file, json, or any
other, which is carried along untouched. Shapes: docs/reference/entries.md."""

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]

NODES = frozenset(("message", "compaction"))
"""The kinds that form the tree; every other entry belongs to the node before it."""

KINDS = frozenset((
    "created", "message", "event", "usage", "update", "compaction", "head", "amend", "attachment", "document", "lease",
    "erase", "upgrade",
))  # fmt: skip
"""The kinds of format 1. Others are `x-<namespace>.<name>` and are carried along unharmed."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One line of a log, as stored. `body` is shared: treat it as read-only."""

    # Values of JSON make no cycle, so the collector need not look at each of many thousand entries.

    seq: int
    """Number in the session: 1, 2, 3 … without gaps, assigned by the store."""
    id: str
    """Unique in the session."""
    at: str
    """When it happened: RFC 3339, UTC, microseconds, `Z`. Never used for order."""
    kind: str
    body: Json = None
    agent: str | None = None
    """Who wrote it, if said."""
    run: str | None = None
    """The run it was written in, if said."""
    parent: int | None = None
    """The node it follows, where that is not the head at its place in the log."""
    extra: dict[str, Json] = {}
    """Top-level members that this version does not know."""
    commit: tuple[int, int] | None = None
    """On the last entry of a synced group: the group's first seq and the clock of the commit in microseconds."""
    digest: str = ""
    hash: str = ""
    salt: str = ""

    @property
    def erased(self) -> bool:
        """The body was erased for good; digest and chain still verify."""
        return not self.salt


class NewEntry(msgspec.Struct, frozen=True, gc=False):
    """What a caller appends. The store adds seq, hashes and what is left empty here."""

    kind: str
    body: Json
    id: str = ""
    """An idempotency key of the caller's; "" draws a UUIDv7."""
    at: str = ""
    """RFC 3339 with any offset; "" is the time of the append."""
    agent: str | None = None
    run: str | None = None
    parent: int | None = None
    """The node to follow, if that is not the head."""
    extra: dict[str, Json] = {}


def text(value: str) -> Part:
    """A text part."""
    return {"type": "text", "text": value}


def reasoning(value: str) -> Part:
    """A reasoning part: what the model thought before it answered."""
    return {"type": "reasoning", "text": value}


def tool_call(call_id: str, name: str, arguments: Json) -> Part:
    """A tool call, in an assistant message. `call_id` pairs it with its result."""
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def tool_result(call_id: str, content: Json, *, is_error: bool = False) -> Part:
    """The result of a tool call, in a tool message."""
    part: Part = {"type": "tool_result", "call_id": call_id, "content": content}
    if is_error:
        part["is_error"] = True
    return part


def message(
    role: str,
    content: str | Sequence[Part],
    *,
    id: str = "",  # noqa: A002 - the field's name
    at: str = "",
    agent: str | None = None,
    parent: int | None = None,
    name: str | None = None,
    model: str | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> NewEntry:
    """A message entry. `content` is one text, or a sequence of parts. `metadata` is kept and not sent to the model."""
    parts = [text(content)] if isinstance(content, str) else list(content)
    body: dict[str, Json] = {"role": role, "parts": parts}
    if name is not None:
        body["name"] = name
    if model is not None:
        body["model"] = model
    if metadata is not None:
        body["metadata"] = dict(metadata)
    return NewEntry(kind="message", body=body, id=id, at=at, agent=agent, parent=parent)


def system(content: str | Sequence[Part], **fields: Any) -> NewEntry:
    """A system message; keywords as for `message`."""
    return message("system", content, **fields)


def user(content: str | Sequence[Part], **fields: Any) -> NewEntry:
    """A user message; keywords as for `message`."""
    return message("user", content, **fields)


def assistant(content: str | Sequence[Part], **fields: Any) -> NewEntry:
    """An assistant message; keywords as for `message`."""
    return message("assistant", content, **fields)


def tool(call_id: str, content: Json, *, is_error: bool = False, **fields: Any) -> NewEntry:
    """A tool message that holds the result of one call; further keywords as for `message`."""
    return message("tool", [tool_result(call_id, content, is_error=is_error)], **fields)


def event(kind: str, data: Mapping[str, Json] | None = None, *, id: str = "", at: str = "") -> NewEntry:  # noqa: A002
    """An event: a trace, a timing, a step. It is kept beside the conversation and never sent to a model."""
    return NewEntry(kind="event", body={"type": kind, **(data or {})}, id=id, at=at)


def step(
    name: str,
    *,
    tool_call_id: str = "",
    arguments: Json = None,
    output: Json = None,
    summary: str | None = None,
    started_at: str | None = None,
    duration_ms: float | None = None,
    error: Json = None,
    id: str = "",  # noqa: A002 - the field's name
    at: str = "",
) -> NewEntry:
    """The event of one tool step, kept beside the messages: what they do not say, such as start, duration and error.

    With `tool_call_id` it adds to the call and the result that stand in messages. See `Session.trajectory`.
    """
    said = {
        "tool_call_id": tool_call_id or None, "arguments": arguments, "output": output, "summary": summary,
        "started_at": started_at, "duration_ms": duration_ms, "error": error,
    }  # fmt: skip
    body: dict[str, Json] = {"type": "step", "name": name}
    return NewEntry("event", body | {key: value for key, value in said.items() if value is not None}, id=id, at=at)


def raw_message(role: str, format: str, payload: str, *, id: str = "", at: str = "") -> NewEntry:  # noqa: A002
    """A message whose foreign payload is kept verbatim; its parts are computed on read by the decoder of `format`."""
    return NewEntry(kind="message", body={"role": role, "raw": {"format": format, "text": payload}}, id=id, at=at)


def usage(
    model: str | None = None,
    *,
    call_id: str = "",
    input: int = 0,  # noqa: A002 - the field's standard term
    output: int = 0,
    cache_read: int = 0,
    cache_write: int = 0,
    reasoning: int = 0,
    cost: float | None = None,
    latency_ms: float | None = None,
    context: Mapping[str, Json] | None = None,
    at: str = "",
) -> NewEntry:
    """The usage of one model call, in tokens, US dollars and milliseconds.

    `call_id` makes the call count once however often it is reported: the entry's id is derived from it.
    `input` counts what was neither read from nor written to a cache. `context` is the gauge: used, max, …

    Raises:
        Invalid: a count is no whole number, a number is negative or above 2**53; names the field.
    """
    body: dict[str, Json] = {"input": input, "output": output}
    counted = {"cache_read": cache_read, "cache_write": cache_write, "reasoning": reasoning}
    body |= {key: value for key, value in counted.items() if value}
    known = {"model": model, "call": call_id or None, "cost": cost, "latency_ms": latency_ms}
    body |= {key: value for key, value in known.items() if value is not None}
    if context is not None:
        body["context"] = dict(context)
    check_usage(body | counted, "usage")
    return NewEntry(kind="usage", body=body, id=f"usage:{call_id}" if call_id else "", at=at)
