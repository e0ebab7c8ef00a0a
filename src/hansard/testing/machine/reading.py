"""Rules about finding and opening again, and what has to be equal after each step."""

# ruff: noqa: D102 - the name of a rule says what it does
from __future__ import annotations

from hashlib import sha256

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from ...backend import Backend
from ...model.entry import Entry
from ...model.info import SessionInfo
from ...model.references import attachments_in
from ...query import EVERYTHING, parse
from .drawing import DOCUMENTS
from .frame import Frame


class Reading(Frame):
    """Finds, searches, opens again and reindexes; compares all that can be read."""

    @rule(order=st.sampled_from(("activity", "-updated", "-touched", "title", "seq")), limit=st.integers(1, 3))
    def find(self, order: str, limit: int) -> None:
        def pages(backend: Backend) -> list[list[str]]:
            page = backend.find(EVERYTHING, order=order, limit=limit, cursor=None)
            found = [[info.id for info in page]]
            while page.cursor is not None:
                page = backend.find(EVERYTHING, order=order, limit=limit, cursor=page.cursor)
                found.append([info.id for info in page])
            return found

        self.both(pages)

    @rule(
        text=st.sampled_from(("hello", "two", "数据", "summary OR short", "-x", "role:user")), limit=st.integers(1, 9)
    )
    def search(self, text: str, limit: int) -> None:
        if "search" not in self.backend.capabilities:
            return

        def hits(backend: Backend) -> list[tuple[str, int, str]]:
            page = backend.search(parse(text), session=None, order="newest", limit=limit, cursor=None)
            return [(hit.session, hit.seq, hit.role) for hit in page]

        self.both(hits)

    @rule()
    def reindex(self) -> None:
        self.backend.reindex()

    @rule()
    def reopen(self) -> None:
        if "persistent" in self.backend.capabilities:
            self.backend.close()
            self.backend = self.make(self.clock)

    @rule(seconds=st.sampled_from((-5, 1, 60)))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @invariant()
    def sessions_are_the_same(self) -> None:
        self.both(
            lambda backend: [_plain(info) for info in backend.find(EVERYTHING, order="id", limit=99, cursor=None)]
        )

    @invariant()
    def logs_are_the_same(self) -> None:
        for info in self.memory.find(EVERYTHING, order="id", limit=99, cursor=None):
            session = info.id
            self.both(lambda backend, session=session: _plain(backend.info(session)))
            self.both(lambda backend, session=session: [_plain_entry(entry) for entry in backend.entries(session)])

            # What no entry names may be collected at any time, sooner by one backend than by another.
            named = {name for entry in self.memory.entries(session) for name in attachments_in(entry.body)}
            for name in named & {sha256(b"one").hexdigest(), sha256(b"two").hexdigest()}:
                if "attachments" in self.backend.capabilities:
                    self.both(lambda backend, session=session, name=name: backend.attachment(session, name))

    @invariant()
    def documents_are_the_same(self) -> None:
        if "documents" in self.backend.capabilities:
            self.both(lambda backend: backend.documents())
            for key in DOCUMENTS:
                self.both(lambda backend, key=key: backend.document_versions(key))
                for version in (None, 1, 2):
                    self.both(lambda backend, key=key, version=version: backend.document(key, version=version))

    @invariant()
    def nothing_is_damaged(self) -> None:
        self.both(lambda backend: list(backend.check()))


def _plain(info: SessionInfo) -> SessionInfo:
    """The info without hashes, which salts make different on the two sides."""
    segments = tuple(msgspec.structs.replace(segment, hash="") for segment in info.segments)
    return msgspec.structs.replace(info, hash="", segments=segments)


def _plain_entry(entry: Entry) -> Entry:
    """The entry without hashes, and without the id where the store draws it."""
    body = entry.body
    if entry.kind == "created" and "segments" in body:
        body = {**body, "segments": [{**segment, "hash": ""} for segment in body["segments"]]}
    drawn = entry.kind in ("created", "amend", "erase")
    plain = {"digest": "", "hash": "", "salt": "" if entry.erased else "salt", "body": body}
    return msgspec.structs.replace(entry, **plain, **({"id": ""} if drawn else {}))
