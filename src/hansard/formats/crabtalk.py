"""stub to be written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .bundles import Bundle, Tell


def claims(folder: Path) -> bool:
    """No."""
    return False


def bundles(folder: Path, tell: Tell) -> Iterator[Bundle]:
    """None."""
    yield from ()
