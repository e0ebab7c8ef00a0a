"""Ids for sessions that a framework names by several words: one id for one key, readable, and no two keys with one id."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from ..limits import ID_BYTES_MAX

_PLAIN: Final = re.compile(rb"[A-Za-z0-9_.\-]")


def joined(*words: str, by: str = "@") -> str:
    """The words joined; every byte in them that is no letter, digit, `_`, `.` or `-` is written `%xx`.

    The framework's own id comes first, so that a person finds the session by its beginning.
    """
    return fitting(by.join(escaped(word) for word in words))


def escaped(word: str) -> str:
    """The word with every byte but letters, digits, `_`, `.` and `-` as `%xx`."""
    data = word.encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if _PLAIN.match(bytes((byte,))) else f"%{byte:02x}" for byte in data)


def fitting(identity: str) -> str:
    """The id itself, or if it is empty, too long or no Unicode its beginning and the hash of the whole."""
    data = identity.encode("utf-8", "surrogatepass")
    text = data[:300].decode("utf-8", "ignore")
    if 0 < len(data) <= ID_BYTES_MAX and (identity.isascii() or data.decode("utf-8", "ignore") == identity):
        return identity
    return f"{text}~{sha256(data).hexdigest()}"
