"""LangGraph's long-term memory: a BaseStore whose items stand in the log of one Hansard session.

A batch is one append, so it is there whole or not at all. What is read comes from a view of the log in memory, brought up
to date before each batch, so processes see each other's items.
"""

from __future__ import annotations

import operator as operators
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import msgspec
from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
)

from ..aio.running import threaded
from ..codec import values
from ..errors import Conflict, Invalid
from ..limits import DEPTH_MAX
from ..model.entry import Entry, Json, NewEntry
from ..store import Session, Store
from .following import Following
from .opened import AnyStore, opened

ITEMS: Final = "x-langgraph.items"
KIND: Final = "langgraph-store"
SESSION: Final = "~langgraph-store"
_SWEEP_MINUTES: Final = 5
_ORDERS: Final = {"$gt": operators.gt, "$gte": operators.ge, "$lt": operators.lt, "$lte": operators.le}
_COMPARISONS: Final = ("$eq", "$ne", *_ORDERS)

Key = tuple[tuple[str, ...], str]


class _Kept(msgspec.Struct):
    """One item, and when it ends."""

    value: dict[str, Json]
    created: float
    updated: float
    ttl: float | None
    expires: float | None
    seq: int


class _Shelf:
    """The fold of the log: the items by namespace and key."""

    def __init__(self) -> None:
        self.items: dict[Key, _Kept] = {}
        self._needed: Counter[int] = Counter()
        self._old: set[int] = set()

    def take(self, entries: Sequence[Entry]) -> None:
        """Apply what was put and what was read."""
        for entry in entries:
            if entry.kind != ITEMS or entry.erased:
                continue
            at = entry.body["at"]
            for put in entry.body.get("puts", ()):
                self._put((tuple(put["ns"]), put["key"]), put, at, entry.seq)
            for ns, key in entry.body.get("read", ()):
                kept = self.items.get((tuple(ns), key))
                if kept is not None and kept.ttl is not None:
                    kept.expires = at + kept.ttl * 60
            self._old.add(entry.seq)

    def _put(self, key: Key, put: Any, at: float, seq: int) -> None:
        before = self.items.pop(key, None)
        if before is not None:
            self._needed[before.seq] -= 1
        if put["value"] is not None:
            created = before.created if before is not None and not _is_over(before, at) else at
            ttl = put.get("ttl")
            self.items[key] = _Kept(put["value"], created, at, ttl, None if ttl is None else at + ttl * 60, seq)
            self._needed[seq] += 1

    def unneeded(self) -> list[int]:
        """The entries of whose items none is there any more; each is told once."""
        found = sorted(seq for seq in self._old if self._needed[seq] <= 0)
        self._old.difference_update(found)
        return found


def _is_over(kept: _Kept, now: float) -> bool:
    return kept.expires is not None and kept.expires <= now


class HansardStore(BaseStore):
    """Items by namespace and key, with times to live, in a Hansard store.

    `store` is an open store of either door, or the place of one, which `close()` then closes. `name` tells several
    memories in one store apart. A search with a `query` ranks by the words that items share with it: there are no
    embeddings. An item whose time is over is not found any more, and `sweep_ttl()` erases what it said.
    """

    supports_ttl = True

    def __init__(self, store: AnyStore = None, *, name: str = "", ttl: TTLConfig | None = None) -> None:
        """Stand on a store. `ttl` gives the times to live where a call says none: see TTLConfig of LangGraph."""
        door, self._owned = opened(store)
        self.store: Store = door.sync
        self.ttl_config = ttl
        self._name = f"{SESSION}.{name}" if name else SESSION
        self._shelves: Following[_Shelf] = Following(_Shelf, keep=1)
        self._stop = threading.Event()
        self._sweeper: threading.Thread | None = None

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """The results in the order of the operations; what they put is durable together.

        Reads see what was there before the batch. Of several puts of one key the last one counts.

        Raises:
            Invalid: a value is no JSON object, or a filter can't be understood.
        """
        given = list(ops)
        now = time.time()
        with self._shelves.of(self._session()) as (shelf, _, _):
            read: dict[Key, None] = {}
            results = [self._result(shelf, op, now, read) for op in given]
        puts = {(op.namespace, op.key): op for op in given if isinstance(op, PutOp)}
        body: dict[str, Json] = {"at": now}
        if puts:
            body["puts"] = [_described(op) for op in puts.values()]
        if read:
            body["read"] = [[list(namespace), key] for namespace, key in read]
        if len(body) > 1:
            self._session().append(NewEntry(kind=ITEMS, body=body))
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As batch. Cancelled, it settles first."""
        return await threaded(partial(self.batch, list(ops)))

    def sweep_ttl(self) -> int:
        """Items whose time is over are gone, and what was replaced or deleted is erased; how many were over."""
        now = time.time()
        session = self._session()
        while True:
            with self._shelves.of(session) as (shelf, _, seq):
                over = [key for key, kept in shelf.items.items() if _is_over(kept, now)]
                if over:
                    gone = [{"ns": list(namespace), "key": key, "value": None} for namespace, key in over]
                    try:
                        session.append(NewEntry(kind=ITEMS, body={"at": now, "puts": gone}), expect=seq)
                    except Conflict:
                        # Somebody may have read one of them just now, which gives it more time.
                        continue
            break
        if "erase" in self.store.capabilities:
            with self._shelves.of(session) as (shelf, _, _):
                unneeded = shelf.unneeded()
            if unneeded:
                session.erase(unneeded, reason="items were replaced, deleted or over")
        return len(over)

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> None:
        """A thread sweeps from now on, every `sweep_interval_minutes` (else as configured, else every 5 minutes)."""
        if self._sweeper is not None and self._sweeper.is_alive():
            return
        configured = (self.ttl_config or {}).get("sweep_interval_minutes")
        interval = sweep_interval_minutes or configured or _SWEEP_MINUTES
        self._stop.clear()
        self._sweeper = threading.Thread(target=self._sweep, args=(interval * 60,), name="hansard-ttl", daemon=True)
        self._sweeper.start()

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """No sweeping any more; False if the thread is still at work when the seconds are over."""
        self._stop.set()
        if self._sweeper is None:
            return True
        self._sweeper.join(timeout)
        return not self._sweeper.is_alive()

    def close(self) -> None:
        """The sweeper has ended; a store that was opened here is closed, one that was given stays open."""
        self.stop_ttl_sweeper()
        if self._owned:
            self.store.close()

    def _session(self) -> Session:
        return self.store.get_or_create(self._name, kind=KIND)

    def _sweep(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            self.sweep_ttl()

    def _result(self, shelf: _Shelf, op: Op, now: float, read: dict[Key, None]) -> Result:
        if isinstance(op, GetOp):
            kept = shelf.items.get((op.namespace, op.key))
            if kept is None or _is_over(kept, now):
                return None
            _note(read, (op.namespace, op.key), kept, refresh=op.refresh_ttl)
            return Item(**_shown((op.namespace, op.key), kept))
        if isinstance(op, SearchOp):
            return self._search(shelf, op, now, read)
        if isinstance(op, ListNamespacesOp):
            return _namespaces(shelf, op, now)
        if isinstance(op, PutOp):
            return None
        msg = f"a store does gets, puts, searches and namespace listings, not {type(op).__name__}"
        raise Invalid(msg)

    def _search(self, shelf: _Shelf, op: SearchOp, now: float, read: dict[Key, None]) -> list[SearchItem]:
        size = len(op.namespace_prefix)
        found = [
            (key, kept)
            for key, kept in shelf.items.items()
            if key[0][:size] == op.namespace_prefix and not _is_over(kept, now) and _meets(kept.value, op.filter or {})
        ]
        scores: dict[Key, float] = {}
        if op.query:
            wanted = _words(op.query)
            scores = {key: _score(wanted, kept.value) for key, kept in found}
            found.sort(key=lambda one: -scores[one[0]])
        page = found[op.offset : op.offset + op.limit]
        for key, kept in page:
            _note(read, key, kept, refresh=op.refresh_ttl)
        return [SearchItem(**_shown(key, kept), score=scores.get(key)) for key, kept in page]


def _note(read: dict[Key, None], key: Key, kept: _Kept, *, refresh: bool) -> None:
    if refresh and kept.ttl is not None:
        read[key] = None


def _described(op: PutOp) -> dict[str, Json]:
    if op.value is not None and not isinstance(op.value, dict):
        msg = f"item {op.key!r}: the value is a dict, not {type(op.value).__name__}"
        raise Invalid(msg)
    value = _listed(op.value)
    values.check_value(value, f"item {op.key!r}")
    described: dict[str, Json] = {"ns": list(op.namespace), "key": op.key, "value": value}
    return described if op.ttl is None or op.value is None else {**described, "ttl": op.ttl}


def _listed(value: Any, room: int = DEPTH_MAX) -> Any:
    """The value with lists for tuples, which JSON doesn't know: as every store of LangGraph that keeps its items."""
    if isinstance(value, dict) and room:
        return {key: _listed(item, room - 1) for key, item in value.items()}
    return [_listed(item, room - 1) for item in value] if isinstance(value, list | tuple) and room else value


def _shown(key: Key, kept: _Kept) -> dict[str, Any]:
    return {
        "namespace": key[0],
        "key": key[1],
        "value": values.decode(values.encode(kept.value)),
        "created_at": datetime.fromtimestamp(kept.created, UTC),
        "updated_at": datetime.fromtimestamp(kept.updated, UTC),
    }


def _namespaces(shelf: _Shelf, op: ListNamespacesOp, now: float) -> list[tuple[str, ...]]:
    there = {key[0] for key, kept in shelf.items.items() if not _is_over(kept, now)}
    kept = {namespace for namespace in there if all(_fits(one, namespace) for one in op.match_conditions or ())}
    cut = {namespace[: op.max_depth] for namespace in kept} if op.max_depth is not None else kept
    return sorted(cut)[op.offset : op.offset + op.limit]


def _fits(condition: MatchCondition, namespace: tuple[str, ...]) -> bool:
    path = condition.path
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[-len(path) :] if path else ()
    return len(part) == len(path) and all(want in ("*", label) for want, label in zip(path, part, strict=True))


def _meets(value: Mapping[str, Json], wanted: Mapping[str, Json]) -> bool:
    return all(_equals(value.get(key), want) for key, want in wanted.items())


def _equals(value: Json, want: Json) -> bool:
    if isinstance(want, dict) and any(key.startswith("$") for key in want):
        return all(_compares(value, operator, bound) for operator, bound in want.items())
    if isinstance(want, dict):
        return isinstance(value, dict) and _meets(value, want)
    if isinstance(want, list | tuple):
        return isinstance(value, list) and len(value) == len(want) and all(map(_equals, value, want))
    return value == want


def _compares(value: Json, operator: str, bound: Json) -> bool:
    if operator not in _COMPARISONS:
        msg = f"filter: no operator {operator!r}; there are {', '.join(_COMPARISONS)}"
        raise Invalid(msg)
    if operator in ("$eq", "$ne"):
        return (value == bound) == (operator == "$eq")
    if isinstance(value, str) != isinstance(bound, str) or value is None or bound is None:
        return False
    return _ORDERS[operator](value, bound)


def _words(text: str) -> frozenset[str]:
    cleaned = "".join(character if character.isalnum() else " " for character in text.casefold())
    return frozenset(cleaned.split())


def _score(wanted: frozenset[str], value: Json) -> float:
    """The part of the wanted words that a value says."""
    said = _words(values.encode(value).decode("utf-8", "replace"))
    return len(wanted & said) / len(wanted) if wanted else 0.0
