"""Walks over the sessions of a store, page by page, so that no list of them needs to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..backend import Backend
from ..errors import Unavailable
from ..model.info import SessionInfo
from ..query import Condition

PAGE: Final = 200


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
