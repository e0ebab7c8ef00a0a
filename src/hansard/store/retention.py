"""How long sessions are kept: a policy, what it chooses, and the worker that applies it behind the saves."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from math import inf
from typing import Final, TypeAlias

import msgspec

from ..backend import Backend
from ..codec import values
from ..errors import Conflict, HansardError, Invalid
from ..model.documents import DocumentKey
from ..model.entry import Json
from ..model.info import SessionInfo
from ..model.requests import Clock
from ..query import EVERYTHING, Field, where
from .cleaning import Cleaned, Cleaner, tree_of
from .queries import sessions_of

Age: TypeAlias = timedelta | float
"""A time span: a timedelta, or seconds."""

MARK: Final = DocumentKey("hansard", "retention", "json")
"""The document of the store that says when it was last pruned."""


class RetentionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What of a store is kept; None is no limit.

    The policy of a session's user counts before that of its project, and this before the store's own. A tree is as old as its newest change. What is pinned, running or leased stays, with all that it hangs on.
    """

    max_age: Age | None = None
    """Trees that nobody touched for longer go."""
    max_sessions: int | None = None
    """Roots beyond the newest so many go."""
    users: Mapping[str, RetentionPolicy] = {}
    """Policies for the sessions of single users."""
    projects: Mapping[str, RetentionPolicy] = {}
    """Policies for the sessions of single projects."""
    cooldown_s: float = 3600.0
    """At least this long between two prunings behind saves, whatever the number of processes."""
    batch: int = 100
    """Trees that are taken away before it is asked whether the store is to be closed."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            Invalid: a limit is none.
        """
        if self.max_age is not None and not 0 < _seconds(self.max_age) < inf:
            msg = (
                f"max_age: {values.shown(self.max_age)}; a time above 0, or None for no limit (0 does not turn it off)"
            )
            raise Invalid(msg)
        for name in ("max_sessions", "batch"):
            number = getattr(self, name)
            if number is not None and (type(number) is not int or number < 1):
                msg = f"{name}: {number!r}; a number from 1 on, or None for no limit (0 does not turn it off)"
                raise Invalid(msg)
        if isinstance(self.cooldown_s, bool) or not isinstance(self.cooldown_s, int | float) or self.cooldown_s < 0:
            msg = f"cooldown_s: seconds from 0 on, not {self.cooldown_s!r}"
            raise Invalid(msg)
        for policy in (*self.users.values(), *self.projects.values()):
            if not isinstance(policy, RetentionPolicy) or policy.users or policy.projects:
                msg = "users and projects: a RetentionPolicy each, which names no users or projects of its own"
                raise Invalid(msg)

    @property
    def limits_anything(self) -> bool:
        """There is a limit for somebody."""
        own = self.max_age is not None or self.max_sessions is not None
        return own or any(policy.limits_anything for policy in (*self.users.values(), *self.projects.values()))

    @property
    def counts(self) -> bool:
        """Somebody's number of sessions is limited."""
        return any(policy.max_sessions is not None for policy in (self, *self.users.values(), *self.projects.values()))


def _seconds(age: Age) -> float:
    if isinstance(age, timedelta):
        return age.total_seconds()
    if isinstance(age, bool) or not isinstance(age, int | float):
        msg = f"max_age: a timedelta or seconds, not {values.shown(age)}"
        raise Invalid(msg)
    try:
        return float(age)
    except OverflowError:
        return inf


def _before(now_us: int, age: Age) -> int:
    """When something was touched last that is of this age."""
    return max(0, now_us - round(_seconds(age) * 1_000_000))


class _Victim(msgspec.Struct, frozen=True):
    root: str
    touched_us: int
    """Of the newest session in the tree when it was chosen."""


def chosen(backend: Backend, policy: RetentionPolicy, now_us: int) -> list[_Victim]:
    """The trees that a policy lets go, the oldest first."""
    return _beyond(backend, policy, now_us) if policy.counts else _old(backend, policy, now_us)


def _old(backend: Backend, policy: RetentionPolicy, now_us: int) -> list[_Victim]:
    """Where only ages count: looks at the sessions that are old enough, not at the others, which may be a million."""
    rules = (policy, *policy.users.values(), *policy.projects.values())
    times = [_before(now_us, rule.max_age) for rule in rules if rule.max_age is not None]
    if not times:
        return []
    victims: dict[str, _Victim | None] = {}
    old = Field("touched_us", "<", max(times))
    for info in sessions_of(backend, old, order="touched", complete=True):
        name = info.root or info.id
        root = None if name in victims else _root(backend, info)
        if root is None:
            continue
        _, rule = _governing(policy, root)
        newest = max(one.touched_us for one in (root, *_newest(backend, name)))
        gone = rule.max_age is not None and newest < _before(now_us, rule.max_age)
        victims[name] = _Victim(name, newest) if gone else None
    return sorted(filter(None, victims.values()), key=lambda victim: victim.touched_us)


def _newest(backend: Backend, root: str) -> Sequence[SessionInfo]:
    return backend.find(where(root=root), order="-touched", limit=1, cursor=None).items


def _beyond(backend: Backend, policy: RetentionPolicy, now_us: int) -> list[_Victim]:
    """Where numbers count, too: looks at all sessions."""
    seen: set[str] = set()
    counts: dict[tuple[str, str], int] = {}
    victims: list[_Victim] = []
    # The newest session of a tree comes first, and tells how old the tree is.
    for info in sessions_of(backend, EVERYTHING, order="-touched", complete=True):
        name = info.root or info.id
        if name in seen:
            continue
        seen.add(name)
        root = _root(backend, info)
        if root is None:
            continue
        scope, rule = _governing(policy, root)
        counts[scope] = counts.get(scope, 0) + 1
        too_many = rule.max_sessions is not None and counts[scope] > rule.max_sessions
        too_old = rule.max_age is not None and info.touched_us < _before(now_us, rule.max_age)
        if too_many or too_old:
            victims.append(_Victim(name, info.touched_us))
    victims.reverse()
    return victims


def _root(backend: Backend, info: SessionInfo) -> SessionInfo | None:
    """The root of a session, None if it is gone or can't be read: what is damaged is never pruned."""
    if info.parent is not None:
        try:
            info = backend.info(info.root)
        except HansardError:
            return None
    return None if info.damaged else info


def _governing(policy: RetentionPolicy, root: SessionInfo) -> tuple[tuple[str, str], RetentionPolicy]:
    if root.user is not None and root.user in policy.users:
        return ("user", root.user), policy.users[root.user]
    if root.project is not None and root.project in policy.projects:
        return ("project", root.project), policy.projects[root.project]
    return ("", ""), policy


def prune(backend: Backend, clock: Clock, policy: RetentionPolicy, *, dry_run: bool) -> Cleaned:
    """As Store.prune says."""
    cleaner = Cleaner(backend, clock, keep_pinned=True, dry_run=dry_run)
    for _ in _taken(cleaner, backend, policy, clock()):
        pass
    return cleaner.result()


def _taken(cleaner: Cleaner, backend: Backend, policy: RetentionPolicy, now_us: int) -> Iterator[int]:
    """What a policy lets go, batch by batch; how many are left after each."""
    victims = chosen(backend, policy, now_us)
    for start in range(0, len(victims), policy.batch):
        for victim in victims[start : start + policy.batch]:
            _take(backend, cleaner, victim)
        yield max(0, len(victims) - start - policy.batch)


def _take(backend: Backend, cleaner: Cleaner, victim: _Victim) -> None:
    def still(now: Sequence[SessionInfo]) -> str:
        return "touched meanwhile" if max(info.touched_us for info in now) > victim.touched_us else ""

    if not cleaner.dry_run:
        cleaner.take([SessionInfo(victim.root)], still)
        return
    try:
        root = backend.info(victim.root)
    except HansardError:
        return
    cleaner.take(tree_of(backend, root), still)


class Pruner:
    """Applies the policy of a store behind its saves: in one thread, once per cooldown over all processes."""

    def __init__(self, backend: Backend, clock: Clock, policy: RetentionPolicy) -> None:
        """Do nothing before the first save."""
        self._backend = backend
        self._clock = clock
        self.policy = policy
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._next_us = 0
        self._error = ""

    def saved(self) -> None:
        """Something was saved: prune if it is time. Costs a look at the clock."""
        now_us = self._clock()
        if now_us < self._next_us or self._stop.is_set():
            return
        with self._mutex:
            if now_us < self._next_us or self._stop.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            self._next_us = now_us + self._cooldown_us
            thread = threading.Thread(target=self._pass, args=(now_us,), name="hansard-retention", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # As at the end of the interpreter: what was saved is saved, and others prune later.
                self._error = f"thread: {error}"
            else:
                self._thread = thread

    @property
    def _cooldown_us(self) -> int:
        return round(self.policy.cooldown_s * 1_000_000)

    def _pass(self, now_us: int) -> None:
        """Prune once, if no other process has within the cooldown. What goes wrong shows in the store's health."""
        try:
            if self._claim(now_us):
                self._prune()
        except (HansardError, OSError) as error:
            self._error = f"{type(error).__name__}: {error}"

    def _prune(self) -> None:
        cleaner = Cleaner(self._backend, self._clock, keep_pinned=True, dry_run=False)
        for left in _taken(cleaner, self._backend, self.policy, self._clock()):
            if left and self._stop.is_set():
                # A process that lives for one save takes one batch; the next save anywhere goes on.
                self._mark(0, expect=None)
                break
        done = cleaner.result()
        self._error = done.errors[0].message if done.errors else ""

    def _mark(self, last_us: int, *, expect: int | None) -> None:
        if "documents" in self._backend.capabilities:
            self._backend.put_document(MARK, values.encode({"last_us": last_us}), expect=expect)

    def _claim(self, now_us: int) -> bool:
        """Whether this process is the one to prune now; then the store says so to the others."""
        if "documents" not in self._backend.capabilities:
            return True
        found = self._backend.document(MARK)
        version, last_us = 0, 0
        if found is not None:
            version, last_us = found[0].version, _last_us(found[1])
        # Whoever marked it may have looked at the clock later than this thread, which then had to wait for its turn.
        if found is not None and abs(now_us - last_us) < self._cooldown_us:
            self._next_us = last_us + self._cooldown_us
            return False
        try:
            self._mark(now_us, expect=version)
        except Conflict:
            return False
        return True

    def details(self) -> dict[str, Json]:
        """What the store's health says of it."""
        last_us = None
        if "documents" in self._backend.capabilities:
            found = self._backend.document(MARK)
            last_us = None if found is None else _last_us(found[1]) or None
        return {"last_us": last_us, "error": self._error or None}

    def wait(self) -> None:
        """Return when no pruning is going on."""
        with self._mutex:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def close(self) -> None:
        """Begin nothing more, and return when what was begun has come to the end of its batch."""
        self._stop.set()
        self.wait()


def _last_us(content: bytes) -> int:
    try:
        said = values.decode(content)
    except ValueError:
        return 0
    last_us = said.get("last_us") if isinstance(said, dict) else None
    return last_us if type(last_us) is int else 0
