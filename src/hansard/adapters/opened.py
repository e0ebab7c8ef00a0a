"""What an adapter is given: a store that the program has open, or that the adapter opens itself; a session of either door."""

from __future__ import annotations

import os
from typing import TypeAlias

from .. import opening
from ..aio import AsyncSession, AsyncStore
from ..store import Session, Store

AnyStore: TypeAlias = "Store | AsyncStore | str | os.PathLike[str] | None"
"""An open store, or the place of one: a folder or URL as for hansard.open, None for its default."""


def opened(given: AnyStore) -> tuple[AsyncStore, bool]:
    """The store, and whether it was opened here: who opens it closes it. Errors are those of hansard.open."""
    if isinstance(given, AsyncStore):
        return given, False
    if isinstance(given, Store):
        return AsyncStore(given), False
    return AsyncStore(opening.open(given)), True


def sync_of(given: Session | AsyncSession) -> Session:
    """The session by the door that adapters read through."""
    return given.sync if isinstance(given, AsyncSession) else given
