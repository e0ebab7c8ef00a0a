"""What each kind of entry does to the facts of a session.

Bodies come from logs of any age and origin: whatever has not the shape it should have says nothing, and nothing here
raises. A member of the wrong type that an update sets is kept among `fields`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ..limits import COUNT_MAX
from ..model.documents import Document, DocumentKey
from ..model.entry import Entry, Json, Part
from ..model.info import Lease, Segment, Usage
from .facts import KNOWN_NEEDS, Facts
from .titles import derived_title
from .tree import CODES, OTHER, PLAIN, Cut

_WORDS: Final = frozenset(("agent", "model", "project", "provider", "slug", "status", "user"))
_ANYTHING: Final = frozenset(("context", "error", "source"))
_OBJECTS: Final = ("state", "config", "metadata")


def obj(value: Json) -> dict[str, Json]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def whole(value: Json) -> int | None:
    """The value if it is an integer that counts something, else None."""
    return value if type(value) is int and -COUNT_MAX <= value <= COUNT_MAX else None


def word(value: Json) -> str | None:
    """The value if it is text, else None."""
    return value if isinstance(value, str) else None


def read_parts(body: dict[str, Json]) -> list[Part]:
    """The parts of a message body, decoded if it holds a raw payload."""
    parts = body.get("parts")
    if isinstance(parts, list):
        return parts
    if "raw" not in body:
        return []
    from ..payloads import parts_of

    try:
        return parts_of(body)
    except Exception:  # noqa: BLE001 - a session stays readable, whatever a decoder makes of a foreign payload
        return []


def read_cut(entry: Entry) -> Cut | None:
    """What a compaction does; None if its body does not say, and then it does nothing."""
    body = obj(entry.body)
    covers = whole(body.get("covers"))
    if covers is None:
        return None
    keep = whole(body.get("keep"))
    first = covers + 1 if keep is None else keep
    return Cut(min(max(first, 1), entry.seq), word(body.get("summary")), word(body.get("archive")))


def is_beginning(entry: Entry, facts: Facts) -> bool:
    """Whether a `created` entry begins a session: the first of all, or the first of a fork's own."""
    return facts.entry_count <= 1 or bool(_segments(entry.body))


def on_created(facts: Facts, entry: Entry) -> None:
    """A session begins; a fork on top of what its origin was at that place."""
    body = obj(entry.body)
    segments = _segments(body)
    facts.segments = segments
    facts.id = word(body.get("session")) or ""
    facts.kind = word(body.get("kind")) or ("fork" if segments else "root")
    facts.root = word(body.get("root")) or facts.id
    facts.parent, facts.depth = word(body.get("parent")), whole(body.get("depth")) or 0
    facts.name, facts.slug, facts.number = word(body.get("name")), word(body.get("slug")), whole(body.get("number"))
    facts.agent = word(body.get("agent")) or facts.agent
    facts.user = word(body.get("user")) or facts.user
    facts.project = word(body.get("project")) or facts.project
    facts.source = body.get("source")
    facts.format = whole(body.get("format")) or 1
    facts.status = facts.error = facts.lease = None
    facts.pinned, facts.fence, facts.usage = False, 0, Usage()
    facts.attachment_count = facts.attachment_bytes = 0
    for name in _OBJECTS:
        if isinstance(body.get(name), dict):
            setattr(facts, name, body[name])
    if isinstance(body.get("labels"), dict):
        _set_labels(facts, body["labels"])
    if isinstance(body.get("title"), str):
        _set_title(facts, body["title"], None)
    facts.created_at = facts.activity_at = entry.at
    on_needs(facts, entry)


def _segments(body: Json) -> tuple[Segment, ...]:
    given = obj(body).get("segments")
    found: list[Segment] = []
    for item in given if isinstance(given, list) else ():
        said = obj(item)
        session, last, digest = word(said.get("session")), whole(said.get("last")), word(said.get("hash"))
        if session is not None and last is not None and digest is not None:
            found.append(Segment(session, last, digest))
    return tuple(found)


def on_needs(facts: Facts, entry: Entry) -> None:
    """More features without which the log can't be understood."""
    needs = obj(entry.body).get("needs")
    if not isinstance(needs, list):
        return
    for need in needs:
        if isinstance(need, str) and need not in facts.needs:
            facts.needs += (need,)
            if need not in KNOWN_NEEDS:
                facts.unknown += (need,)


def on_message(facts: Facts, entry: Entry) -> int:
    """What a message says beside its place: title, model, errors. Returns its role code."""
    facts.activity_at = entry.at
    body = entry.body
    if not isinstance(body, dict):
        return PLAIN
    role = body.get("role")
    if not isinstance(role, str):
        return PLAIN
    if role == "assistant":
        if "model" in body:
            facts.model = word(body["model"]) or facts.model
    elif role == "user":
        if "parts" in body:
            facts.error_count += _errors(body["parts"])
        if _is_meta(body):
            return OTHER
        if facts.derived is None:
            facts.derived = derived_title(read_parts(body))
    elif role == "tool":
        facts.error_count += _errors(read_parts(body))
    return CODES.get(role, OTHER)


def _is_meta(body: dict[str, Json]) -> bool:
    """Whether a program put the message in the user's place: nobody typed it, so it is no title and no user message."""
    metadata = body.get("metadata")
    return isinstance(metadata, dict) and metadata.get("meta") is True


def _errors(parts: Json) -> int:
    found = 0
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get("is_error") is True and part.get("type") == "tool_result":
            found += 1
    return found


def on_event(facts: Facts, entry: Entry) -> None:
    """Something happened; the session was active."""
    facts.activity_at = entry.at


def add_usage(total: Usage, body: dict[str, Json]) -> Usage:
    """A total, and the call that the body of a usage entry reports."""
    return Usage(
        total.calls + 1,
        total.input + (whole(body.get("input")) or 0),
        total.output + (whole(body.get("output")) or 0),
        total.cache_read + (whole(body.get("cache_read")) or 0),
        total.cache_write + (whole(body.get("cache_write")) or 0),
        total.reasoning + (whole(body.get("reasoning")) or 0),
        total.cost + _amount(body.get("cost")),
        total.latency_ms + _amount(body.get("latency_ms")),
    )


def on_usage(facts: Facts, entry: Entry) -> None:
    """One more call of a model."""
    facts.activity_at = entry.at
    body = entry.body
    if not isinstance(body, dict):
        return
    facts.usage = add_usage(facts.usage, body)
    facts.model = word(body.get("model")) or facts.model
    facts.provider = word(body.get("provider")) or facts.provider
    if body.get("context") is not None:
        facts.context = body["context"]


def _amount(value: Json) -> float:
    return float(value) if type(value) in (int, float) and -COUNT_MAX <= value <= COUNT_MAX else 0.0


def on_update(facts: Facts, entry: Entry) -> None:
    """Fields change: first those to clear, then those to set, so that set wins where both name one."""
    body = obj(entry.body)
    clear = body.get("clear")
    for name in clear if isinstance(clear, list) else ():
        if isinstance(name, str):
            _clear(facts, name)
    given = obj(body.get("set"))
    for name, value in given.items():
        if name != "title_source" or not isinstance(given.get("title"), str):
            _set(facts, name, value, given)
    for name in _OBJECTS:
        if isinstance(body.get(name), dict):
            setattr(facts, name, _changed(getattr(facts, name), body[name]))
    if isinstance(body.get("labels"), dict):
        _set_labels(facts, _changed(facts.labels, body["labels"]))


def _changed(current: dict[str, Json], keys: dict[str, Json]) -> dict[str, Json]:
    """The object after changes key by key; the old one stays as it is."""
    new = obj(keys.get("set"))
    if keys.get("replace") is True:
        return dict(new)
    gone = keys.get("remove")
    removed = [key for key in gone if isinstance(key, str)] if isinstance(gone, list) else []
    if not removed:
        return {**current, **new}
    return {key: value for key, value in current.items() if key not in removed} | new


def _clear(facts: Facts, name: str) -> None:
    if name == "title":
        facts.title = facts.title_source = None
    elif name == "pinned":
        facts.pinned = False
    elif name in _WORDS or name in _ANYTHING:
        setattr(facts, name, None)
    _forget(facts, name)


def _set(facts: Facts, name: str, value: Json, beside: dict[str, Json]) -> None:
    if name == "title" and (value is None or isinstance(value, str)):
        _set_title(facts, value, beside.get("title_source"))
    elif name == "pinned" and isinstance(value, bool):
        facts.pinned = value
    elif name in _ANYTHING or (name in _WORDS and (value is None or isinstance(value, str))):
        blank = name == "status" and isinstance(value, str) and not value.strip()
        setattr(facts, name, None if blank else value)
    else:
        facts.fields = {**facts.fields, name: value}
        return
    _forget(facts, name)


def _forget(facts: Facts, name: str) -> None:
    if name in facts.fields:
        facts.fields = {key: value for key, value in facts.fields.items() if key != name}


def _set_title(facts: Facts, title: str | None, source: Json) -> None:
    """The title is another one, but one that was generated never replaces one that was given."""
    if title is not None and source == "generated" and facts.title_source == "given":
        return
    facts.title, facts.title_source = title, None
    if title is not None:
        facts.title_source = "generated" if source == "generated" else "given"
        facts.title_version += 1


def _set_labels(facts: Facts, labels: dict[str, Json]) -> None:
    """Labels are text; others than that are kept among the fields, under `labels`."""
    wrong = {key: value for key, value in labels.items() if not isinstance(value, str)}
    facts.labels = {key: value for key, value in labels.items() if isinstance(value, str)} if wrong else labels
    if wrong:
        facts.fields = {**facts.fields, "labels": obj(facts.fields.get("labels")) | wrong}


def on_head(facts: Facts, entry: Entry) -> int | None:
    """The visible end moves; where to, None if the body does not say.

    A head that clears also empties the gauge. Whoever moves back to what was cleared wants it back.
    """
    body = obj(entry.body)
    to = whole(body.get("to"))
    if to is None or not 0 <= to < entry.seq:
        return None
    if body.get("cleared") is True:
        facts.cleared, facts.context = entry.seq, None
    elif 0 < to < facts.cleared:
        facts.cleared = 0
    return to


def on_amend(facts: Facts, entry: Entry) -> None:
    """An entry shows something else, or nothing."""
    target = whole(obj(entry.body).get("seq"))
    if target is not None and 0 < target < entry.seq:
        facts.amendments = (*facts.amendments, (entry.seq, target))


def on_attachment(facts: Facts, entry: Entry) -> None:
    """A file beside the session."""
    body = entry.body
    if isinstance(body, dict):
        facts.attachment_count += 1
        facts.attachment_bytes += max(whole(body.get("size")) or 0, 0)


def on_document(facts: Facts, entry: Entry) -> None:
    """A document of the session has a new version, or is gone."""
    body = obj(entry.body)
    name, version = word(body.get("name")), whole(body.get("version"))
    if not name or version is None or version < 1:
        return
    key = DocumentKey(word(body.get("category")) or "", name, word(body.get("kind")) or "md")
    digest = "" if body.get("deleted") is True else word(body.get("sha256")) or ""
    new = Document(key, version, digest, max(whole(body.get("size")) or 0, 0), entry.at)
    facts.documents = tuple(sorted((*(one for one in facts.documents if one.key != key), new)))


def on_lease(facts: Facts, entry: Entry) -> None:
    """A lease is taken or released."""
    body = obj(entry.body)
    fence = whole(body.get("fence"))
    if fence is None or fence < facts.fence:
        return
    last = facts.lease
    owner = word(body.get("owner"))
    ttl = whole(body.get("ttl_ms"))
    if owner is None:
        owner = last.owner if last else ""
    if ttl is None:
        ttl = last.ttl_ms if last else 0
    facts.fence = fence
    facts.lease = Lease(owner, fence, ttl, entry.at, body.get("released") is True)


Meaning: TypeAlias = Callable[[Facts, Entry], Any]

MEANINGS: Final[dict[str, Meaning]] = {
    "event": on_event,
    "usage": on_usage,
    "update": on_update,
    "amend": on_amend,
    "attachment": on_attachment,
    "document": on_document,
    "lease": on_lease,
    "upgrade": on_needs,
}
"""Kinds that change facts only; created, message, compaction and head are the fold's, all others only count."""
