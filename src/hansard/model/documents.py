"""Documents: texts that stand beside sessions and have versions. Plans, archives, personas, shared state."""

from __future__ import annotations

from typing import Final

import msgspec

KINDS: Final = ("md", "json")
"""What a document can be: Markdown (any text), or JSON."""


class DocumentKey(msgspec.Struct, frozen=True, order=True):
    """What names a document: the same name may stand once as Markdown and once as JSON."""

    category: str
    """One or several segments with `/` between them, each 1 to 512 bytes; "" is the store's own top."""
    name: str
    kind: str = "md"
    """md or json."""


class Document(msgspec.Struct, frozen=True, order=True):
    """One version of a document, without its content."""

    key: DocumentKey
    version: int
    """1, 2, 3 …; never used twice for one key, not even after a deletion."""
    sha256: str
    """Of the content; "" marks a deletion."""
    size: int
    at: str
    """When it was written: RFC 3339, UTC, microseconds, `Z`."""


class DocumentWrite(msgspec.Struct, frozen=True):
    """One document of the store that is to be written together with an append."""

    key: DocumentKey
    data: bytes
    expect: int | None = None
    """Compare-and-set on the version; 0: it must not be there."""
