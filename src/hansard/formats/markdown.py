"""A session as one Markdown document that a person reads and no transcript can take over.

What people and models wrote is shown as the Markdown it is, contained: see `contained`. What tools said, reasoning's
code, arguments and data are fenced. Files are named, never loaded. A message is a heading of level 2 and nothing that
it says can make another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model.entry import Entry
from ..model.info import Message, SessionInfo
from . import view
from .contained import code, contain, fenced, literal, quoted
from .safe import readable


def write_markdown(
    info: SessionInfo, messages: Iterable[Message], *, events: Iterable[Entry] = (), full: bool = False
) -> Iterator[str]:
    """The document, piece by piece: a head with the session's facts, then a section a message.

    `messages` come in the order of reading, `events` (entries of any kind) in the order of `seq`; an event stands
    before the first message with a higher `seq`. Long tool results and data are cut with a note, unless `full`.
    The pieces hold no lone surrogates and no control characters, so they can be written as UTF-8.
    """
    yield f"# {literal(view.title(info))}\n\n"
    for name, value in view.facts(info):
        yield f"- **{name}:** {code(value) if name == 'Session' else literal(value, limit=500)}\n"
    waiting = view.items(events)
    item = next(waiting, None)
    for message in messages:
        while item is not None and item.seq < message.seq:
            yield _item(item)
            item = next(waiting, None)
        yield from _section(message, full=full)
    while item is not None:
        yield _item(item)
        item = next(waiting, None)


def _section(message: Message, *, full: bool) -> Iterator[str]:
    yield f"\n## {_heading(message)}\n"
    for block in view.blocks(message.parts):
        yield f"\n{_block(block, full=full)}\n"


def _heading(message: Message) -> str:
    words = [str(message.seq) if message.seq else "–", literal(message.role)]
    words += [literal(word) for word in (message.name, message.agent, message.model) if word]
    if message.at:
        words.append(literal(view.moment(message.at)))
    if message.synthetic:
        words.append("made by Hansard")
    if message.pending:
        words.append("waits for an answer")
    return " · ".join(words)


def _block(block: view.Block, *, full: bool) -> str:
    if block.kind == "text":
        return contain(block.text)
    if block.kind == "reasoning":
        return quoted(f"**Reasoning**\n\n{contain(block.text)}")
    if block.kind == "file":
        told = f"{literal(block.label)}, {literal(view.describe(block.file))}"
        where = block.file.sha256 if block.file is not None else block.text
        return f"*File:* {told}" + (f" {code(where)}" if where else "")
    shown, note = view.cut(readable(block.text), full=full)
    lines = [_label(block), "", fenced(shown, "json" if block.is_json else "")]
    if note:
        lines += ["", f"*{note}*"]
    return "\n".join(lines)


def _label(block: view.Block) -> str:
    name = f" {code(block.label)}" if block.label else ""
    if block.kind == "call":
        return f"**Tool call**{name}"
    if block.kind == "result":
        return f"**{'Tool error' if block.is_error else 'Tool result'}**{name}"
    return f"**Data**{name}"


def _item(item: view.Item) -> str:
    return f"\n{item.seq} · {literal(item.kind)} · {literal(view.moment(item.at))} {code(item.text, limit=500)}\n"
