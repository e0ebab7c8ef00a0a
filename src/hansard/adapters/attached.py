"""Files of messages that were taken out of them when they were stored: in their places again, for whoever sends them on."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable

from ..model.entry import Part


def with_files(parts: Iterable[Part], attachment: Callable[[str], bytes]) -> list[Part]:
    """The parts with the bytes of attachments in them again, as data URLs, for those who send them on."""
    return [_with_bytes(part, attachment) for part in parts]


def _with_bytes(part: Part, attachment: Callable[[str], bytes]) -> Part:
    if part.get("type") == "tool_result" and isinstance(part.get("content"), list):
        inner = [_with_bytes(item, attachment) if isinstance(item, dict) else item for item in part["content"]]
        return {**part, "content": inner}
    if part.get("type") != "file" or "url" in part or not isinstance(part.get("attachment"), str):
        return part
    mime = part.get("mime", "application/octet-stream")
    return {**part, "url": f"data:{mime};base64,{b64encode(attachment(part['attachment'])).decode('ascii')}"}
