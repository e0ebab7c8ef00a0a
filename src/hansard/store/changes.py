"""Field changes as callers spell them, checked and turned into the one value that backends write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import msgspec

from ..codec import values
from ..errors import Invalid
from ..model.entry import Json
from ..model.info import SessionInfo
from ..model.requests import Changes, Keys


class Keep:
    """The type of KEEP."""

    def __repr__(self) -> str:
        return "KEEP"


KEEP: Final = Keep()
"""A field that is left as it is, where None would be a value."""

KeyChanges: TypeAlias = Mapping[str, Json] | Keys
"""Keys to set, or Keys(set=…, remove=…, replace=…) where some are to go."""

_WORDS: Final = ("title", "status", "model", "provider", "project")
_SETTABLE: Final = frozenset((*_WORDS, "title_source", "error", "pinned"))
_FIXED: Final = frozenset(SessionInfo.__struct_fields__) - _SETTABLE
_OBJECTS: Final = ("state", "config", "metadata", "labels")


def changes_of(
    *,
    fields: Mapping[str, Json] | None = None,
    clear: Iterable[str] = (),
    state: KeyChanges | None = None,
    config: KeyChanges | None = None,
    metadata: KeyChanges | None = None,
    labels: KeyChanges | None = None,
) -> Changes | None:
    """The changes that are asked for; None if there are none.

    Raises:
        Invalid: a field can't be set, or a value has not the type that it needs.
    """
    if isinstance(clear, str):
        msg = f"clear: a list of field names, not the str {clear!r}"
        raise Invalid(msg)
    cleared = list(dict.fromkeys(clear))
    kept: dict[str, Json] = {}
    for name, value in (fields or {}).items():
        _check_field(name)
        if value is None and name in ("title", "pinned"):
            cleared.append(name)
            continue
        _check_value(name, value)
        blank = name == "status" and isinstance(value, str) and not value.strip()
        kept[name] = None if blank else value
    if "title_source" in kept and "title" not in kept:
        msg = "title_source: it is said of a title; set both"
        raise Invalid(msg)
    for name in cleared:
        _check_field(name)
    given = {"state": state, "config": config, "metadata": metadata, "labels": labels}
    objects = {name: _keys(keys, name) for name, keys in given.items() if keys is not None}
    if "labels" in objects:
        check_labels(objects["labels"])
    changes = Changes(
        set=kept,
        clear=tuple(name for name in cleared if name not in kept),
        **{name: keys for name, keys in objects.items() if keys},
    )
    return changes or None


def _check_field(name: object) -> None:
    if not isinstance(name, str) or not name:
        msg = f"set: a field has a non-empty str as its name, not {name!r}"
        raise Invalid(msg)
    if name in _OBJECTS:
        msg = f"{name}: set its keys with update({name}={{…}}), not as a whole field"
        raise Invalid(msg)
    if name in _FIXED:
        msg = (
            f"{name}: this field follows from the log and can't be set. There are "
            f"{', '.join(sorted(_SETTABLE))}, and any name of your own"
        )
        raise Invalid(msg)


def _check_value(name: str, value: Json) -> None:
    if name in _WORDS and value is not None and not isinstance(value, str):
        msg = f"{name}: a str or None, not {type(value).__name__}"
        raise Invalid(msg)
    if name == "pinned" and not isinstance(value, bool):
        msg = f"pinned: True or False, not {value!r}"
        raise Invalid(msg)
    if name == "title_source" and value not in ("given", "generated"):
        msg = f"title_source: 'given' or 'generated', not {value!r}"
        raise Invalid(msg)
    values.check_value(value, name)


def _keys(given: KeyChanges, where: str) -> Keys:
    if isinstance(given, Keys):
        keys = Keys(set=dict(given.set), remove=tuple(given.remove), replace=given.replace)
    elif isinstance(given, Mapping):
        keys = Keys(set=dict(given))
    else:
        msg = f"{where}: a dict of keys to set, or hansard.Keys(set=…, remove=…), not {type(given).__name__}"
        raise Invalid(msg)
    values.check_value(keys.set, where)
    for name in keys.remove:
        if not isinstance(name, str):
            msg = f"{where}: keys to remove are str, not {name!r}"
            raise Invalid(msg)
    if isinstance(given, Keys) and isinstance(given.remove, str):
        msg = f"{where}: remove is a list of keys, not the str {given.remove!r}"
        raise Invalid(msg)
    return keys


def with_label(labels: KeyChanges | None, name: str, value: str | None) -> Keys:
    """The changes of labels with one more: set to a value, or (None) removed."""
    keys = Keys() if labels is None else _keys(labels, "labels")
    if value is None:
        return Keys(set=keys.set, remove=(*keys.remove, name), replace=keys.replace)
    return Keys(set={**keys.set, name: value}, remove=keys.remove, replace=keys.replace)


def check_labels(keys: Keys) -> None:
    """Return if the values of labels are str.

    Raises:
        Invalid: a value is something else.
    """
    for name, value in keys.set.items():
        if not isinstance(value, str):
            msg = f"labels.{name}: a label is a str, not {type(value).__name__}; other values belong into metadata"
            raise Invalid(msg)


def check_update(body: Json, where: str) -> None:
    """Return if the body of an update entry that a caller wrote is one.

    Raises:
        Invalid: it is not.
    """
    try:
        found = msgspec.convert(body, Changes)
    except msgspec.ValidationError as error:
        msg = f"{where}: this is not the body of an update: {error}. Set fields with update() or append(set=…)"
        raise Invalid(msg) from None
    for name in (*found.set, *found.clear):
        _check_field(name)
