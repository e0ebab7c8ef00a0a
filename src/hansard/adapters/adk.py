"""Google's ADK on Hansard: sessions that tell a stale writer so, between processes too, and artifacts beside them.

    runner = Runner(app_name="tides", agent=agent, session_service=HansardSessionService("file:///var/lib/agents"),
                    artifact_service=HansardArtifactService("file:///var/lib/agents"))

An event is one entry that holds ADK's JSON verbatim. A session's own state is the state of the Hansard session; what
begins with `app:` or `user:` is a JSON document of the store, shared by all sessions of the app or user.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

import anyio
from anyio.lowlevel import RunVar

try:
    from google.adk.errors import StaleSessionError
    from google.adk.errors.already_exists_error import AlreadyExistsError
    from google.adk.errors.session_not_found_error import SessionNotFoundError
    from google.adk.events import Event
    from google.adk.sessions import BaseSessionService, Session, State
    from google.adk.sessions.base_session_service import GetSessionConfig, ListSessionsResponse
except ImportError as error:
    _MISSING: Final = "ADK is not installed: pip install 'hansard[adk]'"
    raise ImportError(_MISSING) from error

from ..aio.running import threaded
from ..codec import times
from ..errors import AlreadyExists, Conflict, Invalid, NotFound
from ..model.documents import DocumentWrite
from ..model.entry import Entry, NewEntry
from ..model.info import SessionInfo
from ..model.requests import ANY
from ..store import Session as Stored
from ..store import Store
from .adk_artifacts import HansardArtifactService
from .adk_events import FORMAT, deltas_of, entries_of
from .adk_scopes import Scopes, attempts
from .naming import joined
from .opened import AnyStore, opened

__all__ = ["HansardArtifactService", "HansardSessionService"]

APP, SESSION = "adk.app", "adk.session"
"""Metadata of each session: ADK's own names for it."""
UPDATED: Final = "adk_updated"
"""Field of each session: the timestamp of its last event."""

_locks: Final[RunVar[WeakValueDictionary[str, anyio.Lock]]] = RunVar("hansard-adk-locks")


class HansardSessionService(BaseSessionService):
    """Sessions of ADK in a Hansard store, for any number of processes.

    A Session that was loaded carries the number of the last entry it has seen. Appending to it when another process
    has appended an event or changed the state raises StaleSessionError and changes nothing of the session; entries that
    say nothing to ADK (a title, a label, a lease) do not make it stale. `store` is an open store of either door, or the
    place of one, which `close()` then closes.
    """

    def __init__(self, store: AnyStore = None) -> None:
        """Stand on a store. Errors are those of hansard.open."""
        door, self._owned = opened(store)
        self.store: Store = door.sync
        self._scopes = Scopes(self.store)

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """A new session. Its id is drawn if none, or a blank one, is given.

        Raises:
            AlreadyExistsError: the app and user have a session with this id.
        """
        return await threaded(partial(self._create, app_name, user_id, state or {}, (session_id or "").strip()))

    async def get_session(
        self, *, app_name: str, user_id: str, session_id: str, config: GetSessionConfig | None = None
    ) -> Session | None:
        """The session with its merged state and its events in the order of their commits; None if there is none.

        `num_recent_events` reads that many from the end, whatever the length; 0 reads none.
        """
        return await threaded(partial(self._get, app_name, user_id, session_id, config or GetSessionConfig()))

    async def list_sessions(self, *, app_name: str, user_id: str | None = None) -> ListSessionsResponse:
        """The sessions of an app, or of one user of it, without events; the one that was updated last comes last."""
        return await threaded(partial(self._list, app_name, user_id))

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """The session is gone; what is not there needs no deleting. The states of app and user stay."""
        await threaded(lambda: self.store.delete(session_key(app_name, user_id, session_id)))

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """The state of a user in an app, keys without `user:`."""
        return await threaded(lambda: self._scopes.state(app_name, user_id))

    async def append_event(self, session: Session, event: Event) -> Event:
        """The event and its state changes are durable; a partial event is returned as it is.

        What begins with `app:` and `user:` is written in the same commit where the store can do that (PostgreSQL), else
        first, as absolute values, so that repeating the call after a failure ends where one success would have. An event
        whose id is there is not written again.

        Raises:
            StaleSessionError: somebody else has appended to the session since it was loaded.
            SessionNotFoundError: it was deleted.
        """
        if event.partial:
            return event
        self._apply_temp_state(session, event)
        event = self._trim_temp_delta_state(event)
        async with _lock_of(session):
            # All on the worker thread: cancelled, what was written is in the session too before that is raised.
            return await threaded(partial(self._append, session, event))

    async def delete_events(
        self, *, app_name: str, user_id: str, session_id: str, event_ids: Sequence[str], reason: str | None = None
    ) -> int:
        """The content of these events is gone for good, and no reader sees them any more; how many there were.

        The state stays as it is. Sessions that are loaded are stale afterwards.
        """
        wanted = frozenset(event_ids)

        def chosen(events: Iterator[Entry]) -> list[int]:
            return [entry.seq for entry in events if entry.id in wanted]

        return await threaded(partial(self._erase, app_name, user_id, session_id, chosen, reason))

    async def prune_events(
        self, *, app_name: str, user_id: str, session_id: str, keep: int, reason: str | None = None
    ) -> int:
        """As delete_events, for all but the newest `keep` events."""
        if keep < 0:
            msg = f"keep: how many of the newest events stay, from 0 on, not {keep}"
            raise Invalid(msg)

        def chosen(events: Iterator[Entry]) -> list[int]:
            seqs = [entry.seq for entry in events]
            return seqs[: len(seqs) - keep]

        return await threaded(partial(self._erase, app_name, user_id, session_id, chosen, reason))

    async def close(self) -> None:
        """A store that was opened here is closed; one that was given stays open."""
        if self._owned:
            await threaded(self.store.close)

    def _create(self, app_name: str, user_id: str, state: dict[str, Any], session_id: str) -> Session:
        session_id = session_id or str(uuid.uuid4())
        key = session_key(app_name, user_id, session_id)
        deltas = deltas_of(state)
        if self.store.exists(key):
            raise AlreadyExistsError(_taken(session_id))
        for _ in attempts():
            writes = self._scopes.writes(app_name, user_id, deltas)
            try:
                self.store.create(
                    id=key, agent=app_name, user=user_id, at=time.time(), state=deltas[""],
                    metadata={APP: app_name, SESSION: session_id}, store_documents=writes,
                )  # fmt: skip
            except AlreadyExists:
                raise AlreadyExistsError(_taken(session_id)) from None
            except Conflict:
                # Another session has changed a scope just now.
                continue
            break
        else:
            raise StaleSessionError(_stale(session_id))
        created = self._get(app_name, user_id, session_id, GetSessionConfig(num_recent_events=0))
        if created is None:
            raise SessionNotFoundError(_gone(session_id))
        return created

    def _get(self, app_name: str, user_id: str, session_id: str, config: GetSessionConfig) -> Session | None:
        key = session_key(app_name, user_id, session_id)
        try:
            found = self.store.get(key)
            info = found.info
            events = list(_events(found, info.seq, config))
        except NotFound:
            if self.store.exists(key):
                # Something in it is missing, which must not look like no session.
                raise
            return None
        session = self._session(info, self._scopes.state(app_name), self._scopes.state(app_name, user_id))
        session.events = events[::-1]
        return session

    def _session(self, info: SessionInfo, app_state: Mapping[str, Any], user_state: Mapping[str, Any]) -> Session:
        merged = dict(info.state)
        merged |= {State.APP_PREFIX + key: value for key, value in app_state.items()}
        merged |= {State.USER_PREFIX + key: value for key, value in user_state.items()}
        session = Session(
            id=info.metadata[SESSION],
            app_name=info.metadata[APP],
            user_id=info.user or "",
            state=merged,
            last_update_time=_updated(info),
        )
        _mark(session, info.seq)
        return session

    def _list(self, app_name: str, user_id: str | None) -> ListSessionsResponse:
        user: Any = ANY if user_id is None else user_id or None
        app_state = self._scopes.state(app_name)
        user_states: dict[str, Mapping[str, Any]] = {}
        found: list[Session] = []
        for info in self.store.sessions(agent=app_name or None, user=user, metadata={APP: app_name}, order="id"):
            if info.user not in user_states:
                user_states[info.user or ""] = self._scopes.state(app_name, info.user or "")
            found.append(self._session(info, app_state, user_states[info.user or ""]))
        found.sort(key=lambda session: (session.last_update_time, session.user_id, session.id))
        return ListSessionsResponse(sessions=found)

    def _append(self, session: Session, event: Event) -> Event:
        """Write an event where the session that was loaded still is what it was; the session knows it afterwards."""
        key = session_key(session.app_name, session.user_id, session.id)
        deltas = deltas_of(event.actions.state_delta)
        entries = entries_of(event)
        writes: list[DocumentWrite] | None = None
        try:
            stored = self.store.get(key)
            for _ in attempts():
                expect = self._current(stored, session, event)
                if writes is None or self._scopes.atomic:
                    names = session.app_name, session.user_id
                    writes = self._scopes.writes(*names, deltas, state=lambda: stored.state)
                try:
                    seq = stored.append(
                        [*entries, *_rewind(stored, event)], expect=expect, state=deltas[""],
                        set={UPDATED: event.timestamp}, store_documents=writes,
                    )  # fmt: skip
                except Conflict as error:
                    if error.seq == expect and not writes:
                        raise
                else:
                    _mark(session, max(seq, expect))
                    session.last_update_time = event.timestamp
                    return self._commit_event_to_session(session, event)
        except NotFound:
            raise SessionNotFoundError(_gone(session.id)) from None
        raise StaleSessionError(_stale(session.id))

    def _current(self, stored: Stored, session: Session, event: Event) -> int:
        """The seq to append behind: nothing that ADK knows of has come after what the session has seen.

        Raises:
            StaleSessionError: something has.
        """
        marker = session._storage_update_marker  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - for stores to use
        if marker is None:
            info = stored.info
            newest = next(_events(stored, info.seq, GetSessionConfig(num_recent_events=1)), None)
            known = session.events[-1].id if session.events else None
            if (newest.id if newest else None) != known and _updated(info) > session.last_update_time:
                raise StaleSessionError(_stale(session.id))
            return info.seq
        last, own = int(marker), False
        for entry in stored.entries(after=last):
            # The event itself is there if the answer to an earlier call was lost; its group ends with a commit.
            own = own or entry.id == event.id
            if _speaks(entry) and not own:
                raise StaleSessionError(_stale(session.id))
            own = own and entry.commit is None
            last = entry.seq
        return last

    def _erase(self, app_name: str, user_id: str, session_id: str, chosen: Any, reason: str | None) -> int:
        try:
            stored = self.store.get(session_key(app_name, user_id, session_id))
        except NotFound:
            raise SessionNotFoundError(_gone(session_id)) from None
        seqs = chosen(entry for entry in stored.entries(kinds=("message", "event")) if _is_event(entry))
        return len(stored.erase(seqs, reason=reason).seqs) if seqs else 0


def session_key(app_name: str, user_id: str, session_id: str) -> str:
    """The id of the Hansard session that an ADK session is: `<session>@<user>@<app>`. Blanks around the id don't count."""
    return joined(session_id.strip(), user_id, app_name)


def _lock_of(session: Session) -> anyio.Lock:
    """The lock under which one event loop appends to a session, in the order of the calls; kept while one needs it."""
    locks = _locks.get(WeakValueDictionary())
    _locks.set(locks)
    return locks.setdefault(session_key(session.app_name, session.user_id, session.id), anyio.Lock())


def _mark(session: Session, seq: int) -> None:
    session._storage_update_marker = str(seq)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - for stores to use


def _updated(info: SessionInfo) -> float:
    told = info.fields.get(UPDATED)
    return float(told) if isinstance(told, int | float) else times.microseconds(info.created_at) / 1_000_000


def _events(stored: Stored, last: int, config: GetSessionConfig) -> Iterator[Event]:
    """The events up to an entry that the config asks for, the newest first."""
    left = config.num_recent_events
    if left == 0:
        return
    for entry in stored.entries(before=last + 1, newest_first=True, kinds=("message", "event")):
        if not _is_event(entry):
            continue
        event = Event.model_validate_json(stored.payload(entry) or "")
        if config.after_timestamp is None or event.timestamp >= config.after_timestamp:
            yield event
            left = None if left is None else left - 1
            if left == 0:
                return


def _is_event(entry: Entry) -> bool:
    raw = entry.body.get("raw") if isinstance(entry.body, dict) else None
    return isinstance(raw, dict) and raw.get("format") == FORMAT


def _speaks(entry: Entry) -> bool:
    """Whether an entry changes what ADK sees of a session."""
    if entry.kind == "update":
        return "state" in entry.body or UPDATED in entry.body.get("set", {})
    return entry.kind in ("erase", "head") or (entry.kind in ("message", "event") and _is_event(entry))


def _rewind(stored: Stored, event: Event) -> list[NewEntry]:
    """The conversation ends before the invocation that an event goes back to."""
    run = event.actions.rewind_before_invocation_id
    if not run:
        return []
    first = next((entry.seq for entry in stored.entries(kinds="message") if entry.run == run), None)
    return [] if first is None else [NewEntry(kind="head", body={"to": first - 1}, id=f"{event.id}:head")]


def _taken(session_id: str) -> str:
    return f"session {session_id!r} exists already; get it, or choose another id"


def _gone(session_id: str) -> str:
    return f"session {session_id!r} is not there; it was deleted, or never created"


def _stale(session_id: str) -> str:
    return f"session {session_id!r} has events that this copy of it has not seen; get it anew and decide again"
