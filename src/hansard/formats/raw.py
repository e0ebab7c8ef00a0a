"""Source lines into entries and back: base64 out into attachments, and every line again byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from ..codec import values
from ..codec.cut import cut, splice
from ..limits import ENTRY_BYTES_MAX, MIB
from ..model.entry import Entry, Json
from .source import line_key

Attach: TypeAlias = Callable[[bytes, str], str]
"""Keeps bytes of a kind (mime) and gives their SHA-256."""

_SURE_BYTES: Final = 8 * MIB
"""No text of this size grows beyond an entry when it is encoded."""


def raw_of(format: str, text: str | None, data: bytes, attach: Attach) -> dict[str, Json]:  # noqa: A002
    """The `raw` member for a payload: its text without long base64, or an attachment where it can't be text."""
    if text is None:
        return {"format": format, "attachment": attach(data, "application/octet-stream")}
    rest, cuts = cut(text)
    if len(rest) > _SURE_BYTES and len(values.encode(rest)) > ENTRY_BYTES_MAX - MIB:
        whole = data or text.encode("utf-8", "surrogatepass")
        return {"format": format, "attachment": attach(whole, "application/json")}
    raw: dict[str, Json] = {"format": format, "text": rest}
    if cuts:
        raw["cut"] = [[offset, attach(found, mime or "application/octet-stream")] for offset, found, mime in cuts]
    return raw


def raw_line(raw: Json, attachment: Callable[[str], bytes]) -> bytes | None:
    """The bytes of a payload that `raw_of` took apart; None if `raw` holds none. Errors are those of `attachment`."""
    if not isinstance(raw, dict):
        return None
    text, whole = raw.get("text"), raw.get("attachment")
    if isinstance(text, str):
        cuts = [(offset, attachment(sha256)) for offset, sha256 in raw.get("cut") or ()]
        return splice(text, cuts).encode("utf-8", "surrogatepass")
    return attachment(whole) if isinstance(whole, str) else None


def raw_lines(entries: Iterable[Entry], attachment: Callable[[str], bytes]) -> Iterator[bytes]:
    """The lines of the file that a session was imported from, in their order, each with a newline.

    `attachment` gives the bytes of a hash. Lines that were erased are left out.
    """
    for entry in entries:
        if line_key(entry.id) is None or not isinstance(entry.body, dict):
            continue
        line = raw_line(entry.body.get("raw"), attachment)
        if line is not None:
            yield line + b"\n"
