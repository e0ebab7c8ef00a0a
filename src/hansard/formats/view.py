"""What a page shows of a session, before any page exists: its facts, and the blocks of its messages.

Markdown and HTML are made from the same blocks, so they show the same things, and no exporter needs to know what part
types there are or what may be wrong with one. Nothing here is escaped: every text is as hostile as it came.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from ..model.entry import Entry, Json, Part
from ..model.info import Attachment, SessionInfo, Usage

Kind: TypeAlias = Literal["text", "reasoning", "call", "result", "file", "data"]

LINES_SHOWN: Final = 40
CHARACTERS_SHOWN: Final = 8_000
_URL_SHOWN: Final = 200
"""So much of a data URL that can't be decoded."""


class Block(msgspec.Struct, frozen=True):
    """One piece of a message to show."""

    kind: Kind
    text: str = ""
    label: str = ""
    """Of a call its tool, of a result its tool or call id, of a file its name, of data its type."""
    is_json: bool = False
    is_error: bool = False
    file: Attachment | None = None
    """Of a file whose bytes are at hand: kept beside the session, or in the message itself and then without a hash."""
    data: bytes = b""
    """The bytes of a file that stands in the message itself."""


class Item(msgspec.Struct, frozen=True):
    """Something beside the conversation, on one line: an event, a usage, an update."""

    seq: int
    at: str
    kind: str
    text: str


def blocks(parts: Iterable[Json]) -> Iterator[Block]:
    """The blocks of a message's parts, in their order. A part that is not as it should be shows as data."""
    for part in parts:
        if not isinstance(part, dict):
            yield data(part, "part")
            continue
        kind = part.get("type")
        if kind in ("text", "reasoning", "system") and isinstance(part.get("text"), str):
            yield Block("reasoning" if kind == "reasoning" else "text", part["text"])
        elif kind == "tool_call":
            yield _call(part)
        elif kind == "tool_result":
            yield from _result(part)
        elif kind == "file":
            yield _file(part)
        elif kind == "json":
            yield data(part.get("value"), "json")
        else:
            yield data(part, str(kind))


def data(value: Json, label: str) -> Block:
    """A block that shows a JSON value."""
    return Block("data", pretty(value), label, is_json=True)


def pretty(value: Json) -> str:
    """A JSON value as indented JSON, strings as they are; a number too long to write out is named instead."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except (ValueError, TypeError, RecursionError) as error:
        return f"a value that can't be shown: {error}"


def _call(part: Part) -> Block:
    arguments = part.get("arguments")
    label = str(part.get("name") or "tool")
    if isinstance(arguments, str):
        return Block("call", arguments, label)
    return Block("call", pretty(arguments), label, is_json=True)


def _result(part: Part) -> Iterator[Block]:
    """The text of a result as one block, and its files after it."""
    content = part.get("content")
    label = str(part.get("name") or part.get("call_id") or "")
    error = part.get("is_error") is True
    if isinstance(content, str):
        yield Block("result", content, label, is_error=error)
        return
    inner = list(blocks(content)) if isinstance(content, list) and _holds_parts(content) else []
    if not inner:
        yield Block("result", "" if content is None else pretty(content), label, is_json=True, is_error=error)
        return
    told = [block.text for block in inner if block.kind != "file"]
    yield Block("result", "\n".join(told), label, is_error=error)
    yield from (block for block in inner if block.kind == "file")


def _holds_parts(content: list[Json]) -> bool:
    return all(isinstance(part, dict) and "type" in part for part in content)


def _file(part: Part) -> Block:
    sha256, mime, size = part.get("attachment"), part.get("mime"), part.get("size")
    name = part.get("name") if isinstance(part.get("name"), str) else None
    kind = mime if isinstance(mime, str) else "application/octet-stream"
    if isinstance(sha256, str):
        file = Attachment(sha256, size if isinstance(size, int) else 0, kind, name)
        return Block("file", "", name or sha256[:12], file=file)
    url = str(part.get("url", ""))
    if not url.startswith("data:"):
        return Block("file", url, name or kind)
    data = _inline(url)
    if data is None:
        return Block("file", f"{url[:_URL_SHOWN]}…" if len(url) > _URL_SHOWN else url, name or kind)
    return Block("file", "", name or kind, file=Attachment("", len(data), kind, name), data=data)


def _inline(url: str) -> bytes | None:
    """The bytes of a data URL; None if they are not base64."""
    head, _, text = url.partition(",")
    if not head.endswith(";base64"):
        return None
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return None


def describe(file: Attachment | None) -> str:
    """The kind and size of a file, in words."""
    if file is None:
        return "elsewhere"
    return f"{file.mime}, {file.size:,} bytes" if file.size else file.mime


def cut(text: str, *, full: bool, lines: int = LINES_SHOWN, characters: int = CHARACTERS_SHOWN) -> tuple[str, str]:
    """The beginning of a text, and a note on how much is left out ("" if nothing is)."""
    if full or (len(text) <= characters and text.count("\n") < lines):
        return text, ""
    end = 0
    for _ in range(lines):
        end = text.find("\n", end, characters) + 1
        if end == 0:
            end = characters + 1
            break
    shown = text[: end - 1]
    left = len(text) - len(shown)
    more = text.count("\n", len(shown))
    return shown, f"{left:,} more characters" + (f" on {more:,} more lines" if more else "") + " are left out"


def facts(info: SessionInfo) -> Iterator[tuple[str, str]]:
    """What stands at the head of a page about a session: names and values, those that are known."""
    usage = info.usage
    told: Sequence[tuple[str, str | None]] = (
        ("Session", info.id),
        ("Agent", info.agent),
        ("User", info.user),
        ("Project", info.project),
        ("Model", info.model),
        ("Status", info.status),
        ("Parent", info.parent),
        ("Fork of", f"{info.segments[-1].session} at {info.segments[-1].last}" if info.segments else None),
        ("Labels", ", ".join(f"{key}={value}" for key, value in info.labels.items())),
        ("Created", moment(info.created_at)),
        ("Last activity", moment(info.activity_at)),
        ("Messages", f"{info.message_count:,} shown of {info.entry_count:,} entries" if info.entry_count else None),
        ("Usage", spent(usage) if usage.calls else None),
    )
    yield from ((name, value) for name, value in told if value)


def spent(usage: Usage) -> str:
    """Usage in words."""
    words = [
        f"{usage.calls:,} call{'s' if usage.calls != 1 else ''}",
        f"{usage.input:,} tokens in",
        f"{usage.output:,} out",
    ]
    if usage.cache_read or usage.cache_write:
        words.append(f"{usage.cache_read:,} read from and {usage.cache_write:,} written to caches")
    if usage.cost:
        words.append(f"${usage.cost:,.4f}")
    return ", ".join(words)


def moment(at: str) -> str:
    """A time to the second, as people read it."""
    return f"{at[:10]} {at[11:19]} UTC" if len(at) == 27 and at.endswith("Z") else at


def title(info: SessionInfo) -> str:
    """What a page about the session is called."""
    return info.title or info.slug or f"Session {info.id}"


def items(entries: Iterable[Entry]) -> Iterator[Item]:
    """The entries beside the conversation on one line each; messages and compactions are shown as messages."""
    for entry in entries:
        if entry.kind in ("message", "compaction"):
            continue
        body = entry.body
        kind = entry.kind
        if kind == "event" and isinstance(body, dict) and isinstance(body.get("type"), str):
            kind = f"event {body['type']}"
            body = {key: value for key, value in body.items() if key != "type"}
        text = "erased" if entry.erased else pretty(body).replace("\n", " ")
        yield Item(entry.seq, entry.at, kind, text)
