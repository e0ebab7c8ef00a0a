"""The documents of one session: entries of its log, so that they are written in one commit with what they belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec

from ..backend import Request
from ..backends.versions import deletion, live, next_version, within
from ..codec.line import digest_of
from ..errors import Conflict
from ..model.documents import Document, DocumentKey, DocumentWrite
from ..model.entry import Entry, Json, NewEntry
from ..model.requests import Appended
from .drafting import Drafted, attach_all, draft
from .given import File
from .given_documents import writes_of
from .place import Place

_ATTEMPTS_MAX: Final = 64
_MIME: Final = {"md": "text/markdown", "json": "application/json"}

Draw: TypeAlias = Callable[[Sequence[NewEntry]], Drafted]
"""Makes the request of which these document entries are a part."""


def commit(place: Place, session: str, writes: Sequence[DocumentWrite], draw: Draw, *, keyed: bool = False) -> Appended:
    """Append what `draw` makes, the documents with it; once more while others write versions of the same documents.

    If the append is `keyed`, repeating it adds nothing: what is there already is written, too, and so found again.

    Raises:
        Conflict: a document has another version than a write expects, or the append itself met another writer.
    """
    place.need("attachments", "documents")
    attempt = 0
    while True:
        attempt += 1
        there = {one.key: one for one in place.backend.info(session).documents}
        entries, files = _entries(writes, there, now_us=place.clock(), always=keyed)
        drafted = draw(entries)
        attach_all(place, session, drafted)
        attach_all(place, session, Drafted(Request(), tuple(files)))
        try:
            appended = place.backend.append(session, drafted.request)
        except Conflict:
            repeated = _repeated(place, session, drafted.request) if keyed else None
            if repeated is not None:
                return repeated
            now = {one.key: one for one in place.backend.info(session).documents}
            if attempt == _ATTEMPTS_MAX or all(now.get(one.key) == there.get(one.key) for one in writes):
                raise
        else:
            place.saved()
            return appended


def _entries(
    writes: Sequence[DocumentWrite], there: Mapping[DocumentKey, Document], *, now_us: int, always: bool
) -> tuple[list[NewEntry], list[File]]:
    """The entries that make the next versions, and the contents that they name."""
    entries: list[NewEntry] = []
    files: list[File] = []
    for write in writes:
        known = there.get(write.key)
        before = () if known is None else (known,)
        new = next_version(before, write.key, write.data, expect=write.expect, now_us=now_us)
        if new is None and known is not None and always:
            new = msgspec.structs.replace(known, version=known.version + 1)
        if new is not None:
            entries.append(entry_of(new))
            files.append((write.data, _MIME[write.key.kind], None))
    return entries, files


def entry_of(version: Document) -> NewEntry:
    """The entry that says a version of a document, or its deletion."""
    key = version.key
    body: dict[str, Json] = {"name": key.name}
    if key.category:
        body["category"] = key.category
    body |= {"kind": key.kind, "version": version.version}
    body |= {"sha256": version.sha256, "size": version.size} if version.sha256 else {"deleted": True}
    return NewEntry(kind="document", body=body)


def _repeated(place: Place, session: str, request: Request) -> Appended | None:
    """The first answer to a keyed append that is all there with the same content, its documents in whatever version."""
    wanted = {sealed.new.id: sealed for sealed in request.sealed}
    found: dict[str, int] = {}
    for entry in place.backend.entries(session, newest_first=True):
        sealed = wanted.get(entry.id)
        if sealed is None:
            continue
        new = sealed.new
        same = (entry.kind, entry.agent, entry.run) == (new.kind, new.agent, new.run)
        if not same or not (entry.erased or _equal(entry, sealed.body, new.body)):
            return None
        found[entry.id] = entry.seq
        if len(found) == len(wanted):
            seqs = tuple(found[one.new.id] for one in request.sealed)
            return Appended(max(seqs), seqs, tuple(found_id for found_id in wanted), 0)
    return None


def _equal(entry: Entry, encoded_body: bytes, body: Json) -> bool:
    if entry.kind != "document":
        return digest_of(entry.salt, encoded_body) == entry.digest
    return {**entry.body, "version": 0} == {**body, "version": 0}


class SessionShelf:
    """The documents of one session."""

    def __init__(self, place: Place, session: str) -> None:
        """Stand before a session, which need not have been looked at yet."""
        self._place = place
        self._session = session

    def content(self, key: DocumentKey, *, version: int | None) -> tuple[Document, bytes] | None:
        """As Shelf. An earlier version is looked for in the log."""
        if version is None:
            wanted = live([one for one in self._known() if one.key == key])
        else:
            wanted = next((one for one in self.versions(key) if one.version == version), None)
        if wanted is None or not wanted.sha256:
            return None
        return wanted, self._place.backend.attachment(self._session, wanted.sha256)

    def put(self, key: DocumentKey, data: bytes, *, expect: int | None) -> Document:
        """As Shelf."""
        self._place.refuse_inside_edit(self._session)
        writes = writes_of([DocumentWrite(key, data, expect)])
        commit(self._place, self._session, writes, self._draw)
        digest = sha256(data).hexdigest()
        there = [one for one in self._known() if one.key == key]
        if there and there[0].sha256 == digest:
            return there[0]
        # Somebody has written after us already: our version is the last one with our content.
        return next(one for one in reversed(self.versions(key)) if one.sha256 == digest)

    def _draw(self, entries: Sequence[NewEntry]) -> Drafted:
        return draft(self._place, (), more=entries)

    def documents(self, category: str | None) -> tuple[Document, ...]:
        """As Shelf."""
        return tuple(one for one in self._known() if one.sha256 and within(one.key.category, category))

    def _known(self) -> tuple[Document, ...]:
        return self._place.backend.info(self._session).documents

    def versions(self, key: DocumentKey) -> tuple[Document, ...]:
        """As Shelf; reads the whole log."""
        return tuple(document for document, _ in self._written(key))

    def _written(self, key: DocumentKey) -> list[tuple[Document, int]]:
        """The versions of a document that were not erased, each with the seq of its entry."""
        found: list[tuple[Document, int]] = []
        for entry in self._place.backend.entries(self._session):
            body = entry.body
            if entry.kind == "document" and isinstance(body, dict) and type(body.get("version")) is int:
                said = DocumentKey(body.get("category", ""), body.get("name", ""), body.get("kind", "md"))
                if said == key:
                    digest = "" if body.get("deleted") is True else body.get("sha256", "")
                    found.append((Document(key, body["version"], digest, body.get("size", 0), entry.at), entry.seq))
        return found

    def delete(self, key: DocumentKey, *, expect: int | None, history: bool) -> bool:
        """As Shelf. With `history` the entries of the earlier versions are erased."""
        self._place.refuse_inside_edit(self._session)
        gone = False
        for attempt in range(1, _ATTEMPTS_MAX + 1):
            there = [one for one in self._known() if one.key == key]
            new = deletion(there, key, expect=expect, now_us=self._place.clock())
            if new is None:
                break
            drafted = draft(self._place, (), more=[entry_of(new)])
            try:
                self._place.backend.append(self._session, drafted.request)
            except Conflict:
                if attempt == _ATTEMPTS_MAX:
                    raise
                continue
            gone = True
            break
        seqs = [seq for document, seq in self._written(key) if document.sha256] if history else []
        if seqs:
            self._place.need("erase", "delete(history=True)")
            self._place.backend.erase(self._session, seqs, by=None, reason=None)
        return gone

    def __repr__(self) -> str:
        return f"session {self._session!r}"
