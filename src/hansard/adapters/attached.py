"""What adapters give out of messages: their own payloads verbatim, and files in their places for who sends them on.

pydantic spells base64 with the alphabet of URLs, and reads both. Only the usual one is taken out of a payload.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Final

from ..codec import values
from ..codec.cut import mime_of
from ..errors import NotFound
from ..limits import CUT_BYTES_MIN
from ..model.entry import Json, Part
from ..model.info import Message
from ..store import Session

_USUAL: Final = str.maketrans("-_", "+/")
_BASE64: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")


def own_payload(session: Session, message: Message, *, format: str) -> str | None:  # noqa: A002 - the field's name
    """The payload of a message that was written in this format, verbatim; None for any other message."""
    is_own = isinstance(message.raw, dict) and message.raw.get("format") == format
    return session.payload(message) if is_own else None


class Results:
    """Which calls were met and wait for their results, as one goes through messages in their order."""

    def __init__(self, *, whole: bool) -> None:
        """No call was met yet. `whole`: the messages are all that there are, and not the newest of them."""
        self._whole = whole
        self._used: dict[str, int] = {}
        self._waiting: dict[str, list[str]] = {}
        """By the id of a call what it is called here, for those that wait."""

    def wanted(self, parts: Iterable[Part]) -> list[Part]:
        """The parts of the next message, without second results of a call.

        Of the whole, results without a call are left out, too, and each call has an id that no other has.
        """
        kept: list[Part] = []
        asked: dict[str, list[str]] = {}
        for part in parts:
            if part.get("type") == "tool_call":
                key = str(part.get("id", ""))
                name = unused(key, self._used) if self._whole else key
                # An id that is used again names the new call from here on.
                waiting = self._waiting[key] = asked.setdefault(key, [])
                waiting.append(name)
                kept.append({**part, "id": name} if name != key else part)
            elif part.get("type") == "tool_result":
                key = str(part.get("call_id", ""))
                waiting = self._waiting.setdefault(key, [] if self._whole else [key])
                if waiting:
                    name = waiting.pop(0)
                    kept.append({**part, "call_id": name} if name != key else part)
            else:
                kept.append(part)
        return kept


def unused(name: str, used: dict[str, int]) -> str:
    """The name, with a number behind it if it was used before; both are used from here on. `used` has the last numbers."""
    found, number = name, used.get(name, 1)
    while found in used:
        number += 1
        found = f"{name}-{number}"
    used[name] = number
    used.setdefault(found, 1)
    return found


def with_files(parts: Iterable[Part], attachment: Callable[[str], bytes]) -> list[Part]:
    """The parts with the bytes of attachments in them again, as data URLs, for those who send them on.

    A file that the session does not have is left as it is: by its name only.
    """
    return [_with_bytes(part, attachment) for part in parts]


def _with_bytes(part: Part, attachment: Callable[[str], bytes]) -> Part:
    if part.get("type") == "tool_result" and isinstance(part.get("content"), list):
        inner = [_with_bytes(item, attachment) if isinstance(item, dict) else item for item in part["content"]]
        return {**part, "content": inner}
    if part.get("type") != "file" or not isinstance(part.get("attachment"), str):
        return part
    try:
        data = attachment(part["attachment"])
    except NotFound:
        return part
    said = str(part.get("mime") or "application/octet-stream")
    mime = said if "mime" in part and not said.endswith("/*") else mime_of(data) or said
    # A URL beside the attachment is one that only the program knows that wrote the message.
    return {**part, "mime": mime, "url": f"data:{mime};base64,{b64encode(data).decode('ascii')}"}


def spelled_usually(text: str, files: Callable[[Json], Iterable[Json]]) -> str:
    """The JSON text with the base64 of its files, under `data`, in the usual alphabet; the very text if none is long."""
    if len(text) < CUT_BYTES_MIN or '"data":"' not in text:
        return text
    try:
        value = values.decode(text.encode())
    except ValueError:
        # A number that JSON has no form for.
        return text
    found = [file for file in files(value) if isinstance(file, dict) and _is_long(file.get("data"))]
    for file in found:
        file["data"] = file["data"].translate(_USUAL)
    return values.encode(value).decode() if found else text


def _is_long(data: Json) -> bool:
    return isinstance(data, str) and len(data) >= CUT_BYTES_MIN and _BASE64.fullmatch(data) is not None
