"""Whole snapshots in and out, for programs that keep a session as one document: the log gets only the difference.

A snapshot is an object with an `id` and, if it likes, `messages`; the rest is its own affair. Messages become messages,
so that history, search and forks work on them. The other members stand in events of type `snapshot`: what changed, and
of long lists only what came behind the part that is the same. A history that was cut or edited moves the head.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from ..errors import AlreadyExists, Conflict, Invalid, NotFound
from ..model.entry import Json
from ..model.requests import Health
from ..query import EVERYTHING
from .difference import Held, difference, held_of
from .place import place_of
from .queries import sessions_of
from .session import Session
from .snapshot import Whole, assembled
from .store import Store

ATTEMPTS_MAX: Final = 64
"""How often a save begins anew against other writers before it gives up."""

_REMEMBERED: Final = 16
"""Sessions of which the last state is remembered, in digests."""


class SnapshotStore:
    """The sessions of a store as whole snapshots. Threads may share it; closing the store closes it."""

    def __init__(self, store: Store) -> None:
        """Stand on an open store."""
        self._store = store
        self._mutex = Lock()
        self._kept: OrderedDict[str, Held] = OrderedDict()

    @property
    def backend_name(self) -> str:
        """The name of the backend: memory, file and so on."""
        return self._store.backend_name

    def save(self, snapshot: Mapping[str, Json], *, expect: str | None = None) -> str:
        """`load` gives this snapshot from now on, in every field; returns its digest. Durable when it returns.

        Only what is other than before is written, and nothing if all is the same. `expect` is compare-and-set: the
        digest of what is there, or "" for nothing. Without it a save succeeds whoever else saves. Secrets in `config` and
        `llm_config` are null afterwards; a set becomes a sorted list.

        Raises:
            Conflict: there is something else than `expect` says.
            Invalid: it has no `id`, or holds what can't be stored.
        """
        whole = Whole.of(snapshot)
        for attempt in range(ATTEMPTS_MAX):
            if attempt > 1:
                time.sleep(random.uniform(0, 0.002 * attempt))  # noqa: S311 - no secret
            try:
                return self._save(whole, expect)
            except _Overtaken:
                continue
        msg = f"session {whole.id!r}: {ATTEMPTS_MAX} attempts to save met another writer; save again"
        raise Conflict(msg, seq=self._store.info(whole.id).seq)

    def _save(self, whole: Whole, expect: str | None) -> str:
        try:
            session = self._store.get(whole.id)
            kept = self._look(session)
        except NotFound:
            session, kept = None, Held()
        if expect is not None and expect != kept.digest:
            msg = f"session {whole.id!r}: its digest is {kept.digest or 'none, it is not there'}, not {expect!r}; load it and save again"
            raise Conflict(msg, seq=kept.seq)
        if session is not None and kept.digest == whole.digest:
            return whole.digest
        config = session.info.config if session is not None else {}
        step = difference(whole, kept, config)
        try:
            if session is None:
                self._store.create(id=whole.id, at=whole.at, entries=step.entries)
            else:
                done = session.commit(step.entries, expect=kept.seq)
                self._remember(whole.id, step.written(done.seqs, done.seq))
        except (Conflict, AlreadyExists, NotFound):
            self._remember(whole.id, None)
            raise _Overtaken from None
        return whole.digest

    def _look(self, session: Session) -> Held:
        """What is kept of a session; what has come since the last look is read."""
        with self._mutex:
            known = self._kept.get(session.id)
        kept = held_of(session, known)
        self._remember(session.id, kept)
        return kept

    def _remember(self, identity: str, kept: Held | None) -> None:
        with self._mutex:
            self._kept.pop(identity, None)
            if kept is not None:
                self._kept[identity] = kept
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)

    def load(self, id: str) -> dict[str, Any] | None:  # noqa: A002 - the field's name
        """The snapshot as it was saved last, a value of your own; None if there is none.

        A session that was never saved as a snapshot gives its id and its visible messages.

        Raises:
            Corrupt: its log is damaged; says where.
        """
        return assembled(self._store.get(id)) if self.exists(id) else None

    def digest(self, id: str) -> str | None:  # noqa: A002 - the field's name
        """The digest of what `load` gives, for `save(expect=…)`; None if there is none."""
        return self._look(self._store.get(id)).digest if self.exists(id) else None

    def delete(self, id: str) -> bool:  # noqa: A002 - the field's name
        """The session is gone, pinned or not; False if it was not there."""
        if not self.exists(id):
            return False
        self._remember(id, None)
        return self._store.delete(id, force=True)

    def list(self) -> list[str]:
        """The ids of all sessions, sorted."""
        backend = place_of(self._store).backend
        return sorted(info.id for info in sessions_of(backend, EVERYTHING, order="id", complete=True))

    def exists(self, id: str) -> bool:  # noqa: A002 - the field's name
        """Whether a session has this id."""
        try:
            return self._store.exists(id)
        except Invalid:
            return False

    def health(self) -> Health:
        """A write could be made durable a moment ago, and nothing is left of the trial.

        Raises:
            Unavailable: it could not; names the place.
        """
        return self._store.health()

    def __repr__(self) -> str:
        return f"<hansard.SnapshotStore on {self._store!r}>"


class _Overtaken(Exception):
    """Another writer was faster."""
