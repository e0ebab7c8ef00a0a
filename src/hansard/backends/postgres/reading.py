"""How entries and lines are read: from a log that its row vouches for as they are asked for, from any other as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TypeVar

from ...errors import Corrupt, Unavailable
from ...model.entry import Entry
from ..memory_log import Reader
from . import sources
from .core import Core, Rows
from .rows import STALE, Head

_T = TypeVar("_T")


def entries(
    core: Core, session: str, *, after: int, before: int | None, newest_first: bool, skip: bool
) -> Iterator[Entry]:
    """The entries of a session with `after < seq < before`.

    Raises:
        Corrupt: at the first damage.
        NotFound: there is no such session.
    """
    head = core.head(session)
    if skip:
        found = sources.salvaged(core.db.rows, core, head, after, before)
        return reversed(found) if newest_first else iter(found)
    if head.fold_version <= STALE:
        return _suspected(core, head, after, before, newest_first=newest_first)
    return _noted(
        core, session, sources.entries(core.db.rows, core, head, after=after, before=before, newest_first=newest_first)
    )


def _noted(core: Core, session: str, found: Iterator[_T]) -> Iterator[_T]:
    """What is found, until there is damage: the session is listed as damaged then."""
    try:
        yield from found
    except Corrupt:
        looked_at(core, session)
        raise


def looked_at(core: Core, session: str) -> None:
    """Have the row of a session say whether its log is damaged. Where nothing can be written, the reader still knows."""
    with contextlib.suppress(Unavailable):
        core.refold_now(session)


def _suspected(core: Core, head: Head, after: int, before: int | None, *, newest_first: bool) -> Iterator[Entry]:
    """The entries of a log that nobody vouches for: as far as they verify, and then the damage."""

    def whole(rows: Rows) -> tuple[list[Entry], Corrupt | None]:
        log = Reader(head.id)
        inherited = sources.entries(rows, core, head, after=after, before=head.first_seq)
        return [*inherited, *(entry for entry, _ in core.whole(rows, head, log))], log.damage

    found, damage = core.snapshot(whole)
    if before is not None and found and before <= found[-1].seq + 1:
        damage = None
    wanted = [entry for entry in found if entry.seq > after and (before is None or entry.seq < before)]
    return _newest_first(wanted, damage) if newest_first else _oldest_first(wanted, damage)


def lines(core: Core, session: str, after: int) -> Iterator[bytes]:
    """The lines of a session's own log with `seq > after`, checked.

    Raises:
        Corrupt: at the first that does not verify.
        NotFound: there is no such session.
    """
    head = core.head(session)
    if head.fold_version > STALE:
        return _noted(core, session, sources.lines(core.db.rows, core, head, after=after))

    def own(rows: Rows) -> tuple[list[bytes], Corrupt | None]:
        log = Reader(session)
        return [line for entry, line in core.whole(rows, head, log) if entry.seq > after], log.damage

    return _oldest_first(*core.snapshot(own))


def _oldest_first(wanted: Sequence[_T], damage: Corrupt | None) -> Iterator[_T]:
    yield from wanted
    if damage is not None:
        raise damage


def _newest_first(wanted: Sequence[_T], damage: Corrupt | None) -> Iterator[_T]:
    if damage is not None:
        raise damage
    yield from reversed(wanted)
