"""What callers hand in as entries, checked and brought into one shape before anything touches a backend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, NoReturn, TypeAlias

import msgspec

from ..codec.cut import cut, cut_parts
from ..errors import Invalid
from ..model.counts import check_usage
from ..model.entry import KINDS, Json, NewEntry, Part, text
from ..model.info import Message
from .changes import check_update

Given: TypeAlias = NewEntry | Message | Mapping[str, Json]
"""An entry, a message from history(), or {"role": …, "content" or "parts": …}."""

GivenEntries: TypeAlias = Given | Iterable[Given]
"""One of them or several."""

File: TypeAlias = tuple[bytes, str, str | None]
"""Bytes, mime and name of an attachment to be."""

_OWN_VERBS: Final = {
    "created": "create(), spawn() or fork()",
    "lease": "lease()",
    "erase": "erase()",
    "document": "append(documents=…) or session.documents.save()",
}
_MESSAGE_KEYS: Final = frozenset(("role", "content", "parts", "raw", "name", "model", "phase", "metadata"))
_ENTRY_KEYS: Final = frozenset(("id", "at", "agent", "run", "parent"))
_NO_FILE: Final = frozenset(("text", "reasoning", "tool_call", "json"))
"""Types of parts in which no file can lie inline."""

_WHAT_IS: Final = (
    "use hansard.user(text), assistant(), system(), tool(), event(), usage() or raw_message(), a Message from "
    'history(), or {"role": …, "content": text or list of parts}'
)


def new_entries(given: GivenEntries) -> list[NewEntry]:
    """The entries that a caller means, in their order.

    Raises:
        Invalid: something is no entry; says which and what would be.
    """
    return examined(given)[0]


def examined(given: GivenEntries) -> tuple[list[NewEntry], bool]:
    """As `new_entries`, and whether all of them are usual ones (`is_usual`)."""
    if type(given) is not list:
        if isinstance(given, NewEntry | Message | Mapping):
            found = [_new_entry(given, "entries")]
            return found, is_usual(found[0])
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            _refuse("entries", given)
    found: list[NewEntry] = []
    usual = True
    for number, item in enumerate(given):
        if type(item) is NewEntry and is_usual(item):
            found.append(item)
        else:
            usual = False
            found.append(_new_entry(item, "entries", number))
    return found, usual


def _new_entry(given: object, where: str, number: int | None = None) -> NewEntry:
    if number is not None:
        where = f"{where}[{number}]"
    if isinstance(given, NewEntry):
        new = given
    elif isinstance(given, Message):
        new = _of_message(given)
    elif isinstance(given, Mapping):
        new = _of_mapping(given, where)
    else:
        _refuse(where, given)
    check_entry(new, where)
    return new


def _refuse(where: str, given: object) -> NoReturn:
    msg = f"{where}: {type(given).__name__} is no entry; {_WHAT_IS}"
    raise Invalid(msg)


def _of_message(message: Message) -> NewEntry:
    body: dict[str, Json] = {"role": message.role}
    body |= {"raw": message.raw} if message.raw is not None else {"parts": list(message.parts)}
    said = {"name": message.name, "model": message.model, "metadata": message.metadata or None}
    body |= {key: value for key, value in said.items() if value is not None}
    return NewEntry(kind="message", body=body, at=message.at, agent=message.agent)


def _of_mapping(given: Mapping[str, Json], where: str) -> NewEntry:
    unknown = sorted(str(key) for key in given if key not in _MESSAGE_KEYS | _ENTRY_KEYS)
    if unknown:
        msg = (
            f"{where}: a message given as a dict has no member {unknown[0]!r}; there are "
            f"{', '.join(sorted(_MESSAGE_KEYS | _ENTRY_KEYS))}. Store a provider's own message with raw_message()"
        )
        raise Invalid(msg)
    body: dict[str, Json] = {key: given[key] for key in given if key in _MESSAGE_KEYS and key != "content"}
    if "content" in given:
        if "parts" in given:
            msg = f"{where}: a message has content or parts, not both"
            raise Invalid(msg)
        content = given["content"]
        body["parts"] = [text(content)] if isinstance(content, str) else content
    if isinstance(body.get("parts"), tuple):
        body["parts"] = list(body["parts"])
    fields: dict[str, Any] = {key: given[key] for key in given if key in _ENTRY_KEYS}
    return NewEntry(kind="message", body=body, **fields)


def is_usual(new: NewEntry) -> bool:
    """Whether this is a plain message, as nearly all are: `check_entry` returns, and `without_inline` finds nothing."""
    body = new.body
    if new.kind != "message" or new.parent is not None or type(body) is not dict or "raw" in body:
        return False
    role, parts = body.get("role"), body.get("parts")
    if type(role) is not str or not role or type(parts) is not list:
        return False
    for part in parts:
        if type(part) is not dict:
            return False
        kind = part.get("type")
        if type(kind) is not str:
            return False
        if kind not in _NO_FILE and (kind != "tool_result" or type(part.get("content")) is list):
            return False
    return (new.agent is None or type(new.agent) is str) and (new.run is None or type(new.run) is str)


def check_entry(new: NewEntry, where: str = "entry") -> None:
    """Return if an entry is one that a caller may append, and shaped as its kind demands.

    Raises:
        Invalid: it is not; says what is missing.
    """
    if new.kind in _OWN_VERBS:
        msg = f"{where}: entries of kind {new.kind!r} are written by {_OWN_VERBS[new.kind]} only"
        raise Invalid(msg)
    if new.kind not in KINDS and not (isinstance(new.kind, str) and new.kind.startswith("x-") and len(new.kind) > 2):
        msg = (
            f"{where}: no kind {new.kind!r}; there are {', '.join(sorted(KINDS))}, and your own as x-<namespace>.<name>"
        )
        raise Invalid(msg)
    for name in ("agent", "run"):
        value = getattr(new, name)
        if value is not None and not isinstance(value, str):
            msg = f"{where}: {name} is a str or None, not {type(value).__name__}"
            raise Invalid(msg)
    if new.parent is not None and (type(new.parent) is not int or new.parent < 0):
        msg = f"{where}: parent is the seq of an entry, not {new.parent!r}"
        raise Invalid(msg)
    if new.kind == "message":
        check_message(new.body, where)
    elif new.kind == "update":
        check_update(new.body, where)
    elif new.kind == "usage":
        if not isinstance(new.body, dict):
            msg = f"{where}: the body of a usage entry is an object; use hansard.usage(model, input=…, output=…)"
            raise Invalid(msg)
        check_usage(new.body, where)
    elif new.kind == "event" and not (isinstance(new.body, dict) and isinstance(new.body.get("type"), str)):
        msg = f"{where}: the body of an event is an object with a `type`; use hansard.event(type, {{…}})"
        raise Invalid(msg)


def check_message(body: Json, where: str) -> None:
    """Return if a body is that of a message: a role, and either parts or raw.

    Raises:
        Invalid: it is not.
    """
    if not isinstance(body, dict) or not isinstance(body.get("role"), str) or not body["role"]:
        msg = f"{where}: a message is an object with a role (system, user, assistant, tool); {_WHAT_IS}"
        raise Invalid(msg)
    if ("parts" in body) == ("raw" in body):
        msg = f"{where}: a message holds content (or parts), or else raw: exactly one of them"
        raise Invalid(msg)
    if "raw" in body:
        raw = body["raw"]
        if (
            not isinstance(raw, dict)
            or not isinstance(raw.get("format"), str)
            or not (isinstance(raw.get("text"), str) or isinstance(raw.get("attachment"), str))
        ):
            msg = f'{where}: raw is {{"format": …, "text": …}}; use hansard.raw_message(role, format, payload)'
            raise Invalid(msg)
        return
    check_parts(body["parts"], where)


def check_parts(parts: Json, where: str) -> None:
    """Return if this is a list of parts.

    Raises:
        Invalid: it is not.
    """
    if not isinstance(parts, list):
        msg = f"{where}: the content of a message is a str or a list of parts, not {type(parts).__name__}"
        raise Invalid(msg)
    for number, part in enumerate(parts):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            msg = (
                f'{where}.parts[{number}]: a part is an object with a `type`, such as {{"type": "text", "text": …}}; '
                "use hansard.text(), tool_call(), tool_result() or the part of an attachment"
            )
            raise Invalid(msg)


def without_inline(new: NewEntry) -> tuple[NewEntry, list[File]]:
    """The entry with large inline files replaced by references, and what must be attached before it is appended."""
    body = new.body
    if not isinstance(body, dict):
        return new, []
    if new.kind == "amend" and isinstance(body.get("body"), dict):
        inner, files = _cut_body(body["body"])
        return (msgspec.structs.replace(new, body={**body, "body": inner}), files) if files else (new, files)
    if new.kind not in ("message", "event"):
        return new, []
    cut_body, files = _cut_body(body)
    return (msgspec.structs.replace(new, body=cut_body), files) if files else (new, files)


def _cut_body(body: dict[str, Json]) -> tuple[dict[str, Json], list[File]]:
    parts = body.get("parts")
    if isinstance(parts, list):
        kept: list[Part]
        kept, files = cut_parts(parts) if all(isinstance(part, dict) for part in parts) else (parts, [])
        return ({**body, "parts": kept}, files) if files else (body, [])
    raw = body.get("raw")
    if not isinstance(raw, dict) or not isinstance(raw.get("text"), str) or raw.get("cut"):
        return body, []
    rest, cuts = cut(raw["text"])
    if not cuts:
        return body, []
    places = [[offset, sha256(data).hexdigest()] for offset, data, _ in cuts]
    files: list[File] = [(data, mime or "application/octet-stream", None) for _, data, mime in cuts]
    return {**body, "raw": {**raw, "text": rest, "cut": places}}, files
