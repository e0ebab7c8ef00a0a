"""What callers hand in as a file: bytes, a path, a data URL or base64; and what kind of file it is."""

from __future__ import annotations

import binascii
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from ..codec.cut import mime_of
from ..errors import Invalid, NotFound
from ..model.entry import NewEntry
from ..model.info import Attachment

_DATA_URL: Final = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_MIME: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+(?:\s*;.*)?")
_BY_SUFFIX: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "json": "application/json",
    "txt": "text/plain",
    "log": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "zip": "application/zip",
}
_UNKNOWN: Final = "application/octet-stream"


def content_of(
    data: bytes | bytearray | memoryview | Path | str, *, mime: str | None, name: str | None
) -> tuple[bytes, str, str | None]:
    """The bytes, mime and name of what was given. A str is a data URL, or base64 (of a PNG unless `mime` says else).

    Raises:
        Invalid: the text is no base64, or the mime is none.
        NotFound: there is no file at the path.
    """
    said = _normal(mime)
    if isinstance(data, Path):
        name = data.name if name is None else name
        content = _read(data)
    elif isinstance(data, str):
        content, said = _decoded(data, said)
    elif isinstance(data, bytes | bytearray | memoryview):
        content = bytes(data)
    else:
        msg = f"attach: bytes, a pathlib.Path, a data URL or base64 text, not {type(data).__name__}"
        raise Invalid(msg)
    if name is not None and not isinstance(name, str):
        msg = f"name: a str or None, not {type(name).__name__}"
        raise Invalid(msg)
    by_name = _BY_SUFFIX.get(name.rpartition(".")[2].lower()) if name and "." in name else None
    return content, said or mime_of(content) or by_name or _UNKNOWN, name


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        msg = f"{path}: there is no such file to attach"
        raise NotFound(msg) from None
    except OSError as error:
        msg = f"{path}: can't be read to attach it: {error.strerror or error}"
        raise Invalid(msg) from error


def _normal(mime: str | None) -> str | None:
    if mime is None:
        return None
    cleaned = mime.strip().lower() if isinstance(mime, str) else ""
    if not _MIME.fullmatch(cleaned):
        msg = f"mime: {mime!r} is no media type; give one such as image/png, or leave it out"
        raise Invalid(msg)
    return cleaned


def _decoded(text: str, mime: str | None) -> tuple[bytes, str | None]:
    url = _DATA_URL.match(text.lstrip())
    if url is None:
        content = _base64(text)
        return content, mime or mime_of(content) or "image/png"
    payload = text.lstrip()[url.end() :]
    said = mime or _normal(url.group(1) or None)
    options = url.group(2).lower().split(";")
    if "base64" in options:
        return _base64(payload), said
    return unquote_to_bytes(payload), said or "text/plain"


def _base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64("".join(text.split()).encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        msg = f"attach: the text {text[:40]!r} is neither a data URL nor base64 ({error}); give bytes or a pathlib.Path"
        raise Invalid(msg) from None


def attachment_entry(attachment: Attachment) -> NewEntry:
    """The entry that puts an attachment on record."""
    body: dict[str, object] = {"sha256": attachment.sha256, "mime": attachment.mime, "size": attachment.size}
    if attachment.name is not None:
        body["name"] = attachment.name
    return NewEntry(kind="attachment", body=body)
