"""What keeps a session from being taken away: said once, for delete, cleanup, prune and reset. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..backend import Guard
from ..model.info import SessionInfo
from ..model.requests import Clock


def alive_until(info: SessionInfo) -> int:
    """When the lease of a session runs out, in microseconds, if nothing is committed or renewed before; 0: none is held."""
    lease = info.lease
    if lease is None or lease.released:
        return 0
    return max(info.touched_us, lease.renewed_us) + lease.ttl_ms * 1000


def died(info: SessionInfo, now_us: int) -> bool:
    """Whether the session's last run ended without saying so: its lease ran out."""
    lease = info.lease
    run = info.fields.get("run_id")
    return lease is not None and not lease.released and lease.owner == run and now_us >= alive_until(info)


def protection(info: SessionInfo, now_us: int) -> str:
    """What keeps a session: pinned, running, leased; "" if nothing does. A run whose lease ran out runs no more."""
    if info.pinned:
        return "pinned"
    if info.status == "running" and not died(info, now_us):
        return "running"
    if info.lease is not None and now_us < alive_until(info):
        return f"leased by {info.lease.owner!r}"
    return ""


def unless_protected(clock: Clock) -> Guard:
    """The guard that keeps a tree as long as one of its sessions is protected."""

    def why(tree: Sequence[SessionInfo]) -> str:
        for info in tree:
            found = protection(info, clock())
            if found:
                return f"session {info.id!r} is {found}. End that, or repeat with force"
        return ""

    return why
