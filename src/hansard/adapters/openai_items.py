"""Items of the Responses API in a session: written one message each, read from whatever wrote the messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from ..model.entry import NewEntry, raw_message
from ..model.info import Message
from ..payloads.openai_responses import encode
from ..store import Draft, Session
from .attached import Results, own_payload, with_files

Item: TypeAlias = Any
"""One input item of the Responses API: a JSON object."""

FORMAT: Final = "openai-responses"
"""Format of the raw payloads that are written here."""


def rewind(to: int) -> NewEntry:
    """The entry that moves the visible end back to another."""
    return NewEntry(kind="head", body={"to": to})


def entry(item: Item) -> NewEntry:
    """The message that keeps an item verbatim."""
    kind = str(item.get("type", "")) if isinstance(item, Mapping) else ""
    role = item.get("role") if isinstance(item, Mapping) else None
    if not isinstance(role, str) or not role:
        role = "tool" if kind.endswith("_output") else "assistant"
    known = "system" if role == "developer" else role
    return raw_message(known, FORMAT, json.dumps(item, ensure_ascii=False, separators=(",", ":")))


def is_turn(message: Message) -> bool:
    """Whether a user says something; some programs give results of tools in the user's name, too."""
    given = [part.get("type") == "tool_result" for part in message.parts]
    return message.role == "user" and not (given and all(given))


def _items_of(session: Session, message: Message, results: Results | None = None) -> list[Item]:
    """The items of a message: what was given, or what says the same. None of a payload that can't be read.

    With `results`, what another program wrote is said without results that the API would refuse.
    """
    parts = message.parts if results is None else results.wanted(message.parts)
    text = own_payload(session, message, format=FORMAT)
    if text is None:
        return encode(message.role, with_files(parts, session.attachment))
    try:
        found = json.loads(text)
    except ValueError:
        return []
    if isinstance(found, dict) and isinstance(found.get("output"), list) and "type" not in found:
        found = found["output"]
    return found if isinstance(found, list) else [found]


def newest(session: Session, limit: int | None) -> list[Item]:
    """The newest items in order; None gives all."""
    count = limit
    while True:
        shown = session.messages(limit=count)
        results = Results(whole=count is None or len(shown) < count)
        items = [item for message in shown for item in _items_of(session, message, results)]
        if limit is None or count is None:
            return items
        if len(items) >= limit or len(shown) < count:
            return items[-limit:]
        count *= 2


def one_for_one(session: Session, limit: int) -> list[tuple[int, Item]] | None:
    """The newest messages as (seq, item); None if one of them is not exactly one item."""
    found = [(message.seq, _items_of(session, message)) for message in session.messages(limit=limit)]
    return [(seq, items[0]) for seq, items in found] if all(len(items) == 1 for _, items in found) else None


def pop(session: Session, draft: Draft) -> list[Item]:
    """The newest item, its removal drafted. Of a message that is several items, the others are said again."""
    count = 2
    while True:
        shown = session.messages(limit=count)
        for place in range(len(shown) - 1, -1, -1):
            items = _items_of(session, shown[place])
            if items and place == 0 and len(shown) == count:
                break
            if items:
                draft.append([rewind(shown[place - 1].seq if place else 0), *map(entry, items[:-1])])
                return items[-1:]
        if len(shown) < count:
            return []
        count *= 2


def replace(
    session: Session,
    draft: Draft,
    expected: list[int],
    output: list[Item],
    prune_prefix: Callable[[Item], bool] | None,
) -> bool:
    """Whether the newest messages are still the expected ones; then their replacement is drafted."""
    shown = session.messages(limit=None if prune_prefix else len(expected) + 1)
    if not expected or [message.seq for message in shown[-len(expected) :]] != expected:
        return False
    prefix = shown[: -len(expected)]
    for message in prefix:
        if prune_prefix is None or not all(prune_prefix(item) for item in _items_of(session, message)):
            break
        draft.append(NewEntry(kind="amend", body={"seq": message.seq, "hide": True}))
    draft.append([rewind(prefix[-1].seq if prefix else 0), *map(entry, output)])
    return True
