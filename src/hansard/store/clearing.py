"""A session begun afresh: nothing of what was said is shown, the costs stay, and the record too unless it is erased."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ..backend import Backend
from ..errors import NotFound
from ..model.documents import KINDS, DocumentKey
from ..model.entry import Entry, Json, NewEntry
from ..model.requests import Erasure
from ..query import EVERYTHING
from .archives import CATEGORY
from .modifying import Draft
from .queries import entries_of, sessions_of

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
    archives = _archives(backend.entries(session))
    seqs_to_erase = _seqs(backend, session, archives)
    # Their names stand in what is erased next, so they go first.
    for name, other in _drop_archives(backend, session, archives).items():
        unreached[f"the archive {name!r} stays, because session {other!r} begins with it, too; clear it there"] = None
    for batch in _batches(seqs_to_erase):
        done = backend.erase(session, batch, by=by, reason=reason)
        seqs += done.seqs
        attachments.update(done.attachments)
        forks.update(done.forks)
        unreached |= dict.fromkeys(done.unreached)
    return Erasure(tuple(seqs), tuple(sorted(attachments)), tuple(sorted(forks)), tuple(unreached))


def _archives(entries: Iterable[Entry]) -> set[str]:
    """The names of the documents that compactions say they were archived to."""
    named = (_of(entry, "archive") for entry in entries if entry.kind == "compaction")
    return {name for name in named if isinstance(name, str)}


def _drop_archives(backend: Backend, session: str, names: set[str]) -> dict[str, str]:
    """The store's archives of these names are gone, with all their versions, but those that another session names.

    Returns what stays, with a session that names it.
    """
    keys = [DocumentKey(CATEGORY, name, kind) for name in sorted(names) for kind in KINDS]
    there = [key for key in keys if "documents" in backend.capabilities and backend.document_versions(key)]
    kept = _named_elsewhere(backend, session, {key.name for key in there}) if there else {}
    for key in there:
        if key.name not in kept:
            backend.delete_document(key, history=True)
    return kept


def _named_elsewhere(backend: Backend, session: str, names: set[str]) -> dict[str, str]:
    """Which of these archives the own log of another session names, and which session that is."""
    found: dict[str, str] = {}
    for info in sessions_of(backend, EVERYTHING, order="id", complete=True):
        # Who has no boundary in force, and was not cleared, has no archive to go back to.
        if info.id == session or (info.archive is None and not info.cleared):
            continue
        own = info.segments[-1].last if info.segments else 0
        with contextlib.suppress(NotFound):
            for name in sorted(names & _archives(entries_of(backend, info.id, after=own))):
                found.setdefault(name, info.id)
    return found


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
