"""`memory.db` of crabtalk: one small binary file with notes, topics and the archives of compacted conversations.

header  16 bytes: `CRMEM`, 0, version 1 (u32), flags 0 (u16), 4 zero bytes; all numbers little-endian
body    next id (u64), count (u32), then the entries by id: id (u64), seconds since 1970 (u64), kind (u32), name,
        content (u32 length and UTF-8 each), count of aliases (u32) and the aliases
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

import msgspec

MAGIC: Final = b"CRMEM\x00"
NOTE, ARCHIVE, TOPIC = 0, 1, 2
_HEADER: Final = struct.Struct("<6sIH4s")
_BODY: Final = struct.Struct("<QI")
_ENTRY: Final = struct.Struct("<QQI")
_LENGTH: Final = struct.Struct("<I")


class Memory(msgspec.Struct):
    """One entry of the file."""

    id: int
    created_s: int
    kind: int
    name: str
    content: str
    aliases: list[str] = []


class Memories(msgspec.Struct):
    """All that could be read; with `damage`, what stands before it."""

    entries: list[Memory] = []
    next_id: int = 1
    damage: str = ""

    @property
    def archives(self) -> dict[str, Memory]:
        """The archives by their names."""
        return {entry.name: entry for entry in self.entries if entry.kind == ARCHIVE}


class _Short(Exception):
    pass


class _Bytes:
    def __init__(self, data: bytes, place: int) -> None:
        self._data = data
        self.place = place

    def take(self, layout: struct.Struct) -> tuple[int, ...]:
        if self.place + layout.size > len(self._data):
            raise _Short
        found = layout.unpack_from(self._data, self.place)
        self.place += layout.size
        return found

    def text(self) -> str:
        (length,) = self.take(_LENGTH)
        if self.place + length > len(self._data):
            raise _Short
        piece = self._data[self.place : self.place + length]
        self.place += length
        return piece.decode("utf-8")

    @property
    def left(self) -> int:
        return len(self._data) - self.place


def read_memories(data: bytes) -> Memories:
    """The entries of a memory file; what is damaged ends the reading and is said."""
    found = Memories()
    if len(data) < _HEADER.size + _BODY.size or not data.startswith(MAGIC):
        found.damage = "no memory file, or one that breaks off in its head"
        return found
    _, version, flags, _ = _HEADER.unpack_from(data)
    if version != 1 or flags:
        found.damage = f"version {version} with flags {flags}; version 1 without flags can be read"
        return found
    stream = _Bytes(data, _HEADER.size)
    found.next_id, count = stream.take(_BODY)
    try:
        for _ in range(count):
            found.entries.append(_entry(stream))
    except _Short:
        found.damage = f"it breaks off at byte {stream.place}, after {len(found.entries)} of {count} entries"
    except ValueError as error:
        found.damage = f"at byte {stream.place}, after {len(found.entries)} of {count} entries: {error}"
    else:
        if stream.left:
            found.damage = f"{stream.left} bytes stand behind its last entry"
    return found


def _entry(stream: _Bytes) -> Memory:
    number, created, kind = stream.take(_ENTRY)
    if kind not in (NOTE, ARCHIVE, TOPIC):
        msg = f"kind {kind} is not known"
        raise ValueError(msg)
    name, content = stream.text(), stream.text()
    (aliases,) = stream.take(_LENGTH)
    if aliases > stream.left:
        raise _Short
    return Memory(number, created, kind, name, content, [stream.text() for _ in range(aliases)])


def write_memories(entries: Iterable[Memory], *, next_id: int = 1) -> bytes:
    """The bytes of a memory file that holds these entries, which have different ids and names."""
    ordered = sorted(entries, key=lambda entry: entry.id)
    most = max((entry.id for entry in ordered), default=0)
    pieces = [_HEADER.pack(MAGIC, 1, 0, bytes(4)), _BODY.pack(max(next_id, most + 1), len(ordered))]
    for entry in ordered:
        pieces.append(_ENTRY.pack(entry.id, entry.created_s, entry.kind))
        pieces += (_text(entry.name), _text(entry.content), _LENGTH.pack(len(entry.aliases)))
        pieces += (_text(alias) for alias in entry.aliases)
    return b"".join(pieces)


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "replace")
    return _LENGTH.pack(len(data)) + data
