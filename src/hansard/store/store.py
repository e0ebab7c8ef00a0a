"""Store: where sessions are made, found and searched. Policy lives here; what is guaranteed stands in the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, Unpack, cast

from ..backend import Backend
from ..codec.names import check_id
from ..errors import Invalid
from ..model.entry import Json
from ..model.info import SessionInfo
from ..model.requests import ANY, Clock, Hit, Page
from ..query import check_limit, order_field, parse, where
from .care import HasId, id_of
from .changes import KeyChanges
from .creating import begin, creation_of
from .filters import Filters
from .given import GivenEntries
from .given_documents import GivenDocuments
from .overview import Overview
from .place import Place
from .protecting import unless_protected
from .queries import sessions_of
from .redacting import Redact
from .resolving import get, is_there, resolve
from .retention import RetentionPolicy
from .session import Session


class Store(Overview):
    """An open store of sessions. Threads may share it; close it, or use it as a context manager.

    Made by `hansard.open()`; with a backend of your own, `Store(backend, clock=…)`.
    """

    def __init__(
        self, backend: Backend, *, clock: Clock, retention: RetentionPolicy | None = None, redact: Redact | None = None
    ) -> None:
        """Stand on an open backend. `clock` gives microseconds since 1970; for the rest see `hansard.open`."""
        super().__init__(Place(backend, clock, retention=retention, redact=redact))

    def create(
        self,
        *,
        id: str | None = None,  # noqa: A002 - the field's name
        agent: str | None = None,
        user: str | None = None,
        project: str | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Json] | None = None,
        config: Mapping[str, Json] | None = None,
        title: str | None = None,
        kind: str = "root",
        source: Json = None,
        at: str | float | datetime = "",
        state: KeyChanges | None = None,
        status: str | None = None,
        entries: GivenEntries = (),
        store_documents: GivenDocuments | None = None,
    ) -> Session:
        """A new session, durable with its first entries and state in one commit.

        Roots of one (agent, user) are counted: `info.number` and `info.slug`. `at` is when it began, for importers.
        `store_documents` as in `Session.append`.

        Raises:
            AlreadyExists: the id is taken.
            Conflict: a document has another version than is expected.
            Invalid: a value can't be stored.
            Unsupported: the store can't write its own documents together with a session.
        """
        creation = creation_of(
            id=id, kind=kind, agent=agent, user=user, project=project, labels=labels, metadata=metadata, config=config,
            source=source, title=title, at=at,
        )  # fmt: skip
        created = begin(
            self._place, creation, entries=entries, state=state, status=status, store_documents=store_documents
        )  # fmt: skip
        return self._session(created.id)

    def get(
        self,
        id: str | None = None,  # noqa: A002 - the field's name
        *,
        agent: Any = ANY,
        user: Any = ANY,
        number: int | None = None,
    ) -> Session:
        """The session with exactly this id, or, if there is none, the one with this slug; a damaged one, too.

        Without an id: the one of agent and user with this `number`. With agent or user, another's session is not there.

        Raises:
            NotFound: there is none, or it is somebody else's.
            Invalid: more than one session has this slug.
        """
        return self._session(get(self._place.backend, id, agent=agent, user=user, number=number))

    def resolve(self, text: str) -> Session:
        """The session that a person means: by id, slug, `@last`, `@1`, `@2` … (newest activity first) or unique prefix.

        Raises:
            NotFound: nothing fits.
            Invalid: more than one session fits.
        """
        return self._session(resolve(self._place.backend, text))

    def get_or_create(
        self,
        id: str | None = None,  # noqa: A002 - the field's name
        *,
        agent: str | None = None,
        user: str | None = None,
        project: str | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Json] | None = None,
        config: Mapping[str, Json] | None = None,
        title: str | None = None,
        kind: str = "root",
        source: Json = None,
        at: str | float | datetime = "",
        state: KeyChanges | None = None,
        status: str | None = None,
        entries: GivenEntries = (),
    ) -> Session:
        """The session with this id, or without an id the newest root of exactly this agent and user; else a new one.

        Callers at the same time get one session. What is said beside id, agent and user counts for a new one only.

        Raises:
            AlreadyExists: the id is that of another agent's or user's session.
        """
        creation = creation_of(
            id=id, kind=kind, agent=agent, user=user, project=project, labels=labels, metadata=metadata, config=config,
            source=source, title=title, at=at,
        )  # fmt: skip
        reuse: Literal["", "id", "pair"] = "id" if id is not None else "pair" if agent or user else ""
        created = begin(self._place, creation, entries=entries, state=state, status=status, reuse=reuse)
        return self._session(created.id)

    def exists(self, id: str) -> bool:  # noqa: A002 - the field's name
        """Whether a session has this id; a damaged one exists."""
        return is_there(self._place.backend, check_id(id))

    def info(self, id: str) -> SessionInfo:  # noqa: A002 - the field's name
        """What the session is now.

        Raises:
            NotFound: there is none.
        """
        return self._place.backend.info(check_id(id))

    def find(
        self, *, order: str = "-activity", limit: int = 50, after: str | None = None, **filters: Unpack[Filters]
    ) -> Page[SessionInfo]:
        """A page of the sessions that meet all filters, roots and forks only unless kind, parent or such is asked for.

        Orders: activity, updated, created, touched, title, id, seq; `-` before it: descending. Pass a page's `cursor`
        as `after` for the next one. The filters stand in docs/reference/api.md.

        Raises:
            Invalid: an unknown filter or order, or a value that it can't take.
        """
        return self._place.backend.find(
            _condition(filters), order=_order(order), limit=check_limit(limit), cursor=after
        )

    def sessions(self, *, order: str = "-activity", **filters: Unpack[Filters]) -> Iterator[SessionInfo]:
        """Every session that meets all filters, in order, read page by page. Arguments and errors as for `find`."""
        return sessions_of(self._place.backend, _condition(filters), order=_order(order))

    def search(
        self,
        text: str,
        *,
        session: str | HasId | None = None,
        order: Literal["newest", "rank"] = "newest",
        limit: int = 20,
        after: str | None = None,
    ) -> Page[Hit]:
        """Places whose text meets the search, newest first or by `rank`; in one session, also what was compacted away.

        Words are all looked for; `"a phrase"`, `prefix*`, `-not`, and filters such as `role:user`, `agent:coder`,
        `project:api`, `tool:bash`, `after:2026-11-01`, `is:error`. Any text is a valid search.

        Raises:
            NotFound: there is no such session.
            Invalid: order, limit or cursor are not such.
        """
        self._place.need("search", "search()")
        if not isinstance(text, str):
            msg = f"search: the text to look for is a str, not {type(text).__name__}"
            raise Invalid(msg)
        if order not in ("newest", "rank"):
            msg = f"order: 'newest' or 'rank', not {order!r}"
            raise Invalid(msg)
        which = None if session is None else id_of(session)
        return self._place.backend.search(
            parse(text, now_us=self._place.clock()), session=which, order=order, limit=check_limit(limit), cursor=after
        )

    def fork(self, session: str | HasId, *, at: int | None = None, id: str | None = None) -> Session:  # noqa: A002
        """A new session that continues one after its entry `at` (None: its last). As Session.fork."""
        return self._session(id_of(session)).fork(at=at, id=id)

    def delete(self, session: str | HasId, *, force: bool = False) -> bool:
        """The session and its descendants are gone; False if it was not there. Forks keep all that they show.

        Raises:
            Conflict: one of them is pinned, running or leased, and `force` is False.
        """
        guard = None if force else unless_protected(self._place.clock)
        return bool(self._place.backend.delete(id_of(session), guard=guard))

    def attachment(self, session: str | HasId, sha256: str) -> bytes:
        """The bytes of an attachment.

        Raises:
            NotFound: the session has none with this hash.
            Corrupt: the bytes do not have this hash, or the file is gone.
        """
        return self._place.backend.attachment(id_of(session), sha256)

    def tenant(self, name: str) -> Store:
        """The store of a tenant, beside this one: nothing in it can be reached from here or from another tenant.

        Close it when you are done with it; closing this store closes it, too.

        Raises:
            Invalid: the name can't be stored, or this is a tenant's store already.
            NotFound: this store was opened with `create=False`, and there is no such tenant.
            Unsupported: the backend has no tenants.
        """
        self._place.need("tenants", "tenant()")
        store = Store.__new__(Store)
        Overview.__init__(store, self._place.tenant(name))
        return store

    def _session(self, id: str) -> Session:  # noqa: A002 - the field's name
        return Session(self._place, id)

    def __repr__(self) -> str:
        return f"<hansard.Store {self.backend_name}>"


def _condition(filters: Filters) -> Any:
    return where(**cast("dict[str, Any]", filters))


def _order(order: str) -> str:
    order_field(order)
    return order
