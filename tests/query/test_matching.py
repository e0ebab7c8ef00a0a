from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.query import parse, score, snippet, text_matches, tokens
from hansard.query.matching import SNIPPET_CHARS, doc_of

DAY_US = 86_400_000_000


def shown(text, query):
    return snippet(text, parse(query).text)


def scored(text, query, *, role="user", age_days=0):
    return score(parse(query).text, doc_of(tokens(text)), role=role, at_us=0, now_us=age_days * DAY_US)


def test_a_short_text_is_shown_whole_on_one_line():
    assert shown("a race\n\tcondition", "race") == "a race condition"


def test_a_long_text_is_shown_around_what_was_found():
    found = shown("hay " * 200 + "a race condition" + " hay" * 200, "condition")
    assert "a race condition" in found
    assert found.startswith("…")
    assert found.endswith("…")
    assert len(found) <= SNIPPET_CHARS + 20


@pytest.mark.parametrize(
    ("query", "inside"),
    [
        ('"race condition"', "race condition"),
        ("c++", "c++"),
        ("数据库", "数据库"),
        ("user", "getUserName"),
        ("caf*", "Café"),
    ],
)
def test_what_was_found_is_in_the_snippet(query, inside):
    text = "race to nothing " + "hay " * 200 + "race condition c++ 数据库 getUserName Café" + " hay" * 200
    assert inside in shown(text, query)


def test_control_signs_are_not_shown():
    assert shown("a\x1b[31mred\x00 b", "red") == "a [31mred b"


def test_what_a_reader_sees_as_one_character_is_not_cut():
    family = "👩\u200d👩\u200d👧"
    found = shown("x" * (SNIPPET_CHARS - 1) + family + "y" * 50, "nothing")
    assert found.rstrip("…").endswith((family, "x"))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400), st.text(max_size=10))
def test_a_snippet_is_short_and_on_one_line(text, query):
    found = shown(text, query)
    assert len(found) <= SNIPPET_CHARS + 20
    assert "\n" not in found


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=30).filter(lambda text: bool(tokens(text))), st.text(max_size=30))
def test_a_text_is_found_by_itself_wherever_it_stands(text, around):
    quoted = parse('"' + text.replace('"', " ") + '"').text
    assert text_matches(quoted, tokens(f"{around} {text} {around}"))


def test_more_often_nearer_and_newer_is_better():
    assert scored("race race hay hay", "race") > scored("race hay hay hay", "race")
    assert scored("race condition", "race condition") > scored("race " + "hay " * 50 + "condition", "race condition")
    assert scored("race", "race") > scored("race", "race", age_days=60)


def test_a_title_weighs_more_than_what_a_tool_said():
    assert scored("race", "race", role="title") > scored("race", "race") > scored("race", "race", role="tool")


def test_a_time_in_the_future_weighs_as_now():
    assert scored("race", "race", age_days=-1) == scored("race", "race")
