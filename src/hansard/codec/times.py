"""Times: microseconds since 1970 inside, RFC 3339 with six digits and `Z` outside, so that text sorts like time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from ..errors import Invalid
from . import values

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=64)
def stamp(clock_us: int) -> str:
    """RFC 3339 text of a time in microseconds of the years 1 to 9999, e.g. `2026-11-21T08:00:00.000000Z`."""
    seconds, rest = divmod(clock_us, 1_000_000)
    return f"{_second(seconds)}.{rest:06d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def microseconds(value: str | float | datetime, what: str = "at") -> int:
    """Microseconds since 1970 of RFC 3339 text (any offset; none means UTC), of seconds, or of a datetime.

    Raises:
        Invalid: it is none of these, or outside the years 1 to 9999.
    """
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
        elif isinstance(value, datetime):
            moment = value
        else:
            moment = _EPOCH + timedelta(seconds=value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        found = (moment - _EPOCH) // _MICROSECOND
        if _FIRST <= found <= _LAST:
            return found
        why = "in UTC it is outside the years 1 to 9999"
    except (ValueError, TypeError, OverflowError) as error:
        why = str(error)
    msg = f"{what}: {values.shown(value)} is no time; use RFC 3339, e.g. 2026-11-21T08:00:00Z ({why})"
    raise Invalid(msg)


def normal(value: str | float | datetime, what: str = "at") -> str:
    """The one spelling of a time that logs hold. Errors as for `microseconds`."""
    return stamp(microseconds(value, what))
