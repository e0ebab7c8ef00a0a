from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.errors import Invalid
from hansard.fold import count_tokens, window
from hansard.model.info import Message


def said(seq: int, role: str, *parts, **more) -> Message:
    return Message(seq, role, parts or ({"type": "text", "text": role},), **more)


def call(seq: int, *ids: str) -> Message:
    return said(seq, "assistant", *({"type": "tool_call", "id": name, "name": "run", "arguments": {}} for name in ids))


def result(seq: int, name: str) -> Message:
    return said(seq, "tool", {"type": "tool_result", "call_id": name, "content": "x"})


TALK = [
    said(1, "system"),
    said(2, "user"),
    call(3, "a", "b"),
    result(4, "a"),
    result(5, "b"),
    said(6, "assistant"),
    said(7, "user"),
]


def seqs(messages) -> list[int]:
    return [one.seq for one in messages]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (0, []),
        (1, [7]),
        (2, [1, 7]),
        (3, [1, 6, 7]),
        (5, [1, 6, 7]),
        (6, [1, 3, 4, 5, 6, 7]),
        (7, [1, 2, 3, 4, 5, 6, 7]),
        (99, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_the_newest_messages_are_kept_and_no_call_loses_its_results(limit, expected):
    assert seqs(window(TALK, limit=limit)) == expected


def test_without_bounds_all_are_kept():
    assert window(TALK) == TALK


def test_tokens_are_counted_as_asked():
    assert seqs(window(TALK, max_tokens=30, count=lambda _: 10)) == [1, 6, 7]
    assert seqs(window(TALK, max_tokens=60, limit=99, count=lambda one: one.seq)) == [1, 2, 3, 4, 5, 6, 7]
    assert seqs(window(TALK, max_tokens=14, count=lambda one: one.seq)) == [1, 6, 7]


def test_a_token_is_about_four_bytes():
    assert count_tokens(said(1, "user", {"type": "text", "text": "x" * 4000})) in range(1000, 1020)


def test_the_summary_of_a_compaction_stays_in_front():
    talk = [said(9, "user", synthetic=True), *TALK[1:]]
    assert seqs(window(talk, limit=3)) == [9, 6, 7]


def test_what_stands_in_front_is_left_out_if_it_leaves_no_room_for_the_newest():
    talk = [said(1, "system", {"type": "text", "text": "x" * 1000}), said(2, "user")]
    assert seqs(window(talk, max_tokens=100)) == [2]


def test_a_newest_unit_that_does_not_fit_leaves_nothing():
    assert window(TALK[:5], limit=2) == []


def test_a_history_of_only_a_system_message_is_kept():
    assert seqs(window(TALK[:1], limit=1)) == [1]
    assert window([], limit=1) == []


def test_a_negative_bound_is_refused():
    with pytest.raises(Invalid, match="max_tokens"):
        window(TALK, max_tokens=-1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 14))
def test_a_window_is_the_end_of_the_history_with_whole_units(shapes, limit):
    talk = []
    for results in shapes:
        talk.append(call(len(talk) + 1, *map(str, range(results))) if results else said(len(talk) + 1, "user"))
        talk += [result(len(talk) + 1 + n, str(n)) for n in range(results)]
    found = window(talk, limit=limit)
    assert len(found) <= limit
    assert found == talk[len(talk) - len(found) :]
    assert not found or found[0].role != "tool"
