"""Conditions on sessions: the one meaning of a filter, which every backend either calls or compiles to its own terms."""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

from ..errors import Invalid
from ..model.entry import Json
from ..model.info import SessionInfo

Op: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "in"]


class Field(msgspec.Struct, frozen=True):
    """A field of the session compared with a value. None is "not said": it equals None and has no order.

    `!=` is exactly not `=`, so it holds for a field that is not said. `in` takes a tuple and holds if one of it is
    equal. Text is compared by code points, numbers as numbers; values of different types are unequal and unordered.
    """

    name: str
    """One of FIELDS."""
    op: Op
    value: Json


class Has(msgspec.Struct, frozen=True):
    """A key of one of the session's JSON objects equals a value. A key that is not there is None."""

    container: Literal["labels", "metadata", "config", "state", "fields"]
    key: str
    value: Json


class All(msgspec.Struct, frozen=True):
    """Every item holds; true without items."""

    items: tuple[Condition, ...] = ()


class AnyOf(msgspec.Struct, frozen=True):
    """At least one item holds; false without items."""

    items: tuple[Condition, ...] = ()


class Not(msgspec.Struct, frozen=True):
    """The item does not hold."""

    item: Condition


Condition: TypeAlias = Field | Has | All | AnyOf | Not

EVERYTHING: Final = All(())
"""Holds for every session."""

CONTAINERS: Final = ("labels", "metadata", "config", "state", "fields")
"""The JSON objects of a session that Has looks into."""

_PLAIN: Final = (
    "id", "kind", "root", "parent", "depth", "name", "agent", "user", "project", "slug", "number", "title",
    "title_source", "status", "model", "provider", "pinned", "damaged", "message_count", "user_message_count",
    "exchange_count", "entry_count", "error_count", "attachment_count", "attachment_bytes", "seq", "size",
    "touched_us",
)  # fmt: skip
_TIMES: Final = ("created_at", "updated_at", "activity_at")


_ORDERS: Final = MappingProxyType({"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge})


def _attribute(name: str) -> Callable[[SessionInfo], Json]:
    return lambda info: getattr(info, name)


def _time(name: str) -> Callable[[SessionInfo], Json]:
    return lambda info: getattr(info, name) or None


FIELDS: Final = MappingProxyType(
    {
        **{name: _attribute(name) for name in _PLAIN},
        **{name: _time(name) for name in _TIMES},
        "is_empty": lambda info: info.is_empty,
        "is_fork": lambda info: bool(info.segments),
        "is_error": lambda info: info.error is not None,
    }
)
"""The names that conditions may use, each with the way to its value: scalars of SessionInfo (times as RFC 3339 text,
None before the first), and is_empty (no user message), is_fork, is_error (an error is set)."""


def value_of(info: SessionInfo, name: str) -> Json:
    """The value of a field for conditions and orders.

    Raises:
        Invalid: no such field; names those there are.
    """
    return _getter(name)(info)


def _getter(name: str) -> Callable[[SessionInfo], Json]:
    try:
        return FIELDS[name]
    except (KeyError, TypeError):
        msg = f"no session field {name!r}; there are {', '.join(sorted(FIELDS))}, and keys of {', '.join(CONTAINERS)}"
        raise Invalid(msg) from None


def matches(condition: Condition, info: SessionInfo) -> bool:
    """Whether a session meets a condition.

    Raises:
        Invalid: the condition names a field, a container or an operator that there is not.
    """
    match condition:
        case Field():
            return _compare(condition.op, value_of(info, condition.name), condition.value)
        case Has():
            if condition.container not in CONTAINERS:
                msg = f"no container {condition.container!r}; there are {', '.join(CONTAINERS)}"
                raise Invalid(msg)
            return same(getattr(info, condition.container).get(condition.key), condition.value)
        case All():
            return all(matches(item, info) for item in condition.items)
        case AnyOf():
            return any(matches(item, info) for item in condition.items)
        case Not():
            return not matches(condition.item, info)


def _compare(op: str, actual: Json, wanted: Json) -> bool:
    if op == "=":
        return same(actual, wanted)
    if op == "!=":
        return not same(actual, wanted)
    if op == "in":
        return any(same(actual, item) for item in wanted)
    compare = _ORDERS.get(op)
    if compare is None:
        msg = f"no operator {op!r}; there are =, !=, <, <=, >, >= and in"
        raise Invalid(msg)
    return _ordered(actual, wanted) and compare(actual, wanted)


def _ordered(left: Json, right: Json) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return numbers or (isinstance(left, str) and isinstance(right, str))


def same(left: Json, right: Json) -> bool:
    """Whether two JSON values are equal: true is not 1, 1 is 1.0, objects have no order."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right if isinstance(left, str) else left == right
