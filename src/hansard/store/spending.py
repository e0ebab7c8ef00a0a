"""What calls of models took, summed up by day, model, project and the like, each call counted once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from ..backend import Backend
from ..codec import times
from ..errors import Corrupt, Invalid, NotFound
from ..fold.meaning import add_usage
from ..model.entry import Entry
from ..model.info import SessionInfo, Usage
from ..query import EVERYTHING, Condition, Field, where
from .queries import entries_of, sessions_of

GROUPS: Final = ("day", "month", "model", "provider", "project", "agent", "user", "session", "root", "kind")
"""What usage can be summed up by."""

_KNOWN_ROOTS_MAX: Final = 10_000


class Spent(msgspec.Struct, frozen=True):
    """The usage of one group of calls."""

    by: dict[str, str | None]
    """What the calls of the group have in common; None: not said."""
    usage: Usage


def sum_of(totals: Iterable[Usage]) -> Usage:
    """All of them together."""
    found = Usage()
    for one in totals:
        found = Usage(*(getattr(found, name) + getattr(one, name) for name in Usage.__struct_fields__))
    return found


def spent(
    backend: Backend,
    condition: Condition | None,
    *,
    by: Iterable[str],
    since: str | float | datetime | None,
    until: str | float | datetime | None,
) -> list[Spent]:
    """As Store.usage says; a condition of None means all sessions."""
    groups = _groups(by)
    first = "" if since is None else times.normal(since, "since")
    end = None if until is None else times.normal(until, "until")
    totals: dict[tuple[str | None, ...], Usage] = {}
    seen: set[int] = set()
    for info, root in _sessions(backend, condition):
        for entry in _calls(backend, info):
            if entry.at < first or (end is not None and entry.at >= end) or not _is_new(entry, seen):
                continue
            key = tuple(_value(name, entry, info, root) for name in groups)
            totals[key] = add_usage(totals.get(key, Usage()), entry.body)
    ordered = sorted(totals.items(), key=lambda item: tuple(value or "" for value in item[0]))
    return [Spent(dict(zip(groups, key, strict=True)), usage) for key, usage in ordered]


def _groups(by: Iterable[str]) -> tuple[str, ...]:
    groups = (by,) if isinstance(by, str) else tuple(by)
    for name in groups:
        if name not in GROUPS:
            msg = f"by: no group {name!r}; there are {', '.join(GROUPS)}"
            raise Invalid(msg)
    return tuple(dict.fromkeys(groups))


def _sessions(backend: Backend, condition: Condition | None) -> Iterator[tuple[SessionInfo, SessionInfo | None]]:
    """Each session that counts, once, with its root: those that are meant, and the descendants of roots among them."""
    if condition is None:
        roots: dict[str, SessionInfo | None] = {}
        for info in sessions_of(backend, EVERYTHING, order="id", complete=True):
            yield info, _root_of(backend, info, roots)
        return
    roots, met = {}, set[str]()
    for info in sessions_of(backend, condition, order="id", complete=True):
        if info.parent is None:
            yield info, info
            descendants = sessions_of(backend, where(root=info.id), order="id", complete=True)
            counted = ((child, info) for child in descendants if child.id != info.id)
        else:
            counted = iter([(info, _root_of(backend, info, roots))])
        # A child may be meant itself, and come with its root as well.
        for child, root in counted:
            if child.id not in met:
                met.add(child.id)
                yield child, root


def _root_of(backend: Backend, info: SessionInfo, known: dict[str, SessionInfo | None]) -> SessionInfo | None:
    if info.parent is None:
        return info
    if info.root not in known:
        if len(known) >= _KNOWN_ROOTS_MAX:
            known.clear()
        page = backend.find(Field("id", "=", info.root), order="id", limit=1, cursor=None)
        known[info.root] = page.items[0] if page.items else None
    return known[info.root]


def _calls(backend: Backend, info: SessionInfo) -> Iterator[Entry]:
    """The usage entries of a session's own log; what is damaged, or was deleted on the way, counts as far as it is read."""
    if not info.usage.calls:
        return
    after = info.segments[-1].last if info.segments else 0
    try:
        for entry in entries_of(backend, info.id, after=after):
            if entry.kind == "usage" and isinstance(entry.body, dict):
                yield entry
    except (NotFound, Corrupt):
        return


def _is_new(entry: Entry, seen: set[int]) -> bool:
    """Whether this call was not met yet: one call may be reported by several sessions."""
    call = entry.body.get("call")
    if not isinstance(call, str) or not call:
        return True
    mark = hash(call)
    if mark in seen:
        return False
    seen.add(mark)
    return True


def _value(name: str, entry: Entry, info: SessionInfo, root: SessionInfo | None) -> str | None:
    if name == "day":
        return entry.at[:10]
    if name == "month":
        return entry.at[:7]
    if name in ("model", "provider"):
        said = entry.body.get(name)
        return said if isinstance(said, str) else getattr(info, name)
    if name == "agent":
        return entry.agent or info.agent
    if name == "session":
        return info.id
    if name == "root":
        return info.root or info.id
    # A sub-agent that says nothing of its own works for whom its root works for.
    value = getattr(info, name)
    return getattr(root, name) if value is None and root is not None and name in ("project", "user") else value
