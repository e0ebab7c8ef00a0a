"""Ids of sessions and entries, and the file names that stand for them.

A name is reversible where it is short: `[a-z0-9_-]` stand for themselves, every other byte is `%xx`. So `A` and `a`
differ on a file system that folds case, `..` can't climb, and no id leaves its folder.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from hashlib import sha256
from typing import Final
from urllib.parse import unquote_to_bytes

from ..errors import Invalid
from ..limits import CATEGORY_DEPTH_MAX, ID_BYTES_MAX
from ..model.documents import KINDS, DocumentKey

_NAME_BYTES_MAX = 120
_OTHERS = re.compile(rb"[^a-z0-9_-]")
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul"] + [f"{port}{n}" for port in ("com", "lpt") for n in range(10)],
)


def check_id(value: object, what: str = "session id") -> str:
    """The id itself, if it is a str of 1 to 512 UTF-8 bytes.

    Raises:
        Invalid: empty, over-long, not a str, or not encodable as UTF-8.
    """
    if not isinstance(value, str):
        msg = f"{what}: {type(value).__name__} is not a str"
        raise Invalid(msg)
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        msg = f"{what} {value!r}: lone surrogates can't be encoded as UTF-8; use another id"
        raise Invalid(msg) from None
    if not 1 <= size <= ID_BYTES_MAX:
        msg = f"{what}: {size} bytes; an id has 1 to {ID_BYTES_MAX} bytes of UTF-8"
        raise Invalid(msg)
    return str(value)


def name_of(identifier: str) -> str:
    """The file name that stands for an id: different ids have different names, also where case is folded."""
    raw = identifier.encode()
    name = _OTHERS.sub(lambda found: b"%%%02x" % found[0][0], raw).decode("ascii")
    if name in _DEVICES:
        name = f"%{raw[0]:02x}{name[1:]}"
    if len(name) > _NAME_BYTES_MAX:
        name = f"{name[:80]}~{sha256(raw).hexdigest()[:32]}"
    return name


def id_of(name: str) -> str | None:
    """The id that a file name stands for; None if it stands for none, or was too long to tell."""
    try:
        found = unquote_to_bytes(name).decode()
    except UnicodeDecodeError:
        return None
    return found if found and "~" not in name and name_of(found) == name else None


def check_key(key: DocumentKey) -> DocumentKey:
    """The key itself, if it can name a document.

    Raises:
        Invalid: its category has an empty segment or too many, or its name or kind can't be taken.
    """
    check_id(key.name, "document name")
    check_category(key.category)
    if key.kind not in KINDS:
        msg = f"document {key.name!r}: its kind is {' or '.join(KINDS)}, not {key.kind!r}"
        raise Invalid(msg)
    return key


def check_category(category: object) -> tuple[str, ...]:
    """The segments of a category; none for the store's own top.

    Raises:
        Invalid: a segment is empty or too long, or there are too many.
    """
    if not isinstance(category, str):
        msg = f"category: {type(category).__name__} is not a str"
        raise Invalid(msg)
    segments = tuple(category.split("/")) if category else ()
    if len(segments) > CATEGORY_DEPTH_MAX:
        msg = f"category: {len(segments)} segments; at most {CATEGORY_DEPTH_MAX} can be nested"
        raise Invalid(msg)
    for segment in segments:
        check_id(segment, f"category {category[:80]!r}: segment")
    return segments


_VARIANTS = {digit: "89ab"[number % 4] for number, digit in enumerate("0123456789abcdef")}
"""The two highest bits of the fourth group are 10, the rest of its first digit is drawn."""


class _Chance:
    """Words of 16 random hex digits, drawn from the system many at a time: each call of it hands the interpreter over."""

    def __init__(self) -> None:
        self._words: deque[str] = deque()

    def draw(self, count: int) -> list[str]:
        words = self._words
        if len(words) < count:
            drawn = os.urandom(8 * max(count, _WORDS)).hex()
            words.extend([drawn[place : place + 16] for place in range(0, len(drawn), 16)])
        # Another thread may have taken what was there a moment ago.
        try:
            return [words.popleft() for _ in range(count)]
        except IndexError:
            return self.draw(count)


_WORDS: Final = 256
_chance: Final = _Chance()


def new_salts(count: int) -> list[str]:
    """As many salts: 64 random bits each, as 16 hex digits."""
    return _chance.draw(count)


class _Uuid7:
    """UUIDv7 that rises within a process: 48 bits of milliseconds, 12 bits of their fraction, 62 random bits.

    Ids that are drawn together share the random bits and differ in the fraction, which counts on (RFC 9562, 6.2, method 3).
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._last = 0

    def draw(self, count: int) -> list[str]:
        (drawn,) = _chance.draw(1)
        stamp = (time.time_ns() << 12) // 1_000_000
        with self._mutex:
            if stamp <= self._last:
                stamp = self._last + 1
            self._last = stamp + count - 1
        tail = f"-{_VARIANTS[drawn[0]]}{drawn[1:4]}-{drawn[4:]}"
        found: list[str] = []
        for number in range(stamp, stamp + count):
            digits = f"{number:015x}"
            found.append(f"{digits[:8]}-{digits[8:12]}-7{digits[12:]}{tail}")
        return found


_uuid7 = _Uuid7()
# A forked child must neither wait for a mutex that its parent held nor repeat the parent's counter.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_uuid7.__init__)
    os.register_at_fork(after_in_child=_chance.__init__)


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562), larger than all that this process drew before."""
    return _uuid7.draw(1)[0]


def new_ids(count: int) -> list[str]:
    """As many fresh ids, each larger than the one before it; cheaper than one by one."""
    return _uuid7.draw(count)
