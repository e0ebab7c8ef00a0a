"""Indexing beside a large load, where the backend can: in a process of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..backend import IndexesAside


def indexing_aside(store: Any) -> AbstractContextManager[None]:
    """While this lasts, text that is appended is read into the search index as it comes, if the backend can do so."""
    place = getattr(store, "_place", None)
    backend = None if place is None else place.backend
    return backend.indexing_aside() if isinstance(backend, IndexesAside) else nullcontext()
