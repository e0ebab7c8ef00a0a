"""Arrays as the wire carries them: the driver builds them item by item, which costs more than the rest of an append."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

_HEAD: Final = struct.Struct("!iiIii")
_SIZE: Final = struct.Struct("!i")
_NUMBER: Final = struct.Struct("!iq")
_BYTEA: Final = 17
_INT8: Final = 20


class Blobs:
    """A `bytea[]`."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[bytes]) -> None:
        """Of these."""
        self.items = items


class Numbers:
    """A `bigint[]`."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[int]) -> None:
        """Of these."""
        self.items = items


class _BlobsDumper(Dumper):
    format = Format.BINARY
    oid = 1001

    def dump(self, obj: Blobs) -> bytes:
        items = obj.items
        pieces = [_HEAD.pack(1, 0, _BYTEA, len(items), 1)]
        for item in items:
            pieces += (_SIZE.pack(len(item)), item)
        return b"".join(pieces)


class _NumbersDumper(Dumper):
    format = Format.BINARY
    oid = 1016

    def dump(self, obj: Numbers) -> bytes:
        items = obj.items
        return _HEAD.pack(1, 0, _INT8, len(items), 1) + b"".join([_NUMBER.pack(8, item) for item in items])


def register(adapters: AdaptersMap) -> None:
    """Have a connection send them."""
    adapters.register_dumper(Blobs, _BlobsDumper)
    adapters.register_dumper(Numbers, _NumbersDumper)
