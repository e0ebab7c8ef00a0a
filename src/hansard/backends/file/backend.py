"""Sessions in a folder: the default backend. Each verb is told in a module of its own; here they meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from ...backend import Answer, Guard, Request
from ...errors import HansardError
from ...model.entry import Entry
from ...model.info import Attachment, SessionInfo
from ...model.requests import Appended, Created, Creation, Erasure, Hit, Page
from ...query import Condition, Search
from ..beside import refuse_documents
from . import attaching, creating, deleting, erasing, forking, leasing, receiving, waiting
from .pool import Waiter
from .upkeep import Upkeep


class FileBackend(Upkeep):
    """Sessions in a folder of one machine, for any number of its processes and threads."""

    def create(self, creation: Creation, first: Request, *, reuse: Literal["", "id", "pair"] = "") -> Created:
        """As the contract says."""
        refuse_documents(first, self.name)
        with self._open() as core, self._changing():
            return creating.create(core, creation, first, reuse)

    def append(self, session: str, request: Request) -> Appended:
        """As the contract says."""
        if request.documents:
            refuse_documents(request, self.name)
        with self._open():
            answer = self._committers.append(session, request)
            if isinstance(answer, HansardError):
                raise answer
            return answer

    def submit(self, session: str, request: Request, done: Callable[[Answer], None]) -> None:
        """As the contract says."""
        if request.documents:
            refuse_documents(request, self.name)
        with self._open():
            self._committers.submit(session, Waiter(request, done))

    def entries(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        newest_first: bool = False,
        on_damage: Literal["raise", "skip"] = "raise",
    ) -> Iterator[Entry]:
        """As the contract says."""
        return self._each(
            lambda core: core.entries(
                session, after=after, before=before, newest_first=newest_first, on_damage=on_damage
            )
        )

    def lines(self, session: str, *, after: int = 0) -> Iterator[bytes]:
        """As the contract says."""
        return self._each(lambda core: core.lines(session, after=after))

    def info(self, session: str) -> SessionInfo:
        """As the contract says."""
        with self._open() as core:
            return core.info(session)

    def find(self, where: Condition, *, order: str, limit: int, cursor: str | None) -> Page[SessionInfo]:
        """As the contract says."""
        with self._open():
            return self._mirror.indexer.find(where, order=order, limit=limit, cursor=cursor)

    def search(
        self, search: Search, *, session: str | None, order: Literal["newest", "rank"], limit: int, cursor: str | None
    ) -> Page[Hit]:
        """As the contract says."""
        with self._open():
            return self._text.search(search, session=session, order=order, limit=limit, cursor=cursor)

    def fork(self, origin: str, creation: Creation, *, at: int | None) -> Created:
        """As the contract says."""
        with self._open() as core, self._changing():
            return forking.fork(core, origin, creation, at)

    def erase(self, session: str, seqs: Sequence[int], *, by: str | None, reason: str | None) -> Erasure:
        """As the contract says."""
        with self._open() as core, self._changing():
            erasure = erasing.erase(core, session, seqs, by=by, reason=reason)
            late: list[str] = []
            if not self._mirror.purge():
                late.append(
                    f"{self._root / 'index.db'}: others hold it, it may keep a title; erase again, or close the store"
                )
            if not self._text.erased(session, *erasure.forks):
                late.append(f"{self._root / 'search.db'}: others hold it; the next search takes the text out")
            return msgspec.structs.replace(erasure, unreached=(*erasure.unreached, *late)) if late else erasure

    def renew(self, session: str, fence: int) -> None:
        """As the contract says."""
        with self._open() as core:
            leasing.renew(core, session, fence)

    def wait(self, session: str, *, after: int, timeout_s: float) -> int:
        """As the contract says."""
        return waiting.wait(self._open, session, after=after, timeout_s=timeout_s)

    def delete(self, session: str, *, guard: Guard | None = None) -> tuple[str, ...]:
        """As the contract says."""
        with self._open() as core, self._changing():
            return deleting.delete(core, session, guard)

    def attach(self, session: str, data: bytes, *, mime: str, name: str | None = None) -> Attachment:
        """As the contract says."""
        with self._open() as core, self._changing():
            return attaching.attach(core, session, data, mime=mime, name=name)

    def attachment(self, session: str, sha256: str) -> bytes:
        """As the contract says."""
        with self._open() as core:
            return attaching.attachment(core, session, sha256)

    def receive(self, session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]) -> Created:
        """As the contract says. Lines of a fork may begin with those it inherits; they are kept where they are needed."""
        with self._open() as core, self._changing():
            return receiving.receive(core, session, lines, attachments)
