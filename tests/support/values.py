"""Hypothesis strategies for values that a store has to give back as they were."""

from __future__ import annotations

import re

from hypothesis import strategies as st

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

texts = st.one_of(
    st.text(),
    st.text(st.sampled_from('\x00\ud800\udc00\udfff\u2028\x7f\x1f"\\/\n\r\t\ufeff\uffff😀é,:{}[]')),
    st.sampled_from(["", "\x00", "\ud800", "NaN", ',"hash":"', '"}', "\\u0000", "\u2028"]),
).filter(lambda text: not _PAIR.search(text))
"""Any text but a high surrogate right before a low one, which JSON can't tell from the character that they stand for."""

integers = st.one_of(
    st.integers(), st.sampled_from([2**31, 2**53 + 1, 2**63, 2**64, 2**70, -(2**63), -(2**63) - 1, -(2**70), 10**400])
)
floats = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, 1e16, 1e-7, 1.0, 123456789012345680.0]),
)
scalars = st.one_of(st.none(), st.booleans(), integers, floats, texts)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(texts, inner, max_size=5)),
    max_leaves=20,
)


def nested(depth: int, kind: str = "list"):
    """A value with so many levels."""
    value = None
    for _ in range(depth):
        value = {"a": value} if kind == "dict" else [value]
    return value


def same(left, right) -> bool:
    """Equal as JSON is: types, signs of zero and the order of keys too."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return repr(left) == repr(right)
