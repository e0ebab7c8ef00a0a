"""The parts of a message, whatever it came as: neutral parts as they are, foreign payloads decoded on read.

A raw payload is kept verbatim for ever; what it means is computed here, by one pure decoder a format, so that a better
decoder improves what is long stored. Decoders import no framework, change no argument and never raise: what can't be
decoded becomes a json part, or a text part if it is no JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeAlias

from ..codec import values
from ..model.entry import Json, Part

_MODULES: Final = {
    "claude-code": "claude_code",
    "codex": "codex",
    "anthropic": "anthropic",
    "openai-chat": "openai_chat",
    "openai-responses": "openai_responses",
    "pydantic-ai": "pydantic_ai",
    "strands": "strands",
    "jsonl": "plain",
    "bamboo": "bamboo",
    "crabtalk": "crabtalk",
    "oxios": "oxios",
    "a3s": "a3s",
    "snapshot": "snapshot",
    "langchain": "langchain",
    "adk": "adk",
}
FORMATS: Final = tuple(_MODULES)
"""The raw formats that have a decoder."""

_MARK: Final = re.compile("\x01cut:([0-9a-f]{64})\x01")
Decoder: TypeAlias = Callable[[Json], "list[Part] | None"]
_DECODERS: Final[dict[str, Decoder]] = {}
_TROUBLE: Final = (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError)


def parts_of(body: Json) -> list[Part]:
    """The neutral parts of a message or of an event that holds `raw`. Callers that ask often keep the answer.

    Base64 that was cut out of a raw payload shows as a file part with its `attachment`; so does a URL that `files` of
    the raw payload, a list of {url, attachment}, says is an attachment. A payload that is a line of a longer text has
    what stands before and after it in `around`.
    """
    if not isinstance(body, dict):
        return []
    parts = body.get("parts")
    if isinstance(parts, list):
        return [part if isinstance(part, dict) else {"type": "json", "value": part} for part in parts]
    raw = body.get("raw")
    if not isinstance(raw, dict):
        return []
    if isinstance(raw.get("text"), str):
        text = marked(raw["text"], raw.get("cut"))
        if "around" in raw:
            text = _within(raw["around"], text)
        parts = decode(str(raw.get("format", "")), text)
        return _with_files(parts, raw["files"]) if isinstance(raw.get("files"), list) else parts
    if isinstance(raw.get("attachment"), str):
        return [{"type": "file", "mime": "application/octet-stream", "attachment": raw["attachment"]}]
    return [{"type": "json", "value": raw}]


def _within(around: Json, text: str) -> str:
    if isinstance(around, list) and len(around) == 2 and all(isinstance(one, str) for one in around):
        return f"{around[0]}{text}{around[1]}"
    return text


def decode(format: str, text: str) -> list[Part]:  # noqa: A002 - the field's name
    """The parts of a payload in a raw format."""
    try:
        payload = values.decode(text.lstrip("\ufeff").encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return [{"type": "text", "text": _plain_marks(text)}]
    decoder = _DECODERS.get(format) or _decoder(format)
    try:
        parts = decoder(payload)
    except _TROUBLE:
        parts = None
    if parts is None:
        parts = [{"type": "json", "value": payload}]
    return _without_marks(parts) if "\\u0001cut:" in text else parts


def _decoder(format: str) -> Decoder:  # noqa: A002 - the field's name
    """The decoder of a format, loaded at its first use; one that knows nothing, for a format that there is not."""
    name = _MODULES.get(format)
    if name is None:
        return _unknown
    found = _DECODERS[format] = import_module(f".{name}", __name__).decode
    return found


def _unknown(_: Json) -> None:
    return None


def version_of(format: str) -> int:  # noqa: A002 - the field's name
    """The version of a format's decoder, 0 if there is none: what was computed with a lower one may be computed anew."""
    module = _MODULES.get(format)
    return import_module(f".{module}", __name__).VERSION if module is not None else 0


def marked(text: str, cuts: Json) -> str:
    """Raw text with a mark at each cut, inside the JSON string that the base64 stood in."""
    if not isinstance(cuts, list) or not cuts:
        return text
    pieces: list[str] = []
    done = 0
    for cut in cuts:
        if not (isinstance(cut, list) and len(cut) == 2 and isinstance(cut[0], int) and isinstance(cut[1], str)):
            continue
        pieces += (text[done : cut[0]], "\\u0001cut:", cut[1], "\\u0001")
        done = max(done, cut[0])
    pieces.append(text[done:])
    return "".join(pieces)


def _with_files(value: Any, files: list[Json]) -> Any:
    """The parts with references to the attachments that URLs of their own program stand for."""
    known = {
        file["url"]: file["attachment"]
        for file in files
        if isinstance(file, dict) and {"url", "attachment"} <= file.keys()
    }
    return _linked(value, known)


def _linked(value: Any, known: dict[str, Json]) -> Any:
    if isinstance(value, list):
        return [_linked(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "file" and isinstance(value.get("url"), str) and value["url"] in known:
        return {
            "type": "file",
            **{key: item for key, item in value.items() if key != "type"},
            "attachment": known[value["url"]],
        }
    return {key: _linked(item, known) for key, item in value.items()}


def _plain_marks(text: str) -> str:
    return re.sub(r"\\u0001cut:([0-9a-f]{64})\\u0001", r"[attachment \1]", text)


def _without_marks(value: Any) -> Any:
    """The value with marks that no decoder took up turned into readable words."""
    if isinstance(value, str):
        return _MARK.sub(r"[attachment \1]", value) if "\x01" in value else value
    if isinstance(value, list):
        return [_without_marks(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_marks(item) for key, item in value.items()}
    return value
