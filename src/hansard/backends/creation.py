"""The `created` entry: the first line of every log, which says what the session is and where its history lies."""

from __future__ import annotations

from ..codec.names import new_id
from ..limits import FORMAT
from ..model.entry import Json, NewEntry
from ..model.info import Segment, SessionInfo
from ..model.requests import Creation


def created_entry(
    creation: Creation,
    *,
    id: str,  # noqa: A002 - the field's name
    parent: SessionInfo | None = None,
    number: int | None = None,
    slug: str | None = None,
    segments: tuple[Segment, ...] = (),
) -> NewEntry:
    """The entry that makes `id` a session: under `parent`, or a root with its number, or a fork with its segments."""
    body: dict[str, Json] = {"session": id, "kind": creation.kind, "format": FORMAT, "needs": []}
    if parent is not None:
        body |= {"root": parent.root or parent.id, "parent": parent.id, "depth": parent.depth + 1}
    said = {
        "name": creation.name,
        "agent": creation.agent,
        "user": creation.user,
        "project": creation.project,
        "slug": slug,
        "number": number,
        "labels": creation.labels or None,
        "metadata": creation.metadata or None,
        "config": creation.config or None,
        "source": creation.source,
        "title": creation.title,
    }
    body |= {key: value for key, value in said.items() if value is not None}
    if segments:
        body["segments"] = [{"session": s.session, "last": s.last, "hash": s.hash} for s in segments]
    return NewEntry(kind="created", body=body, id=new_id(), at=creation.at)
