"""The derived title: the first line that a user wrote, cut where a reader would cut it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from ..model.entry import Json

TITLE_LENGTH: Final = 60
"""Characters of a derived title as a reader counts them, the ellipsis included."""

_SCANNED: Final = 4_000
"""Code points of a line that are looked at: marks can be piled up without end."""

_JOINER: Final = "\u200d"
_ALWAYS_JOINED: Final = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")


def derived_title(parts: Iterable[Json]) -> str | None:
    """The first non-empty line of the first text part that has one, at most 60 characters long; None without."""
    for part in parts:
        text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
        if isinstance(text, str) and (stripped := text.lstrip()):
            line = stripped[: _SCANNED + 1].splitlines()[0].rstrip()
            return shorten(line)
    return None


def shorten(line: str, length: int = TITLE_LENGTH) -> str:
    """The line itself if it has at most `length` characters, else its beginning with `…` in the last place.

    A character is what a reader sees as one: marks, joined emoji, flags and Hangul syllables are never parted.
    """
    if len(line) <= length:
        return line
    if line[: length + 1].isascii():
        return line[: length - 1].rstrip() + "…"
    place, count, cut = 0, 0, 0
    limit = min(len(line), _SCANNED)
    while place < limit:
        place = _next(line, place, limit)
        count += 1
        if count == length - 1:
            cut = place
        if count > length:
            return line[:cut].rstrip() + "…"
    if limit == len(line):
        return line
    return line[: cut or limit].rstrip() + "…"


def _next(line: str, place: int, limit: int) -> int:
    """Where the character that begins at `place` ends."""
    previous = line[place]
    flags = _is_flag(previous)
    place += 1
    while place < limit:
        character = line[place]
        if flags and _is_flag(character):
            flags = False
        elif previous != _JOINER and not _extends(character) and not _same_syllable(previous, character):
            break
        else:
            flags = False
        previous = character
        place += 1
    return place


def _extends(character: str) -> bool:
    """Whether it belongs to the character before it: marks, joiners, variation selectors, skin tones, tags."""
    code = ord(character)
    if code < 0x300:
        return False
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or character in _ALWAYS_JOINED
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
    )


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _same_syllable(previous: str, character: str) -> bool:
    """Whether two pieces of Hangul form one syllable."""
    if not "\u1100" <= character <= "\ud7fb":
        return False
    before, after = _hangul(previous), _hangul(character)
    if before == "L":
        return after in ("L", "V", "LV", "LVT")
    if before in ("V", "LV"):
        return after in ("V", "T")
    return before in ("T", "LVT") and after == "T"


def _hangul(character: str) -> str:
    """The kind of a piece of Hangul: leading, vowel, trailing, or a syllable of them; "" for anything else."""
    code = ord(character)
    if 0xAC00 <= code <= 0xD7A3:
        return "LVT" if (code - 0xAC00) % 28 else "LV"
    if 0x1100 <= code <= 0x115F or 0xA960 <= code <= 0xA97C:
        return "L"
    if 0x1160 <= code <= 0x11A7 or 0xD7B0 <= code <= 0xD7C6:
        return "V"
    return "T" if 0x11A8 <= code <= 0x11FF or 0xD7CB <= code <= 0xD7FB else ""
