"""Foreign Markdown contained: a transcript's text keeps its looks in a Markdown document and can't take the document over.

What people and models write to each other is Markdown, so escaping all of it would make the export hard to read, and
passing it on would let it forge messages, load remote images, run scripts in renderers that allow HTML, or swallow the
rest of the document with a fence that nobody closes. So the text is taken apart line by line and written anew:

- fenced code is written as a fence of our own, longer than anything inside and always closed, at the margin;
- code spans that begin and end on one line stay; every other backtick is escaped, so that no renderer can pair them
  in another way than it was done here;
- headings sink by three levels, below those of the document; underlines that would make headings are escaped;
- `<` outside code becomes `&lt;`, so there is no raw HTML; images become plain links; definitions of link targets are
  broken, because they would hold in the whole document; a link keeps its target only if that is http or https.

Emphasis, lists, quotes, tables and web links come through. What was escaped shows as it was written.
"""

from __future__ import annotations

import re
from typing import Final

from .safe import one_line, readable

SUNK: Final = 3
"""Levels by which headings sink: those of level 1 to 3 belong to the document."""

_FENCE: Final = re.compile(r"([ \t]*+)(`{3,}+(?=[^`]*$)|~{3,}+)[ \t]*+([^\s`]*+)")
_INFO: Final = re.compile(r"[A-Za-z0-9_+#./-]{1,40}")
_FRONT: Final = re.compile(r"(?:[ \t>]|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))*+")
_UNDERLINE: Final = re.compile(r"([ \t>]*+)(-++|=++)[ \t]*+$")
_HEADING: Final = re.compile(r"(#{1,6}+)(?=[ \t]|$)")
_SPECIAL: Final = re.compile(r"\\|`++|<|!(?=\[)|\](?=[(:])")
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)
_TICKS: Final = re.compile(r"`++")
_PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_LITERAL: Final = re.compile(r"[\\`*_\[\]|~$&#!]")


def contain(text: str) -> str:
    """The text as Markdown that stays below level 3 and inside its place. Ends without a newline.

    Whatever the text is: no raw HTML, no image, no heading of level 1 to 3, no link but to http and https, no open
    fence, no definition. The next line at the margin after a blank line is outside of everything that was begun here.
    """
    out: list[str] = []
    fence: _Fence | None = None
    for line in readable(text).split("\n"):
        if fence is not None:
            if fence.closed_by(line):
                out.append(fence.written())
                fence = None
            else:
                fence.lines.append(line)
        elif opened := _FENCE.match(line):
            fence = _Fence(opened)
        else:
            out.append(_line(line))
    if fence is not None:
        out.append(fence.written())
    return "\n".join(out)


def fenced(text: str, info: str = "") -> str:
    """The text as a code block whose fence is longer than every run of backticks inside. Ends without a newline."""
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    shown = text.removesuffix("\n")
    return f"{fence}{info}\n{shown}\n{fence}" if shown else f"{fence}{info}\n{fence}"


def literal(text: str, *, limit: int = 200) -> str:
    """The text on one line, showing as it is wherever it stands after the start of a line."""
    return _LITERAL.sub(r"\\\g<0>", one_line(text, limit=limit)).replace("<", "&lt;")


def code(text: str, *, limit: int = 200) -> str:
    """The text on one line as a code span."""
    line = one_line(text, limit=limit) or " "
    longest = max((len(run) for run in _TICKS.findall(line)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def quoted(text: str) -> str:
    """Finished Markdown as a block quote."""
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


class _Fence:
    """A fence that was opened in the text, and the lines in it so far."""

    def __init__(self, opened: re.Match[str]) -> None:
        self.lines: list[str] = []
        self._indent = len(opened[1])
        self._mark = opened[2]
        self._info = opened[3]

    def closed_by(self, line: str) -> bool:
        bare = line.strip(" \t")
        return len(bare) >= len(self._mark) and not bare.strip(self._mark[0])

    def written(self) -> str:
        # At the margin a fence opens wherever it stands; behind an indent it may be a list's text or indented code.
        lines = [line[min(self._indent, len(line) - len(line.lstrip(" \t"))) :] for line in self.lines]
        info = self._info if _INFO.fullmatch(self._info) else ""
        return fenced("\n".join(lines) + "\n" if lines else "", info)


def _line(line: str) -> str:
    """One line outside fences."""
    underline = _UNDERLINE.match(line)
    if underline:
        front, marks = underline[1], underline[2]
        return f"{front}***" if marks.startswith("---") else f"{front}\\{marks}"
    match = _FRONT.match(line)
    front = match[0] if match else ""
    rest = line[len(front) :]
    heading = _HEADING.match(rest)
    if heading:
        level = min(6, len(heading[1]) + SUNK)
        return front + "#" * level + _inline(rest[len(heading[1]) :])
    # Some renderers take `#x` for a heading; a fence behind a list's mark would hide lines that were written as text.
    guard = "\\" if rest.startswith(("#", "~~~")) else ""
    return front + guard + _inline(rest)


def _inline(line: str) -> str:
    """The inline part of a line, with everything escaped that could be more than emphasis, code or a web link."""
    if not _SPECIAL.search(line):
        return line
    ends = _span_ends(line)
    out: list[str] = []
    place = 0
    while found := _SPECIAL.search(line, place):
        start, place = found.span()
        out.append(line[found.pos : start])
        piece = found[0]
        if piece[0] == "`":
            end = ends.get(start, 0)
            if end and _plain_span(line[start:end]):
                out.append(line[start:end])
                place = end
            else:
                out.append("\\`" * len(piece))
        elif piece == "\\":
            escaped, place = _backslash(line, start)
            out.append(escaped)
        elif piece == "]":
            out.append("]" if _WEB.match(line, place + 1) and line[place] == "(" else "]\\")
        else:
            out.append("&lt;" if piece == "<" else "\\!")
    out.append(line[place:])
    return "".join(out)


def _backslash(line: str, at: int) -> tuple[str, int]:
    """What stands for the backslash at `at` and what it escapes, and where the text goes on."""
    following = line[at + 1 : at + 2]
    if following == "`":
        # The rest of the run would be a run of another length than the one that spans were paired by.
        run = _TICKS.match(line, at + 1)
        end = run.end() if run else at + 2
        return "\\`" * (end - at - 1), end
    if following == "<":
        return "&lt;", at + 2
    if following in _PUNCTUATION:
        return line[at : at + 2], at + 2
    # At the end of a line it breaks the line; before a letter it is itself, and some renderers would run it as TeX.
    return ("\\\\" if following else "\\"), at + 1


def _span_ends(line: str) -> dict[int, int]:
    """Where the code span ends that begins with the run of backticks at a place, for each run that has a partner."""
    ends: dict[int, int] = {}
    next_of_length: dict[int, int] = {}
    for run in reversed([match.span() for match in _TICKS.finditer(line)]):
        length = run[1] - run[0]
        if length in next_of_length:
            ends[run[0]] = next_of_length[length]
        next_of_length[length] = run[1]
    return ends


def _plain_span(span: str) -> bool:
    # Tables are cut at `|`, and definitions of link targets are read, before anybody looks for code spans.
    return "|" not in span and "]:" not in span
