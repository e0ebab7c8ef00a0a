"""One folder of crabtalk as a bundle: its steps, its boundaries with their archives, its usage, its meta file."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from ..codec import values
from ..codec.names import check_id
from ..errors import Invalid
from ..model.counts import count, odd
from ..model.entry import Json
from .bundles import Bundle, Damage, Head, Item, Payload, SideDocument, Spot, View, derived_item, digest_of, line_item
from .crabtalk_memory import Memories
from .planning import Clock, Facts, moment, word
from .regular import contents

FORMAT: Final = "crabtalk"
STEP: Final = re.compile(r"step-\+?([0-9]{1,18})")
TEMPORARY: Final = re.compile(r"(?:step-\+?\d+|meta)\.tmp\..*")
OWN: Final = "hansard"
"""A member of a step or of a meta file that holds what crabtalk has no word for; its reader ignores it."""

ARCHIVES: Final = "archives"
"""The category of the documents that archives become."""

_NOTES_MAX: Final = 50
_ROLES: Final = {"developer": "system", "human": "user", "ai": "assistant", "model": "assistant", "function": "tool"}
_TOKENS: Final = (
    "prompt_tokens", "prompt_cache_hit_tokens", "completion_tokens", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip
_KNOWN_META: Final = frozenset(
    ("agent", "created_by", "created_at", "title", "updated_at", "message_count", "summary", OWN)
)


class _Reading(msgspec.Struct):
    path: Path
    memories: Memories
    summary: str | None
    """What the meta file says of the last boundary."""
    clock: Clock
    head: Spot
    damage: list[Damage]
    notes: list[str]
    documents: list[SideDocument] = []

    def hurt(self, name: str, reason: str) -> None:
        self.damage.append(Damage(name, reason))


def read_session(place: Path, memories: Memories) -> Bundle | None:
    """The session in a folder; None if it has neither a step nor a meta file."""
    damage: list[Damage] = []
    notes: list[str] = []
    data, meta = _read_meta(place, damage)
    steps = _steps(place, damage, notes)
    if data is None and not steps:
        return None
    pair = _pair_of(place.name)
    if not meta:
        notes.append("its meta file is missing or damaged; agent and sender were taken from the folder's name")
    at = moment(meta.get("created_at"))
    agent, sender = word(meta.get("agent")) or pair[0], word(meta.get("created_by")) or pair[1]
    own = meta.get(OWN)
    if isinstance(own, dict):
        agent, sender = own.get("agent", agent), own.get("user", sender)
    native = (word(own.get("id")) if isinstance(own, dict) else None) or place.name
    bundle = Bundle(
        FORMAT, str(place), Facts(native, at=at), agent=word(agent), user=word(sender), view=view_of,
        updated=moment(meta.get("updated_at")), partial=not meta, notes=notes, damage=damage,
    )  # fmt: skip
    found = _Reading(place, memories, word(meta.get("summary")), Clock(at), Spot(), damage, notes)
    bundle.items = _items(found, steps)
    bundle.documents = found.documents
    if not bundle.updated:
        bundle.updated = found.clock.now
    if data is not None:
        bundle.heads.append(Head("meta", Payload(FORMAT, data), "crabtalk.meta"))
    if notes:
        bundle.heads.append(
            Head(
                "notes",
                Payload("text", "\n".join(notes[:_NOTES_MAX]).encode("utf-8", "replace")),
                "crabtalk.import_notes",
            )
        )
    return bundle


def meta_of(data: bytes) -> dict[str, Json]:
    """The members of a meta file; none of a damaged one."""
    try:
        found = values.decode(data.removeprefix(BOM_UTF8))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def view_of(heads: Mapping[str, bytes]) -> View:
    """Title and metadata of the session that this meta file describes."""
    meta = meta_of(heads.get("meta", b""))
    view = View()
    title = word(meta.get("title"))
    if title is not None and title.strip():
        view.set = {"title": title, "title_source": "given"}
    view.metadata = {name: value for name, value in meta.items() if name not in _KNOWN_META}
    own = meta.get(OWN)
    if isinstance(own, dict):
        for name, kept in (("fields", view.set), ("state", view.state), ("metadata", view.metadata)):
            if isinstance(own.get(name), dict):
                kept.update(own[name])
    if "notes" in heads:
        view.metadata["import_notes"] = heads["notes"].decode("utf-8", "replace").split("\n")
    return view


def _read_meta(place: Path, damage: list[Damage]) -> tuple[bytes | None, dict[str, Json]]:
    try:
        data = contents(place / "meta")
    except FileNotFoundError:
        damage.append(Damage("meta", "the file is missing, so crabtalk can't load the session"))
        return None, {}
    except OSError as error:
        damage.append(Damage("meta", error.strerror or str(error)))
        return None, {}
    meta = meta_of(data)
    missing = [name for name in ("agent", "created_by", "created_at") if word(meta.get(name)) is None]
    if missing:
        damage.append(Damage("meta", f"no meta file that can be read: {', '.join(missing)} is missing"))
    return data, {} if len(missing) == 3 else meta


def _pair_of(name: str) -> tuple[str | None, str | None]:
    """Agent and sender by the name of a folder, as far as it has them."""
    parts = name.split("_")
    if len(parts) < 3 or not parts[-1].isdigit():
        return None, None
    return parts[0] or None, "_".join(parts[1:-1]) or None


def _steps(place: Path, damage: list[Damage], notes: list[str]) -> list[tuple[int, Path]]:
    """The step files by their numbers."""
    found: dict[int, Path] = {}
    for path in sorted(place.iterdir()):
        if TEMPORARY.fullmatch(path.name):
            notes.append(f"a save was not finished: {path.name} was left aside")
            continue
        match = STEP.fullmatch(path.name)
        if match is None:
            if path.name.startswith("step-"):
                damage.append(Damage(path.name, "no number of a step; left out"))
            continue
        number = int(match.group(1))
        if number == 0 or number in found or not path.is_file() or path.is_symlink():
            damage.append(Damage(path.name, "its number is taken or none of a step, or it is no file; left out"))
            continue
        found[number] = path
    return sorted(found.items())


def _items(found: _Reading, steps: list[tuple[int, Path]]) -> list[Item]:
    items: list[Item] = []
    boundaries = [n for n, (_, path) in enumerate(steps) if b'"archive' in _bytes(path) or b'"compact"' in _bytes(path)]
    for place, (number, path) in enumerate(steps):
        last = bool(boundaries) and place == boundaries[-1]
        items += _step(found, number, path, last=last)
    return items


def _bytes(path: Path) -> bytes:
    try:
        return contents(path)
    except OSError:
        return b""


def _step(found: _Reading, number: int, path: Path, *, last: bool) -> list[Item]:
    try:
        data = contents(path)
    except OSError as error:
        found.hurt(path.name, error.strerror or str(error))
        return []
    try:
        step = values.decode(data.removeprefix(BOM_UTF8))
    except (ValueError, RecursionError) as error:
        found.hurt(path.name, f"{str(error)[:200] if data else 'the file is empty'}; kept as it is")
        return [_event(found, number, path, data, "unreadable")]
    if not isinstance(step, dict):
        found.hurt(path.name, "no object; kept as it is")
        return [_event(found, number, path, data, "crabtalk.value")]
    boundary = _boundary(step)
    if boundary:
        event = _event(found, number, path, data, f"crabtalk.{boundary}", at=step.get("archived_at"))
        return [event, _compaction(found, event, step, last=last)]
    if isinstance(step.get("event"), str):
        event = _event(found, number, path, data, f"crabtalk.{step['event']}"[:200], at=step.get("ts"))
        return [event, *_usage(found, event, step)]
    message = step.get("message")
    role = word(message.get("role")) if isinstance(message, dict) else None
    if role is None or not isinstance(message, dict):
        found.hurt(path.name, "none of the four kinds of steps; kept as it is")
        return [_event(found, number, path, data, "crabtalk.unknown")]
    body: dict[str, Json] = {"role": _role(role, message), **_named(number, path)}
    own = step.get(OWN)
    if isinstance(own, dict):
        body |= {
            name: own[name] for name, kind in (("role", str), ("metadata", dict)) if isinstance(own.get(name), kind)
        }
    item = line_item(
        number, "message", body, Payload(FORMAT, data), at=found.clock.now, digest=digest_of(data),
        agent=word(step.get("agent")),
    )  # fmt: skip
    found.head = item.spot or Spot()
    return [item]


def _event(found: _Reading, number: int, path: Path, data: bytes, kind: str, *, at: Json = None) -> Item:
    body: dict[str, Json] = {"type": kind, **_named(number, path)}
    return line_item(number, "event", body, Payload(FORMAT, data), at=found.clock.at(at), digest=digest_of(data))


def _named(number: int, path: Path) -> dict[str, Json]:
    """The name of the file where it is not the usual one."""
    return {} if path.name == f"step-{number:06d}" else {"file": path.name}


def _boundary(step: dict[str, Json]) -> str:
    """`compact` or `legacy_compact` for a boundary, "" for any other step; tried before all other kinds."""
    if isinstance(step.get("archive_name"), str) and isinstance(step.get("archived_at"), str):
        return "compact"
    return "legacy_compact" if isinstance(step.get("compact"), str) else ""


def _compaction(found: _Reading, event: Item, step: dict[str, Json], *, last: bool) -> Item:
    """What a boundary does to the history: it begins with the archive from here on, which is a document, too.

    An archive that is missing is looked for again when the history is read, so it may come later.
    """
    name, text = word(step.get("archive_name")), step.get("compact")
    number = event.line[0] if event.line is not None else 0
    body: dict[str, Json] = {"summary": text, "covers": found.head}
    if name is not None:
        archive = found.memories.archives.get(name)
        body["archive"] = name
        if archive is not None:
            text = body["summary"] = archive.content
            body["memory"] = {"id": archive.id, "created_s": archive.created_s, "aliases": archive.aliases}
        else:
            found.hurt(str(event.body.get("file", f"step-{number:06d}")), f"its archive {name!r} is missing")
            body |= {"summary": found.summary if last else None, "missing": True}
    item = derived_item(event, ":compact", "compaction", body)
    found.head = item.spot or Spot()
    called = name if name is not None else f"{found.path.name}-legacy-{number}"
    if isinstance(text, str) and not body.get("missing") and _can_name(called):
        found.documents.append(SideDocument(ARCHIVES, called, text))
    return item


def _can_name(name: str) -> bool:
    """Whether a document can have this name."""
    try:
        check_id(name)
    except Invalid:
        return False
    return True


def _role(role: str, message: dict[str, Json]) -> str:
    """The role here: results of tools, which come as a user's words in the second era, have their own."""
    blocks = message.get("content")
    if role == "user" and isinstance(blocks, list) and blocks:
        kinds = [block.get("type") if isinstance(block, dict) else None for block in blocks]
        if all(kind == "tool_result" for kind in kinds):
            return "tool"
    return _ROLES.get(role, role)


def _usage(found: _Reading, event: Item, step: dict[str, Json]) -> list[Item]:
    """The usage of a run, which its last event sums over all of its calls."""
    usage = step.get("usage")
    if step.get("event") != "done" or not isinstance(usage, dict):
        return []
    if wrong := odd(usage, _TOKENS):
        found.notes.append(f"step {event.id.partition(':')[0]}: {wrong}")
    details = usage.get("completion_tokens_details")
    body: dict[str, Json]
    if "prompt_tokens" in usage or "completion_tokens" in usage:
        cached = count(usage.get("prompt_cache_hit_tokens"))
        reasoning = count(details.get("reasoning_tokens")) if isinstance(details, dict) else 0
        body = {
            "input": max(0, count(usage.get("prompt_tokens")) - cached),
            "output": count(usage.get("completion_tokens")),
            "cache_read": cached,
            "reasoning": reasoning,
        }
    else:
        names = {
            "input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read_tokens",
            "cache_write": "cache_write_tokens", "reasoning": "reasoning_tokens",
        }  # fmt: skip
        body = {name: count(usage.get(member)) for name, member in names.items()}
    body = {name: value for name, value in body.items() if value or name in ("input", "output")}
    if word(step.get("model")):
        body["model"] = step["model"]
    return [derived_item(event, ":usage", "usage", body)]
