from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hansard.errors import Invalid
from hansard.model.info import SessionInfo
from hansard.model.requests import ANY
from hansard.query import (
    EVERYTHING,
    ORDERS,
    All,
    AnyOf,
    Field,
    Has,
    Not,
    find_all,
    matches,
    order_key,
    same,
    value_of,
    where,
)

INFO = SessionInfo(
    "s", root="s", agent="a", user=None, message_count=3, pinned=True, labels={"env": "prod"}, title="Tide",
    state={"n": 1, "on": True, "list": [1]}, error={"message": "x"}, updated_at="2026-01-02T00:00:00.000000Z", touched_us=5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, True),
        ({"agent": "a"}, True),
        ({"agent": "b"}, False),
        ({"agent": ANY}, True),
        ({"agent": ["a", "b"]}, True),
        ({"agent": []}, False),
        pytest.param({"agent": {"a", "b"}}, True, id="agents"),
        ({"user": None}, True),
        ({"message_count": 3}, True),
        ({"message_count": 3.0}, True),
        ({"message_count": True}, False),
        ({"pinned": True}, True),
        ({"empty": True}, True),
        ({"fork": True}, False),
        ({"has_error": True}, True),
        ({"kind": "root"}, True),
        ({"labels": {"env": "prod"}}, True),
        ({"labels": {"env": ["test", "prod"]}}, True),
        ({"labels": {"env": None}}, False),
        ({"labels": {"none": None}}, True),
        ({"labels": {"env": ANY}}, True),
        ({"labels": {"none": ANY}}, False),
        ({"state": {"n": 1}}, True),
        ({"state": {"on": 1}}, False),
        ({"state": {"list": [[1]]}}, True),
        ({"updated_after": "2026-01-02T00:00:00Z"}, True),
        ({"updated_after": datetime(2026, 1, 2, 0, 0, 1, tzinfo=UTC)}, False),
        ({"updated_before": "2026-01-02T00:00:00Z"}, False),
        ({"activity_after": "1990-01-01T00:00:00Z"}, False),
        ({"touched_before": 1}, True),
    ],
    ids=repr,
)
def test_a_filter_holds_for_a_session_or_not(filters, found):
    assert matches(where(**filters), INFO) is found


def test_children_are_meant_only_where_they_are_asked_for():
    child = SessionInfo("c", kind="child", root="s", parent="s", name="worker")
    assert not matches(where(), child)
    asked = ({"all_kinds": True}, {"parent": "s"}, {"root": "s"}, {"id": "c"}, {"name": "worker"}, {"kind": "child"})
    for filters in asked:
        assert matches(where(**filters), child)


@pytest.mark.parametrize(
    "filters",
    [{"colour": 1}, {"pinned": 1}, {"labels": "env"}, {"updated_after": "soon"}, {"updated_after": ANY, "x": 1}],
)
def test_a_filter_that_can_not_be_meant_is_refused(filters):
    with pytest.raises(Invalid):
        where(**filters)


def test_conditions_combine():
    yes, no = Field("agent", "=", "a"), Field("agent", "=", "b")
    assert matches(EVERYTHING, INFO)
    assert not matches(AnyOf(()), INFO)
    assert matches(AnyOf((no, yes)), INFO)
    assert not matches(All((no, yes)), INFO)
    assert matches(Not(no), INFO)


@pytest.mark.parametrize(
    "condition",
    [Field("colour", "=", 1), Field("agent", "~", 1), Has("drawer", "k", 1)],
    ids=["field", "op", "container"],
)
def test_a_condition_on_what_there_is_not_is_refused(condition):
    with pytest.raises(Invalid, match="there are"):
        matches(condition, INFO)


def test_what_is_not_said_has_no_order_and_is_unequal_to_all_but_itself():
    assert not matches(Field("user", "<", "z"), INFO)
    assert not matches(Field("user", ">=", "a"), INFO)
    assert matches(Field("user", "!=", "z"), INFO)


def test_values_are_equal_as_json_is():
    assert same({"a": 1, "b": [True]}, {"b": [True], "a": 1.0})
    assert not same(True, 1)
    assert not same([1], [True])
    assert not same("1", 1)


def test_no_such_field_names_those_there_are():
    with pytest.raises(Invalid, match="agent"):
        value_of(INFO, "colour")


@pytest.mark.parametrize("order", [*ORDERS, *(f"-{order}" for order in ORDERS)])
def test_pages_of_every_order_follow_each_other(order):
    infos = [
        SessionInfo(name, seq=number % 3, title=None if number % 2 else f"t{number}", touched_us=number % 2)
        for number, name in enumerate("gfabced")
    ]
    whole = find_all(infos, EVERYTHING, order=order, limit=99, cursor=None)
    keys = [order_key(info, order) for info in whole]
    assert keys == sorted(keys, reverse=order.startswith("-"))
    cursor, found = None, []
    for _ in range(4):
        page = find_all(infos, EVERYTHING, order=order, limit=2, cursor=cursor)
        found += page.items
        cursor = page.cursor
    assert cursor is None
    assert tuple(found) == whole.items
