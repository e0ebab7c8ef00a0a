"""Search by looking at every entry: what each backend's `search` must return, and how memory does it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from ..model.entry import Entry
from ..model.info import SessionInfo
from ..model.requests import Hit, Page
from .hits import Found, Order, asked, find_in, page_of, session_matches
from .pieces import calls_of
from .search import Search


def search_all(
    sessions: Iterable[tuple[SessionInfo, Iterable[Entry]]],
    search: Search,
    *,
    order: Order = "newest",
    limit: int,
    cursor: str | None = None,
    session: str | None = None,
) -> Page[Hit]:
    """The page of hits in these sessions, each given with its entries in order; in one of them with `session`.

    Newest first is: by the entry's time, the newest first; then by session id; then the highest seq first. By rank is:
    the best score first among the newest SEARCH_RANKED_MAX hits, equal ones newest first.

    Raises:
        Invalid: order, limit or cursor are not such, or the condition names what there is not.
    """
    request = asked(search, order=order, limit=limit, cursor=cursor)
    titles: dict[str, str | None] = {}

    def found() -> Iterator[Found]:
        for info, entries in sessions:
            if (session is None or info.id == session) and session_matches(search, info):
                titles[info.id] = info.title
                yield from _in_session(search, info, entries)

    after = request.after_newest
    candidates = found() if after is None else (one for one in found() if one.key > after)
    newest = heapq.nsmallest(request.wanted, candidates, key=lambda one: one.key)
    return page_of(request, newest, titles, complete=True)


def _in_session(search: Search, info: SessionInfo, entries: Iterable[Entry]) -> Iterator[Found]:
    last = {target: amend for amend, target in info.amendments}
    held = list(entries) if last else entries
    amends = {entry.seq: entry for entry in held if entry.kind == "amend"} if last else {}
    calls: dict[str, str] = {}
    for entry in held:
        for call, name in calls_of(entry).items():
            calls.setdefault(call, name)
        one = find_in(search, info, entry, amendment=amends.get(last.get(entry.seq, 0)), calls=calls)
        if one is not None:
            yield one
