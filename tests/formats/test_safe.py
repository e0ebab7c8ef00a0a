from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansard.formats.safe import encodable, one_line, readable, strip_control
from support import hostile

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
pieces = st.sampled_from([*"\x1b\x9b\x9d\x90\x9c\x07[]();?0m\\P_^X\n\t a数", "\u202e", "\u2066", "\ud800", "\x1b]8;;"])
anything = st.one_of(st.text(), st.lists(pieces).map("".join))


@given(anything)
def test_nothing_that_steers_a_terminal_is_left(text):
    assert not FORBIDDEN.search(strip_control(text))


@given(anything)
def test_stripping_again_changes_nothing(text):
    once = strip_control(text)
    assert strip_control(once) == once


@given(
    st.text(
        st.characters(
            exclude_categories=["Cc"], exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        )
    )
)
def test_text_without_controls_stays_as_it_is(text):
    assert strip_control(text) == text


@pytest.mark.parametrize("text", hostile.ALL)
def test_hostile_text_is_harmless(text):
    assert not FORBIDDEN.search(strip_control(text))
    assert "\r" not in readable(text)
    readable(text).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;38;5;196mloud\x1b[m", "loud"),
        ("\x9b31mred", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP+q544e\x1b\\text", "text"),
        ("\x1b(Btext\x1bc", "text"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\x08\x7fb", "ab"),
        ("file\u202egnp.exe", "filegnp.exe"),
        ("שלום\u200f עולם", "שלום\u200f עולם"),
        ("a\ud800b", "a\ud800b"),
    ],
)
def test_sequences_go_whole_and_text_stays(text, shown):
    assert strip_control(text) == shown


@pytest.mark.parametrize("opener", ["\x1b]0;", "\x9d0;", "\x1bP", "\x1b_"])
def test_a_string_without_end_hides_no_text(opener):
    assert "what follows\nand the next line" in strip_control(opener + "what follows\nand the next line")
    assert "next line\x07".strip("\x07") in strip_control(opener + "title\nnext line\x07")


def test_time_grows_with_the_text_and_no_faster():
    def seconds(text):
        start = time.process_time()
        strip_control(text)
        return time.process_time() - start

    for piece in ("\x1b]", "\x1b[1;", "\x9d", "\x1b[" + "1" * 50, "\x1b" + " " * 50, "\x1b]\x1b\\", "\u202e"):
        long = piece * 200_000
        assert seconds(long) < 2, f"{piece!r} repeated takes too long"


@given(st.text())
def test_encodable_text_is_encodable_and_as_long(text):
    assert len(encodable(text)) == len(text)
    encodable(text).encode()


def test_line_ends_become_newlines_before_controls_go():
    assert readable("a\r\nb\rc\x1b[1m") == "a\nb\nc"


@given(anything, st.integers(2, 40))
def test_one_line_is_one_short_line(text, limit):
    line = one_line(text, limit=limit)
    assert "\n" not in line
    assert len(line) <= limit


def test_one_line_says_when_it_was_cut():
    assert one_line("a  b\n c") == "a b c"
    assert one_line("word " * 500, limit=10) == "word word…"
    assert one_line(" " * 500 + "x", limit=10) == "…"
