from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansard.codec.times import microseconds, normal, stamp
from hansard.errors import Invalid

FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
FIRST, LAST = microseconds("0001-01-01T00:00:00Z"), microseconds("9999-12-31T23:59:59.999999Z")
clocks = st.integers(FIRST, LAST)


@given(clocks)
def test_a_clock_comes_back_from_its_stamp(clock):
    text = stamp(clock)
    assert FORM.fullmatch(text)
    assert microseconds(text) == clock
    assert normal(text) == text


@given(clocks, clocks)
def test_stamps_sort_like_time(one, two):
    assert (stamp(one) < stamp(two)) == (one < two)


@given(st.datetimes(timezones=st.just(UTC) | st.timezones()))
def test_any_moment_has_one_spelling(moment):
    try:
        text = normal(moment)
    except Invalid:
        assert not 2 < moment.year < 9998
        return
    assert FORM.fullmatch(text)
    assert datetime.fromisoformat(text) == moment.astimezone(UTC)


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00.000000Z"),
        ("2026-11-21T08:00:00", "2026-11-21T08:00:00.000000Z"),
        ("2026-11-21", "2026-11-21T00:00:00.000000Z"),
        ("2026-11-21T08:00:00+02:00", "2026-11-21T06:00:00.000000Z"),
        ("2026-11-21T08:00:00.123Z", "2026-11-21T08:00:00.123000Z"),
        ("2026-11-21T08:00:00.123456789Z", "2026-11-21T08:00:00.123456Z"),
        ("2026-11-21 08:00:00.000000Z", "2026-11-21T08:00:00.000000Z"),
        ("2026-W47-6T08:00:00.000000Z", "2026-11-21T08:00:00.000000Z"),
        (0, "1970-01-01T00:00:00.000000Z"),
        (1.5, "1970-01-01T00:00:01.500000Z"),
        (-1, "1969-12-31T23:59:59.000000Z"),
        (datetime(2026, 11, 21, 8, tzinfo=timezone(timedelta(hours=-5))), "2026-11-21T13:00:00.000000Z"),
    ],
)
def test_a_time_is_written_one_way(given_, text):
    assert normal(given_) == text


@pytest.mark.parametrize(
    "wrong",
    ["", "yesterday", "2026-13-01", "2026-11-21T25:00:00Z", float("nan"), float("inf"), 1e30, None, [], b"2026-11-21",
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))],
)  # fmt: skip
def test_what_is_no_time_is_invalid(wrong):
    with pytest.raises(Invalid, match="started_at"):
        normal(wrong, "started_at")


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_invalid(text):
    try:
        assert FORM.fullmatch(normal(text))
    except Invalid:
        return


@pytest.mark.parametrize("separator", ['"', "\n", "\\", " ", "é", "\x00"])
def test_nothing_but_a_time_passes_for_one(separator):
    try:
        assert FORM.fullmatch(normal(f"2026-11-21{separator}08:00:00.000000Z"))
    except Invalid:
        return
