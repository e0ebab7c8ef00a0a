from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.limits import TEXT_PIECE_TOKENS_MAX
from hansard.query import tokens
from hansard.query.pieces import cut
from hansard.query.tokens import BREAK, TOKEN_CHARS_MAX, spaced, stream, tokens_at_most


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello, World", ["hello", "world"]),
        ("src/main.rs", ["src", "main", "rs"]),
        ("snake_case kebab-case", ["snake", "case", "kebab", "case"]),
        ("it's", ["it", "s"]),
        ("c++ and c", ["c++", "and", "c"]),
        ("C# F#", ["c#", "f#"]),
        ("a+b 1+1", ["a", "b", "1", "1"]),
        ("#42 ##", ["42"]),
        ("x++y", ["x++", "y"]),
        ("naïve ÉCOLE Straße", ["naive", "ecole", "strasse"]),
        ("ﬁle Ⅻ", ["file", "xii"]),
        ("שָׁלוֹם", ["שלום"]),
        ("हिन्दी", ["हिन्दी"]),
        ("数据库", ["数据", "据库", "库"]),
        ("数", ["数"]),
        ("用c++写", ["用", "c++", "写"]),
        ("go 😀 on", ["go", "😀", "on"]),
        ("\x00\ud800", []),
        ("", []),
    ],
)
def test_a_text_is_cut_where_its_script_is_cut(text, found):
    assert tokens(text) == found


def test_the_parts_of_a_camel_case_word_follow_at_the_end():
    assert tokens("call getUserName now") == ["call", "getusername", "now", BREAK, "get", "user", "name"]
    assert tokens("HTTPServer") == ["httpserver", BREAK, "http", "server"]


def test_a_long_run_is_known_by_its_beginning():
    assert tokens("a" * 500) == ["a" * TOKEN_CHARS_MAX]
    assert tokens("é" * 500) == ["e" * TOKEN_CHARS_MAX]


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_tokens_hold_nothing_that_an_engine_could_cut_again(text):
    for token in tokens(text):
        assert token == BREAK or (0 < len(token) <= TOKEN_CHARS_MAX)
        assert not any(sign in token for sign in ' "*():^-\x00')
        assert token == BREAK or BREAK not in token
        token.encode()


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abc XY_+#.-'9"))
def test_plain_text_is_cut_the_same_on_the_quick_way_and_on_the_long_one(text):
    assert stream(text + " é")[:-1] == stream(text)


@settings(max_examples=20, deadline=None)
@given(st.text(alphabet="ab 数据\n", min_size=1, max_size=40), st.integers(1, 4_000))
def test_pieces_of_a_long_text_hold_all_of_it_within_the_bound(unit, times):
    text = unit * times
    found = cut(text)
    assert all(len(tokens(piece)) <= TEXT_PIECE_TOKENS_MAX for piece in found)
    assert all(piece in text for piece in found)
    assert "".join(text.split())[-1:] == "".join("".join(found).split())[-1:]


def test_a_phrase_across_a_cut_is_in_one_of_the_pieces():
    words = [f"w{number}" for number in range(20_000)]
    found = [tokens(piece) for piece in cut(" ".join(words))]
    assert len(found) > 1
    pairs = {pair for piece in found for pair in pairwise(piece)}
    assert pairs == set(pairwise(words))


_MIXED = st.text(alphabet="abC XY_+#.-9é•→—ß\u0301\u0338ⅧЖ数な\u200b😀") | st.text()


@settings(max_examples=300, deadline=None)
@given(_MIXED, st.integers(0, 70))
def test_the_tokens_as_one_string_are_the_tokens_and_never_more_than_was_foretold(text, more):
    text += "x" * more
    assert spaced(text).split() == tokens(text)


@pytest.mark.parametrize(
    "text", ["c++", "in C#, not", "#c", "a ++b", "abc++", "9#", "+c++", "f##", "g+++", "x# # y", "c+#", "é#"]
)
def test_words_with_signs_are_the_same_tokens_as_one_string(text):
    assert spaced(text).split() == tokens(text)
    assert len(tokens(text)) <= tokens_at_most(text)


@settings(max_examples=300, deadline=None)
@given(_MIXED)
def test_what_stands_before_a_text_changes_none_of_its_tokens(text):
    assert stream("first " + text) == ["first", *stream(text)]
