"""The half of the backend that is about the store as a whole: its documents, its upkeep and its soundness."""

from __future__ import annotations

from collections.abc import Iterator

from ...backend import Guard, Progress
from ...model.documents import Document, DocumentKey
from ...model.requests import Finding, Garbage, Health
from . import checking, documents, upkeep
from .opened import Opened


class Keeping(Opened):
    """The store as a whole."""

    def put_document(self, key: DocumentKey, data: bytes, *, expect: int | None = None) -> Document:
        """As the contract says."""
        return documents.put(self._open(), key, data, expect)

    def document(self, key: DocumentKey, *, version: int | None = None) -> tuple[Document, bytes] | None:
        """As the contract says."""
        return documents.get(self._open(), key, version)

    def documents(self, category: str | None = None) -> tuple[Document, ...]:
        """As the contract says."""
        return documents.listed(self._open(), category)

    def document_versions(self, key: DocumentKey) -> tuple[Document, ...]:
        """As the contract says."""
        return documents.versions(self._open(), key)

    def delete_document(self, key: DocumentKey, *, expect: int | None = None, history: bool = False) -> bool:
        """As the contract says."""
        return documents.delete(self._open(), key, expect=expect, history=history)

    def collect_garbage(self, *, dry_run: bool = False) -> tuple[Garbage, ...]:
        """As the contract says."""
        return upkeep.collect_garbage(self._open(), dry_run=dry_run)

    def reset(self, *, guard: Guard | None = None) -> int:
        """As the contract says."""
        core = self._open()
        count = upkeep.reset(core, guard)
        self._hints.wrote_all()
        return count

    def check(self, session: str | None = None, *, repair: bool = False) -> Iterator[Finding]:
        """As the contract says."""
        if session is not None:
            self._open().head(session)
        return self._each(lambda core: checking.check(core, session, repair=repair))

    def reindex(self, progress: Progress | None = None) -> None:
        """As the contract says."""
        upkeep.reindex(self._open(), progress)

    def health(self) -> Health:
        """As the contract says."""
        return upkeep.health(self._open(), self.name, self._hints.heard)
