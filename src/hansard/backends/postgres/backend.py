"""Sessions in PostgreSQL. Each verb is told in a module of its own; here they meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from ...backend import Answer, Guard, Request
from ...errors import HansardError
from ...model.entry import Entry
from ...model.info import Attachment, SessionInfo
from ...model.requests import Appended, Created, Creation, Erasure, Hit, Page
from ...query import Condition, Search
from . import attaching, creating, deleting, erasing, forking, leasing, listing, reading, receiving, searching, watching
from .keeping import Keeping


class PostgresBackend(Keeping):
    """Sessions in a PostgreSQL database, for any number of processes on any number of machines."""

    def create(self, creation: Creation, first: Request, *, reuse: Literal["", "id", "pair"] = "") -> Created:
        """As the contract says."""
        return creating.create(self._open(), creation, first, reuse)

    def append(self, session: str, request: Request) -> Appended:
        """As the contract says."""
        self._open()
        answer = self._queues.append(session, request)
        if isinstance(answer, HansardError):
            raise answer
        return answer

    def submit(self, session: str, request: Request, done: Callable[[Answer], None]) -> None:
        """As the contract says."""
        self._open()
        self._queues.submit(session, request, done)

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
            lambda core: reading.entries(
                core, session, after=after, before=before, newest_first=newest_first, skip=on_damage == "skip"
            )
        )

    def lines(self, session: str, *, after: int = 0) -> Iterator[bytes]:
        """As the contract says."""
        return self._each(lambda core: reading.lines(core, session, after))

    def info(self, session: str) -> SessionInfo:
        """As the contract says."""
        return self._open().info(session)

    def find(self, where: Condition, *, order: str, limit: int, cursor: str | None) -> Page[SessionInfo]:
        """As the contract says."""
        return listing.find(self._open(), where, order=order, limit=limit, cursor=cursor)

    def search(
        self, search: Search, *, session: str | None, order: Literal["newest", "rank"], limit: int, cursor: str | None
    ) -> Page[Hit]:
        """As the contract says."""
        return searching.search(
            self._open(), search, self._background, session=session, order=order, limit=limit, cursor=cursor
        )

    def fork(self, origin: str, creation: Creation, *, at: int | None) -> Created:
        """As the contract says."""
        return forking.fork(self._open(), origin, creation, at)

    def erase(self, session: str, seqs: Sequence[int], *, by: str | None, reason: str | None) -> Erasure:
        """As the contract says."""
        return erasing.erase(self._open(), session, seqs, by=by, reason=reason)

    def renew(self, session: str, fence: int) -> None:
        """As the contract says."""
        leasing.renew(self._open(), session, fence)

    def wait(self, session: str, *, after: int, timeout_s: float) -> int:
        """As the contract says."""
        return watching.wait(self._open, self._hints, session, after=after, timeout_s=timeout_s)

    def delete(self, session: str, *, guard: Guard | None = None) -> tuple[str, ...]:
        """As the contract says."""
        core = self._open()
        gone = deleting.delete(core, session, guard)
        for one in gone:
            core.touched(one)
        return gone

    def attach(self, session: str, data: bytes, *, mime: str, name: str | None = None) -> Attachment:
        """As the contract says."""
        return attaching.attach(self._open(), session, data, mime=mime, name=name)

    def attachment(self, session: str, sha256: str) -> bytes:
        """As the contract says."""
        return attaching.attachment(self._open(), session, sha256)

    def receive(self, session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]) -> Created:
        """As the contract says. Lines of a fork may begin with those it inherits; they are kept as its copy."""
        return receiving.receive(self._open(), session, lines, attachments)
