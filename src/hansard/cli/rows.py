"""Values of the store as rows of output: the shapes that `-o json` promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from .output import plain, say, write_json

if TYPE_CHECKING:
    from ..model.entry import Entry
    from ..model.info import Message, SessionInfo
    from ..store import Session


def session_row(info: SessionInfo) -> dict[str, Any]:
    """Everything that is known of a session, absent fields as null."""
    return plain(info)


def told(session: Session, words: str, output: str) -> int:
    """Say what was done to a session, and give it as it is now where JSON is asked for."""
    if output == "json":
        write_json(session_row(session.info))
    say(f"{session.id}: {words}")
    return 0


def message_row(message: Message) -> dict[str, Any]:
    """A message as history() gives it."""
    return {
        "seq": message.seq,
        "role": message.role,
        "at": message.at or None,
        "agent": message.agent,
        "name": message.name,
        "model": message.model,
        "synthetic": message.synthetic,
        "pending": message.pending,
        "parts": list(message.parts),
    }


def entry_row(entry: Entry) -> dict[str, Any]:
    """An entry of the record, with the body as it stands there."""
    return {
        "seq": entry.seq,
        "id": entry.id,
        "at": entry.at,
        "kind": entry.kind,
        "agent": entry.agent,
        "run": entry.run,
        "parent": entry.parent,
        "erased": entry.erased,
        "hash": entry.hash,
        "body": entry.body,
    }


def on_record(session: Session, *, salvage: bool) -> Iterator[Message]:
    """Every message that was ever appended, in the order of the log: branches, compacted ones, as first written."""
    from ..model.info import Message
    from ..payloads import parts_of

    for entry in session.entries(kinds=("message", "compaction"), on_damage="skip" if salvage else "raise"):
        body = entry.body if isinstance(entry.body, dict) else {}
        if entry.kind == "compaction":
            told = f"[compacted up to entry {body.get('covers')}] {body.get('summary') or ''}"
            parts: list[dict[str, Any]] = [{"type": "text", "text": told}]
        elif entry.kind == "x-hansard.gap":
            parts = [{"type": "text", "text": f"[damage: {body}]"}]
        elif entry.erased:
            parts = [{"type": "text", "text": "[erased]"}]
        else:
            parts = parts_of(body)
        role = body.get("role") if isinstance(body.get("role"), str) else "system"
        yield Message(entry.seq, str(role), tuple(parts), id=entry.id, at=entry.at, agent=entry.agent)


def labels_from(given: Iterable[str]) -> dict[str, str]:
    """Labels as typed, KEY=VALUE each.

    Raises:
        click.BadParameter: one has no `=`.
    """
    found: dict[str, str] = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not equals or not key:
            msg = f"{item!r} is not KEY=VALUE"
            raise click.BadParameter(msg)
        found[key] = value
    return found
