"""What the decoders share: text and file parts out of the shapes that different APIs use for the same thing."""

from __future__ import annotations

import re
from typing import Final

from ..codec import values
from ..model.entry import Json, Part

_MARK: Final = re.compile("\x01cut:([0-9a-f]{64})\x01")
_DATA_URL: Final = re.compile(r"data:([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)?[^,]*,")


_BY_END: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "pdf": "application/pdf", "mp3": "audio/mpeg", "wav": "audio/wav", "mp4": "video/mp4", "webm": "video/webm",
}  # fmt: skip


def text_part(value: Json) -> Part:
    """A text part; what is no text becomes a json part."""
    return {"type": "text", "text": value} if isinstance(value, str) else json_part(value)


def json_part(value: Json) -> Part:
    """The value as it is."""
    return {"type": "json", "value": value}


def file_of_data(data: Json, mime: Json, *, name: Json = None) -> Part:
    """A file part of base64: an attachment if it was cut out, else a data URL."""
    part: Part = {"type": "file"}
    if isinstance(mime, str):
        part["mime"] = mime
    mark = _MARK.fullmatch(data) if isinstance(data, str) else None
    if mark:
        part["attachment"] = mark.group(1)
    elif isinstance(data, str):
        part["url"] = f"data:{mime if isinstance(mime, str) else ''};base64,{data}"
    if isinstance(name, str):
        part["name"] = name
    return part


def file_of_url(url: Json, *, mime: Json = None, name: Json = None, kind: str | None = None) -> Part:
    """A file part of a URL; a data URL whose base64 was cut out shows its attachment.

    Where nobody said what it is, its name does; else it is some file of the `kind`: `image/*`.
    """
    if not isinstance(url, str):
        return json_part(url)
    data_url = _DATA_URL.match(url)
    if data_url:
        said = data_url.group(1) or (mime if isinstance(mime, str) else None)
        mark = _MARK.fullmatch(url, data_url.end())
        if mark:
            return file_of_data(url[data_url.end() :], said, name=name)
        mime = said
    elif not isinstance(mime, str):
        end = url.partition("?")[0].partition("#")[0].rpartition(".")[2].lower()
        mime = _BY_END.get(end)
    if mime is None and kind is not None:
        mime = f"{kind}/*"
    part: Part = {"type": "file"}
    if isinstance(mime, str):
        part["mime"] = mime
    part["url"] = url
    if isinstance(name, str):
        part["name"] = name
    return part


def call_part(call_id: Json, name: Json, arguments: Json) -> Part:
    """A tool call; arguments that hold JSON in a string are opened, others stay as they are."""
    if isinstance(arguments, str):
        arguments = opened(arguments)
    return {"type": "tool_call", "id": _word(call_id), "name": _word(name), "arguments": arguments}


def result_part(call_id: Json, content: Json, *, is_error: bool = False, name: Json = None) -> Part:
    """A tool result."""
    part: Part = {"type": "tool_result", "call_id": _word(call_id), "content": content}
    if is_error:
        part["is_error"] = True
    if isinstance(name, str):
        part["name"] = name
    return part


def opened(text: str) -> Json:
    """The object or list that a string holds as JSON; any other string as it is."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return values.decode(text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return text


def json_text(value: Json) -> str:
    """A value as JSON text; what JSON can't hold as Python would print it."""
    try:
        return values.encode(value).decode("utf-8", "surrogatepass")
    except (ValueError, TypeError, RecursionError):
        return str(value)


def text_of(content: Json) -> str:
    """What a tool's answer or a list of parts says in words: files by their names, the rest as JSON text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return "" if content is None else json_text(content)
    return "\n".join(_words_of(part) for part in content)


def _words_of(part: Json) -> str:
    if not isinstance(part, dict):
        return part if isinstance(part, str) else json_text(part)
    if part.get("type") in ("text", "reasoning") and isinstance(part.get("text"), str):
        return part["text"]
    if part.get("type") == "file":
        known = next((part[key] for key in ("name", "attachment") if isinstance(part.get(key), str)), None)
        url = str(part.get("url", ""))
        said = known or (part.get("mime") if url.startswith("data:") else url) or "unnamed"
        return f"[file {said}]"
    return json_text(part["value"] if part.get("type") == "json" and "value" in part else part)


def _word(value: Json) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
