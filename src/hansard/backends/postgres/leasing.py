"""Renewing a lease: a column beside the log, so that a heartbeat moves no number."""

from __future__ import annotations

from ...errors import Unavailable
from .. import admitting
from .core import SQL, Core

_TRIES = 20


def renew(core: Core, session: str, fence: int) -> None:
    """As the contract says."""
    for _ in range(_TRIES):
        head, fold = core.current(session)
        admitting.check_fence(fold, fence)
        was = {"was_seq": head.seq, "was_hash": head.hash}
        asked = core.at(session, head.root, fence=fence, now_us=core.clock(), **was)
        if core.db.rows(SQL["renew"], asked):
            return
    msg = f"session {session!r}: lease {fence} could not be renewed, as the log moves on too fast; repeat the call"
    raise Unavailable(msg)
