"""Checkpoints that go: what later ones are computed from stays, hidden; what nothing shows any more is erased."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

from ..errors import Conflict, NotFound
from ..model.entry import NewEntry
from ..store import Session, Store
from .following import Following
from .langgraph_lists import items_of
from .langgraph_thread import CHECKPOINT, DROPPED, MESSAGE, SAID, VALUE, WRITES, Thread, pieces_in

Place: TypeAlias = "tuple[str, str]"
"""The namespace and the id of a checkpoint."""

_REWRITTEN_MAX: Final = 16
"""If no more checkpoints than these are left, they are written anew, standing on nothing, so that the old can go."""
_ATTEMPTS_MAX: Final = 200
_DELTAS: Final = "counters_since_delta_snapshot"
"""Metadata that names the channels whose state is computed from their ancestors' writes."""
_ERASED_KINDS: Final = frozenset((CHECKPOINT, WRITES, VALUE, MESSAGE))


def drop_runs(store: Store, threads: Following[Thread], session_id: str, runs: AbstractSet[str]) -> None:
    """All checkpoints of these runs are gone from a thread, and the messages that only they showed."""

    def chosen(thread: Thread) -> set[Place]:
        return {place for place in _visible(thread) if thread.checkpoints[place[0]][place[1]].run in runs}

    _drop(store, threads, session_id, chosen, messages=True)


def keep_newest(store: Store, threads: Following[Thread], session_id: str) -> None:
    """Each namespace has only its newest checkpoint. The conversation stays on record."""

    def chosen(thread: Thread) -> set[Place]:
        newest = {(ns, thread.newest(ns)) for ns in thread.checkpoints}
        return {place for place in _visible(thread) if place not in newest}

    _drop(store, threads, session_id, chosen, messages=False)


def _visible(thread: Thread) -> Iterator[Place]:
    return ((ns, identity) for ns in thread.checkpoints for identity in thread.visible(ns))


def _drop(
    store: Store,
    threads: Following[Thread],
    session_id: str,
    chosen: Callable[[Thread], set[Place]],
    *,
    messages: bool,
) -> None:
    try:
        session = store.get(session_id)
    except NotFound:
        return
    for attempt in itertools.count(1):
        with threads.of(session) as (thread, _, seq):
            entries = _entries(thread, session, chosen(thread))
            if not entries:
                return
            try:
                session.append(entries, expect=seq)
            except Conflict:
                if attempt == _ATTEMPTS_MAX:
                    raise
            else:
                break
    _erase(store, threads, session, messages=messages)


def _entries(thread: Thread, session: Session, unwanted: set[Place]) -> list[NewEntry]:
    """What is written to drop them: the checkpoints that are left, standing on nothing, and which are gone or hidden."""
    if not unwanted:
        return []
    left = [place for place in _visible(thread) if place not in unwanted]
    needed = {place for one in left for place in _computed_from(thread, session, one)}
    hidden_now = {
        (ns, identity)
        for ns, there in thread.checkpoints.items()
        for identity, record in there.items()
        if record.hidden
    }
    gone = (unwanted | hidden_now) - needed
    entries = [_standing_alone(thread, session, place) for place in left] if len(left) <= _REWRITTEN_MAX else []
    body = {"gone": sorted(map(list, gone)), "hidden": sorted(map(list, needed & unwanted))}
    return [*entries, NewEntry(kind=DROPPED, body=body)]


def _computed_from(thread: Thread, session: Session, place: Place) -> set[Place]:
    """The ancestors from whose writes a checkpoint's delta channels are computed."""
    ns, identity = place
    body = thread.body(session, thread.checkpoints[ns][identity].seq)
    counted = thread.codec.value(body["metadata"]).get(_DELTAS) or {}
    waiting = {
        channel for channel in thread.deltas | counted.keys() if not _has_value(thread, session, ns, identity, channel)
    }
    found: set[Place] = set()
    for ancestor in thread.chain(ns, thread.checkpoints[ns][identity].parent):
        if not waiting:
            break
        found.add((ns, ancestor))
        waiting = {channel for channel in waiting if not _has_value(thread, session, ns, ancestor, channel)}
    return found


def _has_value(thread: Thread, session: Session, ns: str, identity: str, channel: str) -> bool:
    at = thread.source(session, ns, thread.checkpoints[ns][identity].seq, channel)
    return at is not None and "e" not in at[1]


def _standing_alone(thread: Thread, session: Session, place: Place) -> NewEntry:
    ns, identity = place
    seq = thread.checkpoints[ns][identity].seq
    body = thread.body(session, seq)
    whole: dict[str, Any] = {}
    for channel in body["versions"]:
        at = thread.source(session, ns, seq, channel)
        if at is not None:
            whole[channel] = _whole(thread, session, channel, at) if "l" in at[1] else at[1]
    return NewEntry(kind=CHECKPOINT, body={**body, "values": whole})


def _whole(thread: Thread, session: Session, channel: str, at: tuple[int, Any]) -> dict[str, Any]:
    items: list[Any] = []
    for element in thread.element_places(channel, at[0]):
        if isinstance(element, int):
            items.append(element)
        else:
            record, number = element
            items.append(items_of(pieces_in(thread.body(session, record)["values"][channel]) or [])[number])
    return {"l": [{"i": items}]}


def _erase(store: Store, threads: Following[Thread], session: Session, *, messages: bool) -> None:
    """Clear what no checkpoint of the thread needs, unless a copy of the thread may show it."""
    if "erase" not in store.capabilities or _is_shown_elsewhere(store, session.id):
        return
    with threads.of(session) as (thread, info, _):
        needed = _needed(thread, session)
        first = info.segments[-1].last + 1 if info.segments else 1
        unneeded = [
            entry.seq
            for entry in session.entries(after=first - 1)
            if entry.seq not in needed
            and not entry.erased
            and (entry.kind in _ERASED_KINDS or (messages and entry.kind == "message" and entry.id.startswith(SAID)))
        ]
    if unneeded:
        session.erase(unneeded, reason="checkpoints were dropped")


def _is_shown_elsewhere(store: Store, session_id: str) -> bool:
    return any(segment.session == session_id for info in store.sessions(fork=True) for segment in info.segments)


def _needed(thread: Thread, session: Session) -> set[int]:
    """The entries that the checkpoints of a thread stand on."""
    needed: set[int] = set()
    for ns, there in thread.checkpoints.items():
        for identity, record in there.items():
            needed.add(record.seq)
            needed.update(thread.writes_of(ns, identity))
            for channel in thread.body(session, record.seq)["versions"]:
                at = thread.source(session, ns, record.seq, channel)
                if at is None:
                    continue
                seq, described = at
                needed.add(seq)
                if "v" in described:
                    needed.add(described["v"])
                elif "l" in described:
                    needed.update(place for place in thread.element_places(channel, seq) if isinstance(place, int))
                    needed.update(thread.list_sources(channel, seq))
    return needed
