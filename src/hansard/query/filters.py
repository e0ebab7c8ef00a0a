"""The filters of `find`, spelled as keywords, and the condition they mean together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ..codec import times
from ..errors import Invalid
from ..model.entry import Json
from ..model.requests import ANY
from .condition import All, AnyOf, Condition, Field, Has, Not

_EQUAL: Final = (
    "id", "kind", "root", "parent", "depth", "name", "agent", "user", "project", "slug", "number", "title",
    "title_source", "status", "model", "provider", "seq", "message_count", "user_message_count", "exchange_count",
    "entry_count", "error_count", "attachment_count",
)  # fmt: skip
_SAID: Final = {
    "persona": ("labels", "fields"),
    "workspace": ("config", "fields"),
    "reasoning_effort": ("fields", "config"),
    "schedule_id": ("fields",),
    "schedule_run_id": ("fields",),
    "run_id": ("fields",),
    "lifecycle": ("fields",),
    "plan_mode": ("fields",),
    "permission_mode": ("fields",),
}
"""Words that stand in one of the session's objects, and in which of them; the first that has it counts."""
_FLAGS: Final = {
    "pinned": "pinned",
    "damaged": "damaged",
    "empty": "is_empty",
    "fork": "is_fork",
    "has_error": "is_error",
}
_PRESENT: Final = {
    "has_question": Not(Has("fields", "question", None)),
    "has_attachments": Field("attachment_count", ">", 0),
}
_BOUNDS: Final = {"at_least": ">=", "at_most": "<="}
_TIMES: Final = {
    f"{name}_{side}": (f"{name}_at", op)
    for name in ("created", "updated", "activity")
    for side, op in (("after", ">="), ("before", "<"))
}
_CONTAINERS: Final = ("labels", "metadata", "config", "state", "fields")
_TOUCHED: Final = {"updated_since": ">=", "touched_after": ">=", "touched_before": "<"}
_NAMING: Final = ("id", "kind", "root", "parent", "name", "depth")

FILTERS: Final = frozenset((
    *_EQUAL, *_FLAGS, *_TIMES, *_CONTAINERS, *_TOUCHED, *_SAID, *_PRESENT, *_BOUNDS,
))  # fmt: skip
"""The names that `where` takes."""

LISTED: Final = ("root", "fork")
"""Kinds that are listed unless asked for others."""


def where(*, all_kinds: bool = False, **filters: Json) -> Condition:
    """The condition that all given filters mean together; one that is ANY is not given.

    - `id kind root parent depth name agent user project slug number title title_source status model provider seq
      message_count user_message_count exchange_count entry_count error_count attachment_count`: equal to the value;
      None is "not said"; a list, tuple or set is any of its members.
    - `persona` (a label), `workspace` (in the config), `reasoning_effort schedule_id schedule_run_id run_id lifecycle
      plan_mode permission_mode` (fields): likewise. `at_least at_most`: {name of a number: bound}.
    - `labels metadata config state fields`: a mapping; every key equals its value (a list, tuple or set: one of them;
      a JSON list must stand in another list); None is "not there or null", ANY is "there and not null".
    - `pinned damaged empty fork has_error has_question has_attachments`: True or False.
    - `created_after created_before updated_after … activity_before`: `after` includes the time given, `before` does
      not. RFC 3339 text, seconds since 1970, or a datetime. A session without such a time is not found.
    - `updated_since` (also `touched_after`, `touched_before`): by the commit clock, which never goes back and is what
      to ask by when following changes; includes the time given.

    Only roots and forks are meant, unless `all_kinds` is set or one of id, kind, root, parent, name, depth is given.

    Raises:
        Invalid: an unknown filter, or a value that it can't take.
    """
    given = {name: value for name, value in filters.items() if value is not ANY}
    unknown = sorted(given.keys() - FILTERS)
    if unknown:
        msg = f"no filter {unknown[0]!r}; there are {', '.join(sorted(FILTERS))}"
        raise Invalid(msg)
    items: list[Condition] = []
    if not all_kinds and given.keys().isdisjoint(_NAMING):
        items.append(Field("kind", "in", LISTED))
    for name, value in given.items():
        items += _items(name, value)
    return items[0] if len(items) == 1 else All(tuple(items))


def _items(name: str, value: Json) -> Sequence[Condition]:
    if name in _FLAGS or name in _PRESENT:
        if not isinstance(value, bool):
            msg = f"{name}: {value!r}; give True or False, or leave it out"
            raise Invalid(msg)
        if name in _PRESENT:
            return [_PRESENT[name] if value else Not(_PRESENT[name])]
        return [Field(_FLAGS[name], "=", value)]
    if name in _BOUNDS:
        return _bounds(name, value)
    if name in _SAID:
        return [
            _any_of(value, lambda item: _said(name, item), lambda group: AnyOf(tuple(_said(name, i) for i in group)))
        ]
    if name in _TIMES:
        field, op = _TIMES[name]
        return [Field(field, op, times.normal(value, name))]  # pyright: ignore[reportArgumentType]
    if name in _TOUCHED:
        return [Field("touched_us", _TOUCHED[name], times.microseconds(value, name))]  # pyright: ignore[reportArgumentType]
    if name in _CONTAINERS:
        return _keys(name, value)
    return [_any_of(value, lambda item: Field(name, "=", item), lambda group: Field(name, "in", group))]


def _bounds(name: str, wanted: Json) -> list[Condition]:
    if not isinstance(wanted, Mapping):
        msg = f"{name}: {type(wanted).__name__} is no mapping; give {{name of a number: bound}}"
        raise Invalid(msg)
    return [_bound(field, _BOUNDS[name], value) for field, value in wanted.items()]


def _bound(field: str, op: str, value: Json) -> Condition:
    return Field(field, op, value)  # pyright: ignore[reportArgumentType]


def _said(name: str, value: Json) -> Condition:
    """The first of the places that says anything says this."""
    condition: Condition = All(()) if value is None else AnyOf(())
    for container in reversed(_SAID[name]):
        silent = _has(container, name, None)
        if value is None:
            condition = All((silent, condition))
        else:
            condition = AnyOf((_has(container, name, value), All((silent, condition))))
    return condition


def _keys(container: str, wanted: Json) -> list[Condition]:
    if not isinstance(wanted, Mapping):
        msg = f"{container}: {type(wanted).__name__} is no mapping; give {{key: value}}"
        raise Invalid(msg)
    items: list[Condition] = []
    for key, value in wanted.items():
        if value is ANY:
            items.append(Not(_has(container, key, None)))
        else:
            items.append(
                _any_of(
                    value,
                    lambda item, key=key: _has(container, key, item),
                    lambda group, key=key: AnyOf(tuple(_has(container, key, item) for item in group)),
                )
            )
    return items


def _has(container: str, key: str, value: Json) -> Has:
    return Has(container, key, value)  # pyright: ignore[reportArgumentType]


def _any_of(
    value: Json, single: Callable[[Json], Condition], several: Callable[[tuple[Json, ...]], Condition]
) -> Condition:
    if isinstance(value, set | frozenset):
        return several(tuple(sorted(value, key=repr)))
    return several(tuple(value)) if isinstance(value, list | tuple) else single(value)
