"""What a log lacks of a snapshot: compared by digests, so that saving costs what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ..codec import values
from ..limits import KIB, MIB
from ..model.entry import Json, NewEntry
from .reading import Reading
from .snapshot import RAW, TYPE, Whole, assembled, changes_in, digest_of, short_digest, value_of

_LIST_BYTES: Final = 4 * KIB
"""A longer list is compared element by element."""
_EVENT_BYTES: Final = 16 * MIB

_PLAIN: Final = frozenset(("created", "update", "usage", "event", "attachment", "document", "lease"))
"""Kinds that change no visible message."""


class Held(msgspec.Struct):
    """What a log holds of a snapshot, in digests."""

    seq: int = 0
    """Last entry that was looked at."""
    messages: list[tuple[int, str]] = []
    """Seq and digest of each visible message."""
    members: dict[str, str | list[str]] = {}
    """Digest of each member; of long lists, of each element."""
    order: list[list[str]] = []
    digest: str = ""
    """Of the whole."""


def held_of(session: Reading, known: Held | None) -> Held:
    """What is kept of a session, going on from what is known of it."""
    info = session.info
    if known is not None and known.seq == info.seq:
        return known
    if known is not None:
        fresh = list(session.entries(after=known.seq))
        if all(entry.kind in _PLAIN and changes_in(entry) is None and not entry.erased for entry in fresh):
            return msgspec.structs.replace(known, seq=fresh[-1].seq if fresh else known.seq)
    return _from_the_beginning(session)


def _from_the_beginning(session: Reading) -> Held:
    kept = Held()
    last = newest = 0
    for entry in session.entries():
        kept.seq = entry.seq
        changes = changes_in(entry)
        if changes is not None:
            _take(kept, changes)
            last = entry.seq
        elif entry.kind not in _PLAIN:
            newest = entry.seq
    for message in session.messages():
        kept.messages.append((message.seq, _digest(session, message)))
    if newest > last:
        # Somebody has gone on with the session beside its snapshots.
        kept.digest = digest_of(assembled(session))
    return kept


def _digest(session: Reading, message: object) -> str:
    return short_digest(value_of(session, message))  # pyright: ignore[reportArgumentType] - Message or Entry


def _take(kept: Held, changes: dict[str, Json]) -> None:
    kept.order = changes.get("order") or kept.order
    kept.digest = str(changes.get("digest") or kept.digest)
    for path in changes.get("remove") or ():
        kept.members.pop(path, None)
    for path, value in (changes.get("set") or {}).items():
        kept.members[path] = short_digest(value)
    for path, change in (changes.get("lists") or {}).items():
        before = kept.members.get(path)
        held = before[: change["from"]] if isinstance(before, list) else []
        kept.members[path] = [*held, *map(short_digest, change["items"])]


class Step(msgspec.Struct):
    """What makes a log hold a snapshot."""

    entries: list[NewEntry]
    after: Held
    """What it holds then; the seqs of its fresh messages are not known yet."""
    fresh: tuple[int, list[str]] = (0, [])
    """Where among the entries the messages begin, and their digests."""

    def written(self, seqs: tuple[int, ...], last: int) -> Held:
        """What the log holds when the entries have got these numbers."""
        start, digests = self.fresh
        self.after.messages += zip(seqs[start:], digests, strict=False)
        self.after.seq = last
        return self.after


def difference(whole: Whole, kept: Held, config: dict[str, Json]) -> Step:
    """The entries that make the log hold the snapshot. `config` is that of the session now."""
    entries: list[NewEntry] = []
    digests = [short_digest(message) for message in whole.messages]
    same = 0
    for (_, old), new in zip(kept.messages, digests, strict=False):
        if old != new:
            break
        same += 1
    if same < len(kept.messages):
        entries.append(NewEntry("head", {"to": kept.messages[same - 1][0] if same else 0}))
    start = len(entries)
    entries += [_message(message) for message in whole.messages[same:]]
    update = _update(whole, kept, config)
    entries += [update] if update is not None else []
    after = Held(messages=kept.messages[:same], members=dict(kept.members), order=whole.order, digest=whole.digest)
    entries += _events(whole, kept, after)
    return Step(entries, after, (start, digests[same:]))


def _message(value: Json) -> NewEntry:
    role = value.get("role") if isinstance(value, dict) else None
    blocks = value.get("content") if isinstance(value, dict) else None
    if role == "user" and isinstance(blocks, list) and blocks:
        results = (isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)
        role = "tool" if all(results) else role
    text = values.encode(value).decode("utf-8", "surrogatepass")
    return NewEntry(
        "message", {"role": role if isinstance(role, str) and role else "user", "raw": {"format": RAW, "text": text}}
    )


def _update(whole: Whole, kept: Held, config: dict[str, Json]) -> NewEntry | None:
    """What a list of sessions shows of a snapshot: its config, its name as the title, its workspace."""
    path = "/config" if len(whole.order) == 1 else "session/config"
    if path in whole.members and kept.members.get(path) == short_digest(whole.members[path]):
        return None
    fresh = {name: value for name, value in whole.config.items() if name not in config or config[name] != value}
    body: dict[str, Json] = {}
    if fresh:
        body["config"] = {"set": fresh}
    fields = {"title": whole.config.get("name"), "workspace": whole.config.get("workspace")}
    told = {name: value for name, value in fields.items() if isinstance(value, str) and value}
    if told:
        body["set"] = told
    return NewEntry("update", body) if body else None


def _events(whole: Whole, kept: Held, after: Held) -> Iterator[NewEntry]:
    """Events with the members that are other than kept; the last one says the digest of the whole."""
    body: dict[str, Json] = {"type": TYPE}
    size = 0
    gone = [path for path in kept.members if path not in whole.members]
    if gone:
        body["remove"] = gone
    for path in gone:
        del after.members[path]
    for path, value in whole.members.items():
        found = _member(path, value, kept, after)
        if found is None:
            continue
        section, change, length = found
        if size and size + length > _EVENT_BYTES:
            yield NewEntry("event", body)
            body, size = {"type": TYPE}, 0
        body.setdefault(section, {})[path] = change
        size += length
    if whole.order != kept.order:
        body["order"] = whole.order
    body["digest"] = whole.digest
    yield NewEntry("event", body)


def _member(path: str, value: Json, kept: Held, after: Held) -> tuple[str, Json, int] | None:
    """Where in an event the change of a member stands, the change, and its size; None if there is none."""
    before = kept.members.get(path)
    text = values.encode(value)
    if not isinstance(value, list) or len(text) <= _LIST_BYTES:
        digest = short_digest(value)
        after.members[path] = digest
        return None if before == digest else ("set", value, len(text))
    digests = [short_digest(item) for item in value]
    after.members[path] = [*digests]
    known = before if isinstance(before, list) else []
    same = 0
    while same < min(len(known), len(digests)) and known[same] == digests[same]:
        same += 1
    if same == len(known) == len(digests):
        return None
    rest = value[same:]
    return "lists", {"from": same, "items": rest}, len(values.encode(rest))
