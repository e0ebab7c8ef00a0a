"""Rules about what is appended to a session, and what is taken out of it."""

# ruff: noqa: D102 - the name of a rule says what it does
from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import rule

from ...backend import Backend
from ...model.entry import NewEntry, user
from ...model.info import Attachment
from ...model.requests import Changes
from .drawing import CHANGES, OLD, OTHER, PLACE, SAID
from .frame import Frame


class Entries(Frame):
    """Appends, branches, rewinds, compacts, amends, leases, attaches and erases."""

    drawn = 0
    """Ids of updates that were drawn."""

    @rule(old=OLD, entries=st.lists(SAID | OTHER, min_size=1, max_size=3))
    def say(self, old: int, entries: list[NewEntry]) -> None:
        self.append(self.there(old), entries)

    @rule(
        old=OLD, entries=st.lists(SAID | OTHER, max_size=3), changes=CHANGES, unit=st.booleans(),
        change_id=st.sampled_from(("", "z")), late=st.none() | st.sampled_from((0, 0, 0, 1)),
        fence=st.none() | st.integers(1, 2),
    )  # fmt: skip
    def append_as_asked(
        self, old: int, entries: list[NewEntry], changes: Changes | None, late: int | None, **asked: Any
    ) -> None:
        session = self.there(old)
        if changes is not None and not asked["change_id"]:
            # The id of an update that the store draws differs on the two sides, so it is drawn here.
            self.drawn += 1
            asked["change_id"] = f"drawn {self.drawn}"
        expect = None if late is None or session == "nobody" else self.memory.info(session).seq - late
        self.append(session, entries, changes=changes, expect=expect, **asked)

    @rule(old=OLD, parent=PLACE, entries=st.lists(SAID, min_size=1, max_size=2))
    def branch(self, old: int, parent: int, entries: list[NewEntry]) -> None:
        session = self.there(old)
        first = msgspec.structs.replace(entries[0], parent=self.place(session, parent))
        self.append(session, [first, *entries[1:]])

    @rule(old=OLD, to=PLACE, entries=st.lists(SAID, max_size=1))
    def rewind(self, old: int, to: int, entries: list[NewEntry]) -> None:
        session = self.there(old)
        self.append(session, [NewEntry(kind="head", body={"to": self.place(session, to)}), *entries])

    @rule(old=OLD, covers=PLACE, keep=st.none() | st.integers(0, 3))
    def compact(self, old: int, covers: int, keep: int | None) -> None:
        session = self.there(old)
        last = self.place(session, covers, "message")
        body = {"summary": "in short", "covers": last} | ({} if keep is None else {"keep": last + 1 - keep})
        self.append(session, [NewEntry(kind="compaction", body=body)])

    @rule(old=OLD, amended=PLACE, hide=st.booleans())
    def amend(self, old: int, amended: int, *, hide: bool) -> None:
        session = self.there(old)
        body = {"seq": self.place(session, amended, "message")} | ({"hide": True} if hide else {"body": user("x").body})
        self.append(session, [NewEntry(kind="amend", body=body)])

    @rule(old=OLD, ahead=st.sampled_from((1, 1, 1, 0, 2)), released=st.booleans())
    def lease(self, old: int, ahead: int, *, released: bool) -> None:
        session = self.there(old)
        held = None if session == "nobody" else self.memory.info(session).lease
        fence = (0 if held is None else held.fence) + (0 if released else ahead)
        body = {"owner": "w", "fence": fence, "ttl_ms": 1_000} | ({"released": True} if released else {})
        self.append(session, [NewEntry(kind="lease", body=body)])

    @rule(old=OLD, fence=st.integers(1, 3))
    def renew(self, old: int, fence: int) -> None:
        session = self.there(old)
        self.both(lambda backend: backend.renew(session, fence))

    @rule(old=OLD, places=st.lists(PLACE, min_size=1, max_size=2), kind=st.sampled_from(("", "message", "amend")))
    def erase(self, old: int, places: list[int], kind: str) -> None:
        session = self.there(old)
        seqs = [self.place(session, place, kind) for place in places]

        def erase(backend: Backend) -> tuple[tuple[int, ...], tuple[str, ...]]:
            erasure = backend.erase(session, seqs, by="ana", reason=None)
            return erasure.seqs, erasure.attachments

        self.both(erase)

    @rule(old=OLD, data=st.sampled_from((b"one", b"two")), said=st.booleans())
    def attach(self, old: int, data: bytes, *, said: bool) -> None:
        if "attachments" in self.backend.capabilities:
            session = self.there(old)
            self.both(lambda backend: backend.attach(session, data, mime="text/plain"))
            part = Attachment(sha256(data).hexdigest(), len(data), "text/plain").part
            if said:
                self.append(session, [user([part])])
