"""The lines of a source file: split at the newline byte only, numbered, named by their digest, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from ..codec import values
from ..errors import Invalid
from ..limits import MIB
from ..model.entry import Json
from .regular import opened

LINE_BYTES_MAX: Final = 128 * MIB
"""A longer line is no line of a transcript; it could not be kept within the memory that an import may take."""

LINE_VALUES_MAX: Final = 4_000_000
"""Lists and objects of a line; one with more is kept and not taken apart, as each of them costs memory many times its bytes."""

HEAD_BYTES: Final = 64 * 1024
"""How much of a file tells its format and whose session it is."""
_BUFFER_BYTES: Final = 256 * 1024
_LISTED: Final = 100
_FIRST_LINE_MAX: Final = 16 * MIB


class Unreadable(msgspec.Struct, frozen=True):
    """Stands for the value of a line that is no JSON, or no UTF-8."""

    reason: str


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a file, without its newline."""

    number: int
    data: bytes
    whole: bool
    """It ends with a newline."""
    text: str | None
    """None if the bytes are not UTF-8."""
    value: Json
    """The JSON value, None for a blank line, or Unreadable."""
    digest: int
    """The first 64 bits of the SHA-256."""

    @property
    def id(self) -> str:
        """The id of its entry."""
        return entry_id(self.number, self.digest)

    @property
    def torn(self) -> bool:
        """A last line that was not written to its end."""
        return not self.whole and isinstance(self.value, Unreadable)


def entry_id(number: int, digest: int) -> str:
    """The id of the entry of a line."""
    return f"{number}:{digest:016x}"


def line_key(identity: str) -> tuple[int, int] | None:
    """The number and digest in the id of a line's entry; None for any other id."""
    number, colon, digest = identity.partition(":")
    if not colon or len(digest) != 16 or not number.isdigit() or number[0] == "0":
        return None
    try:
        return int(number), int(digest, 16)
    except ValueError:
        return None


def lines_of(path: Path) -> Iterator[Line]:
    """The lines of a file.

    Raises:
        Invalid: a line is longer than 128 MiB.
        OSError: the file can't be read.
    """
    with opened(path) as stream:
        number = 0
        while data := stream.readline(LINE_BYTES_MAX + 1):
            number += 1
            whole = data.endswith(b"\n")
            if not whole and len(data) > LINE_BYTES_MAX:
                msg = (
                    f"{path}: line {number} is longer than {LINE_BYTES_MAX // MIB} MiB; this is no transcript of lines"
                )
                raise Invalid(msg)
            yield line_of(number, data[:-1] if whole else data, whole=whole)


def line_of(number: int, data: bytes, *, whole: bool) -> Line:
    """The line with its text, value and digest."""
    digest = int.from_bytes(sha256(data).digest()[:8], "big")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Line(number, data, whole, None, Unreadable(f"not UTF-8 at byte {error.start}"), digest)
    value: Json = None
    if len(data) > LINE_VALUES_MAX and data.count(b"{") + data.count(b"[") > LINE_VALUES_MAX:
        value = Unreadable(f"more than {LINE_VALUES_MAX:,} lists and objects")
    elif data.strip():
        try:
            value = values.decode(data.removeprefix(b"\xef\xbb\xbf"))
        except (ValueError, RecursionError) as error:
            value = Unreadable(str(error)[:200])
    return Line(number, data, whole, text, value, digest)


def head_of(path: Path) -> bytes:
    """The first 64 KiB of a file, and its first line if that is longer."""
    with opened(path) as stream:
        head = stream.read(HEAD_BYTES)
        return head if b"\n" in head else head + stream.readline(_FIRST_LINE_MAX)


def _brief(value: Json) -> Json:
    """The value without the rest of its long lists: what a line says of its session stands in none of them."""
    if isinstance(value, dict):
        return {name: _brief(one) for name, one in value.items()}
    return [_brief(one) for one in value[:_LISTED]] if isinstance(value, list) else value


def first_values(path: Path) -> list[dict[str, Json]]:
    """The objects of the first lines: of 64 KiB, but at least of one line if that is longer. Long lists are cut."""
    found: list[dict[str, Json]] = []
    size = 0
    for line in lines_of(path):
        if isinstance(line.value, dict):
            found.append(_brief(line.value))
        size += len(line.data) + 1
        if size >= HEAD_BYTES and found:
            break
    return found
