"""Conditions on sessions, compiled to SQL over the catalogue's columns.

The SQL of a condition holds for every session that meets it. Where SQL can't tell exactly (a field without a column, a
value inside a JSON object, text that a column holds only cleaned) it lets more through, and `exact` is False: then the
caller asks `hansard.query.matches` once more. Values reach SQLite as parameters only.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, Final, NamedTuple

from ...model.entry import Json
from ...query import All, AnyOf, Condition, Field, Has, Not
from .rows import LISTED, REPLACEMENT, clean

_TEXTS: Final = frozenset((
    "id", "kind", "root", "parent", "name", "agent", "user", "project", "slug", "title", "status", "model", "provider",
))  # fmt: skip
_TIMES: Final = frozenset(("created_at", "updated_at", "activity_at"))
_NUMBERS: Final = frozenset(("number", "depth", "message_count", "seq", "touched_us"))
_FLAGS: Final = frozenset(("pinned", "damaged", "is_empty", "is_fork", "is_error"))
_COLUMNS: Final = _TEXTS | _TIMES | _NUMBERS | _FLAGS
_ORDERED: Final = ("<", "<=", ">", ">=")
_LABELLED: Final = "(SELECT n FROM labels WHERE key = ?)"
_LABELLED_SO: Final = "(SELECT n FROM labels WHERE key = ? AND value = ?)"
_IN_MAX: Final = 500
_DEPTH_MAX: Final = 100
_EDGE: Final = 2**62


class Sql(NamedTuple):
    """A piece of SQL that is true where it holds, else 0 or null, and its parameters."""

    text: str
    parameters: tuple[Any, ...] = ()
    exact: bool = True


_TRUE: Final = Sql("1")
_FALSE: Final = Sql("0")
_MAYBE: Final = Sql("1", (), exact=False)


def compiled(condition: Condition) -> Sql:
    """The SQL of a condition. What it does not know, or can't express, it leaves to `matches`."""
    return _compile(condition, wanted=True, depth=0)


def only_listed(condition: Condition) -> bool:
    """Whether the condition plainly asks for kinds that are listed, which an index serves."""
    if isinstance(condition, All):
        return any(only_listed(item) for item in condition.items)
    if not isinstance(condition, Field) or condition.name != "kind":
        return False
    if condition.op == "=":
        return condition.value in LISTED if isinstance(condition.value, str) else False
    if condition.op != "in" or not condition.value:
        return False
    return all(isinstance(item, str) and item in LISTED for item in condition.value)


def anchored(condition: Condition, names: frozenset[str]) -> bool:
    """Whether the condition plainly asks for one value of one of these fields, so that its index is the one to use."""
    if isinstance(condition, All):
        return any(anchored(item, names) for item in condition.items)
    return isinstance(condition, Field) and condition.name in names and condition.op == "=" and bool(condition.value)


def _compile(condition: Condition, *, wanted: bool, depth: int) -> Sql:
    if depth > _DEPTH_MAX:
        return _MAYBE
    match condition:
        case Not():
            return _compile(condition.item, wanted=not wanted, depth=depth + 1)
        case All() | AnyOf():
            items = [_compile(item, wanted=wanted, depth=depth + 1) for item in condition.items]
            return _joined(items, both=isinstance(condition, All) is wanted)
        case Has():
            return _label(condition, wanted=wanted) if condition.container == "labels" else _MAYBE
        case Field():
            return _field(condition, wanted=wanted)
    return _MAYBE


def _joined(items: Sequence[Sql], *, both: bool) -> Sql:
    neutral = _TRUE if both else _FALSE
    items = [item for item in items if item != neutral]
    if not items:
        return neutral
    if len(items) > _IN_MAX:
        return _MAYBE
    text = (" AND " if both else " OR ").join(f"({item.text})" for item in items)
    return Sql(text, tuple(p for item in items for p in item.parameters), all(item.exact for item in items))


def _field(field: Field, *, wanted: bool) -> Sql:
    if field.name not in _COLUMNS:
        return _MAYBE
    if field.op == "in":
        members = [_field(Field(field.name, "=", value), wanted=wanted) for value in field.value]
        return _joined(members, both=not wanted)
    if field.op in ("=", "!="):
        return _equal(field.name, field.value, wanted=wanted is (field.op == "="))
    if field.op in _ORDERED:
        return _compared(field.name, field.op, field.value, wanted=wanted)
    return _MAYBE


def _constant(*, holds: bool) -> Sql:
    return _TRUE if holds else _FALSE


def _equal(name: str, value: Json, *, wanted: bool) -> Sql:
    # `=` can use every index, and is null at most where it does not hold.
    operator = "=" if wanted else "IS NOT"
    if name in _FLAGS:
        return Sql(f"{name} {operator} ?", (int(value),)) if isinstance(value, bool) else _constant(holds=not wanted)
    if value is None:
        return (
            Sql(f"{name} {'=' if wanted else '<>'} ''")
            if name in _TIMES
            else Sql(f"{name} {'IS' if wanted else 'IS NOT'} NULL")
        )
    if name in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            return _constant(holds=not wanted)
        return Sql(f"{name} {operator} ?", (value,)) if abs(value) < _EDGE else _MAYBE
    if not isinstance(value, str) or (name in _TIMES and not value):
        return _constant(holds=not wanted)
    text = clean(value)
    return Sql(f"{name} {operator} ?", (text,)) if REPLACEMENT not in text else _MAYBE


def _compared(name: str, operator: str, value: Json, *, wanted: bool) -> Sql:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or name in _FLAGS:
        return _constant(holds=not wanted)
    if isinstance(value, str) is (name in _NUMBERS):
        return _constant(holds=not wanted)
    # Text that was cleaned may stand elsewhere in the order than it does itself.
    if isinstance(value, str):
        if name not in _TIMES or not value or not value.isascii():
            return _MAYBE
    elif not isfinite(value) or abs(value) >= _EDGE:
        return _MAYBE
    # A time that is not said is the empty text here, and has no order.
    said = f" AND {name} <> ''" if name in _TIMES and operator[0] == "<" else ""
    if wanted:
        return Sql(f"{name} {operator} ?{said}", (value,))
    return Sql(f"NOT ifnull({name} {operator} ?{said}, 0)", (value,))


def _label(has: Has, *, wanted: bool) -> Sql:
    if not (has.value is None or isinstance(has.value, str)):
        return _MAYBE
    key, value = clean(has.key), clean(has.value or "")
    if REPLACEMENT in key + value:
        return _MAYBE
    if has.value is None:
        return Sql(("s.n NOT IN " if wanted else "s.n IN ") + _LABELLED, (key,))
    return Sql(("s.n IN " if wanted else "s.n NOT IN ") + _LABELLED_SO, (key, value))
