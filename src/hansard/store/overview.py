"""The half of a store that looks over many sessions at once: the latest, what they cost, what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any, Unpack, cast

from ..codec import times
from ..errors import Invalid
from ..model.entry import Json
from ..model.info import SessionInfo
from ..model.requests import ANY
from ..query import EVERYTHING, Condition, check_limit, where
from . import following, runs, spending
from .creating import begin, creation_of
from .filters import Filters, When, Words
from .following import WATCH_POLL_S, Located, Watcher
from .keeping import Keeping
from .place import place_of
from .queries import sessions_of
from .reading import check_poll
from .running import RunHandle
from .runs import Run, Trimmed
from .session import Session
from .spending import Spent


class Overview(Keeping):
    """A store as whoever runs many agents sees it."""

    def latest(self, *, agent: str | None = None, user: str | None = None, order: str = "created") -> Session | None:
        """The newest root of exactly this agent and user, None if they have none; children and forks do not count.

        The newest is the one with the highest number, or with `order="activity"` the one that was active last.

        Raises:
            Invalid: the order is neither.
        """
        if order not in ("created", "activity"):
            msg = f"order: 'created' or 'activity', not {order!r}"
            raise Invalid(msg)
        backend = self._place.backend
        asked = where(kind="root", parent=None, agent=agent, user=user)
        if order == "activity":
            page = backend.find(asked, order="-activity", limit=1, cursor=None)
            return Session(self._place, page.items[0].id) if page.items else None
        newest = max(
            sessions_of(backend, asked, order="-created"),
            key=lambda info: (info.number or 0, info.created_at, info.id),
            default=None,
        )
        return None if newest is None else Session(self._place, newest.id)

    def usage(
        self,
        *,
        by: Iterable[str] = (),
        since: When | None = None,
        until: When | None = None,
        **filters: Unpack[Filters],
    ) -> list[Spent]:
        """What the calls of models took, one sum for each group; each call counts once, whoever reports it.

        `by` names the groups: day, month, model, provider, project, agent, user, session, root, kind. Without any there
        is one sum, or none if there were no calls. `since` includes its time, `until` does not; both go by when the
        call was made, in UTC. The filters are those of `find`; the sub-agents of a root that meets them count, too.

        Raises:
            Invalid: no such group, time or filter.
        """
        condition = _condition(filters) if filters else None
        return spending.spent(self._place.backend, condition, by=by, since=since, until=until)

    def entries(
        self,
        *,
        kinds: Iterable[str] | str | None = None,
        **filters: Unpack[Filters],
    ) -> Iterator[Located]:
        """The entries of all sessions that meet the filters, session by session, in bounded memory.

        With `updated_since` those that were committed then or later, whatever time they say they happened at. Children
        are among the sessions. A damaged session gives what can be read of it.

        Raises:
            Invalid: no such filter or time.
        """
        since = filters.get("updated_since")
        since_us = None if since is None else times.microseconds(since, "updated_since")
        condition = where(**cast("dict[str, Any]", {"all_kinds": True, **filters}))
        return following.entries_since(self._place.backend, condition, since_us, kinds)

    def run(
        self,
        *,
        agent: str | None = None,
        user: str | None = None,
        project: str | None = None,
        task: str | None = None,
        id: str | None = None,  # noqa: A002 - the field's name
        ttl_s: float = 60.0,
        data: Mapping[str, Json] | None = None,
    ) -> RunHandle:
        """A run of an agent that has no session: it gets one of kind `run`, which listings leave out. As Session.run."""
        creation = creation_of(kind="run", agent=agent, user=user, project=project, title=task)
        session = Session(self._place, begin(self._place, creation).id)
        return session.run(agent=agent, task=task, id=id, ttl_s=ttl_s, data=data)

    def runs(self, *, run_status: Words = ANY, run_agent: Words = ANY, **filters: Unpack[Filters]) -> Iterator[Run]:
        """The runs of all sessions that meet the filters, those of the most active session first.

        `run_status` is running, dead, completed, error or cancelled, or several of them: a dead run is one whose lease
        ran out before it ended. `run_agent` is whose run it was. Children and sessions of kind `run` are among the
        sessions.

        Raises:
            Invalid: no such filter.
        """
        condition = where(**cast("dict[str, Any]", {"all_kinds": True, **filters}))
        place = self._place
        return runs.runs(place.backend, place.clock, condition, status=run_status, run_agent=run_agent)

    def trim_runs(
        self, *, max_age_s: float, limit: int = 10_000, dry_run: bool = False, **filters: Unpack[Filters]
    ) -> list[Trimmed]:
        """Of runs that ended longer ago, how they went is gone for good: their events, at most `limit` at a time.

        What began and ended them stays, with their steps, tokens and cost, and so do messages, except in sessions of
        kind `run`. The lines keep their places and verify; an `erase` entry names them. Live runs are left alone.

        Raises:
            Invalid: the age or the limit is none.
            Unsupported: the backend can't erase.
        """
        self._place.need("erase", "trim_runs()")
        if isinstance(max_age_s, bool) or not isinstance(max_age_s, int | float) or not 0 < max_age_s < inf:
            msg = f"max_age_s: seconds, more than 0, not {max_age_s!r}"
            raise Invalid(msg)
        place = self._place
        before = times.stamp(max(0, place.clock() - round(max_age_s * 1_000_000)))
        condition = where(**cast("dict[str, Any]", {"all_kinds": True, **filters}))
        return runs.trim(
            place.backend, place.clock, condition, before=before, limit=check_limit(limit), dry_run=dry_run
        )

    def watch(
        self, since: When | None = None, *, poll_s: float = WATCH_POLL_S, **filters: Unpack[Filters]
    ) -> Iterator[SessionInfo]:
        """Sessions as any process changes them, for ever: what each is now, at least once after its last change.

        From `since` on (a commit clock), or (None) from now on. Children are among them. A deletion is not told.

        Raises:
            Invalid: no such filter or time.
        """
        check_poll(poll_s)
        return following.watch(watcher_of(self, since, filters), poll_s)


def watcher_of(store: Overview, since: When | None, filters: Filters) -> Watcher:
    """What looks for the changes of a store, for either door."""
    place = place_of(store)
    since_us = None if since is None else times.microseconds(since, "since")
    condition = where(**cast("dict[str, Any]", {"all_kinds": True, **filters}))
    return Watcher(place.backend, condition, place.clock, since_us=since_us)


def _condition(filters: Filters) -> Condition:
    return where(**cast("dict[str, Any]", filters)) if filters else EVERYTHING
