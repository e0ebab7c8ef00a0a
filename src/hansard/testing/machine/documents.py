"""Rules about documents, of the store and of a session."""

# ruff: noqa: D102 - the name of a rule says what it does
from __future__ import annotations

from hashlib import sha256
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ...model.documents import DocumentKey
from ...model.entry import NewEntry
from .drawing import DOCUMENTS, OLD
from .frame import Frame


class Documents(Frame):
    """Writes and deletes documents."""

    @rule(
        key=st.sampled_from(DOCUMENTS),
        data=st.sampled_from((b"", b"one", b"{}")),
        expect=st.none() | st.integers(0, 3),
    )
    def put_document(self, key: DocumentKey, data: bytes, expect: int | None) -> None:
        if "documents" in self.backend.capabilities:
            self.both(lambda backend: backend.put_document(key, data, expect=expect))

    @rule(key=st.sampled_from(DOCUMENTS), expect=st.none() | st.integers(0, 3), history=st.booleans())
    def delete_document(self, key: DocumentKey, expect: int | None, *, history: bool) -> None:
        if "documents" in self.backend.capabilities:
            self.both(lambda backend: backend.delete_document(key, expect=expect, history=history))

    @rule(old=OLD, name=st.sampled_from("xy"), version=st.integers(1, 3), deleted=st.booleans())
    def write_a_document(self, old: int, name: str, version: int, *, deleted: bool) -> None:
        if "attachments" not in self.backend.capabilities:
            return
        session, data = self.there(old), b"content"
        said: dict[str, Any] = {"sha256": sha256(data).hexdigest(), "size": len(data)}
        self.both(lambda backend: backend.attach(session, data, mime="text/markdown"))
        body = {"name": name, "kind": "md", "version": version} | ({"deleted": True} if deleted else said)
        self.append(session, [NewEntry(kind="document", body=body)])
