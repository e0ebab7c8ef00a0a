"""Times: microseconds since 1970 inside, RFC 3339 with six digits and `Z` outside, so that text sorts like time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from ..errors import Invalid
from . import values

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_AGO: Final = re.compile(r"(\d{1,6})(s|m|h|d|w|y)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_MONTH: Final = re.compile(r"\d{4}(-\d{2})?")
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=64)
def stamp(clock_us: int) -> str:
    """RFC 3339 text of a time in microseconds, e.g. `2026-11-21T08:00:00.000000Z`.

    Raises:
        Invalid: it is outside the years 1 to 9999, as what a wrong clock says may be.
    """
    check(clock_us)
    seconds, rest = divmod(clock_us, 1_000_000)
    return f"{_second(seconds)}.{rest:06d}Z"


def check(clock_us: int) -> None:
    """Return if a time in microseconds has a spelling.

    Raises:
        Invalid: it is outside the years 1 to 9999.
    """
    if not _FIRST <= clock_us <= _LAST:
        msg = (
            f"clock: {values.shown(clock_us)} microseconds since 1970 is outside the years 1 to 9999. "
            "Correct the clock; one that is given to open() says microseconds as int, seconds as float"
        )
        raise Invalid(msg)


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


def meant(text: str, *, now_us: int | None) -> int | None:
    """Microseconds since 1970 of a time as a person types it; None if it is none.

    RFC 3339, a day, a month or a year (their beginnings in UTC), or `7d`: so long before `now_us`, in s, m, h, d, w, y.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return None if now_us is None else max(0, now_us - int(ago[1]) * _SECONDS[ago[2]] * 1_000_000)
    if _MONTH.fullmatch(text):
        text = f"{text}-01" if len(text) == 7 else f"{text}-01-01"
    try:
        return microseconds(text.upper())
    except Invalid:
        return None


def normal(value: str | float | datetime, what: str = "at") -> str:
    """The one spelling of a time that logs hold. Errors as for `microseconds`."""
    return stamp(microseconds(value, what))
