"""Sessions made of whatever text a test has, for tests of what shows them."""

from __future__ import annotations

from hashlib import sha256

from hansard.model.entry import Entry
from hansard.model.info import Message, Segment, SessionInfo, Usage

AT = "2026-11-21T08:00:00.000000Z"
PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(20)
PIXEL_HASH = sha256(PIXEL).hexdigest()


def info_of(text: str = "coder") -> SessionInfo:
    """A session whose every free field holds the text."""
    return SessionInfo(
        id=text or "s1",
        root=text,
        parent=text,
        segments=(Segment(text, 3, "0" * 64),),
        agent=text,
        user=text,
        project=text,
        labels={text: text},
        title=text,
        model=text,
        status=text,
        usage=Usage(calls=2, input=1200, output=34, cache_read=5, cost=0.0123),
        message_count=6,
        entry_count=9,
        created_at=AT,
        activity_at=text,
    )


def messages_of(text: str) -> list[Message]:
    """Messages with every part there is, and some there is not, each holding the text wherever it can."""
    image = {"type": "file", "mime": "image/png", "attachment": PIXEL_HASH, "size": len(PIXEL), "name": text}
    files = [
        image,
        {"type": "file", "mime": "image/svg+xml", "attachment": text, "size": 9},
        {"type": "file", "mime": text, "attachment": text, "name": text},
        {"type": "file", "mime": text, "url": text},
        {"type": "file", "attachment": 7, "mime": None, "name": 3},
    ]
    odd = [
        {"type": "json", "value": {text: [text, 2**70, None]}},
        {"type": text, "what": text},
        {"type": "text", "text": 5},
        {"no": "type"},
        "no object",
    ]
    calls = [
        {"type": "tool_call", "id": text, "name": text, "arguments": {text: text}},
        {"type": "tool_call", "id": text, "name": None, "arguments": text},
    ]
    results = [
        {"type": "tool_result", "call_id": text, "name": text, "content": text, "is_error": True},
        {"type": "tool_result", "call_id": text, "content": [{"type": "text", "text": text}, image]},
        {"type": "tool_result", "call_id": text, "content": {"out": text}},
        {"type": "tool_result", "call_id": text, "content": None},
    ]
    parts = [{"type": "text", "text": text}, {"type": "reasoning", "text": text}]
    return [
        Message(1, "user", tuple(parts), at=AT, name=text, agent=text, model=text),
        Message(3, "assistant", (*parts, *calls), at=text, pending=True),
        Message(4, "tool", tuple(results), synthetic=True),
        Message(5, text, (*files, *odd)),
        Message(0, "user", (), synthetic=True),
    ]


def events_of(text: str) -> list[Entry]:
    """Entries beside the conversation that hold the text."""
    return [
        Entry(2, text, AT, "event", {"type": text, "data": text}, salt="00"),
        Entry(3, text, AT, "message", {"role": "user", "parts": []}, salt="00"),
        Entry(6, text, text, "usage", {"input": 1, text: text}, salt="00"),
        Entry(7, text, AT, f"x-{text}", text, salt="00"),
        Entry(8, text, AT, "event"),
    ]
