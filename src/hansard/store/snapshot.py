"""What a snapshot is: checked, freed of secrets, named by a digest, taken apart into members, and put together again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from ..codec import times, values
from ..codec.names import check_id
from ..errors import Invalid
from ..model.entry import Entry, Json
from ..model.info import Message
from .reading import Reading
from .redacting import SECRET_KEYS

TYPE: Final = "snapshot"
"""Of the events that hold members."""
RAW: Final = "snapshot"
"""The format of the payload of a message that came in a snapshot."""
INNER: Final = "session"
"""The member of an envelope that holds the session's own data."""

_CONFIGS: Final = ("config", "llm_config")
_UNORDERED: Final = frozenset(("yolo_lanes",))
"""Lists that stand for sets: their writers keep no order."""
_MARKS: Final = tuple(f'"{name}"'.encode() for name in _UNORDERED)
_encoder: Final = msgspec.json.Encoder(order="sorted")


class Whole:
    """A snapshot, ready to be compared: its members by path, its messages with their digests."""

    def __init__(self, snapshot: dict[str, Json]) -> None:
        """Take a snapshot apart that is checked and free of secrets."""
        inner = envelope_of(snapshot)
        holder = snapshot if inner is None else inner
        self.id = str(holder["id"])
        self.digest = digest_of(snapshot)
        messages = holder.get("messages")
        self.messages: list[Json] = messages if isinstance(messages, list) else []
        self.order: list[list[str]] = [list(snapshot)] if inner is None else [list(snapshot), list(inner)]
        self.members: dict[str, Json] = {}
        for prefix, members in (("/", snapshot), (f"{INNER}/", inner or {})):
            for name, value in members.items():
                is_open = inner is not None and members is snapshot and name == INNER
                is_said = members is holder and name == "messages" and isinstance(value, list)
                if not is_open and not is_said:
                    self.members[prefix + name] = value
        created = holder.get("created_at")
        self.at = _moment(created)
        config = holder.get("config")
        self.config: dict[str, Json] = config if isinstance(config, dict) else {}

    @classmethod
    def of(cls, given: object) -> Whole:
        """The snapshot that a caller gives.

        Raises:
            Invalid: it is none.
        """
        if not isinstance(given, Mapping):
            msg = f"snapshot: an object with an id, not {type(given).__name__}"
            raise Invalid(msg)
        snapshot = dict(given)
        try:
            values.check_value(snapshot, "snapshot")
        except Invalid:
            # Sets are what may be in it besides; most snapshots have none, and need not be walked for them.
            snapshot = _plain(snapshot)
            values.check_value(snapshot, "snapshot")
        inner = envelope_of(snapshot)
        check_id((snapshot if inner is None else inner).get("id"), "snapshot.id")
        return cls(without_secrets(snapshot))


def envelope_of(snapshot: dict[str, Json]) -> dict[str, Json] | None:
    """The session's own data, where a snapshot is an envelope around it."""
    inner = snapshot.get(INNER)
    return inner if "id" not in snapshot and isinstance(inner, dict) and "id" in inner else None


def _plain(value: Any) -> Json:
    """The value with sets as sorted lists."""
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=canonical)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def without_secrets(snapshot: dict[str, Json]) -> dict[str, Json]:
    """The snapshot with null for every secret in its configs."""
    found = dict(snapshot)
    inner = envelope_of(snapshot)
    holder = found if inner is None else dict(inner)
    for name in _CONFIGS:
        if name in holder:
            holder[name] = _masked(holder[name])
    if inner is not None:
        found[INNER] = holder
    return found


def _masked(value: Json) -> Json:
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {name: None if name in SECRET_KEYS else _masked(item) for name, item in value.items()}
    return value


def _moment(value: Json) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return ""
    try:
        return times.normal(value)
    except Invalid:
        return ""


def canonical(value: Json) -> bytes:
    """The value as bytes that are the same whatever the order of its members, and of lists that stand for sets."""
    try:
        data = _encoder.encode(value)
    except (ValueError, OverflowError):
        # Lone surrogates and integers of any size, which the fast encoder does not take.
        data = None
    if data is not None and not any(mark in data for mark in _MARKS):
        return data
    return json.dumps(_sorted(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _sorted(value: Json) -> Json:
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, dict):
        return {
            name: sorted(map(_sorted, item), key=canonical)
            if name in _UNORDERED and isinstance(item, list)
            else _sorted(item)
            for name, item in value.items()
        }
    return value


def digest_of(snapshot: Json) -> str:
    """What names a snapshot: equal snapshots have the same, whatever the order of maps and sets."""
    return f"sha256:{sha256(canonical(snapshot)).hexdigest()}"


def short_digest(value: Json) -> str:
    """What names a member or a message."""
    return sha256(canonical(value)).hexdigest()[:32]


def value_of(session: Reading, message: Message | Entry, *, role: str = "") -> Json:
    """A message as a snapshot has it: its payload, or an object with its role and parts."""
    text = session.payload(message)
    if text is not None:
        try:
            return values.decode(text.encode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError):
            return {"role": role or getattr(message, "role", ""), "content": text}
    if isinstance(message, Entry):
        return {"role": role, "content": message.body.get("parts")}
    found: dict[str, Json] = {"role": message.role, "content": [dict(part) for part in message.parts]}
    said = {"name": message.name, "model": message.model, "metadata": message.metadata or None}
    return found | {name: value for name, value in said.items() if value is not None}


def changes_in(entry: Entry) -> dict[str, Json] | None:
    """What a `snapshot` event changes; None for any other entry."""
    body = entry.body
    return body if entry.kind == "event" and isinstance(body, dict) and body.get("type") == TYPE else None


def assembled(session: Reading) -> dict[str, Json]:
    """The snapshot that a session stands for."""
    members: dict[str, Json] = {}
    order: list[list[str]] = []
    for entry in session.entries(kinds="event"):
        changes = changes_in(entry)
        if changes is not None:
            order = changes.get("order") or order
            _apply(members, changes)
    messages = [value_of(session, message) for message in session.messages()]
    if not order:
        return {"id": session.id, "messages": messages}
    if len(order) == 1:
        return dict(_members(order[0], "/", members, messages))
    inner = dict(_members(order[1], f"{INNER}/", members, messages))
    return {name: inner if name == INNER else members.get(f"/{name}") for name in order[0]}


def _members(
    names: list[str], prefix: str, members: dict[str, Json], messages: list[Json]
) -> Iterator[tuple[str, Json]]:
    for name in names:
        path = prefix + name
        yield name, messages if name == "messages" and path not in members else members.get(path)


def _apply(members: dict[str, Json], changes: dict[str, Json]) -> None:
    for path in changes.get("remove") or ():
        members.pop(path, None)
    members.update(changes.get("set") or {})
    for path, change in (changes.get("lists") or {}).items():
        before = members.get(path)
        members[path] = [*(before if isinstance(before, list) else ())[: change["from"]], *change["items"]]
