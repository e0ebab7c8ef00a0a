"""A session as one HTML file that opens anywhere and loads nothing.

Every text of the transcript passes `_text`, and there is no other way into the page: no link, style,
class, tag or attribute is ever made of what a session says. Images are shown from bytes kept beside the session, as
`data:`, and only of kinds that can't hold a script. Should all of this fail, the page's policy forbids scripts, forms
and every load, so the page still runs nothing and calls nobody.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import Final

from ..errors import HansardError
from ..limits import MIB
from ..model.entry import Entry
from ..model.info import Attachment, Message, SessionInfo
from . import view
from .safe import one_line, readable

IMAGES: Final = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"))
"""The kinds of images that are shown. SVG is none of them: it is a document that can hold scripts and loads."""

IMAGE_BYTES_MAX: Final = 4 * MIB
RESULT_LINES: Final = 2_000
RESULT_CHARACTERS: Final = 200_000

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_ROLES: Final = frozenset(("system", "user", "assistant", "tool"))

_STYLE: Final = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent);
  --soft: color-mix(in srgb, currentColor 6%, transparent); --mark: #3b6fb5; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { font-size: .95rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 a { color: inherit; text-decoration: none; }
h2 small, figcaption, .note { font-weight: normal; opacity: .7; font-size: .85rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .9rem; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
section { border-left: 3px solid var(--line); padding: .2rem 0 .2rem 1rem; margin: 1.4rem 0; }
section.user { border-color: var(--mark); } section.error, .error > summary { color: #b3403a; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
.reasoning { opacity: .75; font-style: italic; }
pre { background: var(--soft); padding: .6rem .8rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere;
  font-size: .85rem; }
details { margin: .4rem 0; } summary { cursor: pointer; font-size: .9rem; overflow-wrap: anywhere; }
figure { margin: .5rem 0; } img { max-width: 100%; height: auto; }
.item { font-size: .8rem; opacity: .7; overflow-wrap: anywhere; }
@media print { body { max-width: none; margin: 0; font-size: 11pt; } section { break-inside: avoid-page; }
  pre { border: 1px solid #999; } }
"""


def write_html(
    info: SessionInfo,
    messages: Iterable[Message],
    *,
    events: Iterable[Entry] = (),
    attachment: Callable[[str], bytes] | None = None,
    full: bool = False,
) -> Iterator[str]:
    """The page, piece by piece: a head with the session's facts, then a section a message with the anchor `#e<seq>`.

    `messages` come in the order of reading, `events` (entries of any kind) in the order of `seq`. `attachment` gives
    the bytes of an image by its hash; without it, and for other files, only names are shown. Tool results are folded,
    and those beyond 2,000 lines or 200,000 characters cut with a note, unless `full`. The pieces can be written as
    UTF-8, and no two elements have one id unless one message comes twice.
    """
    shown = _text(one_line(view.title(info), limit=300))
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{shown}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<header>\n<h1 dir="auto">{shown}</h1>\n<dl>\n'
    )
    for name, value in view.facts(info):
        yield f'<dt>{name}</dt><dd dir="auto">{_text(value)}</dd>\n'
    yield "</dl>\n</header>\n<main>\n"
    waiting = view.items(events)
    item = next(waiting, None)
    for message in messages:
        while item is not None and item.seq < message.seq:
            yield _item(item)
            item = next(waiting, None)
        yield from _section(message, attachment, full=full)
    while item is not None:
        yield _item(item)
        item = next(waiting, None)
    yield "</main>\n</body>\n</html>\n"


def _text(text: str) -> str:
    """Any text as the content of an element or the value of a quoted attribute."""
    return escape(readable(text), quote=True)


def _section(message: Message, attachment: Callable[[str], bytes] | None, *, full: bool) -> Iterator[str]:
    role = message.role if message.role in _ROLES else "other"
    seq = int(message.seq)
    anchor = f' id="e{seq}"' if seq else ""
    name = f'<a href="#e{seq}">{seq}</a> · ' if seq else ""
    yield f'<section class="{role}"{anchor}>\n<h2>{name}{_text(one_line(message.role))}{_aside(message)}</h2>\n'
    for block in view.blocks(message.parts):
        yield _block(block, attachment, full=full)
    yield "</section>\n"


def _aside(message: Message) -> str:
    words = [one_line(word) for word in (message.name, message.agent, message.model) if word]
    if message.at:
        words.append(view.moment(message.at))
    if message.synthetic:
        words.append("made by Hansard")
    if message.pending:
        words.append("waits for an answer")
    return f" <small>{_text(' · '.join(words))}</small>" if words else ""


def _block(block: view.Block, attachment: Callable[[str], bytes] | None, *, full: bool) -> str:
    if block.kind == "text":
        return f'<div class="text" dir="auto">{_text(block.text)}</div>\n'
    if block.kind == "reasoning":
        return _folded("Reasoning", f'<div class="text reasoning" dir="auto">{_text(block.text)}</div>')
    if block.kind == "file":
        return _file(block, attachment)
    shown, note = view.cut(readable(block.text), full=full, lines=RESULT_LINES, characters=RESULT_CHARACTERS)
    inside = f"<pre>{_text(shown)}</pre>" + (f'<p class="note">{note}</p>' if note else "")
    label = _text(one_line(block.label))
    if block.kind == "call":
        return _folded(f"Tool call <code>{label}</code>", inside, is_open=True)
    if block.kind == "result":
        word = "Tool error" if block.is_error else "Tool result"
        return _folded(f"{word} <code>{label}</code>" if label else word, inside, is_error=block.is_error)
    return _folded(f"Data <code>{label}</code>", inside)


def _folded(summary: str, inside: str, *, is_open: bool = False, is_error: bool = False) -> str:
    flags = (' class="error"' if is_error else "") + (" open" if is_open else "")
    return f"<details{flags}><summary>{summary}</summary>\n{inside}\n</details>\n"


def _file(block: view.Block, attachment: Callable[[str], bytes] | None) -> str:
    label, file = _text(one_line(block.label)), block.file
    if file is None:
        where = _text(one_line(block.text))
        return f'<p class="note">File {label} <code>{where}</code></p>\n'
    caption = f"{label}, {_text(one_line(view.describe(file)))}"
    if file.sha256:
        caption += f", <code>{_text(file.sha256[:64])}</code>"
    shown = file.mime in IMAGES and file.size <= IMAGE_BYTES_MAX
    if shown and block.data:
        return _image(file, caption, label, lambda _: block.data)
    if shown and file.sha256 and attachment is not None:
        return _image(file, caption, label, attachment)
    return f'<p class="note">File {caption}</p>\n'


def _image(file: Attachment, caption: str, label: str, attachment: Callable[[str], bytes]) -> str:
    try:
        held = attachment(file.sha256)
    except HansardError as error:
        return f'<p class="note">File {caption}: {_text(one_line(str(error)))}</p>\n'
    if len(held) > IMAGE_BYTES_MAX:
        return f'<p class="note">File {caption}</p>\n'
    source = f"data:{file.mime};base64,{b64encode(held).decode('ascii')}"
    return f'<figure><img src="{source}" alt="{label}"><figcaption>{caption}</figcaption></figure>\n'


def _item(item: view.Item) -> str:
    told = f"{item.seq} · {one_line(item.kind)} · {view.moment(item.at)} {one_line(item.text, limit=500)}"
    return f'<p class="item" dir="auto">{_text(told)}</p>\n'
