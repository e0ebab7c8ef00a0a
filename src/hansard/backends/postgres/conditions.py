"""Conditions on sessions, compiled to SQL over the columns of the table of sessions.

The SQL of a condition holds for every session that meets it. Where SQL can't tell exactly (a field without a column, a
value inside a JSON object, text that a column holds only cleaned or cut) it lets more through, and `exact` is False: then
the caller asks `hansard.query.matches` once more. Values reach the server as parameters only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, LiteralString, NamedTuple

from ...model.entry import Json
from ...query import All, AnyOf, Condition, Field, Has, Not
from .rows import REPLACEMENT, TEXT_CHARS_MAX, clean, mark, raw

_TEXTS: Final[Mapping[str, LiteralString]] = {
    "kind": "s.kind", "name": "s.name", "agent": "s.agent", "user": 's."user"', "project": "s.project",
    "slug": "s.slug", "title": "s.title", "status": "s.status", "model": "s.model", "provider": "s.provider",
}  # fmt: skip
_IDS: Final[Mapping[str, LiteralString]] = {"id": "s.session", "root": "s.root", "parent": "s.parent"}
_TIMES: Final[Mapping[str, LiteralString]] = {
    "created_at": "s.created_at", "updated_at": "s.updated_at", "activity_at": "s.activity_at",
}  # fmt: skip
SPANS: Final[Mapping[str, LiteralString]] = {"activity_at": "s.active_in", "touched_us": "s.touched_in"}
"""Of the times that are read in their order: the columns that say roughly when, which indexes begin with."""
_SPAN_CHARS: Final = 18
_SPAN_BITS: Final = 24
_NUMBERS: Final[Mapping[str, LiteralString]] = {
    "number": "s.number", "depth": "s.depth", "message_count": "s.message_count", "entry_count": "s.entry_count",
    "seq": "s.seq", "size": "s.size", "touched_us": "s.touched_us",
}  # fmt: skip
_FLAGS: Final[Mapping[str, LiteralString]] = {
    "pinned": "s.pinned", "damaged": "s.damaged", "is_empty": "s.is_empty", "is_fork": "s.is_fork",
    "is_error": "s.is_error",
}  # fmt: skip
_OPERATORS: Final[Mapping[str, LiteralString]] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
_MARKED: Final[LiteralString] = (
    "EXISTS (SELECT FROM hansard.marks m WHERE m.tenant = s.tenant AND m.root = s.root AND m.session = s.session "
    "AND m.mark = %s)"
)
_AMONG: Final[LiteralString] = (
    ".session IN (SELECT m.session FROM hansard.marks m WHERE m.tenant = %s AND m.mark = %s)) IS TRUE"
)
"""The same, with all that have the mark read first: so is asked where they are some thousands. Being compared with a
truth value, it is not turned into a join, which would begin with them and sort."""
_WALKED: Final[LiteralString] = (
    "EXISTS (SELECT FROM hansard.marks m WHERE m.tenant = s.tenant AND m.root = s.root AND m.session = s.session "
    "AND m.mark = %s OFFSET 0)"
)
"""The same, asked of one session after the other in their order: what begins with all that have a mark is slow where
half of all have it, and the server does not know how many do."""
_IN_MAX: Final = 500
_DEPTH_MAX: Final = 100
_EDGE: Final = 2**62


class Marks(NamedTuple):
    """How many sessions have the marks that a condition asks for."""

    tenant: bytes = b""
    rare: frozenset[int] = frozenset()
    """Few: the server may begin with those."""
    some: frozenset[int] = frozenset()
    """More, but not so many that they could not be kept in mind."""
    asked_of: LiteralString = "s"
    """The table, by its name in the query, in whose order those are looked for."""

    def led_by(self, mark: int | None) -> Marks:
        """The same, where the server may begin with those that have this mark: one of some."""
        return self if mark is None or self.rare else self._replace(rare=frozenset((mark,)), some=self.some - {mark})


NO_MARKS: Final = Marks()


class Sql(NamedTuple):
    """A piece of SQL that is true where it holds, else false or null, and its parameters."""

    text: LiteralString
    parameters: tuple[Any, ...] = ()
    exact: bool = True


_TRUE: Final = Sql("true")
_FALSE: Final = Sql("false")
_MAYBE: Final = Sql("true", (), exact=False)


def span_of(name: str, value: str | float) -> str | int | None:
    """What the column in `SPANS` has where the field has this value; None for a field that has no such column."""
    if name not in SPANS:
        return None
    return value[:_SPAN_CHARS] if isinstance(value, str) else int(value // 1) >> _SPAN_BITS


def compiled(condition: Condition, marks: Marks = NO_MARKS) -> Sql:
    """The SQL of a condition. What it does not know, or can't express, it leaves to `matches`."""
    return _compile(condition, marks, wanted=True, depth=0)


def marks_in(condition: Condition) -> list[int]:
    """The marks that the SQL of a condition asks for."""
    asked: list[int] = []
    waiting: list[Condition] = [condition]
    while waiting and len(asked) < _IN_MAX:
        match one := waiting.pop():
            case Not():
                waiting.append(one.item)
            case All() | AnyOf():
                waiting += one.items
            case Has() if (number := _mark_of(one)) is not None:
                asked.append(number)
            case _:
                pass
    return asked


def _compile(condition: Condition, marks: Marks, *, wanted: bool, depth: int) -> Sql:
    if depth > _DEPTH_MAX:
        return _MAYBE
    match condition:
        case Not():
            return _compile(condition.item, marks, wanted=not wanted, depth=depth + 1)
        case All() | AnyOf():
            items = [_compile(item, marks, wanted=wanted, depth=depth + 1) for item in condition.items]
            return _joined(items, both=isinstance(condition, All) is wanted)
        case Has():
            return _marked(condition, marks, wanted=wanted)
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
    joiner: LiteralString = ") AND (" if both else ") OR ("
    text: LiteralString = "(" + joiner.join([item.text for item in items]) + ")"
    return Sql(text, tuple(p for item in items for p in item.parameters), all(item.exact for item in items))


def _field(field: Field, *, wanted: bool) -> Sql:
    if field.op == "in":
        if field.name in _TEXTS and wanted and (found := _one_of(field)) is not None:
            return found
        members = [_field(Field(field.name, "=", value), wanted=wanted) for value in field.value]
        return _joined(members, both=not wanted)
    if field.op in ("=", "!="):
        return _equal(field.name, field.value, wanted=wanted is (field.op == "="))
    return _compared(field.name, field.op, field.value, wanted=wanted) if field.op in _OPERATORS else _MAYBE


def _one_of(field: Field) -> Sql | None:
    """One of several plain words, which one scan of an index finds."""
    if all(isinstance(value, str) and _is_plain(value) for value in field.value):
        return Sql(_TEXTS[field.name] + " = ANY (%s::text[])", (list(field.value),))
    return None


def _is_plain(value: str) -> bool:
    """Whether a column holds exactly this text for this value, and for no other."""
    return len(value) < TEXT_CHARS_MAX and REPLACEMENT not in (clean(value) or "")


def _constant(*, holds: bool) -> Sql:
    return _TRUE if holds else _FALSE


def _equal(name: str, value: Json, *, wanted: bool) -> Sql:
    column = _TEXTS.get(name) or _IDS.get(name) or _TIMES.get(name) or _NUMBERS.get(name) or _FLAGS.get(name)
    if column is None:
        return _MAYBE
    if value is None:
        return _said(name, column, wanted=not wanted)
    if name in _FLAGS:
        return _test(column, value, wanted=wanted) if isinstance(value, bool) else _constant(holds=not wanted)
    if name in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            return _constant(holds=not wanted)
        if abs(value) >= _EDGE:
            return _MAYBE
        return _test(column, int(value), wanted=wanted) if value == int(value) else _constant(holds=not wanted)
    if not isinstance(value, str) or (name in _TIMES and not value):
        return _constant(holds=not wanted)
    if name in _IDS:
        return _test(column, raw(value), wanted=wanted)
    return _test(column, value, wanted=wanted) if _is_plain(value) else _MAYBE


def _said(name: str, column: LiteralString, *, wanted: bool) -> Sql:
    """Whether a field is said at all."""
    if name in _TIMES:
        return Sql(column + (" <> ''" if wanted else " = ''"))
    return Sql(column + (" IS NOT NULL" if wanted else " IS NULL"))


def _test(column: LiteralString, value: Any, *, wanted: bool) -> Sql:
    # `=` can use every index, and is null at most where it does not hold.
    return Sql(column + (" = %s" if wanted else " IS DISTINCT FROM %s"), (value,))


def _compared(name: str, operator: str, value: Json, *, wanted: bool) -> Sql:
    column = _TIMES.get(name) or _NUMBERS.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _constant(holds=not wanted)
    if column is None or isinstance(value, str) is not (name in _TIMES):
        return _constant(holds=not wanted) if column is not None or name in _FLAGS else _MAYBE
    if isinstance(value, str):
        if not value or not value.isascii() or not _is_plain(value):
            return _MAYBE
    elif not isfinite(value) or abs(value) >= _EDGE:
        return _MAYBE
    # A time that is not said is the empty text here, and has no order.
    said: LiteralString = " AND " + column + " <> ''" if name in _TIMES and operator[0] == "<" else ""
    text: LiteralString = column + " " + _OPERATORS[operator] + " %s" + said
    if wanted and (span := span_of(name, value)) is not None:
        # Which spans that can be is what an index knows.
        return Sql(text + " AND " + SPANS[name] + " " + _OPERATORS[operator[0] + "="] + " %s", (value, span))
    if wanted:
        return Sql(text, (value,))
    return Sql("NOT coalesce(" + text + ", false)", (value,))


def _marked(has: Has, marks: Marks, *, wanted: bool) -> Sql:
    """Whether a label or a member of the metadata has a value: by its mark, which few other values share."""
    number = _mark_of(has) if wanted else None
    if number is None:
        return _MAYBE
    if number in marks.some:
        return Sql("(" + marks.asked_of + _AMONG, (marks.tenant, number), exact=False)
    return Sql(_MARKED if number in marks.rare else _WALKED, (number,), exact=False)


def _mark_of(has: Has) -> int | None:
    if has.container not in ("labels", "metadata") or has.value is None:
        return None
    try:
        return mark(has.container, has.key, has.value)
    except (TypeError, ValueError, RecursionError):
        return None
