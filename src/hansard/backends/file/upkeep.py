"""The half of the file backend that is about the store as a whole: its documents, tenants and upkeep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from ...backend import Guard, Progress
from ...codec.names import check_id, check_key, name_of
from ...errors import Corrupt, Invalid
from ...model.documents import Document, DocumentKey
from ...model.requests import Finding, Garbage, Health
from . import aside, checking, collecting, disk, documents, resetting
from .layout import is_real_folder
from .opened import Opened


class Upkeep(Opened):
    """The verbs that are about no single session."""

    def put_document(self, key: DocumentKey, data: bytes, *, expect: int | None = None) -> Document:
        """As the contract says."""
        with self._open() as core:
            return documents.put(core, check_key(key), data, expect=expect)

    def document(self, key: DocumentKey, *, version: int | None = None) -> tuple[Document, bytes] | None:
        """As the contract says."""
        with self._open() as core:
            return documents.get(core, check_key(key), version=version)

    def documents(self, category: str | None = None) -> tuple[Document, ...]:
        """As the contract says."""
        with self._open() as core:
            return documents.listed(core, category)

    def document_versions(self, key: DocumentKey) -> tuple[Document, ...]:
        """As the contract says."""
        with self._open() as core:
            return documents.versions(core, check_key(key))

    def delete_document(self, key: DocumentKey, *, expect: int | None = None, history: bool = False) -> bool:
        """As the contract says."""
        with self._open() as core:
            return documents.delete(core, check_key(key), expect=expect, history=history)

    def collect_garbage(self, *, dry_run: bool = False) -> tuple[Garbage, ...]:
        """As the contract says."""
        with self._open() as core, self._changing():
            return tuple(collecting.collect(core, dry_run=dry_run))

    def reset(self, *, guard: Guard | None = None) -> int:
        """As the contract says."""
        with self._open() as core:
            return resetting.reset(core, guard, self._renew_indexes)

    def tenant(self, name: str) -> Self:
        """As the contract says."""
        check_id(name, "tenant")
        with self._open(), self._opening:
            if self._is_tenant:
                msg = "this is a tenant's store, which has no tenants of its own; open the store that it belongs to"
                raise Invalid(msg)
            there = self._tenants.get(name)
            if there is None or there.closed:
                there = self._tenants[name] = self._open_tenant(self.layout.tenants / name_of(name))
            return there

    def _open_tenant(self, folder: Path) -> Self:
        for path in (folder.parent, folder):
            if os.path.lexists(path) and not is_real_folder(path):
                msg = f"{path}: not a folder. A store holds no links; move what it names here, or remove it"
                raise Corrupt(msg, path=str(path))
        return self._beside(folder)

    def _beside(self, folder: Path) -> Self:
        """The store in another folder, opened like this one."""
        return type(self)(
            folder, clock=self._clock, shared_unsafe=self._shared_unsafe, create=self._create, tenant=True
        )

    def check(self, session: str | None = None, *, repair: bool = False) -> Iterator[Finding]:
        """As the contract says."""
        return self._each(lambda core: checking.check(core, session, repair=repair))

    def reindex(self, progress: Progress | None = None) -> None:
        """As the contract says."""
        with self._open():
            self._mirror.indexer.rebuild(progress)
            self._text.rebuild(progress)

    def indexing_aside(self) -> AbstractContextManager[None]:
        """As `IndexesAside` says: a process of its own follows the catalogue meanwhile."""
        flush = self._mirror.indexer.flush
        return aside.running(self._root, flush, shared_unsafe=self._shared_unsafe, tenant=self._is_tenant)

    def read_into_index(self, seconds: float) -> bool:
        """Read for so long into the text index what the catalogue has; whether all of that is in. Asks no other writer."""
        with self._open():
            return self._text.follow_rows(seconds)

    def health(self) -> Health:
        """As the contract says."""
        with self._open() as core:
            proof = core.layout.root / f".health-{os.getpid()}-{os.urandom(4).hex()}"
            disk.write_file(proof, b"a write that was made durable\n")
            disk.unlink(proof)
            indexer = self._mirror.indexer
            details = {"path": str(self._root), "index_complete": indexer.complete, "problems": list(indexer.problems)}
            return Health(self.name, ok=True, details=details)
