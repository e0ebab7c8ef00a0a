"""Waiting for a session to grow: woken at once by appends of this process, and looking often for those of others."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from .core import Core

_LOOK_S: Final = 0.03
"""Between two looks. One costs a `stat` as long as nothing has changed."""


def wait(opened: Callable[[], AbstractContextManager[Core]], session: str, *, after: int, timeout_s: float) -> int:
    """As the contract says. The store may be closed meanwhile, so it is asked for anew at each look."""
    end = time.monotonic() + timeout_s
    with opened() as core:
        bells = core.bells
    with bells.listening(session) as bell:
        while True:
            bell.clear()
            with opened() as core, core.current(session) as log:
                seq = log.fold.seq
            left = end - time.monotonic()
            if seq > after or left <= 0:
                return seq
            bell.wait(min(left, _LOOK_S))
