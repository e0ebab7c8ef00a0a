"""The one tokeniser: text → the tokens that every backend indexes and every search asks for.

Text is normalised (NFKC), casefolded and, in Latin and Greek, freed of diacritics. Then

- runs of letters and digits are tokens: `src/main.rs` is src, main, rs; `snake_case` is snake, case;
- `c++`, `g++`, `c#`, `f#` (one or two letters) are tokens of their own, so that a search for one does not find `c`;
- scripts without spaces between words (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese) give overlapping pairs of
  characters, and the last character of each run once more alone: so each single character is the beginning of a token;
- a symbol such as an emoji is a token;
- a word in CamelCase is one token, and its parts follow at the end of the text behind a BREAK, so that `user` finds
  `getUserName` and phrases around the word still hold.

Tokens are at most 64 characters long: longer runs (hashes, base64) are known by their beginning.
"""

from __future__ import annotations

import codecs
import functools
import re
import unicodedata
from itertools import pairwise
from typing import Final

BREAK: Final = "_"
"""Stands between tokens that do not follow each other in the text. No text gives it."""

TOKEN_CHARS_MAX: Final = 64

_WITH_SIGNS: Final = re.compile(r"(?<![^\s+#])[^\W\d_]{1,2}(?:\+\+(?!\+)|#(?![^\s+#]))|[^\s+#]+")
_SIGNED: Final = re.compile(rb"(?<![A-Za-z0-9])[A-Za-z]{1,2}(?:\+\+|#)")
_SIGNED_TEXT: Final = re.compile(r"[^\W\d_]{1,2}(?:\+\+|#)")
_NO_SIGNS: Final = {ord("+"): " ", ord("#"): " "}
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")
_EXPANSION_MAX: Final = 20
_RUN_KEPT: Final = 8
_RUNS_MAX: Final = 4_096
_RUNS: Final[dict[str, str]] = {}
"""What short runs of characters beyond ASCII fold to: quotes, bullets and arrows come again and again."""

_HUMP: Final = re.compile(rb"[a-z0-9][A-Z]|[A-Z]{2}[a-z]{2}")
_CAMEL_PART: Final = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z0-9]+|[0-9]+")
_DENSE: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u3096\u3099-\u309a\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7ff"
    "\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
"""Characters of scripts that are written without spaces between words, or whose words carry endings (Korean)."""


# Made when they are first needed: making them takes as long as loading ten modules, and most programs never search.
@functools.cache
def _in_dense() -> re.Pattern[str]:
    return re.compile(f"[{_DENSE}]")


@functools.cache
def _dense_run() -> re.Pattern[str]:
    return re.compile(f"[{_DENSE}]+|[^{_DENSE}]+")


def tokens(text: str) -> list[str]:
    """The tokens of a text, in its order, then the parts of its CamelCase words behind BREAKs."""
    return stream(text) + _camel(text)


def spaced(text: str) -> str:
    """The same tokens as one string, with spaces between them: what an index takes, in half the time."""
    found: str | None = None
    plain = _plain(text)
    if plain is not None and not _holds_signed(plain) and _LONG not in plain.translate(_LETTERS):
        found = plain.translate(_BYTES).decode("ascii")
    if found is None:
        found = " ".join(stream(text))
    more = _camel(text)
    return f"{found} {' '.join(more)}" if more else found


def _camel(text: str) -> list[str]:
    """The parts of the CamelCase words of a text, those of each word behind a BREAK."""
    found: list[str] = []
    data = text.encode("utf-8", "surrogatepass")
    # Looking for what may be a hump in the shape alone is many times faster than looking at each word.
    shape = data.translate(_SHAPES)
    places = _places_of(b"aA", shape)
    if b"AAaa" in shape:
        places = sorted(places + _places_of(b"AAaa", shape))
    for word in dict.fromkeys([_word_at(data, shape, place) for place in places]):
        if len(word) <= TOKEN_CHARS_MAX and _HUMP.search(word):
            found.append(BREAK)
            found += [part.lower() for part in _CAMEL_PART.findall(word.decode("ascii"))]
    return found


def _places_of(hump: bytes, shape: bytes) -> list[int]:
    """Where a shape stands, of each word the first place; the others may be left out."""
    found: list[int] = []
    place = shape.find(hump)
    while place >= 0:
        found.append(place)
        end = shape.find(b" ", place)
        place = shape.find(hump, end) if end >= 0 else -1
    return found


def _word_at(data: bytes, shape: bytes, place: int) -> bytes:
    """The word around a place."""
    end = shape.find(b" ", place)
    return data[shape.rfind(b" ", 0, place) + 1 : end if end >= 0 else len(data)]


def tokens_at_most(text: str) -> int:
    """A number that `tokens` of a text does not exceed, found in a tenth of the time."""
    data = text.encode("utf-8", "surrogatepass")
    shape = data.translate(_SHAPES)
    words = 1 + shape.count(b" a") + shape.count(b" A")
    humps = shape.count(b"aA") + shape.count(b"Aa")
    # A BREAK and a first part for each CamelCase word, and what one character beyond ASCII may come to in NFKC.
    return words + (2 * words + humps if humps else 0) + _EXPANSION_MAX * (len(data) - len(text))


def stream(text: str, *, ends: bool = True) -> list[str]:
    """The tokens of a text without the parts of CamelCase words: what a phrase consists of.

    With `ends` False, the last run of a script without spaces does not give its last character alone, so that a phrase
    that ends with it is also found where the run goes on.
    """
    plain = _plain(text)
    if plain is not None:
        return _of_ascii(plain)
    folded = _FOREIGN.sub(lambda run: _folded_run(run[0]), text).casefold().translate(_FOLD)
    signs = ("++" in folded or "#" in folded) and _SIGNED_TEXT.search(folded)
    found = _WITH_SIGNS.findall(folded) if signs else folded.translate(_NO_SIGNS).split()
    if _in_dense().search(folded):
        found = _pairs(found, ends=ends)
    return _cut(found)


def _plain(text: str) -> bytes | None:
    """A text with what is beyond ASCII folded; None if that leaves something beyond ASCII."""
    try:
        return text.encode("ascii", _FOLDING)
    except UnicodeEncodeError:
        return None


def _folded_error(error: UnicodeError) -> tuple[str, int]:
    """What stands for a run of characters that ASCII does not have: the encoder finds them faster than a pattern."""
    if isinstance(error, UnicodeEncodeError):
        found = _folded_run(error.object[error.start : error.end])
        if found.isascii():
            return found, error.end
    raise error


_FOLDING: Final = "hansard-folding"
codecs.register_error(_FOLDING, _folded_error)


def _holds_signed(plain: bytes) -> bool:
    if b"++" not in plain and b"#" not in plain:
        return False
    # Hardly any sign stands behind a letter, and the pattern looks at each letter.
    shape = plain.translate(_SHAPES_AND_SIGNS)
    return (b"a++" in shape or b"a#" in shape) and _SIGNED.search(plain) is not None


def _of_ascii(plain: bytes) -> list[str]:
    if _holds_signed(plain):
        return _cut(_WITH_SIGNS.findall(plain.translate(_BYTES_AND_SIGNS).decode("ascii")))
    return _cut(plain.translate(_BYTES).decode("ascii").split())


def _folded_run(run: str) -> str:
    """A run of characters beyond ASCII, folded by itself: what stands around it changes nothing.

    Of what NFKC makes of an ASCII character and the marks behind it, folding keeps the character alone, as it does here.
    """
    found = _RUNS.get(run)
    if found is None:
        found = unicodedata.normalize("NFKC", run).casefold().translate(_FOLD)
        if len(run) <= _RUN_KEPT and len(_RUNS) < _RUNS_MAX:
            _RUNS[run] = found
    return found


def is_dense(text: str) -> bool:
    """Whether a text begins with a character of a script without spaces between words."""
    return _in_dense().match(text) is not None


def _cut(found: list[str]) -> list[str]:
    if found and max(map(len, found)) > TOKEN_CHARS_MAX:
        return [token[:TOKEN_CHARS_MAX] for token in found]
    return found


def _pairs(words: list[str], *, ends: bool) -> list[str]:
    found: list[str] = []
    runs = [run for word in words for run in _dense_run().findall(word)]
    for number, run in enumerate(runs):
        if not _in_dense().match(run):
            found.append(run)
            continue
        found += map("".join, pairwise(run))
        if ends or len(run) == 1 or number < len(runs) - 1:
            found.append(run[-1])
    return found


def _table(kept: str) -> bytes:
    """Byte → its small letter, itself, or a space."""
    return bytes(ord(chr(b).lower()) if chr(b) in kept or (b < 128 and chr(b).isalnum()) else 32 for b in range(256))


def _shapes() -> bytes:
    """Byte → A for a capital, a for a small letter or digit, else a space."""
    plain = [chr(b) if b < 128 and chr(b).isalnum() else " " for b in range(256)]
    return "".join("A" if char.isupper() else "a" if char != " " else char for char in plain).encode("ascii")


_SHAPES: Final = _shapes()
_SHAPES_AND_SIGNS: Final = bytes(
    b if chr(b) in "+#" else 97 if b < 128 and chr(b).isalpha() else 32 for b in range(256)
)
"""Byte → a for a letter, a sign itself, else a space."""

_LETTERS: Final = _SHAPES.replace(b"A", b"a")
_LONG: Final = b"a" * (TOKEN_CHARS_MAX + 1)
_WORDS: Final = bytes(b if b < 128 and chr(b).isalnum() else 32 for b in range(256))
"""Byte → itself, or a space."""

_BYTES: Final = _table("")
_BYTES_AND_SIGNS: Final = _table("+#")


class _Fold(dict[int, str]):
    """Character → what stands for it, found out once for each character that is met."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = found = _folded(char)
        return found


def _folded(char: str) -> str:
    if char in "+#":
        return char
    kind = unicodedata.category(char)
    if kind[0] == "L" or kind[0] == "N":
        base = unicodedata.normalize("NFD", char)[0]
        return base if base.isascii() or "\u0370" <= base <= "\u03ff" else char
    if kind[0] == "M":
        return char if _keeps(char) else ""
    if kind == "Cf":
        return ""
    return f" {char} " if kind == "So" and char >= "\u2600" else " "


def _keeps(mark: str) -> bool:
    """Whether a mark is part of how a word is spelled, as vowel signs of Indic scripts are, and points are not."""
    if "\ufe00" <= mark <= "\ufe0f" or "\u0591" <= mark <= "\u05c7" or "\u0610" <= mark <= "\u06ed":
        return False
    return unicodedata.combining(mark) in (0, 7, 8, 9) or "\u0900" <= mark <= "\u1cff"


_FOLD: Final = _Fold()
