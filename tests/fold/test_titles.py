from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.fold.titles import derived_title, shorten


@pytest.mark.parametrize(
    "character",
    [
        "e\u0301",
        "👩\u200d👩\u200d👧",
        "👍\U0001f3fd",
        "❤\ufe0f",
        "🇩🇪",
        "각",
        "\u1100\u1161\u11a8",
        "กำ",
        "क\u0941",
        "1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e007f",
    ],
)
def test_what_a_reader_sees_as_one_is_never_parted(character):
    assert shorten(character * 60) == character * 60
    assert shorten(character * 61) == character * 59 + "…"


def test_a_line_that_fits_is_itself():
    assert shorten("x" * 60) == "x" * 60
    assert shorten("x" * 61) == "x" * 59 + "…"


def test_no_space_stands_before_the_ellipsis():
    assert shorten("x" * 58 + "  " + "y" * 10) == "x" * 58 + "…"


def test_flags_are_counted_in_pairs():
    assert shorten("🇩🇪🇫🇷🇮🇹", 2) == "🇩🇪…"


def test_marks_piled_up_without_end_are_cut():
    assert len(shorten("a" + "\u0301" * 100_000)) <= 4_001


def test_a_very_long_line_is_cut_quickly():
    title = derived_title([{"type": "text", "text": "\n\n" + "x" * 5_000_000}])
    assert title == "x" * 59 + "…"


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        ([], None),
        ([{"type": "text", "text": " \n\t "}, {"type": "text", "text": "b"}], "b"),
        ([{"type": "reasoning", "text": "a"}], None),
        ([{"type": "text", "text": 5}, "x", None, {"type": ["text"]}], None),
        ([{"type": "text", "text": "a\r\nb"}], "a"),
        ([{"type": "text", "text": "\ud800 x"}], "\ud800 x"),
    ],
)
def test_the_first_line_with_text_is_the_title(parts, title):
    assert derived_title(parts) == title


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200), st.integers(2, 20))
def test_a_shortened_line_is_a_beginning_of_it(line, length):
    short = shorten(line, length)
    assert short == line or (short.endswith("…") and line.startswith(short[:-1]))
