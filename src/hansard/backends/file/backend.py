"""Sessions in a folder: the default backend. Each verb is told in a module of its own; here they meet."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NoReturn, TypeVar

import msgspec

from ...backend import CAPABILITIES, Answer, Progress, Request
from ...errors import HansardError, Unavailable
from ...model.entry import Entry
from ...model.info import Attachment, SessionInfo
from ...model.requests import Appended, Clock, Created, Creation, Erasure, Finding, Health, Hit, Page
from ...query import Condition, Search
from . import attaching, checking, creating, deleting, disk, erasing, forking, home, receiving
from .committers import Committers
from .core import Core
from .layout import Layout
from .mirror import Mirror
from .pool import Waiter
from .textindex import TextIndex

_T = TypeVar("_T")


class FileBackend:
    """Sessions in a folder of one machine, for any number of its processes and threads."""

    name: str = "file"
    capabilities: frozenset[str] = CAPABILITIES

    def __init__(self, root: Path, *, clock: Clock, shared_unsafe: bool = False, create: bool = True) -> None:
        """Open the store in a folder, made if absent.

        Raises:
            NotFound, Invalid, Unsupported, Unavailable, Corrupt: as `home.prepare` says.
        """
        self.about = home.prepare(root, create=create, shared_unsafe=shared_unsafe)
        self._root = root
        self.layout = Layout(root)
        self._clock = clock
        self._closed = False
        self._mirror = Mirror(root)
        self._begin()
        self._mirror.follow(self._core)
        self._text = TextIndex(root, self._core, self._mirror.indexer)
        deleting.empty_trash(self._core)
        receiving.finish(self._core)
        _backends.add(self)

    def _begin(self) -> None:
        self._core = Core(self.layout, self._clock, self._mirror)
        self._committers = Committers(self._core.pool)

    def _forget(self) -> None:
        """In a forked child: have open files, locks and threads of its own."""
        self._begin()
        if not self._closed:
            self._mirror.follow(self._core)
            self._text.follow(self._core)

    @contextlib.contextmanager
    def _open(self) -> Generator[Core]:
        """The core of an open store; what the system says becomes what the contract says."""
        if self._closed:
            self._refuse_closed()
        try:
            yield self._core
        except OSError as error:
            raise self._unavailable(error) from error

    def _refuse_closed(self) -> NoReturn:
        msg = f"this store in {self._root} was closed; open it again"
        raise Unavailable(msg)

    def _unavailable(self, error: OSError) -> Unavailable:
        place = f"{error.filename}: " if error.filename else f"{self._root}: "
        return Unavailable(
            f"{place}{error.strerror or error}. See to the disk and the permissions, then repeat the call"
        )

    def _each(self, items: Callable[[Core], Iterator[_T]]) -> Iterator[_T]:
        """The items as they are asked for, the first one being looked for at once."""
        with self._open() as core:
            found = items(core)

        def rest() -> Iterator[_T]:
            with self._open():
                yield from found

        return rest()

    def create(self, creation: Creation, first: Request, *, reuse: Literal["", "id", "pair"] = "") -> Created:
        """As the contract says."""
        with self._open() as core:
            return creating.create(core, creation, first, reuse)

    def append(self, session: str, request: Request) -> Appended:
        """As the contract says."""
        if self._closed:
            self._refuse_closed()
        try:
            answer = self._core.pool.append(session, request)
        except OSError as error:
            raise self._unavailable(error) from error
        if isinstance(answer, HansardError):
            raise answer
        return answer

    def submit(self, session: str, request: Request, done: Callable[[Answer], None]) -> None:
        """As the contract says."""
        if self._closed:
            self._refuse_closed()
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
        with self._open() as core:
            return forking.fork(core, origin, creation, at)

    def erase(self, session: str, seqs: Sequence[int], *, by: str | None, reason: str | None) -> Erasure:
        """As the contract says."""
        with self._open() as core:
            erasure = erasing.erase(core, session, seqs, by=by, reason=reason)
            if self._text.erased(session, *erasure.forks):
                return erasure
            late = f"{self._root / 'search.db'}: others hold it; the next search takes the text out"
            return msgspec.structs.replace(erasure, unreached=(*erasure.unreached, late))

    def delete(self, session: str, *, force: bool = False) -> tuple[str, ...]:
        """As the contract says."""
        with self._open() as core:
            return deleting.delete(core, session, force=force)

    def attach(self, session: str, data: bytes, *, mime: str, name: str | None = None) -> Attachment:
        """As the contract says."""
        with self._open() as core:
            return attaching.attach(core, session, data, mime=mime, name=name)

    def attachment(self, session: str, sha256: str) -> bytes:
        """As the contract says."""
        with self._open() as core:
            return attaching.attachment(core, session, sha256)

    def receive(self, session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]) -> Created:
        """As the contract says. Lines of a fork may begin with those it inherits; they are kept where they are needed."""
        with self._open() as core:
            return receiving.receive(core, session, lines, attachments)

    def check(self, session: str | None = None, *, repair: bool = False) -> Iterator[Finding]:
        """As the contract says."""
        return self._each(lambda core: checking.check(core, session, repair=repair))

    def reindex(self, progress: Progress | None = None) -> None:
        """As the contract says."""
        with self._open():
            self._mirror.indexer.rebuild(progress)
            self._text.rebuild(progress)

    def health(self) -> Health:
        """As the contract says."""
        with self._open() as core:
            proof = core.layout.root / f".health-{os.getpid()}-{os.urandom(4).hex()}"
            disk.write_file(proof, b"a write that was made durable\n")
            disk.unlink(proof)
            indexer = self._mirror.indexer
            details = {"path": str(self._root), "index_complete": indexer.complete, "problems": list(indexer.problems)}
            return Health(self.name, ok=True, details=details)

    def close(self) -> None:
        """As the contract says."""
        if self._closed:
            return
        self._closed = True
        _backends.discard(self)
        self._committers.close()
        self._text.close()
        self._mirror.indexer.close()
        self._core.pool.close()


_backends: weakref.WeakSet[FileBackend] = weakref.WeakSet()


def _forget_all() -> None:
    for backend in list(_backends):
        backend._forget()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - of this module


os.register_at_fork(after_in_child=_forget_all)
