"""Messages of Strands in a session: each with the index that its client chose, redactions as amendments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..model.entry import Json, NewEntry, usage
from ..model.info import Message
from ..payloads.strands import encode
from ..store import Session
from .attached import with_files

FORMAT: Final = "strands"
"""Format of the raw payloads that are written here."""

_MARK: Final = "strands"


@dataclass(frozen=True)
class Indexed:
    """A message of the visible path as Strands has it, in JSON: bytes are wrapped in base64."""

    seq: int
    index: int
    message: dict[str, Json]
    redacted: dict[str, Json] | None
    created_at: str
    updated_at: str
    foreign: bool
    """Written by another program."""


def message_entries(given: Mapping[str, Any], *, agent: str) -> list[NewEntry]:
    """The message that keeps one of Strands verbatim, and the usage of the model call that it tells of."""
    message = given["message"]
    made = NewEntry(kind="message", body=_body(message, given), at=_time(given.get("created_at")), agent=agent)
    said = message.get("metadata")
    spent = said.get("usage") if isinstance(said, dict) else None
    if not isinstance(spent, dict):
        return [made]
    cached, written = (int(spent.get(f"cache{name}InputTokens") or 0) for name in ("Read", "Write"))
    call = usage(
        input=int(spent.get("inputTokens") or 0), output=int(spent.get("outputTokens") or 0), cache_read=cached,
        cache_write=written,
    )  # fmt: skip
    return [made, call]


def amendment(found: Indexed, given: Mapping[str, Any], *, agent: str) -> NewEntry:
    """The entry after which a message shows what it was redacted or changed to. The log keeps what it was."""
    redacted = given.get("redact_message")
    body = _body(redacted if redacted is not None else given["message"], {**given, "created_at": found.created_at})
    mark = body["metadata"][_MARK]
    mark["redacted"] = redacted is not None
    if redacted is not None and given["message"] != found.message:
        mark["message"] = given["message"]
    return NewEntry(kind="amend", body={"seq": found.seq, "body": body}, agent=agent)


def _body(message: dict[str, Json], given: Mapping[str, Any]) -> dict[str, Json]:
    blocks = message.get("content")
    answers = isinstance(blocks, list) and bool(blocks) and all(_is_answer(block) for block in blocks)
    mark = {name: given[name] for name in ("message_id", "created_at", "updated_at")}
    return {
        "role": "tool" if answers else message.get("role", "user"),
        "raw": {"format": FORMAT, "text": json.dumps(message, ensure_ascii=False, separators=(",", ":"))},
        "metadata": {_MARK: mark},
    }


def _is_answer(block: Json) -> bool:
    return isinstance(block, dict) and "toolResult" in block


def _time(said: Json) -> str:
    """A time that has a zone; other times are left to the store."""
    known = isinstance(said, str) and (said.endswith("Z") or "+" in said[10:])
    return said if known else ""


def indexed(session: Session, *, newest: int | None = None) -> list[Indexed]:
    """The visible messages, or at least the newest of them, with their indexes.

    What another program said in several messages, one after another in the same role, is one message to Strands, and
    has the index after the one before it. Where such messages are among the newest, all are read.
    """
    own = None if newest is None else _newest_own(session, newest)
    return list(_counted(session)) if own is None else own


def behind(session: Session, offset: int) -> list[Indexed]:
    """The visible messages without the first `offset`, which are not read where that can be helped."""
    info = session.info
    if offset and not info.amendments and info.summary is None:
        own = _newest_own(session, max(0, info.message_count - offset))
        if own is not None:
            return [item for item in own if item.index >= offset]
    return list(_counted(session))[offset:]


def _newest_own(session: Session, count: int) -> list[Indexed] | None:
    """The newest messages; None if Strands has not written all of them."""
    found: list[Indexed] = []
    for message in session.messages(limit=count):
        own = _own(session, message)
        if own is None:
            return None
        found.append(own)
    return found


def _counted(session: Session) -> Iterator[Indexed]:
    last: Indexed | None = None
    for message in session.messages():
        index = last.index + 1 if last is not None else 0
        found = _own(session, message) or _of_others(session, message, index)
        if last is not None and last.foreign and found.foreign and last.message["role"] == found.message["role"]:
            content = [*last.message["content"], *found.message["content"]]
            last = replace(found, index=last.index, message={**found.message, "content": content})
            continue
        if last is not None:
            yield last
        last = found
    if last is not None:
        yield last


def _own(session: Session, message: Message) -> Indexed | None:
    mark = message.metadata.get(_MARK)
    if not isinstance(mark, dict) or not isinstance(message.raw, dict) or message.raw.get("format") != FORMAT:
        return None
    shown = json.loads(session.payload(message) or "{}")
    original, redacted = shown, None
    if mark.get("redacted"):
        # What was redacted is read back from its own entry, and nowhere else, so that it is gone when that is erased.
        text = session.payload(session.entry(message.seq))
        original, redacted = mark.get("message") or (json.loads(text) if text else shown), shown
    return Indexed(
        message.seq, mark["message_id"], original, redacted, mark["created_at"], mark["updated_at"], foreign=False
    )  # fmt: skip


def _of_others(session: Session, message: Message, index: int) -> Indexed:
    said = encode(message.role, with_files(message.parts, session.attachment))
    return Indexed(message.seq, index, said, None, message.at, message.at, foreign=True)
