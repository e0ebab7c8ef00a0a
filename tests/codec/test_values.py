from __future__ import annotations

import enum
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansard.codec.values import check_value, decode, encode, shown
from hansard.errors import Invalid
from support import hostile
from support.values import json_values, nested, same


@given(json_values)
def test_any_json_value_comes_back_equal(value):
    check_value(value)
    assert same(decode(encode(value)), value)


@given(json_values)
def test_the_bytes_are_json_without_spaces_or_line_ends(value):
    data = encode(value)
    assert b"\n" not in data
    assert same(json.loads(data), value)
    assert encode(decode(data)) == data


@pytest.mark.parametrize("text", hostile.ALL)
def test_hostile_text_comes_back_as_key_and_value(text):
    assert decode(encode({text: [text]})) == {text: [text]}


def test_sixteen_million_characters_come_back():
    text = "数\x00" * 8_000_000
    assert decode(encode(text)) == text


class Word(str):
    __slots__ = ()


class Number(enum.IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (float("nan"), "body"),
        ([0, float("inf")], r"body\[1\]"),
        ({"a": {"b": [1, {"c": float("-inf")}]}}, r"body\.a\.b\[1\]\.c"),
        ({"a": b"bytes"}, r"body\.a"),
        ({"a": [(1, 2)]}, r"body\.a\[0\]"),
        ({1: 2}, "body: the key 1"),
        ({"a": {None: 2}}, r"body\.a: the key None"),
        ([{1}], r"body\[0\]"),
        ([object()], r"body\[0\]"),
        ([Word("x")], r"body\[0\]"),
        ({Word("x"): 1}, "body: the key"),
        ([Number.ONE], r"body\[0\]"),
        ([1j], r"body\[0\]"),
    ],
)
def test_what_json_has_no_form_for_is_refused_with_its_place(value, where):
    with pytest.raises(Invalid, match=where):
        check_value(value)


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_two_hundred_levels_are_stored(kind):
    value = nested(200, kind)
    check_value(value)
    assert decode(encode(value)) == value
    lone = {"\ud800": nested(199, kind)}
    check_value(lone)
    assert decode(encode(lone)) == lone


@pytest.mark.parametrize("kind", ["list", "dict"])
@pytest.mark.parametrize("depth", [201, 10_000])
def test_more_levels_are_refused_and_break_nothing(depth, kind):
    with pytest.raises(Invalid, match="nested deeper than 200 levels") as caught:
        check_value(nested(depth, kind))
    assert len(str(caught.value)) < 500


def test_a_value_that_holds_itself_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(Invalid, match="nested deeper"):
        check_value(value)


@pytest.mark.parametrize("digits", [400, 4_300, 4_301, 10_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_integers_of_any_size_come_back_or_are_refused_in_time(digits, sign):
    value = {"n": sign * (10**digits - 1)}
    try:
        check_value(value)
    except Invalid as error:
        assert digits > 4_300
        assert str(error).startswith("body.n: ")  # noqa: PT017 - either way is right
        return
    assert decode(encode(value)) == value


def test_a_surrogate_pair_that_would_come_back_as_one_character_is_refused():
    with pytest.raises(Invalid):
        check_value(["\ud83d\ude00"])
    with pytest.raises(Invalid, match=r"body\.a\[1\]"):
        check_value({"a": ["😀\ud800", "\ud83d\ude00"]})
    with pytest.raises(Invalid):
        check_value({"\ud83d\ude00": 1})


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("value", [{10**5000: 1}, [Unshowable()], {Unshowable(): 1}, 10**5000], ids=shown)
def test_what_can_not_even_be_shown_is_refused(value):
    with pytest.raises(Invalid):
        check_value(value)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"nul", b"NaN", b"[Infinity]", b"-Infinity", b"[1,]", b"{1:2}", b"'a'", b"\xff", b'"\xed\xa0\x80"',
        b'"\n"', b"01", b"1e400", b"[-1e400]", b'"\\ud800" x', b"[" * 100_000, b'["\\ud800",' + b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda data: data[:20].decode("latin-1"),
)  # fmt: skip
def test_what_is_no_json_is_a_value_error(data):
    with pytest.raises(ValueError):
        decode(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_a_value_error(data):
    try:
        value = decode(data)
    except ValueError:
        return
    check_value(value)
