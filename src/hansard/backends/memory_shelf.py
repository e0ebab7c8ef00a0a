"""What the memory backend holds and how it is read and written: sessions as lines, everything else computed from them.

Nothing here takes a lock: the backend holds one around each verb.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Sequence
from itertools import chain

import msgspec

from ..backend import Answer, Request
from ..codec.line import GENESIS, decode_line, erase_line, seal
from ..errors import AlreadyExists, Corrupt, HansardError
from ..fold import Fold
from ..model.entry import Entry, NewEntry
from ..model.info import SessionInfo
from ..model.references import attachments_in
from ..model.requests import Clock
from . import commit
from .beside import renewed
from .memory_log import MemoryLog
from .memory_records import Records


class Shelf(Records):
    """The logs of one memory store, and all that changes them."""

    def __init__(self, clock: Clock) -> None:
        """Nothing yet."""
        super().__init__()
        self.clock = clock
        self.numbers: dict[tuple[str | None, str | None], int] = {}
        """The last number that an (agent, user) was given; never given again, so it stays when the session goes."""
        self.quarantine: list[tuple[str, list[bytes]]] = []
        """(session, lines) that were set aside: tails of writes that were never acknowledged, and damage."""

    def check_free(self, session: str) -> None:
        """Return if nobody has the id.

        Raises:
            AlreadyExists: somebody has.
        """
        if session in self.logs:
            msg = f"session {session!r} exists already. Use another id, or get_or_create() to continue it"
            raise AlreadyExists(msg)

    def fold(self, session: str) -> Fold:
        """The fold of a session's entries.

        Raises:
            Corrupt: at any damage.
        """
        log = self.log(session)
        if log.fold is not None:
            return log.fold
        own = self.own(session)
        sized = zip(own, map(len, log.lines), strict=False)
        fold = Fold.of(chain(((entry, 0) for entry in self.inherited(session)), sized), tree=True)
        if len(own) == len(log.lines):
            log.fold = fold
        return fold

    def info(self, session: str) -> SessionInfo:
        """What a session is now.

        Raises:
            Corrupt: at any damage.
        """
        return renewed(self.fold(session).info(), *self.log(session).renewed)

    def known(self, session: str) -> SessionInfo:
        """The info of a session; of a damaged one what is known up to the damage, and that it is damaged."""
        return renewed(self.listed(session), *self.log(session).renewed)

    def listed(self, session: str) -> SessionInfo:
        """As `known`, without renewals of its lease, which stand in no entry."""
        with contextlib.suppress(Corrupt):
            return self.fold(session).info()
        whole = self.reading(session).entries
        info = Fold.of(((entry, 0) for entry in whole), tree=True).info() if whole else SessionInfo(session)
        return msgspec.structs.replace(info, damaged=True)

    def begin(self, session: str, entries: Sequence[NewEntry], first: Request, *, prefix: Sequence[bytes] = ()) -> int:
        """Make a log whose first commit holds `entries` and then what `first` says; its last seq.

        `prefix` are the lines that it continues, whether it keeps a copy of them or not.
        """
        inherited = [decode_line(line) for line in prefix]
        fold = Fold.of(((entry, 0) for entry in inherited), tree=True)
        sealed = (*(seal(entry, now_us=self.clock()) for entry in entries), *first.sealed)
        request = msgspec.structs.replace(first, sealed=sealed, expect=None, fence=None)
        previous = bytes.fromhex(inherited[-1].hash) if inherited else GENESIS
        group = commit.plan(
            fold,
            previous,
            [request],
            find=lambda _id: None,
            at=lambda seq: inherited[seq - 1] if 1 <= seq <= len(inherited) else None,
            now_us=self.clock(),
        )
        answer = group.answers[0]
        if isinstance(answer, HansardError):
            raise answer
        self.logs[session] = MemoryLog(lines=group.lines)
        return answer.seq

    def commit(self, session: str, requests: Sequence[Request]) -> list[Answer]:
        """Decide requests and write what they add as one group."""
        log = self.log(session)
        if log.fold is None:
            self.set_tail_aside(session)
        fold = self.fold(session)
        last = decode_line(log.lines[-1])

        @functools.cache
        def there() -> list[Entry]:
            return self.everything(session)

        @functools.cache
        def by_id() -> dict[str, Entry]:
            return {entry.id: entry for entry in there()}

        group = commit.plan(
            fold,
            bytes.fromhex(last.hash),
            requests,
            find=lambda identity: by_id().get(identity),
            at=lambda seq: there()[seq - 1] if 1 <= seq <= last.seq else None,
            now_us=self.clock(),
        )
        folded = None if group.fold.needs_tree else group.fold
        # No call between the two, so no interrupt either.
        log.lines += group.lines
        log.fold = folded
        return group.answers

    def write(self, session: str, entries: Sequence[NewEntry]) -> None:
        """Append entries of the store's own."""
        request = Request(sealed=tuple(seal(entry, now_us=self.clock()) for entry in entries))
        answer = self.commit(session, [request])[0]
        if isinstance(answer, HansardError):
            raise answer

    def set_tail_aside(self, session: str) -> None:
        """Take the lines of a write that was never acknowledged off the log, and keep them."""
        log = self.log(session)
        reading = self.reading(session)
        if reading.damage is None and reading.tail:
            self.quarantine.append((session, reading.tail))
            del log.lines[len(reading.entries) :]

    def keep_inherited(self, session: str) -> None:
        """Give a fork copies of all that it inherits, so that its origin can go."""
        log = self.log(session)
        inherited, needed = self.inherited_lines(session), set[str]()
        for line in (*inherited, *log.lines):
            with contextlib.suppress(ValueError):
                needed.update(attachments_in(decode_line(line).body))
        files = {name: data for name, data in self.files(session).items() if name in needed}
        log.prefix, log.files = inherited, files | log.files

    def clear(self, hashes: frozenset[str], sessions: Iterable[str] | None = None) -> None:
        """Clear salt and body of the entries with these hashes in the logs and copies of some sessions; None: of all."""
        for log in map(self.log, self.logs if sessions is None else sessions):
            log.lines = [_cleared(line, hashes) for line in log.lines]
            log.prefix = [_cleared(line, hashes) for line in log.prefix]
            log.fold = None


def _cleared(line: bytes, hashes: frozenset[str]) -> bytes:
    try:
        return erase_line(line) if decode_line(line).hash in hashes else line
    except ValueError:
        return line
