"""Waiting for a session to go on: woken by a hint where there is one, and looking again and again in any case."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from .core import SQL, Core
from .hints import Hints

_SOON_S: Final = 0.02


def wait(opened: Callable[[], Core], hints: Hints, session: str, *, after: int, timeout_s: float) -> int:
    """As the contract says. The store may be closed meanwhile, so it is asked for anew at each look."""
    end = time.monotonic() + timeout_s
    pause = _SOON_S
    core = opened()
    tenant, latest = core.tenant, core.db.settings.poll_s
    with hints.waiting(tenant, session) as bell:
        while True:
            bell.clear()
            seq = _seq(opened(), session)
            left = end - time.monotonic()
            if seq > after or left <= 0:
                return seq
            # Without hints one looks often at first, as what is waited for is mostly near.
            pause = latest if hints.listen() else min(pause, latest)
            bell.wait(min(left, pause))
            pause *= 2


def _seq(core: Core, session: str) -> int:
    found = core.db.rows(SQL["place"], core.at(session))
    if not found:
        core.unlearn(session)
        core.missing(session)
    # A row that says nothing of the log is read through it.
    return found[0][0] if found[0][2] > 0 else core.info(session).seq
