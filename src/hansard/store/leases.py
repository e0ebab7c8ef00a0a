"""Leases: the right of one worker to go on with a session, for as long as it shows that it is alive."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Protocol, Self

from ..backend import Request
from ..codec.line import seal
from ..errors import Conflict, Invalid, LeaseLost
from ..model.entry import NewEntry
from ..model.info import SessionInfo
from .place import Place
from .protecting import alive_until

_TTL_MAX_S: Final = 366 * 24 * 3600
_SKEW_US: Final = 24 * 3600 * 1_000_000
"""Clocks that differ by less are taken to be right."""


class HasFence(Protocol):
    """A lease, of either door."""

    @property
    def fence(self) -> int:
        """The number of the lease."""
        ...


class LeaseHandle:
    """A lease that was taken. Pass it as `append(lease=…)`: what a newer lease has fenced out is `LeaseLost`.

    Any commit in the session within its time keeps it alive, and so does `renew()`, which writes no entry. As a context
    manager it is released at the end.
    """

    def __init__(self, place: Place, session: str, owner: str, ttl_ms: int, fence: int) -> None:
        """Hold what `take` took."""
        self._place = place
        self._session = session
        self._ttl_ms = ttl_ms
        self._fence = fence
        self.owner: Final = owner

    @property
    def fence(self) -> int:
        """The number of the lease; renewals keep it."""
        return self._fence

    @property
    def held(self) -> bool:
        """Nobody has taken a newer one, and this was not released. It may have run out."""
        lease = self._place.backend.info(self._session).lease
        return lease is not None and not lease.released and lease.fence == self._fence

    def renew(self) -> None:
        """The lease runs its whole time from now; no entry is written, and the session's seq stays.

        Raises:
            LeaseLost: somebody else has taken it, or it was released.
        """
        self._place.backend.renew(self._session, self._fence)

    def release(self) -> bool:
        """The lease is free for others; False if it was no longer held."""
        try:
            self._check_held()
            _write(self._place, self._session, self.owner, self._ttl_ms, self._fence, released=True)
        except (LeaseLost, Conflict):
            return False
        return True

    def _check_held(self) -> None:
        lease = self._place.backend.info(self._session).lease
        if lease is None or lease.released or lease.fence != self._fence:
            msg = f"session {self._session!r}: lease {self._fence} of {self.owner!r} is lost; take a new one and read what changed"
            raise LeaseLost(msg)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"LeaseHandle({self._session!r}, owner={self.owner!r}, fence={self._fence})"


def take(place: Place, session: str, owner: str, ttl_s: float) -> LeaseHandle:
    """The lease of a session for `owner`, who may take over from itself.

    Raises:
        Conflict: somebody else holds it and it has not run out, or was faster.
        Invalid: owner or time can't be taken.
    """
    if not isinstance(owner, str) or not owner:
        msg = f"owner: a non-empty str that names the worker, not {owner!r}"
        raise Invalid(msg)
    if isinstance(ttl_s, bool) or not isinstance(ttl_s, int | float) or not 0.001 <= ttl_s <= _TTL_MAX_S:
        msg = f"ttl_s: seconds, from 0.001 to a year, not {ttl_s!r}"
        raise Invalid(msg)
    info = place.backend.info(session)
    lease = info.lease
    if lease is not None and not lease.released and lease.owner != owner and _holds(info, lease.ttl_ms, place.clock()):
        msg = f"session {session!r} is leased by {lease.owner!r} (lease {lease.fence}); wait until it is released or runs out"
        raise Conflict(msg, seq=info.seq)
    fence = 1 if lease is None else lease.fence + 1
    ttl_ms = round(ttl_s * 1000)
    _write(place, session, owner, ttl_ms, fence)
    return LeaseHandle(place, session, owner, ttl_ms, fence)


def _holds(info: SessionInfo, ttl_ms: int, now_us: int) -> bool:
    """Whether a lease keeps others out. One that ends later than it lasts was dated by a clock that was wrong for a while.

    Its holder loses it by the fence, if it lives; else nobody could go on until that time has come.
    """
    return now_us < alive_until(info) <= now_us + ttl_ms * 1000 + _SKEW_US


def _write(place: Place, session: str, owner: str, ttl_ms: int, fence: int, *, released: bool = False) -> None:
    """Take a lease, or release the one with this fence."""
    body: dict[str, object] = {"owner": owner, "fence": fence, "ttl_ms": ttl_ms}
    if released:
        body["released"] = True
    sealed = seal(NewEntry(kind="lease", body=body), now_us=place.clock())
    place.backend.append(session, Request(sealed=(sealed,), fence=fence if released else None))


def fence_of(lease: HasFence | int | None) -> int | None:
    """The number of a lease that is given by handle or number.

    Raises:
        Invalid: it is neither.
    """
    fence = getattr(lease, "fence", lease)
    if fence is not None and type(fence) is not int:
        msg = f"lease: what lease() gave, or its fence, not {lease!r}"
        raise Invalid(msg)
    return fence
