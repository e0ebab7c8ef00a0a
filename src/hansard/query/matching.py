"""Whether a text is found, how well, and what of it to show: pure, and the same for every backend."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from .search import And, Or, Phrase, Text, Without, Word
from .tokens import TOKEN_CHARS_MAX, stream

SNIPPET_CHARS: Final = 160

_BEFORE: Final = 50
_DAY_US: Final = 86_400_000_000
_HALF_LIFE_US: Final = 30 * _DAY_US
_WEIGHTS: Final = {"title": 2.0, "summary": 1.3, "user": 1.2, "assistant": 1.0, "system": 0.6, "tool": 0.5}
_SATURATION: Final = 1.2
_USUAL_CHARS: Final = 1_200
_TRIES: Final = 20
_RUN: Final = re.compile(r"\w[\w+#]*|[^\s\w\u0000-\u00ff]")
_NO_TEXT: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_ROOM: Final = 12
"""Characters of text, at most, for each character of a phrase that may stand there: punctuation between words."""


def doc_of(tokens: Iterable[str]) -> str:
    """Tokens as one text with a space around each, in which words and phrases are found as substrings."""
    return f" {' '.join(tokens)} "


def _needle(leaf: Word | Phrase) -> str:
    words = leaf.token if isinstance(leaf, Word) else " ".join(leaf.tokens)
    return f" {words}" if leaf.prefix else f" {words} "


def is_in(text: Text | None, doc: str, whole: Iterable[str] = ()) -> bool:
    """Whether a text tree is found in one document; what must not be there, in none of `whole` either."""
    match text:
        case None:
            return True
        case Word() | Phrase():
            return _needle(text) in doc
        case And():
            return all(is_in(item, doc, whole) for item in text.items)
        case Or():
            return any(is_in(item, doc, whole) for item in text.items)
        case Without():
            return not is_in(text.item, doc) and not any(is_in(text.item, other) for other in whole)


def text_matches(text: Text | None, tokens: Sequence[str]) -> bool:
    """Whether a text tree is found in a piece of text, given by its tokens."""
    return is_in(text, doc_of(tokens))


def leaves(text: Text | None) -> Iterator[Word | Phrase]:
    """The words and phrases that are looked for, without those that must not be there."""
    match text:
        case Word() | Phrase():
            yield text
        case And() | Or():
            for item in text.items:
                yield from leaves(item)
        case _:
            return


def score(text: Text | None, doc: str, *, role: str, at_us: int, now_us: int) -> float:
    """How well a document answers a search: how often and how near to each other its words stand, who said it, when.

    No statistics of other documents go in, so every backend gives the same. Never negative.
    """
    wanted = list(dict.fromkeys(leaves(text)))
    norm = _SATURATION * (0.25 + 0.75 * len(doc) / _USUAL_CHARS)
    total = 0.0
    for leaf in wanted:
        count = _count(doc, _needle(leaf))
        size = 1 if isinstance(leaf, Word) else len(leaf.tokens)
        total += (1.0 + 0.5 * min(size - 1, 4)) * count / (count + norm)
    if len(wanted) > 1:
        total += _nearness(wanted, doc)
    age = max(0, now_us - at_us)
    recency = 1.0 + 0.5 * 0.5 ** (age / _HALF_LIFE_US)
    return round((total or 1.0) * _WEIGHTS.get(role, 0.8) * recency, 9)


def _count(doc: str, needle: str) -> int:
    """How often a needle stands in a document, where two in a row share the space between them."""
    count, place = 0, doc.find(needle)
    while place >= 0:
        count += 1
        place = doc.find(needle, place + len(needle) - 1)
    return count


def _nearness(wanted: Sequence[Word | Phrase], doc: str) -> float:
    """1 where all words stand side by side, falling to 0 with the distance; 0 if one is missing."""
    needles = [_needle(leaf) for leaf in wanted]
    best = 0.0
    start = doc.find(needles[0])
    for _ in range(_TRIES):
        if start < 0:
            break
        places = [start]
        for needle in needles[1:]:
            after, before = doc.find(needle, start), doc.rfind(needle, 0, start + 1)
            near = [place for place in (after, before) if place >= 0]
            if not near:
                return 0.0
            places.append(min(near, key=lambda place: abs(place - start)))
        gap = max(places) - min(places) - sum(map(len, needles)) + len(needles)
        best = max(best, 1.0 / (1.0 + max(0, gap) / 40))
        start = doc.find(needles[0], start + 1)
    return best


# -- snippets ----------------------------------------------------------------------------------------------------------


def snippet(text: str, search: Text | None) -> str:
    """About 160 characters of a text around the first place that a search finds, on one line."""
    start = _first_match(text, search)
    begin = max(0, start - _BEFORE)
    if begin:
        begin = _word_start(text, begin, start)
    end = _safe_end(text, min(len(text), begin + SNIPPET_CHARS))
    body = _NO_TEXT.sub(" ", text[begin:end]).strip()
    return f"{'…' if begin else ''}{body}{'…' if end < len(text) else ''}"


def _word_start(text: str, begin: int, start: int) -> int:
    """The first beginning of a word at or after `begin`; `begin` if there is none before the match."""
    for place in range(begin, start):
        if text[place - 1].isspace() and not text[place].isspace():
            return place
    while begin > 0 and _joins(text, begin):
        begin -= 1
    return begin


def _safe_end(text: str, end: int) -> int:
    limit = min(len(text), end + 16)
    while end < limit and _joins(text, end):
        end += 1
    return end


def _joins(text: str, place: int) -> bool:
    """Whether the character at a place belongs to the one before it: a mark, a joiner, what a joiner joins."""
    char = text[place]
    if char <= "\u02ff":
        return False
    return (
        unicodedata.category(char)[0] == "M"
        or char == "\u200d"
        or text[place - 1] == "\u200d"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )


def _first_match(text: str, search: Text | None) -> int:
    """Where the first word or phrase that is found begins; 0 if none is."""
    wanted = list(leaves(search))
    if not wanted:
        return 0
    firsts = [(leaf.token,) if isinstance(leaf, Word) else leaf.tokens for leaf in wanted]
    for match in _RUN.finditer(text):
        inside = stream(match[0][: 4 * SNIPPET_CHARS])
        for leaf, needed in zip(wanted, firsts, strict=True):
            for number, token in enumerate(inside):
                if not _begins(token, needed, prefix=leaf.prefix):
                    continue
                place = match.start() + (number if len(inside) > 1 else 0)
                if len(needed) == 1 or _goes_on(text, place, leaf):
                    return place
    return _inner_match(text, wanted)


def _begins(token: str, needed: Sequence[str], *, prefix: bool) -> bool:
    return token.startswith(needed[0]) if prefix and len(needed) == 1 else token == needed[0]


def _goes_on(text: str, place: int, leaf: Word | Phrase) -> bool:
    needle = _needle(leaf)
    window = text[place : place + _ROOM * len(needle) + TOKEN_CHARS_MAX]
    return doc_of(stream(window)).startswith(needle)


def _inner_match(text: str, wanted: Sequence[Word | Phrase]) -> int:
    """Where a word is found inside another one, as a part of CamelCase is; 0 if nowhere."""
    folded = text.casefold()
    for leaf in wanted:
        place = folded.find(leaf.token if isinstance(leaf, Word) else "".join(leaf.tokens))
        if 0 <= place < len(text):
            return place
    return 0
