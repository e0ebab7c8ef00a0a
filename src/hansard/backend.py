"""THE contract: what a backend guarantees. The store, the adapters and the command line stand on this and nothing else.

Guarantees that hold for every verb, unless its own text says more:

- **Durable.** What a mutating verb returns has survived a power cut. Raising means that nothing was acknowledged;
  after `Unavailable` it may have been done all the same, and the same entry ids make repeating an append safe.
- **Atomic.** All entries of one request are there, or none, for every reader and after every crash.
- **Ordered.** Entries are numbered 1, 2, 3 … without gaps in the order of their commits; a fork's numbers continue its
  origin's. Reads give entries in the order of `seq` (or its reverse), never of time.
- **Isolated by session.** Damage, load and locks of one session never touch another.
- **Safe from many sides.** Threads, processes and (where `shared` is declared) machines may call at the same time;
  `expect`, ids and fences are compared and written under one lock, or its equal.
- Ids are 1 to 512 bytes of UTF-8, compared byte by byte, unique in the store, children included.
- Errors are those of `hansard.errors` and no other. A missing session is `NotFound` in every verb but `delete`.

`hansard.testing.BackendContract` tests all of it. What differs between backends is declared in `capabilities`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import msgspec

from .codec.line import Sealed
from .errors import HansardError
from .model.documents import Document, DocumentKey, DocumentWrite
from .model.entry import Entry
from .model.info import Attachment, SessionInfo
from .model.requests import Appended, Changes, Created, Creation, Erasure, Finding, Garbage, Health, Hit, Page
from .query import Condition, Search

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (what, done, total) from the thread that works; total is 0 while unknown."""

Answer: TypeAlias = Appended | HansardError

Guard: TypeAlias = Callable[[Sequence[SessionInfo]], str]
"""Says of a tree of sessions, as it is under the lock, why it must stay; "" if it may go. It must not call the backend."""

CAPABILITIES = frozenset((
    "persistent", "shared", "search", "attachments", "fork", "erase", "documents", "tenants", "atomic_documents",
))  # fmt: skip
"""persistent: survives the process · shared: one store may be opened by many processes · atomic_documents: an append may
carry documents of the store · the rest name their verbs. A verb whose capability is not declared raises Unsupported."""


class Request(msgspec.Struct, frozen=True):
    """One caller's append: entries, and changes that become one more `update` entry after them."""

    sealed: tuple[Sealed, ...] = ()
    changes: Changes | None = None
    change_id: str = ""
    """Id of the update entry; "" draws one."""
    unit: bool = False
    """All or nothing also on repetition: if any id is present, all must be, and changes are written as given."""
    expect: int | None = None
    """Compare-and-set: append only if this is the last seq (lease entries after it do not count)."""
    fence: int | None = None
    """Append only under the lease with this number."""
    documents: tuple[DocumentWrite, ...] = ()
    """Documents of the store, written in the same commit or not at all: needs `atomic_documents`."""


@runtime_checkable
class IndexesAside(Protocol):
    """What a backend may have beside the contract, for large loads."""

    def indexing_aside(self) -> AbstractContextManager[None]:
        """While this lasts, text that is appended is read into the search index beside the work; nothing waits for it."""
        ...


class Upkeep(Protocol):
    """The verbs that are about no single session: documents of the store, tenants, upkeep, and the end."""

    name: str
    capabilities: frozenset[str]

    def put_document(self, key: DocumentKey, data: bytes, *, expect: int | None = None) -> Document:
        """A document of the store has this content, as its next version; earlier ones stay readable.

        `expect` is compare-and-set on the version: 0 = it must not be there. Content that is there already is no new
        version. Versions count on after a deletion.

        Raises:
            Conflict: the version is another (`seq` carries it).
            Invalid: a name can't be stored, or the content is too large.
        """
        ...

    def document(self, key: DocumentKey, *, version: int | None = None) -> tuple[Document, bytes] | None:
        """A document and its content, now or in an earlier version; None if there is none.

        Raises:
            Corrupt: the content does not have its hash.
        """
        ...

    def documents(self, category: str | None = None) -> tuple[Document, ...]:
        """The documents of a category and of those nested in it (None: all), sorted by category, name, kind."""
        ...

    def document_versions(self, key: DocumentKey) -> tuple[Document, ...]:
        """All versions of a document, the oldest first, deletions among them; empty if there never was one."""
        ...

    def delete_document(self, key: DocumentKey, *, expect: int | None = None, history: bool = False) -> bool:
        """Exactly this document is gone, False if it was not there. With `history` its earlier versions are gone, too.

        Raises:
            Conflict: `expect` is not its version.
        """
        ...

    def collect_garbage(self, *, dry_run: bool = False) -> tuple[Garbage, ...]:
        """What nothing refers to is removed: attachments that no entry names, leftovers of crashed writers.

        Nothing younger than an hour, by the store's clock, is touched: an entry may be about to name it.
        """
        ...

    def reset(self, *, guard: Guard | None = None) -> int:
        """All sessions and documents are gone, and the store is as new; how many sessions went. Handles get NotFound.

        `guard` is asked about each tree first; tenants are stores of their own and stay.

        Raises:
            Conflict: the guard gave a reason; nothing was removed.
        """
        ...

    def tenant(self, name: str) -> Backend:
        """The store of a tenant beside this one: nothing in it can be reached from here or from another tenant.

        Closing this backend closes it, too. The same name gives the same store.

        Raises:
            Invalid: the name can't be stored, or this is a tenant's store already.
        """
        ...

    def check(self, session: str | None = None, *, repair: bool = False) -> Iterator[Finding]:
        """Verify digests, chains and attachments of one session or all. With `repair`, damage is moved to quarantine."""
        ...

    def reindex(self, progress: Progress | None = None) -> None:
        """Make everything derived anew from the logs, while readers and writers go on."""
        ...

    def health(self) -> Health:
        """Prove that a write can be made durable, leaving nothing behind.

        Raises:
            Unavailable: it can't; names the place.
        """
        ...

    def close(self) -> None:
        """Release everything. Further calls raise Unavailable; closing again does nothing."""
        ...


class Backend(Upkeep, Protocol):
    """A place where sessions live."""

    def create(self, creation: Creation, first: Request, *, reuse: Literal["", "id", "pair"] = "") -> Created:
        """Make a session whose log begins with its `created` entry and the entries of `first`, in one commit.

        A child (`creation.parent`) goes under its parent's root. Roots of an (agent, user) get the next `number`.

        With `reuse="id"` a session that has the id is returned instead, unless it is another user's or agent's; with
        `reuse="pair"` the newest existing root of exactly this (agent, user). Concurrent callers get one session.

        Raises:
            AlreadyExists: the id is taken.
            NotFound: the parent does not exist.
        """
        ...

    def append(self, session: str, request: Request) -> Appended:
        """Append under the session's lock: ids first, then `expect` and `fence`, then write and sync.

        Ids all present with equal content: the first result again, nothing written. Some present: the rest is
        appended, but only without `expect` and `unit`. Without entries and effective changes nothing is written.

        Raises:
            Conflict: an id is present with other content; `expect` is not met; a compaction covers what is not on
                the visible path.
            LeaseLost: `fence` is not that of the newest, unreleased lease.
            Invalid: a bound of `hansard.limits` is exceeded, or an entry names a seq that is not there.
            Unsupported: the log needs a feature that this version does not know.
        """
        ...

    def submit(self, session: str, request: Request, done: Callable[[Answer], None]) -> None:
        """`append` without waiting: queued in order of call; `done` gets the result or error on another thread.

        Requests that wait for one session share one commit.
        """
        ...

    def entries(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        newest_first: bool = False,
        on_damage: Literal["raise", "skip"] = "raise",
    ) -> Iterator[Entry]:
        """The entries with `after < seq < before`, a fork's inherited ones included, read as they are asked for.

        With `skip`, damage yields one entry of kind `x-hansard.gap` (place in its body) and reading goes on behind it.

        Raises:
            Corrupt: at the first damage, with its place.
        """
        ...

    def lines(self, session: str, *, after: int = 0) -> Iterator[bytes]:
        """The lines of the session's own log with `seq > after`, byte for byte, checked against digest and chain.

        A fork's inherited lines are not among them.
        """
        ...

    def info(self, session: str) -> SessionInfo:
        """What the session is now; includes every acknowledged append of any process."""
        ...

    def find(self, where: Condition, *, order: str, limit: int, cursor: str | None) -> Page[SessionInfo]:
        """Sessions that meet a condition, in the order of a field (`-` before it: descending), ties by id.

        Order fields: activity, updated, created, touched, title, id, seq. The page includes every acknowledged append.
        A cursor names a position in the order, so that sessions added or removed meanwhile shift nothing.
        """
        ...

    def search(
        self, search: Search, *, session: str | None, order: Literal["newest", "rank"], limit: int, cursor: str | None
    ) -> Page[Hit]:
        """Places whose text meets a search, newest first or by score. Never text that was erased or deleted."""
        ...

    def fork(self, origin: str, creation: Creation, *, at: int | None) -> Created:
        """Make a root that continues `origin` after its entry `at` (None: its last), in O(1).

        Raises:
            Invalid: `at` is not a seq of the origin.
        """
        ...

    def erase(self, session: str, seqs: Sequence[int], *, by: str | None, reason: str | None) -> Erasure:
        """Clear salt and body of entries for good, wherever the store holds them, and append an `erase` entry.

        Raises:
            Invalid: a seq is not there, or is of a kind without which the log can't be read (created, head, lease …).
        """
        ...

    def renew(self, session: str, fence: int) -> None:
        """The lease with this number runs its whole time from now. No entry is written; `info.lease.renewed_us` says when.

        Need not survive a power cut.

        Raises:
            LeaseLost: it is not the newest, or was released.
        """
        ...

    def wait(self, session: str, *, after: int, timeout_s: float) -> int:
        """The last seq, as soon as it is greater than `after`, and at the latest when the time is over.

        An append of another process is noticed within 200 ms.

        Raises:
            NotFound: the session is not there, or was deleted meanwhile.
        """
        ...

    def delete(self, session: str, *, guard: Guard | None = None) -> tuple[str, ...]:
        """Remove a session with its descendants; the ids that went, sorted; none if it was not there. Repeatable.

        Forks of it keep all that they show. `guard` is called under the lock, with the infos of the whole tree, the
        session's own first; nothing is appended between its answer and the end of the tree.

        Raises:
            Conflict: the guard gave a reason, which the message repeats.
        """
        ...

    def attach(self, session: str, data: bytes, *, mime: str, name: str | None = None) -> Attachment:
        """Keep bytes beside the session by their hash, durable before any entry names them. The same bytes once."""
        ...

    def attachment(self, session: str, sha256: str) -> bytes:
        """The bytes of an attachment.

        Raises:
            NotFound: the session has none with this hash.
            Corrupt: the bytes do not have this hash, or the file is gone.
        """
        ...

    def receive(self, session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]) -> Created:
        """Take over a session's own log byte for byte: a new one, or the rest of one whose beginning is here.

        Lines of a fork may begin with those it inherits, from 1 on: they are kept as its copy where its origin is not
        here. Every line is checked against digest and chain before it counts; nothing is visible before all are there.
        What an arriving `erase` entry names is cleared before it is stored.

        Raises:
            Conflict: a session with this id is here and its log is neither equal to nor a beginning of the lines.
            Corrupt: a line does not verify.
        """
        ...
