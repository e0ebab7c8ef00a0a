"""What must not be stored: secrets in a config, by the names of their keys, and whatever a hook of the caller takes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from ..codec import values
from ..errors import Invalid
from ..model.entry import Json, NewEntry, event
from ..model.requests import Changes, Creation, Keys

Redact: TypeAlias = Callable[[str, Json], Json]
"""Called with the kind of an entry and its body before it is encoded; gives the body that is to be stored. It must give
the same for the same, or repeating an append is a conflict."""

SECRET_KEYS: Final = frozenset((
    "access_key", "access_token", "accessToken", "api_key", "api-key", "apiKey", "apikey", "auth_token", "authToken",
    "authorization", "Authorization", "aws_secret_access_key", "bearer_token", "client_secret", "clientSecret",
    "credentials", "id_token", "passphrase", "password", "private_key", "privateKey", "refresh_token", "refreshToken",
    "secret", "secret_access_key", "secret_key", "secretKey", "session_token", "token", "x-api-key", "X-Api-Key",
))  # fmt: skip
"""Keys that are dropped from a config, with what they hold, wherever in it they stand. Names are compared exactly."""

_CREATED: Final = ("title", "labels", "metadata", "config")


def without_secrets(config: dict[str, Json]) -> tuple[dict[str, Json], list[str]]:
    """The config without secrets, and where they stood; the same object if there were none."""
    dropped: list[str] = []
    found = _cleaned(config, "", dropped)
    return (found, dropped) if dropped else (config, dropped)


def _cleaned(value: Json, where: str, dropped: list[str]) -> Json:
    if isinstance(value, dict):
        kept: dict[str, Json] = {}
        for key, item in value.items():
            place = f"{where}.{key}" if where else str(key)
            if key in SECRET_KEYS and item is not None:
                dropped.append(place)
            else:
                kept[key] = _cleaned(item, place, dropped)
        return kept
    if isinstance(value, list | tuple):
        return [_cleaned(item, f"{where}[{number}]", dropped) for number, item in enumerate(value)]
    return value


def entry_without_secrets(new: NewEntry) -> tuple[NewEntry, list[str]]:
    """An entry as `changes_without_secrets`: only an update can change a config."""
    keys = new.body.get("config") if new.kind == "update" and isinstance(new.body, dict) else None
    if not isinstance(keys, dict) or not isinstance(given := keys.get("set"), dict):
        return new, []
    config, dropped = without_secrets(given)
    body = {**new.body, "config": {**keys, "set": config}}
    return (msgspec.structs.replace(new, body=body) if dropped else new), dropped


def report(dropped: list[str]) -> list[NewEntry]:
    """The entry that says what was dropped; none if nothing was."""
    return [event("secrets_dropped", {"config": list(dropped)})] if dropped else []


def changes_without_secrets(changes: Changes | None) -> tuple[Changes | None, list[str]]:
    """The changes without secrets in the config, and where they stood."""
    if changes is None or not changes.config.set:
        return changes, []
    config, dropped = without_secrets(changes.config.set)
    if not dropped:
        return changes, dropped
    keys = Keys(set=config, remove=changes.config.remove, replace=changes.config.replace)
    return msgspec.structs.replace(changes, config=keys), dropped


def redacted_changes(redact: Redact, changes: Changes) -> Changes:
    """The changes as the hook wants them stored; it sees the body of the update entry.

    Raises:
        Invalid: the hook gives something else.
    """
    body = _called(redact, "update", msgspec.to_builtins(changes))
    try:
        return msgspec.convert(body, Changes)
    except msgspec.ValidationError as error:
        msg = f"redact: the hook gave no body of an update: {error}"
        raise Invalid(msg) from None


def redacted_creation(redact: Redact, creation: Creation) -> Creation:
    """The session to be as the hook wants it stored; it sees title, labels, metadata and config."""
    said = {name: getattr(creation, name) for name in _CREATED}
    body = _called(redact, "created", {name: value for name, value in said.items() if value})
    if not isinstance(body, dict) or not body.keys() <= set(_CREATED):
        msg = f"redact: the hook gave {values.shown(body)}, not an object with any of {', '.join(_CREATED)}"
        raise Invalid(msg)
    given: dict[str, Any] = {"title": None, "labels": {}, "metadata": {}, "config": {}, **body}
    return msgspec.structs.replace(creation, **given)


def redacted_entry(redact: Redact, new: NewEntry) -> NewEntry:
    """The entry as the hook wants it stored."""
    body = _called(redact, new.kind, new.body)
    return new if body is new.body else msgspec.structs.replace(new, body=body)


def _called(redact: Redact, kind: str, body: Json) -> Json:
    found = redact(kind, body)
    values.check_value(found, f"redact({kind!r})")
    return found
