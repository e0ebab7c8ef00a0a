"""A session begun afresh: nothing of what was said is shown, the costs stay, and the record too unless it is erased."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ..backend import Backend
from ..model.documents import KINDS, DocumentKey
from ..model.entry import Entry, Json, NewEntry
from ..model.requests import Erasure
from .archives import CATEGORY
from .modifying import Draft

ERASED_AT_ONCE: Final = 5_000
"""Entries that one `erase` entry names at most."""

_CLEARED: Final = frozenset(("message", "event", "compaction", "amend", "attachment"))


def first_system(backend: Backend, session: str) -> Json:
    """The body that the first system message of a session shows now, None if there is none."""
    first: Entry | None = None
    amendment: Entry | None = None
    for entry in backend.entries(session):
        if first is None and entry.kind == "message" and _is_system(entry.body):
            first = entry
        elif first is not None and entry.kind == "amend" and _of(entry, "seq") == first.seq:
            amendment = entry
    if first is None:
        return None
    if amendment is None or amendment.erased:
        return first.body
    return None if _of(amendment, "hide") is True else _of(amendment, "body")


def clear(draft: Draft, system: Json) -> None:
    """Have the visible path be empty but for a system message."""
    head: dict[str, Any] = {"to": 0, "cleared": True}
    draft.append(NewEntry(kind="head", body=head))
    if system is not None:
        draft.append(NewEntry(kind="message", body=system))
    if "question" in draft.info.fields:
        draft.clear("question")


def erase_cleared(backend: Backend, session: str, *, by: str | None, reason: str | None) -> Erasure:
    """Erase what was said before the session was cleared; calls that were paid for stay counted."""
    seqs: list[int] = []
    attachments: set[str] = set()
    forks: set[str] = set()
    unreached: dict[str, None] = {}
    for segment in backend.info(session).segments:
        unreached[
            f"what it inherits stands in session {segment.session!r} up to entry {segment.last}; clear it there"
        ] = None
    archives = _archives(backend, session)
    seqs_to_erase = _seqs(backend, session, archives)
    # Their names stand in what is erased next, so they go first.
    _drop_archives(backend, archives)
    for batch in _batches(seqs_to_erase):
        done = backend.erase(session, batch, by=by, reason=reason)
        seqs += done.seqs
        attachments.update(done.attachments)
        forks.update(done.forks)
        unreached |= dict.fromkeys(done.unreached)
    return Erasure(tuple(seqs), tuple(sorted(attachments)), tuple(sorted(forks)), tuple(unreached))


def _archives(backend: Backend, session: str) -> set[str]:
    """The names of the documents that the session was archived to."""
    found: set[str] = set()
    for entry in backend.entries(session):
        archive = _of(entry, "archive") if entry.kind == "compaction" else None
        if isinstance(archive, str):
            found.add(archive)
    return found


def _drop_archives(backend: Backend, names: set[str]) -> None:
    """The store's archives of these names are gone, with all their versions."""
    if "documents" in backend.capabilities:
        for name in sorted(names):
            for kind in KINDS:
                backend.delete_document(DocumentKey(CATEGORY, name, kind), history=True)


def _seqs(backend: Backend, session: str, archives: set[str]) -> list[int]:
    """What is to be erased, all of it its own: what a fork inherits belongs to its origin."""
    info = backend.info(session)
    first = info.segments[-1].last if info.segments else 0
    return [
        entry.seq
        for entry in backend.entries(session, after=first, before=info.cleared)
        if not entry.erased and (entry.kind in _CLEARED or entry.kind.startswith("x-") or _is_archive(entry, archives))
    ]


def _is_archive(entry: Entry, names: set[str]) -> bool:
    """Whether this is a version of an archive of the session; its other documents stay."""
    return entry.kind == "document" and (_of(entry, "category") == CATEGORY or _of(entry, "name") in names)


def _batches(seqs: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(seqs), ERASED_AT_ONCE):
        yield seqs[start : start + ERASED_AT_ONCE]


def _is_system(body: Json) -> bool:
    return isinstance(body, dict) and body.get("role") == "system"


def _of(entry: Entry, name: str) -> Json:
    return entry.body.get(name) if isinstance(entry.body, dict) else None
