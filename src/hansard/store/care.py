"""The half of a store that looks after it: check, heads, copies, index, health, closing."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Final, Protocol, Self

from ..backend import Progress
from ..errors import Invalid
from ..model.requests import Finding, Garbage, Health
from . import copying, heads
from .copying import Copied, CopyReport
from .documents import Documents, StoreShelf
from .heads import Heads
from .place import HasPlace, Place, place_of
from .protecting import unless_protected


class HasId(Protocol):
    """A session handle, of either door."""

    @property
    def id(self) -> str:
        """The id of the session."""
        ...


class Care:
    """A store as whoever keeps it sees it."""

    def __init__(self, place: Place) -> None:
        """Stand in an open place."""
        self._place: Final = place

    @property
    def backend_name(self) -> str:
        """The name of the backend: memory, file and so on."""
        return self._place.name

    @property
    def capabilities(self) -> frozenset[str]:
        """What the backend can do, in words of `hansard.backend.CAPABILITIES`."""
        return self._place.capabilities

    def check(
        self, session: str | HasId | None = None, *, heads: Heads | None = None, repair: bool = False
    ) -> list[Finding]:
        """What is wrong with one session or all: nothing, if the list has no finding of severity `damage`.

        Digests, chains and attachments are verified. A log that was cut at a commit, or chained anew as a whole, shows
        only against `heads` that were kept elsewhere. With `repair`, damage is moved to quarantine, never deleted.

        Raises:
            NotFound: there is no such session.
        """
        which = None if session is None else id_of(session)
        found = list(self._place.backend.check(which, repair=repair))
        if heads is not None:
            found += self._compare(heads, which)
        return found

    def _compare(self, kept: Heads, which: str | None) -> list[Finding]:
        return list(heads.compare(self._place.backend, kept, which))

    def heads(self) -> dict[str, list[int | str]]:
        """The last seq and hash of every session, as plain JSON: keep it where who can write the store can't."""
        return heads.heads_of(self._place.backend)

    def copy(
        self,
        sessions: str | HasId | Iterable[str | HasId],
        to: HasPlace,
        *,
        as_: str | None = None,
        progress: Progress | None = None,
    ) -> list[Copied]:
        """The sessions are in the other store, byte for byte, with their descendants and what a fork was made from.

        One that is there already gets what it lacks. `as_` takes a single session over under another id, with the same
        entries chained anew, and without its descendants. Repeating a copy is safe.

        Raises:
            Conflict: the other store has a session with the same id and other content.
            NotFound: there is no such session here.
            Corrupt: a line does not verify; what came before it in this call is copied.
        """
        given = list(sessions) if isinstance(sessions, Iterable) and not isinstance(sessions, str) else [sessions]
        ids = [id_of(session) for session in given]
        source, target = self._place.backend, place_of(to).backend
        if as_ is None:
            return copying.copy_sessions(source, target, ids, progress)
        if len(ids) != 1:
            msg = f"as_: one new id can't name {len(ids)} sessions; copy them one at a time"
            raise Invalid(msg)
        return [copying.Copier(source, target).copy_as(ids[0], as_)]

    def copy_store(self, to: HasPlace, *, progress: Progress | None = None) -> CopyReport:
        """Every session is in the other store, byte for byte, and the newest version of each document of the store.

        What could not be copied is in `failed`: also a document that was changed in both stores.
        """
        return copying.copy_everything(self._place.backend, place_of(to).backend, progress)

    def reindex(self, progress: Progress | None = None) -> None:
        """Everything derived was made anew from the logs, while readers and writers went on."""
        self._place.backend.reindex(progress)

    def health(self) -> Health:
        """The store could make a write durable a moment ago, and nothing is left of the trial.

        Only of one that was opened with `read_only` the answer is not `ok`.

        Raises:
            Unavailable: it could not; names the place.
        """
        return self._place.backend.health()

    @property
    def documents(self) -> Documents:
        """The documents of the store: named Markdown and JSON with versions.

        Raises:
            Unsupported: the backend keeps none.
        """
        self._place.need("documents", "documents")
        return Documents(StoreShelf(self._place))

    def collect_garbage(self, *, dry_run: bool = False) -> list[Garbage]:
        """What nothing refers to is gone, and told: attachments that no entry names, leftovers of crashed writers.

        Nothing younger than an hour is touched. With `dry_run` nothing is removed.
        """
        return list(self._place.backend.collect_garbage(dry_run=dry_run))

    def reset(self, *, force: bool = False) -> int:
        """All sessions and documents are gone, and the store is as new; how many sessions went. Tenants stay.

        Raises:
            Conflict: a session is pinned, running or leased, and `force` is False; nothing was removed.
        """
        return self._place.backend.reset(guard=None if force else unless_protected(self._place.clock))

    def close(self) -> None:
        """Everything is released. Further calls on the store and its sessions raise Unavailable; closing again is fine."""
        self._place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def id_of(session: str | HasId) -> str:
    """The id of a session that is given by id or handle.

    Raises:
        Invalid: it is neither.
    """
    found = session if isinstance(session, str) else getattr(session, "id", None)
    if isinstance(found, str):
        return found
    msg = f"a session is given by its id or its handle, not by {type(session).__name__}"
    raise Invalid(msg)
