"""The documents of a memory store: each a list of versions, each version with its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from ..errors import Corrupt
from ..model.documents import Document, DocumentKey
from ..model.requests import Clock, Finding
from . import versions as rules
from .versions import live, shown, within


class MemoryDocuments:
    """Versions by key. Nothing here takes a lock: the backend holds one around each verb."""

    def __init__(self, clock: Clock) -> None:
        """No documents yet."""
        self._clock = clock
        self._versions: dict[DocumentKey, list[Document]] = {}
        self._contents: dict[tuple[DocumentKey, str], bytes] = {}

    def put(self, key: DocumentKey, data: bytes, *, expect: int | None) -> Document:
        """The document has this content; its version."""
        there = self._versions.get(key, [])
        new = rules.next_version(there, key, data, expect=expect, now_us=self._clock())
        if new is None:
            return there[-1]
        self._contents[key, new.sha256] = bytes(data)
        self._versions[key] = [*there, new]
        return new

    def get(self, key: DocumentKey, *, version: int | None) -> tuple[Document, bytes] | None:
        """A version and its bytes; None if there is none.

        Raises:
            Corrupt: the bytes do not have their hash.
        """
        there = self._versions.get(key, [])
        wanted = live(there) if version is None else next((one for one in there if one.version == version), None)
        if wanted is None or not wanted.sha256:
            return None
        data = self._contents[key, wanted.sha256]
        if sha256(data).hexdigest() != wanted.sha256:
            msg = f"document {shown(key)}: the content of version {wanted.version} does not have its hash"
            raise Corrupt(msg)
        return wanted, data

    def list(self, category: str | None) -> tuple[Document, ...]:
        """The documents of a category and below it, sorted."""
        found = [now for there in self._versions.values() if (now := live(there)) is not None]
        return tuple(sorted(one for one in found if within(one.key.category, category)))

    def versions(self, key: DocumentKey) -> tuple[Document, ...]:
        """All versions, the oldest first."""
        return tuple(self._versions.get(key, ()))

    def delete(self, key: DocumentKey, *, expect: int | None, history: bool) -> bool:
        """The document is gone; whether it was there."""
        there = self._versions.get(key, [])
        new = rules.deletion(there, key, expect=expect, now_us=self._clock())
        if new is not None:
            there = self._versions[key] = [*there, new]
        if history and there:
            self._versions[key] = [there[-1]]
            for one in there:
                self._contents.pop((key, one.sha256), None)
        return new is not None

    def check(self) -> Iterator[Finding]:
        """What is wrong with the contents."""
        for key, there in sorted(self._versions.items()):
            for one in there:
                try:
                    self.get(key, version=one.version)
                except Corrupt as error:
                    yield Finding("", "damage", str(error))
