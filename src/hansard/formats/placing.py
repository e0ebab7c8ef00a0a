"""Files of an export in their folder: names that no two sessions share, and writes that survive a power cut."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..codec.names import name_of
from ..codec.times import microseconds
from ..store.folders import make_folders, sync_folder
from .safe import encodable


class Taken(Exception):
    """Something else is at the place where a file should go; says what."""


class Folder:
    """A folder that an export writes to."""

    def __init__(self, root: Path) -> None:
        """Begin with no name given away; nothing is made before the first write."""
        self.root = root
        self._names: set[str] = set()

    def name(self, wanted: str, identity: str, *, allowed: bool) -> str:
        """A name for a session that no other one of this export has, also where case is folded.

        It is `wanted` if that is allowed and free, else one that follows from the session's id.
        """
        found = wanted
        if not allowed or not self._take(found):
            base = name_of(identity)
            found, number = base, 1
            while not self._take(found):
                number += 1
                found = f"{base}~{number}"
        return found

    def _take(self, name: str) -> bool:
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in self._names:
            return False
        self._names.add(folded)
        return True

    def check_free(self, path: str, *, ours: Callable[[bytes], bool]) -> None:
        """Return if nothing is at a path, or a file that is this session's own: that one may be replaced.

        Raises:
            Taken: something else is there.
        """
        place = self.root / path
        if not os.path.lexists(place):
            return
        if place.is_symlink() or not place.is_file():
            msg = f"{path}: this is no regular file; choose an empty folder"
            raise Taken(msg)
        if not ours(place.read_bytes()):
            msg = f"{path}: the file there is of another session; choose an empty folder"
            raise Taken(msg)

    def write(self, path: str, data: bytes) -> None:
        """The file holds the data, durable, and never a part of it.

        Raises:
            OSError: it can't be written.
        """
        place = self.root / path
        make_folders(place.parent)
        draft = place.parent / f".{uuid4().hex}.tmp"
        try:
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(place)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(place.parent)


def fits_in_a_name(text: str, *, limit: int) -> bool:
    """Whether a text can be a file's name without its ending: not empty, short enough, without control characters."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= limit and text.isprintable() and not text.startswith(".") and text == text.strip()


def chrono(at: str) -> str:
    """A time of ours as Rust's chrono prints it: no more groups of three digits than it needs."""
    fraction = microseconds(at) % 1_000_000
    whole = at[:19]
    if not fraction:
        return f"{whole}Z"
    return f"{whole}.{fraction // 1000:03d}Z" if fraction % 1000 == 0 else f"{whole}.{fraction:06d}Z"


def writable(value: Any) -> Any:
    """The value with lone surrogates, which no UTF-8 file can hold, as U+FFFD."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, list):
        return [writable(item) for item in value]
    if isinstance(value, dict):
        return {encodable(key): writable(item) for key, item in value.items()}
    return value
