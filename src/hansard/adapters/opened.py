"""The store that an adapter stands on: one that the program has open, or one that the adapter opens itself."""

from __future__ import annotations

import os
from typing import TypeAlias

from .. import opening
from ..aio import AsyncStore
from ..store import Store

AnyStore: TypeAlias = "Store | AsyncStore | str | os.PathLike[str] | None"
"""An open store, or the place of one: a folder or URL as for hansard.open, None for its default."""


def opened(given: AnyStore) -> tuple[AsyncStore, bool]:
    """The store, and whether it was opened here: who opens it closes it. Errors are those of hansard.open."""
    if isinstance(given, AsyncStore):
        return given, False
    if isinstance(given, Store):
        return AsyncStore(given), False
    return AsyncStore(opening.open(given)), True
