"""A message of ours in the words of bamboo, and what of it bamboo has no word for."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from ..codec import values
from ..model.entry import Json, Part
from ..payloads import bamboo
from .bamboo_fields import OWN
from .placing import chrono, writable
from .unbundling import Said

ROLES: Final = frozenset(("system", "user", "assistant", "tool"))
_NEAR: Final = {"developer": "system"}
_ENDINGS: Final = {
    "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif", "image/bmp": "bmp",
}  # fmt: skip


class Files(msgspec.Struct):
    """The files that messages show: their names in the folder, by their hash."""

    session: str
    names: dict[str, str] = {}
    known: dict[str, str] = {}
    """Names that they have already."""

    def url(self, sha256: str, mime: str) -> str:
        """The URL that stands for an attachment; the file is to be written then."""
        name = self.known.get(sha256) or f"{sha256[:32]}.{_ENDINGS.get(mime.strip().lower(), 'bin')}"
        self.names[sha256] = name
        return f"bamboo-attachment://{self.session}/{name.rpartition('.')[0]}"


def written(said: Said, files: Files, *, compressed: bool, event: str | None) -> tuple[list[str], list[str]]:
    """The texts of the messages that stand for one of ours, each spelled for its place in the file, and what to report.

    One that came from bamboo and says the same still is the text that it was.
    """
    notes: list[str] = []
    if said.payload is not None:
        text = said.payload.decode("utf-8", "replace")
        record: Any = values.decode(said.payload)
        fits = (
            isinstance(record, dict)
            and record.get("role") in ROLES
            and (record.get("compressed") is True) == compressed
        )
        if fits and isinstance(record.get("content"), str):
            return [text], notes
        found = [_mended(record, said, notes)] if isinstance(record, dict) else _converted(said, files, notes)
    else:
        found = _converted(said, files, notes)
    for record in found:
        if compressed:
            record["compressed"] = True
            if event is not None:
                record["compressed_by_event_id"] = event
        else:
            record.pop("compressed", None)
            record.pop("compressed_by_event_id", None)
    return [spelled(ordered(record), 2) for record in found], notes


def was_compressed(payload: bytes) -> bool:
    """Whether a message of bamboo's own is one that its summary stands for."""
    record: Any = values.decode(payload)
    return isinstance(record, dict) and record.get("compressed") is True


def spelled(value: Json, level: int) -> str:
    """The value as bamboo writes it, two blanks a level, for a place at `level`."""
    text = json.dumps(writable(value), indent=2, ensure_ascii=False)
    return text.replace("\n", "\n" + "  " * level)


_ORDER: Final = (
    "id", "role", "content", "reasoning", "reasoning_signature", "content_parts", "image_ocr", "phase", "tool_calls",
    "tool_call_id", "tool_success", "compressed", "compressed_by_event_id", "never_compress", "compression_level",
    "created_at", "metadata",
)  # fmt: skip


def ordered(record: dict[str, Json]) -> dict[str, Json]:
    """The members in bamboo's order, unknown ones last."""
    return {name: record[name] for name in _ORDER if name in record} | record


def _mended(record: dict[str, Json], said: Said, notes: list[str]) -> dict[str, Json]:
    """A message of bamboo's own with what its reader would refuse replaced."""
    role = record.get("role")
    if role not in ROLES:
        _with_role(record, str(role), said, notes)
    if not isinstance(record.get("content"), str):
        record["content"] = ""
    return record


def _with_role(record: dict[str, Json], role: str, said: Said, notes: list[str]) -> None:
    near = _NEAR.get(role, "user")
    metadata = record.get("metadata")
    record["metadata"] = {**(metadata if isinstance(metadata, dict) else {}), OWN: {"role": role}}
    record["role"] = near
    notes.append(f"entry {said.entry.seq} has the role {role!r}, which became {near!r}")


def _converted(said: Said, files: Files, notes: list[str]) -> list[dict[str, Json]]:
    """One message for each result of a tool, else one."""
    role, parts = str(said.body.get("role") or "user"), said.parts
    results = [part for part in parts if part.get("type") == "tool_result"]
    if results and len(results) == len(parts):
        return [_result(said, part, number) for number, part in enumerate(results)]
    record: dict[str, Json] = {"id": said.entry.id, "role": role, "content": _text(parts)}
    reasoning = [part for part in parts if part.get("type") == "reasoning"]
    if reasoning:
        record["reasoning"] = "\n".join(str(part.get("text", "")) for part in reasoning)
        if isinstance(reasoning[0].get("signature"), str):
            record["reasoning_signature"] = reasoning[0]["signature"]
    shown = [part for part in parts if part.get("type") in ("text", "file")]
    if any(part["type"] == "file" for part in shown):
        record["content_parts"] = [_block(part, files) for part in shown]
    calls = [_call(part) for part in parts if part.get("type") == "tool_call"]
    if role == "assistant":
        record["phase"] = said.body.get("phase") or ("commentary" if calls else "final_answer")
    if calls:
        record["tool_calls"] = calls
    record["created_at"] = chrono(said.entry.at)
    if isinstance(said.body.get("metadata"), dict) and said.body["metadata"]:
        record["metadata"] = said.body["metadata"]
    if role not in ROLES:
        _with_role(record, role, said, notes)
    if not _says_the_same(record, parts):
        own = record.setdefault("metadata", {}).get(OWN, {})
        record["metadata"] = {**record["metadata"], OWN: {**own, "parts": parts}}
    return [record]


def _says_the_same(record: dict[str, Json], parts: list[Part]) -> bool:
    """Whether our own reader makes the same parts of it."""

    def plain(found: list[Part]) -> list[Part]:
        return [{"type": "file"} if part.get("type") == "file" else part for part in found]

    return plain(bamboo.decode(record)) == plain(parts)


def _text(parts: list[Part]) -> str:
    return "\n".join(str(part["text"]) for part in parts if part.get("type") == "text" and "text" in part)


def _block(part: Part, files: Files) -> dict[str, Json]:
    if part["type"] == "text":
        return {"type": "text", "text": str(part.get("text", ""))}
    digest = part.get("attachment")
    url = files.url(digest, str(part.get("mime", ""))) if isinstance(digest, str) else str(part.get("url", ""))
    return {"type": "image_url", "image_url": {"url": url}}


def _call(part: Part) -> dict[str, Json]:
    arguments = part.get("arguments")
    text = arguments if isinstance(arguments, str) else values.encode(writable(arguments)).decode("utf-8")
    function = {"name": str(part.get("name", "")), "arguments": text}
    return {"id": str(part.get("id", "")), "type": "function", "function": function}


def _result(said: Said, part: Part, number: int) -> dict[str, Json]:
    content = part.get("content")
    if (
        isinstance(content, list)
        and content
        and all(isinstance(item, dict) and item.get("type") == "text" for item in content)
    ):
        content = _text(content)
    text = content if isinstance(content, str) else values.encode(writable(content)).decode("utf-8")
    record: dict[str, Json] = {
        "id": said.entry.id if number == 0 else f"{said.entry.id}.{number}",
        "role": "tool",
        "content": text,
        "tool_call_id": str(part.get("call_id", "")),
        "tool_success": part.get("is_error") is not True,
        "created_at": chrono(said.entry.at),
    }
    metadata = said.body.get("metadata")
    kept: dict[str, Json] = dict(metadata) if isinstance(metadata, dict) and number == 0 else {}
    if bamboo.decode(record) != [part]:
        kept[OWN] = {"parts": [part]}
    return {**record, "metadata": kept} if kept else record
