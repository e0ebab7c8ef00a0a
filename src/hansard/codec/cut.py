"""Base64 out of foreign text and back: images and files become attachments, and the text returns byte for byte.

A run is cut only if encoding the decoded bytes again gives exactly the run. What merely looks like base64 (hex digests,
long words, repeated letters) stays where a person can read and search it: outside a data URL or a base64 `source`, a
run has to begin like a known kind of file or use at least half of the alphabet. Signatures and encrypted reasoning
stay too, because models get them back inside the message.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, TypeAlias

from ..limits import CUT_BYTES_MIN
from ..model.entry import Part

Cut: TypeAlias = tuple[int, bytes, str | None]
"""Offset in the remaining text, the bytes, and the kind of file as far as it can be told."""

_SIDE: Final = CUT_BYTES_MIN // 2
"""So much of a run of the minimum length, at least, is before or behind each place in it."""

_ALPHABET: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_REST: Final = re.compile(r"[A-Za-z0-9+/]*")
_DATA_URL: Final = re.compile(r"data:([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)?(?:;[A-Za-z0-9.+=_-]+)*;base64,\Z")
_WHOLE_DATA_URL: Final = re.compile(r"data:([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)?(?:;[A-Za-z0-9.+=_-]+)*;base64,")
_MEDIA_TYPE: Final = re.compile(r'"(?:media_type|mime_?[tT]ype|mime)"\s*:\s*"([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)"')
_KEPT_KEY: Final = re.compile(r'"(?:signature|encrypted_content|thoughtSignature|thought_signature)"\s*:\s*"\Z')
_NEAR: Final = 200
_DISTINCT_MIN: Final = 32
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"BM", "image/bmp"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}


def mime_of(data: bytes) -> str | None:
    """The kind of file that the first bytes show, or None."""
    for magic, mime in _MAGIC:
        if data.startswith(magic) and (magic != b"BM" or data[6:10] == bytes(4)):
            return mime
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return None


def cut(text: str) -> tuple[str, list[Cut]]:
    """The text without its long base64 runs, and what was cut: `splice` puts it back exactly."""
    cuts: list[Cut] = []
    pieces: list[str] = []
    kept = 0
    done = 0
    # A run of the minimum length covers a multiple of it, so looking there finds every run and skips most text.
    place = CUT_BYTES_MIN - 1
    while place < len(text):
        # Most text has a space near by on both sides: looking for one costs less than finding where the word ends.
        if text[place] not in _ALPHABET or (
            text.find(" ", place, place + _SIDE) >= 0 and text.find(" ", place - _SIDE, place) >= 0
        ):
            place += CUT_BYTES_MIN
            continue
        start, end = _run(text, place, done)
        found = _decoded(text, start, end) if end - start >= CUT_BYTES_MIN else None
        if found is not None:
            data, mime = found
            pieces.append(text[done:start])
            kept += start - done
            cuts.append((kept, data, mime))
            done = end
        place = max(place, end - 1) + CUT_BYTES_MIN
    if not cuts:
        return text, cuts
    pieces.append(text[done:])
    return "".join(pieces), cuts


def _run(text: str, place: int, floor: int) -> tuple[int, int]:
    """Where the run around `place` begins and ends, its padding included and the end of a JSON escape left out."""
    match = _REST.match(text, place)
    end = match.end() if match else place
    start = place
    while start > floor and text[start - 1] in _ALPHABET:
        start -= 1
    slashes = 0
    while start - slashes > floor and text[start - slashes - 1] == "\\":
        slashes += 1
    if slashes % 2:
        start += 5 if text[start] == "u" else 1
    padding = 0
    while padding < 2 and end < len(text) and text[end] == "=":
        end += 1
        padding += 1
    return start, end


def _decoded(text: str, start: int, end: int) -> tuple[bytes, str | None] | None:
    """The bytes of a run that is base64 beyond doubt, and their kind; None for any other."""
    if (end - start) % 4:
        return None
    run = text[start:end]
    before = text[max(0, start - _NEAR) : start]
    if _KEPT_KEY.search(before):
        return None
    try:
        data = binascii.a2b_base64(run, strict_mode=True)
    except binascii.Error:
        return None
    if binascii.b2a_base64(data, newline=False) != run.encode("ascii"):
        return None
    url = _DATA_URL.search(before)
    near = _nearest(before, text[end : end + _NEAR])
    mime = (url and url.group(1)) or mime_of(data) or near
    if url is None and mime is None and len(set(run[: 4 * CUT_BYTES_MIN])) < _DISTINCT_MIN:
        return None
    return data, mime


def _nearest(before: str, after: str) -> str | None:
    """The media type said in the same JSON object as the run."""
    said = _MEDIA_TYPE.findall(before[before.rfind("{") + 1 :])
    if said:
        return str(said[-1])
    found = _MEDIA_TYPE.search(after.partition("}")[0])
    return found.group(1) if found else None


def splice(text: str, cuts: Sequence[tuple[int, bytes]]) -> str:
    """The text with the base64 of each cut at its offset again: the exact reverse of `cut`."""
    pieces: list[str] = []
    done = 0
    for offset, data in cuts:
        pieces += (text[done:offset], b64encode(data).decode("ascii"))
        done = offset
    pieces.append(text[done:])
    return "".join(pieces)


def cut_parts(parts: Sequence[Part]) -> tuple[list[Part], list[tuple[bytes, str, str | None]]]:
    """The parts with large inline files replaced by file parts, and (bytes, mime, name) of what to attach for them."""
    files: list[tuple[bytes, str, str | None]] = []
    return [_cut_part(part, files) for part in parts], files


def _cut_part(part: Part, files: list[tuple[bytes, str, str | None]]) -> Part:
    if part.get("type") == "tool_result" and isinstance(part.get("content"), list):
        inner = [_cut_part(item, files) if isinstance(item, dict) else item for item in part["content"]]
        return {**part, "content": inner}
    found = _inline(part)
    if found is None:
        return part
    data, mime = found
    name = part.get("name", part.get("filename"))
    name = name if isinstance(name, str) else None
    files.append((data, mime, name))
    replaced: Part = {"type": "file", "mime": mime, "attachment": sha256(data).hexdigest(), "size": len(data)}
    if name is not None:
        replaced["name"] = name
    return replaced


def _inline(part: Part) -> tuple[bytes, str] | None:
    """The bytes and kind of a part that holds a file inline, large enough and spelled so that nothing is lost."""
    said: Any = part.get("mime", part.get("media_type"))
    payload: Any = None
    kind = part.get("type")
    if kind in ("image", "document") and isinstance(part.get("source"), dict):
        source = part["source"]
        if source.get("type") == "base64":
            payload, said = source.get("data"), source.get("media_type", said)
    elif kind in ("file", "image", "image_url", "input_image"):
        url = part.get("url", part.get("image_url"))
        payload = url.get("url") if isinstance(url, dict) else url
        if payload is None:
            payload = part.get("data")
    if not isinstance(payload, str) or len(payload) < CUT_BYTES_MIN:
        return None
    url_match = _WHOLE_DATA_URL.match(payload)
    if url_match:
        said = url_match.group(1) or said
        payload = payload[url_match.end() :]
    try:
        data = binascii.a2b_base64(payload, strict_mode=True)
    except (binascii.Error, ValueError):
        return None
    if b64encode(data).decode("ascii") != payload:
        return None
    return data, said if isinstance(said, str) else mime_of(data) or "application/octet-stream"
