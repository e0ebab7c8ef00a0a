"""Times: microseconds since 1970 inside, RFC 3339 with six digits and `Z` outside, so that text sorts like time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from ..errors import Invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def stamp(clock_us: int) -> str:
    """RFC 3339 text of a time in microseconds, e.g. `2026-11-21T08:00:00.000000Z`."""
    return (_EPOCH + timedelta(microseconds=clock_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


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
        return (moment - _EPOCH) // _MICROSECOND
    except (ValueError, TypeError, OverflowError) as error:
        msg = f"{what}: {value!r} is no time; use RFC 3339, e.g. 2026-11-21T08:00:00Z ({error})"
        raise Invalid(msg) from None


def normal(value: str | float | datetime, what: str = "at") -> str:
    """The one spelling of a time that logs hold. Errors as for `microseconds`."""
    return stamp(microseconds(value, what))
