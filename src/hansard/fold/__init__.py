"""The fold: the only place that says what an entry means. Entries become `SessionInfo`, history, and branches. Pure."""

from __future__ import annotations

from .branches import Branch, branches
from .facts import KNOWN_NEEDS
from .history import assemble, path_spans, spoken
from .running import FOLD_VERSION, Fold
from .windows import count_tokens, window

__all__ = [
    "FOLD_VERSION",
    "KNOWN_NEEDS",
    "Branch",
    "Fold",
    "assemble",
    "branches",
    "count_tokens",
    "path_spans",
    "spoken",
    "window",
]
