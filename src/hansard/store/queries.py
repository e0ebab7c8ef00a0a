"""Walks over the sessions of a store, page by page, so that no list of them needs to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..backend import Backend
from ..errors import Corrupt, Unavailable
from ..model.entry import Entry
from ..model.info import SessionInfo
from ..query import Condition

PAGE: Final = 200


def entries_of(backend: Backend, session: str, *, after: int = 0) -> Iterator[Entry]:
    """The entries behind `after` as they are asked for; only where a damaged one comes, all that can still be read at once."""
    seen = after
    try:
        for entry in backend.entries(session, after=after):
            seen = entry.seq
            yield entry
    except Corrupt:
        yield from backend.entries(session, after=seen, on_damage="skip")


def sessions_of(backend: Backend, condition: Condition, *, order: str, complete: bool = False) -> Iterator[SessionInfo]:
    """Every session that meets a condition, in order.

    Raises:
        Unavailable: `complete` is asked for, and an index that is being rebuilt can't promise it.
    """
    cursor: str | None = None
    while True:
        page = backend.find(condition, order=order, limit=PAGE, cursor=cursor)
        if complete and not page.complete:
            msg = "the index is being rebuilt, so not all sessions are known yet; try again in a moment"
            raise Unavailable(msg)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return
