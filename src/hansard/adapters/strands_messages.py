"""Messages of Strands in a session: each with the index that its client chose, redactions as amendments."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Final

from ..model.counts import count
from ..model.entry import Json, NewEntry, usage
from ..model.info import Message
from ..payloads.strands import encode
from ..store import Session
from .attached import own_payload, unused, with_files

FORMAT: Final = "strands"
"""Format of the raw payloads that are written here."""

_MARK: Final = "strands"
_INTERRUPTED: Final = "No result: the call was interrupted, or its result is not on record."


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
    call = usage(
        input=count(spent.get("inputTokens")), output=count(spent.get("outputTokens")),
        cache_read=count(spent.get("cacheReadInputTokens")), cache_write=count(spent.get("cacheWriteInputTokens")),
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
    return _paired(list(_counted(session))) if own is None else own


def conversation(session: Session) -> list[dict[str, Json]]:
    """What all visible messages show; calls at the end that nobody has answered are, so that an agent can be asked."""
    found = [item.message if item.redacted is None else item.redacted for item in indexed(session)]
    asked = _calls(found[-1]) if found else []
    return [*found, {"role": "user", "content": [_unanswered(call) for call in asked]}] if asked else found


def behind(session: Session, offset: int) -> list[Indexed]:
    """The visible messages without the first `offset`, which are not read where that can be helped."""
    info = session.info
    if offset and not info.amendments and info.summary is None:
        own = _newest_own(session, max(0, info.message_count - offset))
        if own is not None:
            return [item for item in own if item.index >= offset]
    return indexed(session)[offset:]


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
    known: set[str] = set()
    for message in session.messages():
        index = last.index + 1 if last is not None else 0
        found = _own(session, message) or _of_others(session, message, index)
        if last is not None and last.foreign and found.foreign and last.message["role"] == found.message["role"]:
            # Some transcripts have a call twice, which providers refuse.
            fresh = [block for block in found.message["content"] if known.isdisjoint(_calls({"content": [block]}))]
            known.update(_calls({"content": fresh}))
            # The list is this function's own.
            content = last.message["content"]
            content += fresh
            last = replace(found, index=last.index, message={**found.message, "content": content})
            continue
        if last is not None:
            yield _filled(last)
        last, known = found, set(_calls(found.message))
    if last is not None:
        yield _filled(last)


def _paired(items: list[Indexed]) -> list[Indexed]:
    """The messages, those of other programs so that each begins with the results of the calls before it, and no others.

    A result that came later is moved there; a call without one is answered by saying so; an id that was used before is
    another one. Providers refuse all else.
    """
    given = _answers(items)
    used: dict[str, int] = {}
    asked: dict[str, str] = {}
    for place, item in enumerate(items):
        if item.foreign and item.message["role"] == "user":
            said = [block for block in item.message["content"] if not _is_answer(block)]
            answers = [_named(_answer(given, call, place) or _unanswered(call), asked) for call in asked]
            items[place] = _filled(replace(item, message={**item.message, "content": [*answers, *said]}))
        asked = {call: unused(call, used) if item.foreign else call for call in _calls(item.message)}
        for name in asked.values():
            used.setdefault(name, 1)
        if any(call != name for call, name in asked.items()):
            content = [_named(block, asked) for block in item.message["content"]]
            items[place] = replace(item, message={**item.message, "content": content})
    return items


def _named(block: Json, names: Mapping[str, str]) -> Json:
    """A call or a result under the name that its call has here; any other block as it is."""
    kind = next((kind for kind in ("toolUse", "toolResult") if kind in block), None)
    if kind is None:
        return block
    call = block[kind].get("toolUseId")
    return {kind: {**block[kind], "toolUseId": names.get(call, call)}}


def _answers(items: list[Indexed]) -> dict[str, list[tuple[int, Json]]]:
    """By the id of a call where it is made, and where messages of other programs have a result of it, which is beside."""
    found: defaultdict[str, list[tuple[int, Json]]] = defaultdict(list)
    for place, item in enumerate(items):
        for call in _calls(item.message):
            found[call].append((place, None))
        for block in item.message["content"] if item.foreign else ():
            if _is_answer(block):
                found[str(block["toolResult"].get("toolUseId"))].append((place, block))
    return found


def _answer(given: Mapping[str, list[tuple[int, Json]]], call: str, place: int) -> Json:
    """The first result of a call from a place on; None if there is none, or the call is made again before."""
    found = given[call]
    first = bisect_left(found, place, key=itemgetter(0))
    return found[first][1] if first < len(found) else None


def _calls(message: dict[str, Json]) -> list[str]:
    blocks = [block["toolUse"] for block in message["content"] if isinstance(block, dict) and "toolUse" in block]
    return list(dict.fromkeys(str(call.get("toolUseId")) for call in blocks))


def _unanswered(call: str) -> Json:
    return {"toolResult": {"toolUseId": call, "status": "error", "content": [{"text": _INTERRUPTED}]}}


def _filled(one: Indexed) -> Indexed:
    """The message, which says so if nothing of it can be said to Strands: providers refuse one without content."""
    said = one.message["content"] or not one.foreign
    return one if said else replace(one, message={**one.message, "content": [{"text": "(nothing)"}]})


def _own(session: Session, message: Message) -> Indexed | None:
    mark = message.metadata.get(_MARK)
    own = own_payload(session, message, format=FORMAT)
    if own is None or not isinstance(mark, dict):
        return None
    shown = json.loads(own)
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
