"""Sessions as a home of bamboo: session files, sidecars, token logs and attachments, and the index that names them.

A session that was imported from bamboo and not changed since is written from the bytes that it came with. Others are
written in the form of June 2026, or in that of May where they came in it: there a child of a child has no place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from ..codec import values
from ..errors import Corrupt, HansardError
from ..model.entry import Entry, Json
from ..model.references import attachments_in
from .bamboo_fields import COMPACTION, NATIVE, header_of, obj_of
from .bamboo_header import Header, index_entry
from .bamboo_json import MEMBER, put_together, take_apart
from .bamboo_message import Files, spelled, was_compressed, written
from .placing import Folder, Taken, chrono, fits_in_a_name
from .report import ExportReport, Refused, Written
from .unbundling import Recorded, Said

FORMAT: Final = "bamboo"
_VERSION: Final = 2
_NEVER: Final = "1970-01-01T00:00:00Z"
_MARKER: Final = "runtime-sidecar-v1\n"
_NAME_BYTES: Final = 200
_ENTRY: Final = frozenset(("id", "kind", "rel_path", "created_at", "updated_at", "last_activity_at", "message_count"))
"""Without these an entry of an index is none."""


class Place(msgspec.Struct):
    """Where a session goes: its id there, its folder, and its lineage."""

    identity: str
    folder: str
    lineage: dict[str, Json]


class Output(msgspec.Struct):
    """What a session becomes: files by their paths in its folder, in the order in which they are written."""

    files: dict[str, bytes]
    entry: dict[str, Json]
    notes: list[str]


def export_sessions(store: Any, ids: Iterable[str], folder: Path) -> ExportReport:
    """Write the sessions with the trees that they belong to. Errors as for `export_directory`."""
    report = ExportReport(FORMAT, str(folder))
    home = Folder(folder)
    index = _read_index(folder / "sessions.json")
    roots: dict[str, None] = {}
    for identity in ids:
        try:
            roots[store.info(identity).root or identity] = None
        except Corrupt as error:
            report.refused.append(Refused(identity, str(error)))
    for root in roots:
        _export_tree(store, root, home, index, report)
    if report.written:
        home.write("sessions.json", _index_bytes(index))
        if not (folder / ".runtime_sidecar_migrated").exists():
            home.write(".runtime_sidecar_migrated", _MARKER.encode())
    return report


def _export_tree(store: Any, root: str, home: Folder, index: dict[str, Json], report: ExportReport) -> None:
    places: dict[str, Place] = {}
    may = False
    for session in (store.get(root), *store.get(root).children(recursive=True)):
        try:
            recorded = Recorded(session, FORMAT)
            if session.id == root:
                may = bool(recorded.heads) and "runtime" not in recorded.heads and "unread" not in recorded.heads
            place = _place_of(recorded, places, home)
            if isinstance(place, str):
                report.refused.append(Refused(session.id, place))
                continue
            if may and place.lineage["spawn_depth"] not in (0, 1):
                reason = f"the home is in the form of May 2026, which has no place for a child of the child {recorded.info.parent}"
                report.refused.append(Refused(session.id, reason))
                continue
            output = _output(recorded, place, may=may)
            _write(home, place, output)
        except (HansardError, Taken) as error:
            report.refused.append(Refused(session.id, str(error)))
            continue
        places[session.id] = place
        index["sessions"][place.identity] = output.entry
        report.written.append(Written(session.id, [f"{place.folder}/{name}" for name in output.files], output.notes))


def _place_of(recorded: Recorded, places: dict[str, Place], home: Folder) -> Place | str:
    """Where a session goes; in words why it can't."""
    info = recorded.info
    parent = places.get(info.parent or "")
    if info.parent is not None and parent is None:
        return f"its parent {info.parent} was not written"
    wanted = info.id if recorded.native is None or "~" in info.id else recorded.native
    identity = home.name(wanted, info.id, allowed=_is_allowed(wanted))
    if parent is None:
        return Place(identity, f"sessions/{identity}", {
            "kind": "root", "parent_session_id": None, "root_session_id": identity, "spawn_depth": 0,
        })  # fmt: skip
    root = str(parent.lineage["root_session_id"])
    return Place(identity, f"sessions/{root}/children/{identity}", {
        "kind": "child", "parent_session_id": parent.identity, "root_session_id": root,
        "spawn_depth": parent.lineage["spawn_depth"] + 1,
    })  # fmt: skip


def _is_allowed(identity: str) -> bool:
    """Whether bamboo takes an id, and any file system its folder."""
    refused = any(piece in identity for piece in ("/", "\\", "..")) or identity.endswith(".")
    return not refused and fits_in_a_name(identity, limit=_NAME_BYTES)


def _output(recorded: Recorded, place: Place, *, may: bool) -> Output:
    if recorded.unchanged and "session" in recorded.heads:
        whole = _as_it_was(recorded, place)
        if whole is not None:
            return whole
    return _made(recorded, place, may=may)


def _as_it_was(recorded: Recorded, place: Place) -> Output | None:
    """The files that a session came with; None if they can't be had, or name it otherwise than it is named now."""
    kept = recorded.heads["session"]
    split, between = kept.body.get("split"), kept.body.get("between")
    texts = [
        (recorded.payload(entry) or b"").decode("utf-8", "surrogatepass") for _, entry in sorted(recorded.lines.items())
    ]
    gaps = [str(gap) for gap in between] if isinstance(between, list) else [str(between)] * max(0, len(texts) - 1)
    if not isinstance(split, int) or len(gaps) < len(texts) - 1:
        return None
    text = put_together(kept.data.decode("utf-8", "surrogatepass"), split, texts, gaps)
    data = text.encode("utf-8", "surrogatepass")
    header = header_of(kept.data)
    if take_apart(data).damage or header.get("id") != place.identity:
        return None
    if place.lineage["parent_session_id"] != header.get("parent_session_id"):
        return None
    files = _attachments(recorded)
    files |= _token_log(recorded)
    side = recorded.heads.get("runtime") or recorded.heads.get("unread")
    if side is not None:
        files["runtime.json"] = side.data
    files["session.json"] = data
    notes: list[str] = []
    if "unread" in recorded.heads:
        notes.append("its sidecar runtime.json is damaged, as it came")
    found = header_of(recorded.heads["index"].data) if "index" in recorded.heads else {}
    if not found.keys() >= _ENTRY:
        current = header_of(side.data) if side is not None and "runtime" in recorded.heads else header
        found = index_entry(current, place.folder, messages=len(texts), attachments=any("/" in name for name in files))
    return Output(files, found, notes)


def _attachments(recorded: Recorded) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for entry in recorded.entries:
        if entry.kind == "attachment" and entry.id.startswith("file:") and isinstance(entry.body, dict):
            data = recorded.attachment(str(entry.body.get("sha256")))
            if data is not None:
                files[f"attachments/{entry.body.get('name')}"] = data
    return files


def _token_log(recorded: Recorded) -> dict[str, bytes]:
    """The token log: its own lines, and one for every call since."""
    lines: list[bytes] = []
    for entry in recorded.entries:
        raw = recorded.payload(entry) if entry.id.startswith("usage:") else None
        if raw is not None:
            lines.append(raw)
        elif entry.kind == "usage" and not entry.erased and entry.id != "opening":
            lines.append(_usage_line(recorded, entry))
    return {"token-usage.jsonl": b"".join(line + b"\n" for line in lines)} if lines else {}


def _usage_line(recorded: Recorded, entry: Entry) -> bytes:
    body: dict[str, Json] = entry.body if isinstance(entry.body, dict) else {}
    gauge = obj_of(body, "context")
    record: dict[str, Json] = {
        "ts": chrono(entry.at), "session_id": recorded.native or recorded.info.id,
        "model": body.get("model") or recorded.info.model or "", "provider": body.get("provider") or recorded.info.provider or "",
        "message_count": 0, "cache_creation_input_tokens": body.get("cache_write", 0),
        "cache_read_input_tokens": body.get("cache_read", 0), "input_tokens": body.get("input", 0),
        "output_tokens": body.get("output", 0), "thinking_tokens": body.get("reasoning", 0),
        "system_tokens": gauge.get("system", 0), "summary_tokens": gauge.get("summary", 0),
        "window_tokens": gauge.get("window", 0), "total_tokens": gauge.get("used", 0),
        "max_context_tokens": gauge.get("max", 0), "budget_limit": gauge.get("budget", 0),
        "prompt_cached_tool_outputs": 0, "prompt_cached_tool_tokens_saved": 0,
        "truncation_occurred": gauge.get("truncated") is True, "segments_removed": gauge.get("segments_removed", 0),
    }  # fmt: skip
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _made(recorded: Recorded, place: Place, *, may: bool) -> Output:
    """The files of a session that was born here, or has changed since it came."""
    header = Header(recorded, place.identity, place.lineage)
    header.take_fields()
    files = Files(place.identity, known=_known_names(recorded))
    texts, notes = _messages(recorded, header, files)
    members = header.ordered(children=_counts(recorded) if may else {})
    shell = spelled({**members, MEMBER: []}, 0)
    before, _, after = shell.partition(f'"{MEMBER}": []')
    listed = ",\n    ".join(texts)
    inner = f'"{MEMBER}": [\n    {listed}\n  ]' if texts else f'"{MEMBER}": []'
    output: dict[str, bytes] = _attachments(recorded)
    for digest, name in files.names.items():
        data = recorded.attachment(digest)
        if data is None:
            notes.append(f"the attachment {digest} is gone, so {name} was not written")
        else:
            output[f"attachments/{name}"] = data
    output |= _token_log(recorded)
    if not may:
        output["runtime.json"] = shell.encode("utf-8")
    output["session.json"] = f"{before}{inner}{after}".encode()
    notes += _left_out(recorded)
    if NATIVE in obj_of(members, "metadata"):
        notes.append(f"bamboo can't have its id, so it became {place.identity}")
    attached = any(name.startswith("attachments/") for name in output)
    entry = index_entry(members, place.folder, messages=len(texts), attachments=attached)
    return Output(output, entry, notes)


def _known_names(recorded: Recorded) -> dict[str, str]:
    """The names that attachments came with, by their hash."""
    return {
        str(entry.body.get("sha256")): str(entry.body.get("name"))
        for entry in recorded.entries
        if entry.kind == "attachment" and entry.id.startswith("file:") and isinstance(entry.body, dict)
    }


def _messages(recorded: Recorded, header: Header, files: Files) -> tuple[list[str], list[str]]:
    """The texts of all messages; the header learns of the summary that stands for some of them."""
    said = recorded.said()
    summary = next((item for item in reversed(said) if item.entry.kind == "compaction"), None)
    messages = [item for item in said if item.entry.kind == "message"]
    text = recorded.summary_of(summary) if summary is not None else None
    count = sum(item.covered for item in messages)
    event = _summarised(header, summary, text, count) if summary is not None else None
    texts: list[str] = []
    notes: list[str] = []
    ours = summary is not None and not summary.entry.id.startswith(COMPACTION)
    for item in messages:
        compressed = item.covered if ours or item.payload is None else was_compressed(item.payload)
        found, told = written(item, files, compressed=compressed, event=event)
        texts += found
        notes += told
        for digest, attachment in attachments_in(item.body.get("parts")).items():
            if digest not in files.names and recorded.attachment(digest) is not None:
                files.url(digest, attachment.mime)
    return texts, notes


def _summarised(header: Header, summary: Said, text: str | None, count: int) -> str | None:
    if text is None or not count or summary.entry.id.startswith(COMPACTION):
        return None
    event = sha256(f"{summary.entry.id}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    header.compressed(text, summary.entry.at, count, event)
    return event


def _counts(recorded: Recorded) -> dict[str, Json]:
    """What the form of May says of children: its reader demands the counts."""
    children = [child.info for child in recorded.session.children()]
    done = [info.id for info in children if info.status in ("completed", "error", "cancelled", "skipped")]
    active = [info.id for info in children if info.id not in done]
    return {
        "active_children": len(active), "completed_children": len(done), "active_ids": active, "completed_ids": done,
    }  # fmt: skip


def _left_out(recorded: Recorded) -> list[str]:
    """What bamboo has no place for."""
    counted: dict[str, int] = {}
    for entry in recorded.later:
        if entry.kind == "event" or entry.kind.startswith("x-") or entry.kind == "document":
            counted[entry.kind] = counted.get(entry.kind, 0) + 1
    return [f"bamboo has no place for its {count} entries of kind {kind}" for kind, count in counted.items()]


def _write(home: Folder, place: Place, output: Output) -> None:
    """Write the files, the session file last, so that no half of a session counts.

    Raises:
        Taken: the folder is another session's.
    """
    path = f"{place.folder}/session.json"
    home.check_free(path, ours=lambda data: _continues(data, output.files["session.json"]))
    for name, data in output.files.items():
        home.write(f"{place.folder}/{name}", data)
    for name in ("attachments", "children") if place.lineage["kind"] == "root" else ("attachments",):
        (home.root / place.folder / name).mkdir(exist_ok=True)


def _continues(there: bytes, ours: bytes) -> bool:
    """Whether a session file holds an earlier state of the one that takes its place."""
    old, new = take_apart(there), take_apart(ours)
    same = header_of(there if not old.damage else b"{}").get("id") == header_of(new.shell.encode()).get("id")
    ids = [header_of(message.encode("utf-8", "surrogatepass")).get("id") for message in old.messages]
    return same and ids == [
        header_of(message.encode("utf-8", "surrogatepass")).get("id") for message in new.messages[: len(ids)]
    ]


def _read_index(path: Path) -> dict[str, Json]:
    """The index that is there, to be added to; an empty one if there is none that can be read."""
    try:
        found = values.decode(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("sessions"), dict):
        return {"version": _VERSION, "updated_at": _NEVER, "sessions": {}}
    return {"version": _VERSION, "updated_at": _NEVER, **found}


def _index_bytes(index: dict[str, Json]) -> bytes:
    newest = max((str(entry.get("updated_at", "")) for entry in index["sessions"].values()), default="")
    index["updated_at"] = max(newest, str(index["updated_at"]))
    return spelled(index, 0).encode("utf-8")
