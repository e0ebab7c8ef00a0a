"""One folder of a bamboo home as a bundle: messages, sidecar, token log, attachments, and what is wrong with them."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from ..codec import values
from ..model.entry import Json
from .bamboo_fields import COMPACTION, NATIVE, OWN, effective, header_of, is_stale, known, ours_of, state_of, view_of
from .bamboo_json import Parts, members_of, take_apart
from .bamboo_usage import opening_balance, usage_items
from .bundles import Bundle, Damage, Head, Item, Payload, SideFile, Spot, derived_item, digest_of, line_item, storable
from .planning import Clock, Facts, moment, word
from .regular import contents
from .safe import encodable

FORMAT: Final = "bamboo"

_NOTES_MAX: Final = 50
_MIMES: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
    "bmp": "image/bmp",
}  # fmt: skip
HIDDEN_MAX: Final = 256
"""Compressed messages of one session that are hidden one by one."""
_URL: Final = re.compile(r'bamboo-attachment://[^/"\s\\]+/([^"\s\\]+)')


class SessionFolder(msgspec.Struct):
    """A folder to read, and the index that may name its session."""

    path: Path
    index: dict[str, bytes] | None


class _Reading(msgspec.Struct):
    """What was found in a folder."""

    path: Path
    main: bytes | None
    parts: Parts | None
    side: bytes | None
    notes: list[str]
    damage: list[Damage]

    def hurt(self, name: str, reason: str) -> None:
        self.damage.append(Damage(name, reason))


def read_json(path: Path) -> dict[str, Json]:
    """The members of a JSON document, as far as they can be read; none of what is not there."""
    try:
        return header_of(take_apart(contents(path)).shell.encode("utf-8", "surrogatepass"))
    except OSError:
        return {}


def mime_of_name(name: str) -> str:
    """The kind of an attachment by the end of its name, as bamboo tells it."""
    return _MIMES.get(name.strip().rpartition(".")[2].lower(), "application/octet-stream")


def read_session(folder: SessionFolder) -> Bundle | None:
    """The session in a folder; None if nothing in it says anything."""
    found = _Reading(
        folder.path, _bytes(folder.path / "session.json"), None, _bytes(folder.path / "runtime.json"), [], []
    )
    _read_main(found)
    _read_side(found)
    heads = _heads(found)
    header = effective({head.name: head.payload.data for head in heads})
    if not header and not (found.parts and found.parts.messages):
        return None
    native = word(_metadata(header).get(NATIVE)) or (word(header.get("id")) or "").strip() or folder.path.name
    bundle = _bundle(found, header, native)
    bundle.heads = heads
    entry = folder.index.get(str(header.get("id", native))) if folder.index is not None else None
    if entry is not None:
        bundle.heads.append(Head("index", Payload("json", entry), "bamboo.index"))
    elif folder.index is not None:
        found.notes.append("it is not in the index sessions.json, so bamboo itself does not see it")
    files = _attachments(found)
    bundle.files = list(files.values())
    bundle.items = [*_messages(found, header, files), *_usage(found, header)]
    if found.notes:
        text = "\n".join(found.notes[:_NOTES_MAX]).encode("utf-8", "replace")
        bundle.heads.append(Head("notes", Payload("text", text), "bamboo.import_notes"))
    return bundle


def _bundle(found: _Reading, header: dict[str, Json], native: str) -> Bundle:
    parent = word(header.get("parent_session_id"))
    workspace = word(header.get("workspace")) or word(known(header, "workspace_path"))
    at = moment(header.get("created_at")) or moment(header.get("updated_at"))
    ours = ours_of(header)
    return Bundle(
        FORMAT,
        str(found.path),
        Facts(native, parent=parent.strip() if parent else None, cwd=workspace, at=at),
        agent=word(ours.get("agent")) or word(known(header, "subagent_type")) or FORMAT,
        user=word(ours.get("user")),
        name=word(known(header, "resident_name")) if known(header, "lifecycle") == "resident" else None,
        view=view_of,
        key_of=_message_id,
        updated=moment(header.get("updated_at")) or at,
        partial=found.parts is None or bool(found.parts.damage),
        notes=found.notes,
        damage=found.damage,
    )


def _metadata(header: dict[str, Json]) -> dict[str, Json]:
    metadata = header.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _bytes(path: Path) -> bytes | None:
    try:
        return contents(path)
    except FileNotFoundError:
        return None
    except OSError:
        return b""


def _read_main(found: _Reading) -> None:
    """Take the session file apart; where it is damaged, a whole leftover of a save that was not finished."""
    leftovers = sorted(found.path.glob("session.json.tmp.*"))
    if found.main is None:
        found.hurt("session.json", "the file is missing")
    else:
        found.parts = take_apart(found.main)
    whole = found.parts is not None and not found.parts.damage
    for path in () if whole else leftovers[::-1]:
        parts = take_apart(_bytes(path) or b"")
        if not parts.damage and members_of(parts.shell).get("id"):
            if found.parts is not None:
                found.hurt("session.json", f"{found.parts.damage} at byte {found.parts.place}")
            found.parts, found.main = parts, parts.shell.encode("utf-8", "surrogatepass")
            found.notes.append(f"its session file is damaged, and {path.name} was read instead")
            return
    if found.parts is not None and found.parts.damage:
        kept = len(found.parts.messages)
        found.hurt(
            "session.json", f"{found.parts.damage} at byte {found.parts.place}; {kept} messages before it were kept"
        )
        found.notes.append(f"its session file is damaged at byte {found.parts.place}; {kept} messages were read")
    found.notes += [f"a save was not finished: {path.name} was left aside" for path in leftovers if whole]


def _read_side(found: _Reading) -> None:
    """Look at the sidecar, and at how it fits the session file."""
    if found.side is None:
        return
    parts = take_apart(found.side)
    if parts.damage:
        found.hurt("runtime.json", f"{parts.damage} at byte {parts.place}; the session file was taken instead")
        found.notes.append("its sidecar runtime.json is damaged and was not used")
        return
    if found.parts is None:
        return
    main, side = members_of(found.parts.shell), header_of(found.side)
    own, other = word(main.get("id")), word(side.get("id"))
    if own is not None and other is not None and own != other and found.path.name == own.strip():
        found.hurt("runtime.json", f"it is the sidecar of session {other!r}, not of {own!r}; it was not used")
        return
    if is_stale(main, side):
        found.notes.append("its sidecar runtime.json is older than its session file and was not used")
        return
    question = side.get("pending_question")
    call = question.get("tool_call_id") if isinstance(question, dict) else None
    if call is not None and not any(f'"{call}"' in message for message in found.parts.messages):
        found.notes.append(
            f"a save was torn: the question that it waits for belongs to the call {call}, which was lost"
        )


def _heads(found: _Reading) -> list[Head]:
    heads: list[Head] = []
    if found.parts is not None and found.parts.shell:
        parts = found.parts
        between: Json = parts.between[0] if len(set(parts.between)) == 1 else parts.between or ",\n    "
        more: dict[str, Json] = {"split": len(parts.head), "between": between}
        shell = Payload(FORMAT, parts.shell.encode("utf-8", "surrogatepass"))
        heads.append(Head("session", shell, "bamboo.session", more))
    if found.side is not None:
        damaged = any(damage.place.endswith("runtime.json") for damage in found.damage)
        name = "unread" if damaged else "runtime"
        heads.append(Head(name, Payload(FORMAT, found.side), f"bamboo.{'damaged_' if damaged else ''}runtime"))
    return heads


def _attachments(found: _Reading) -> dict[str, SideFile]:
    """The files beside the session, by their names."""
    folder = found.path / "attachments"
    files: dict[str, SideFile] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if ".tmp." in path.name:
            found.notes.append(f"a save was not finished: attachments/{path.name} was left aside")
            continue
        if path.is_symlink() or not path.is_file():
            found.hurt(f"attachments/{path.name}", "not a regular file")
            continue
        name = encodable(path.name)
        try:
            files[name] = SideFile(name, mime_of_name(name), contents(path))
        except OSError as error:
            found.hurt(f"attachments/{path.name}", error.strerror or str(error))
    return files


def _messages(found: _Reading, header: dict[str, Json], files: dict[str, SideFile]) -> list[Item]:
    if found.parts is None:
        return []
    clock = Clock(moment(header.get("created_at")))
    ids = {name.rpartition(".")[0]: name for name in files}
    found_items = [_message(found, number, text, clock, ids) for number, text in enumerate(found.parts.messages, 1)]
    shown = [(item, hidden) for item, hidden in found_items if item.kind == "message"]
    return [*(item for item, _ in found_items), *_compacted(header, shown)]


def _message(found: _Reading, number: int, text: str, clock: Clock, ids: dict[str, str]) -> tuple[Item, bool]:
    """The entry of a message, and whether it was compressed."""
    data = text.encode("utf-8", "surrogatepass")
    message = _decoded(data)
    role = word(message.get("role")) if isinstance(message, dict) else None
    at = clock.at(message.get("created_at") if isinstance(message, dict) else None)
    urls = {url.group(0): ids.get(url.group(1), "") for url in _URL.finditer(text)}
    for url, name in urls.items():
        if not name:
            found.hurt(f"attachments/{url.rpartition('/')[2]}.*", f"message {number} shows it, and the file is missing")
    payload = Payload(FORMAT, data, {url: name for url, name in urls.items() if name})
    if role is None:
        found.hurt("session.json", f"message {number} can't be read as one; it was kept as an event")
        return line_item(number, "event", {"type": "bamboo.value"}, payload, at=at, digest=digest_of(data)), False
    body: dict[str, Json] = {"role": role}
    metadata: dict[str, Json] = dict(message["metadata"]) if isinstance(message.get("metadata"), dict) else {}
    own = metadata.pop(OWN, None)
    if isinstance(own, dict) and word(own.get("role")):
        body["role"] = own["role"]
    if word(message.get("phase")):
        body["phase"] = message["phase"]
    if metadata and storable(metadata):
        body["metadata"] = metadata
    item = line_item(number, "message", body, payload, at=at, digest=digest_of(data))
    return item, message.get("compressed") is True


def _decoded(data: bytes) -> Any:
    """The value of a message; None for one that holds a number beyond all bounds."""
    try:
        return values.decode(data)
    except (ValueError, RecursionError):
        return None


def _message_id(data: bytes) -> str:
    found = members_of(data.decode("utf-8", "replace")).get("id")
    return found if isinstance(found, str) else ""


def _compacted(header: dict[str, Json], messages: list[tuple[Item, bool]]) -> list[Item]:
    """The summary that stands for the compressed messages, and what hides them one by one.

    Which messages are compressed need not be a run: the system message is not, nor any that bamboo was told to keep.
    Where they are very many, the history begins behind the last of them instead: each that is hidden by itself costs.
    """
    compressed = [item for item, hidden in messages if hidden]
    if not compressed:
        return []
    found: list[Item] = []
    summary = header.get("conversation_summary")
    summary = summary if isinstance(summary, dict) else {}
    text = word(summary.get("content"))
    many = len(compressed) > HIDDEN_MAX
    if text is not None or many:
        last = compressed[-1]
        kept = next((item for item, hidden in messages[: messages.index((last, True))] if not hidden), None)
        body: dict[str, Json] = {"summary": text, "covers": last.spot}
        if kept is not None and not many:
            body["keep"] = kept.spot
        name = sha256(f"{text}\0{last.id}\0{kept.id if kept else ''}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        at = moment(summary.get("updated_at")) or last.at
        found.append(Item(f"{COMPACTION}{name}", "compaction", body, at=at, spot=Spot()))
    for item in () if many else compressed:
        hide = derived_item(item, ":hide", "amend", {"seq": item.spot, "hide": True, "archived": True})
        found.append(hide)
    return found


def _usage(found: _Reading, header: dict[str, Json]) -> list[Item]:
    items = usage_items(found.path / "token-usage.jsonl", found.damage, found.notes)
    return items or opening_balance(state_of(header), moment(header.get("updated_at")))
