"""Hostile text made fit to show: transcripts hold whatever a model, a tool or a web page has said.

A terminal obeys what it is sent: it can be made to set titles, write the clipboard, move the cursor over what it
showed before, or show text in another order than it has. So all that goes to a terminal or into a page passes here.
"""

from __future__ import annotations

import re
from typing import Final

# Every alternative begins with ESC or its C1 form and takes no further one, so that a search never reads a character
# twice. A string (title, clipboard, hyperlink …) without its end is no string: only its introducer goes, because what
# follows may be the text that somebody wanted hidden.
_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x00-\x08\n-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*+[0-~]?"
)
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def strip_control(text: str) -> str:
    """The text without anything that steers a terminal or turns the order of what is read.

    Afterwards it holds no terminal sequence (CSI, OSC with its title or link target, DCS and the like), no C0 control
    but newline and tab, no DEL, no C1 control, and no bidirectional override, embedding or isolate. All else is there
    in its order; right-to-left text keeps its own direction. Takes time in proportion to the text, whatever it is.
    """
    if not _CONTROL.search(text):
        return text
    return _CONTROL.sub("", _SEQUENCE.sub("", text))


def encodable(text: str) -> str:
    """The text with U+FFFD for every lone surrogate, so that it can be written as UTF-8."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def readable(text: str) -> str:
    """The text for a page or a screen: every kind of line end is a newline; no controls, no lone surrogates."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return encodable(strip_control(text))


def one_line(text: str, *, limit: int = 200) -> str:
    """The text for a heading, a label or a cell: `readable`, white space folded, cut after `limit` characters."""
    folded = " ".join(readable(text[: 4 * limit]).split())
    return folded if len(folded) <= limit and len(text) <= 4 * limit else folded[: limit - 1] + "…"
