"""Taking sessions away that nobody needs: all, the empty ones, or the children; never one that is protected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from ..backend import Backend
from ..errors import Conflict, Corrupt, HansardError, Invalid, NotFound
from ..model.entry import Entry
from ..model.info import SessionInfo
from ..model.requests import Clock, Finding
from ..query import Field, where
from .protecting import protection
from .queries import sessions_of

MODES: Final = ("empty", "children", "all")


class Kept(msgspec.Struct, frozen=True):
    """A session that stays, and why."""

    id: str
    reason: str


class Cleaned(msgspec.Struct, frozen=True):
    """What a cleanup or a prune took away, and what it left."""

    deleted: tuple[str, ...]
    """Sorted, descendants included; of a dry run what would have gone."""
    kept: tuple[Kept, ...] = ()
    """What could have gone, but stays."""
    errors: tuple[Finding, ...] = ()
    """What could not be taken away, and why."""
    dry_run: bool = False


class Cleaner:
    """Takes trees away one by one, each only if nothing in it is protected when its lock is held."""

    def __init__(self, backend: Backend, clock: Clock, *, keep_pinned: bool, dry_run: bool) -> None:
        """Nothing is taken away yet."""
        self._backend = backend
        self._clock = clock
        self._keep_pinned = keep_pinned
        self.dry_run = dry_run
        self._deleted: list[str] = []
        self._kept: dict[str, str] = {}
        self._errors: list[Finding] = []

    def result(self) -> Cleaned:
        """What was done."""
        kept = tuple(Kept(session, reason) for session, reason in sorted(self._kept.items()))
        return Cleaned(tuple(sorted(self._deleted)), kept, tuple(self._errors), self.dry_run)

    def keep(self, session: str, reason: str) -> None:
        """A session stays."""
        self._kept[session] = reason

    def why_kept(self, tree: Sequence[SessionInfo]) -> str:
        """What protects one of these sessions; "" if nothing does."""
        now_us = self._clock()
        for info in tree:
            reason = self._protection(info, now_us)
            if reason:
                return reason if info is tree[0] else f"session {info.id!r} is {reason}"
        return ""

    def _protection(self, info: SessionInfo, now_us: int) -> str:
        if info.damaged:
            return "damaged"
        asked = info if self._keep_pinned else msgspec.structs.replace(info, pinned=False)
        return protection(asked, now_us)

    def take(self, tree: Sequence[SessionInfo], still: Callable[[Sequence[SessionInfo]], str]) -> bool:
        """Take away a session with its descendants; True if it went. `still` says under the lock why it must stay.

        Only a dry run looks at more of the tree than its first.
        """
        session = tree[0].id
        why = ""

        def guard(now: Sequence[SessionInfo]) -> str:
            nonlocal why
            why = self.why_kept(now) or still(now)
            return why

        if self.dry_run:
            reason = guard(tree)
            if reason:
                self.keep(session, reason)
            else:
                self._deleted += [info.id for info in tree]
            return not reason
        try:
            self._deleted += self._backend.delete(session, guard=guard)
        except Conflict as error:
            self.keep(session, why or str(error))
            return False
        except HansardError as error:
            self._errors.append(Finding(session, error.code, str(error)))
            return False
        return True


def tree_of(backend: Backend, root: SessionInfo) -> list[SessionInfo]:
    """A root, then its descendants."""
    found = sessions_of(backend, where(root=root.id), order="id", complete=True)
    return [root, *(info for info in found if info.id != root.id)]


def cleanup(backend: Backend, clock: Clock, mode: str, *, keep_pinned: bool, dry_run: bool) -> Cleaned:
    """As Store.cleanup says."""
    if mode not in MODES:
        msg = f"mode: one of {', '.join(MODES)}, not {mode!r}"
        raise Invalid(msg)
    cleaner = Cleaner(backend, clock, keep_pinned=keep_pinned, dry_run=dry_run)
    for root in sessions_of(backend, Field("parent", "=", None), order="id", complete=True):
        _Tree(cleaner, backend, tree_of(backend, root), mode).clean(root)
    return cleaner.result()


class _Tree:
    """One root with its descendants."""

    def __init__(self, cleaner: Cleaner, backend: Backend, tree: Sequence[SessionInfo], mode: str) -> None:
        self._cleaner = cleaner
        self._backend = backend
        self._mode = mode
        self._children: dict[str, list[SessionInfo]] = {}
        for info in tree:
            if info.parent is not None:
                self._children.setdefault(info.parent, []).append(info)

    def clean(self, root: SessionInfo) -> None:
        """Take away what may go: the whole, or else the largest parts of it."""
        waiting = list(self._children.get(root.id, ())) if self._mode == "children" else [root]
        while waiting:
            info = waiting.pop()
            if not self._take(info):
                waiting += self._children.get(info.id, ())

    def _take(self, info: SessionInfo) -> bool:
        below = list(self._below(info))
        reason = self._cleaner.why_kept(below)
        if not reason and self._mode == "empty":
            reason = self._why_not_empty(below)
        if reason:
            self._cleaner.keep(info.id, reason)
            return False
        seen = {one.id: one.hash for one in below}
        return self._cleaner.take(below, lambda now: self._changed(seen, now))

    def _below(self, info: SessionInfo) -> Iterator[SessionInfo]:
        yield info
        for child in self._children.get(info.id, ()):
            yield from self._below(child)

    def _changed(self, seen: Mapping[str, str], now: Sequence[SessionInfo]) -> str:
        """Emptiness was read from the logs, so it holds only for what they were then."""
        if self._mode == "empty" and any(seen.get(info.id) != info.hash for info in now):
            return "changed meanwhile"
        return ""

    def _why_not_empty(self, tree: Sequence[SessionInfo]) -> str:
        for info in tree:
            if _is_spoken_in(self._backend, info):
                return "not empty" if info is tree[0] else f"session {info.id!r} is not empty"
        return ""


def _is_spoken_in(backend: Backend, info: SessionInfo) -> bool:
    """Whether there is any message on record but those of the system, seen or not."""
    if info.user_message_count or info.exchange_count:
        return True
    try:
        return any(map(_speaks, backend.entries(info.id)))
    except NotFound:
        return False
    except Corrupt:
        return True


def _speaks(entry: Entry) -> bool:
    if entry.kind != "message":
        return False
    return entry.erased or not isinstance(entry.body, dict) or entry.body.get("role") != "system"
