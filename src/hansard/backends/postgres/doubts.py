"""Transactions whose end gets known: what was sent to be committed and not answered is looked for, and only then done again.

A connection that is cut while a commit is under way says nothing of it, and neither does a server that did not wait for
its standby. So the transaction is tried once more, and is told what the tries before it would have given: it looks for
their traces under the locks that they took.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from ...errors import Unavailable
from .connecting import Clashed, Connection, InDoubt, Unconfirmed, execute
from .pool import Database
from .statements import statements

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection, Sequence[T]], T]

_SQL: Final = statements("upkeep")
_PAUSE_S: Final = 0.05
_CLASHES_MAX: Final = 50
"""While others make the same row at the same time."""


class _Try(msgspec.Struct, Generic[T]):
    """How far one try came."""

    begun: bool = False
    given: tuple[T, ...] = ()
    """What it gave, from when on it may be committed."""


def resolved(db: Database, work: Work[T], *, sent: Sequence[T] = (), advice: str) -> T:
    """What a transaction gives, committed for sure; tried again after a cut for as long as the settings' patience.

    `work` gets what the tries of unknown end gave, those that were `sent` before among them. If it finds one of them done,
    under the locks that it took, it writes something, so that its own commit confirms that one, and gives the same.

    Raises:
        Unavailable: it was not done; or its end is not known, and `advice` says what to do then.
    """
    doubts, clashes, unconfirmed = list(sent), 0, 0
    cut_at = time.monotonic() if sent else None
    while True:
        one: _Try[T] = _Try()
        try:
            return db.transact(partial(_run, work, doubts, one))
        except Clashed:
            clashes += 1
            if clashes > _CLASHES_MAX:
                raise
        except InDoubt as error:
            doubts += one.given
            unconfirmed += isinstance(error, Unconfirmed)
            over = cut_at is not None and time.monotonic() - cut_at > db.settings.patience_s
            if over or unconfirmed > 1 or not (doubts or one.begun):
                raise _told(error.why, advice if doubts else "") from error
            cut_at = time.monotonic() if cut_at is None else cut_at
            time.sleep(_PAUSE_S)
        except Unavailable as error:
            if doubts:
                raise _told(str(error), advice) from error
            raise


def repeated(db: Database, work: Callable[[Connection], T]) -> T:
    """What a transaction gives that may be done twice as well as once. Errors as for `resolved`."""
    return resolved(db, lambda con, _tries: work(con), advice="Repeat the call")


def confirm(con: Connection, tenant: bytes) -> None:
    """Write something that nobody sees: what was committed before this transaction is where its commit is."""
    asked = {"tenant": tenant, "probe": os.urandom(16)}
    execute(con, _SQL["probe"], asked)
    execute(con, _SQL["unprobe"], asked)


def _run(work: Work[T], doubts: Sequence[T], one: _Try[T], con: Connection) -> T:
    one.begun, one.given = True, ()
    result = work(con, doubts)
    one.given = (result,)
    return result


def _told(why: str, advice: str) -> Unavailable:
    said = f"It may have been done all the same. {advice}" if advice else "Nothing was done; repeat the call"
    return Unavailable(f"{why}. {said}")
