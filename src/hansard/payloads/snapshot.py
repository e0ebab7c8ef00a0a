"""A message out of a snapshot, in whatever dialect its program has: blocks with thoughts beside them, or any other."""

from __future__ import annotations

from typing import Final

from ..model.entry import Json, Part
from . import a3s, plain

VERSION: Final = 1


def decode(payload: Json) -> list[Part]:
    """The parts of the message; the whole of it where none show."""
    if isinstance(payload, dict) and isinstance(payload.get("content"), list) and not payload.get("tool_calls"):
        return a3s.decode(payload)
    return plain.decode(payload)
