"""A store that can only be read, as on a medium that takes no writes: a backup on a disc, another user's folder.

Nothing in its folder is made, changed or locked for writing. The indexes, which are made from the logs in any case, lie
in a temporary folder of their own, and go when the store is closed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn, Self

from ...backend import Answer, Guard, Progress, Request
from ...errors import Unavailable
from ...model.documents import Document, DocumentKey
from ...model.requests import Appended, Clock, Finding, Health
from .backend import FileBackend


class FileReader(FileBackend):
    """The verbs that read, over a folder in which nothing can be written; the others raise Unavailable."""

    def __init__(self, root: Path, *, clock: Clock, tenant: bool = False) -> None:
        """Open the store in a folder. Listings show the sessions that there are now.

        Raises:
            NotFound, Unsupported, Unavailable, Corrupt: as `home.look_at` says.
        """
        try:
            derived = Path(tempfile.mkdtemp(prefix="hansard-"))
        except OSError as error:
            msg = f"{root}: no temporary folder for its indexes ({error.strerror}). Set TMPDIR to where there is room"
            raise Unavailable(msg) from error
        self._remove_derived = weakref.finalize(self, _remove, derived, os.getpid())
        try:
            super().__init__(root, clock=clock, create=False, tenant=tenant, derived=derived)
        except BaseException:
            self._remove_derived()
            raise

    def close(self) -> None:
        """As the contract says."""
        super().close()
        self._remove_derived()

    def _refuse(self) -> NoReturn:
        if self._closed:
            self._refuse_closed()
        msg = (
            f"{self._root}: opened for reading only, so nothing was changed. Copy the store to a disk that can be "
            f"written: hansard copy {self._root} NEW"
        )
        raise Unavailable(msg)

    def _beside(self, folder: Path) -> Self:
        return type(self)(folder, clock=self._clock, tenant=True)

    def _changing(self) -> AbstractContextManager[None]:
        self._refuse()

    def append(self, session: str, request: Request) -> Appended:  # noqa: ARG002 - the contract
        """Nothing can be appended."""
        self._refuse()

    def submit(self, session: str, request: Request, done: Callable[[Answer], None]) -> None:  # noqa: ARG002
        """Nothing can be appended."""
        self._refuse()

    def renew(self, session: str, fence: int) -> None:  # noqa: ARG002
        """Nobody can hold a lease."""
        self._refuse()

    def put_document(self, key: DocumentKey, data: bytes, *, expect: int | None = None) -> Document:  # noqa: ARG002
        """Nothing can be saved."""
        self._refuse()

    def delete_document(self, key: DocumentKey, *, expect: int | None = None, history: bool = False) -> bool:  # noqa: ARG002
        """Nothing can be deleted."""
        self._refuse()

    def reset(self, *, guard: Guard | None = None) -> int:  # noqa: ARG002
        """Nothing can be deleted."""
        self._refuse()

    def check(self, session: str | None = None, *, repair: bool = False) -> Iterator[Finding]:
        """As the contract says; nothing can be repaired."""
        if repair:
            self._refuse()
        return super().check(session)

    def reindex(self, progress: Progress | None = None) -> None:  # noqa: ARG002
        """The indexes were made when the store was opened."""
        self._refuse()

    def indexing_aside(self) -> AbstractContextManager[None]:
        """Nothing comes in that could be indexed."""
        self._refuse()

    def health(self) -> Health:
        """No write can be made durable, so it is not `ok`; how far the indexes are."""
        with self._open():
            indexer = self._mirror.indexer
            details = {"path": str(self._root), "index_complete": indexer.complete, "problems": list(indexer.problems)}
            return Health(self.name, ok=False, details=details)


def _remove(folder: Path, process: int) -> None:
    # A forked child has the object, too, and the folder is its parent's.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
