"""Documents as callers see them: Markdown and JSON by name, of the store or of one session, each with its versions."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

from ..codec import values
from ..codec.names import check_category, check_key
from ..errors import Conflict, Invalid, NotFound
from ..model.documents import KINDS, Document, DocumentKey
from ..model.entry import Json
from .place import Place

Content: TypeAlias = "str | bytes | Json"
"""Text or bytes are Markdown, everything else is JSON, unless the kind says so otherwise."""

ATTEMPTS_MAX: Final = 64
"""How often `modify` calls its function before it gives up against other writers."""


class Shelf(Protocol):
    """Where documents are kept. Keys are checked before they come here."""

    def content(self, key: DocumentKey, *, version: int | None) -> tuple[Document, bytes] | None:
        """A version and its bytes; None if there is none."""
        ...

    def put(self, key: DocumentKey, data: bytes, *, expect: int | None) -> Document:
        """The document has this content; its version."""
        ...

    def documents(self, category: str | None) -> tuple[Document, ...]:
        """Those of a category and below it, sorted."""
        ...

    def versions(self, key: DocumentKey) -> tuple[Document, ...]:
        """All versions, the oldest first, deletions among them."""
        ...

    def delete(self, key: DocumentKey, *, expect: int | None, history: bool) -> bool:
        """The document is gone; whether it was there."""
        ...


class Documents:
    """The documents of a store, or of one session. What is named by (category, name, kind) is one document.

    `category` is one or several segments with `/` between them, "" is the top. `kind` is md or json; where it is not
    said, `save` takes it from the content, and the others take the one that is there.
    """

    def __init__(self, shelf: Shelf) -> None:
        """Stand before a shelf."""
        self._shelf = shelf

    def save(
        self, name: str, content: Content, *, category: str = "", kind: str | None = None, expect: int | None = None
    ) -> Document:
        """The document has this content, durably, as its next version; the same content again is no new version.

        A str is Markdown, bytes are taken as they are, and anything else is JSON. With `kind="json"` a str is a JSON
        string, and bytes must be JSON text. `expect` is compare-and-set on the version; 0: it must not be there.

        Raises:
            Conflict: the version is another; `seq` is that version.
            Invalid: name or content can't be stored.
        """
        data, found = encoded(content, kind=kind, name=name)
        return self._shelf.put(check_key(DocumentKey(category, name, found)), data, expect=expect)

    def load(self, name: str, *, category: str = "", kind: str | None = None, version: int | None = None) -> Json:
        """What a document holds, now or in an earlier version: a str if it is Markdown, else the JSON value.

        Raises:
            NotFound: there is no such document, or no such version.
            Invalid: both kinds are there and none was said, or the bytes are no such text, as after an edit by hand.
            Corrupt: the content does not have its hash.
        """
        document, data = self._found(name, category, kind, version)
        return decoded(document.key, data)

    def read(self, name: str, *, category: str = "", kind: str | None = None, version: int | None = None) -> bytes:
        """As `load`, and the bytes as they are."""
        return self._found(name, category, kind, version)[1]

    def get(self, name: str, *, category: str = "", kind: str | None = None) -> Document | None:
        """Version, size, hash and time of a document as it is now; None if it is not there."""
        found = self._shelf.content(self._key(name, category, kind), version=None)
        return None if found is None else found[0]

    def list(self, category: str | None = None) -> tuple[Document, ...]:
        """The documents of a category and of those nested in it (None: all), sorted by category, name and kind."""
        if category is not None:
            check_category(category)
        return self._shelf.documents(category)

    def versions(self, name: str, *, category: str = "", kind: str | None = None) -> tuple[Document, ...]:
        """All versions, the oldest first; a deletion is one without a hash."""
        return self._shelf.versions(self._key(name, category, kind, deleted=True))

    def delete(
        self,
        name: str,
        *,
        category: str = "",
        kind: str | None = None,
        expect: int | None = None,
        history: bool = False,
    ) -> bool:
        """Exactly this document is gone; False if it was not there. With `history` its earlier versions go, too.

        Raises:
            Conflict: `expect` is not its version.
            Invalid: both kinds are there and none was said.
        """
        key = self._key(name, category, kind, deleted=history)
        return self._shelf.delete(key, expect=expect, history=history)

    def modify(
        self, name: str, fn: Callable[[Any], Content], *, category: str = "", kind: str | None = None
    ) -> Document:
        """What `fn` makes of the content (None if there is none) is the new content, if nobody wrote meanwhile.

        `fn` is called again if somebody did, so it should do nothing else. If it raises, nothing is written.

        Raises:
            Conflict: 64 attempts met another writer.
        """
        attempt = 0
        while True:
            attempt += 1
            key = self._key(name, category, kind)
            found = self._shelf.content(key, version=None)
            there = None if found is None else decoded(key, found[1])
            data, made = encoded(fn(copy.deepcopy(there)), kind=kind if found is None else key.kind, name=name)
            key = check_key(DocumentKey(category, name, made))
            try:
                return self._shelf.put(key, data, expect=0 if found is None else found[0].version)
            except Conflict:
                if attempt == ATTEMPTS_MAX:
                    raise
            time.sleep(random.uniform(0, 0.002 * min(attempt, 20)))  # noqa: S311 - no secret

    def _found(self, name: str, category: str, kind: str | None, version: int | None) -> tuple[Document, bytes]:
        key = self._key(name, category, kind, deleted=version is not None)
        found = self._shelf.content(key, version=version)
        if found is not None:
            return found
        what = f"{category}/{name}" if category else name
        said = "" if version is None else f" in version {version}"
        msg = f"there is no document {what!r}{said}; list() names those that are there"
        raise NotFound(msg)

    def _key(self, name: str, category: str, kind: str | None, *, deleted: bool = False) -> DocumentKey:
        """The key of what is meant; with `deleted` also one that was there once.

        Raises:
            Invalid: no kind was said, and both are there.
        """
        keys = [check_key(DocumentKey(category, name, one)) for one in (KINDS if kind is None else (kind,))]
        if len(keys) == 1:
            return keys[0]
        there = [key for key in keys if self._shelf.content(key, version=None) is not None]
        if not there and deleted:
            there = [key for key in keys if self._shelf.versions(key)]
        if len(there) > 1:
            msg = f"document {name!r} is there as Markdown and as JSON; say which by kind='md' or kind='json'"
            raise Invalid(msg)
        return (there or keys)[0]

    def __repr__(self) -> str:
        return f"<Documents of {self._shelf!r}>"


def encoded(content: Content, *, kind: str | None, name: str) -> tuple[bytes, str]:
    """The bytes of a content and its kind.

    Raises:
        Invalid: it can't be a content of this kind.
    """
    is_bytes = isinstance(content, bytes | bytearray | memoryview)
    found = kind if kind is not None else "md" if is_bytes or isinstance(content, str) else "json"
    if is_bytes:
        data = bytes(content)
        if found == "json":
            decoded(DocumentKey("", str(name), "json"), data)
        return data, found
    if found == "json":
        values.check_value(content, f"document {name!r}")
        return _readable(content), found
    if not isinstance(content, str):
        msg = f"document {name!r}: a Markdown document holds a str or bytes, not {type(content).__name__}"
        raise Invalid(msg)
    try:
        return content.encode(), found
    except UnicodeEncodeError:
        msg = (
            f"document {name!r}: the text has lone surrogates, which no file can hold; give bytes, or store it as JSON"
        )
        raise Invalid(msg) from None


def _readable(value: Json) -> bytes:
    """JSON with line breaks, so that people can read and edit it."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True, indent=2, allow_nan=False).encode() + b"\n"


def decoded(key: DocumentKey, data: bytes) -> Json:
    """The text or value that the bytes of a document stand for.

    Raises:
        Invalid: they stand for none, as after an edit by hand.
    """
    try:
        return values.decode(data) if key.kind == "json" else data.decode()
    except ValueError as error:
        what = "JSON" if key.kind == "json" else "UTF-8 text"
        msg = f"document {key.name!r} is no {what} ({error}); read() gives its bytes"
        raise Invalid(msg) from None


class StoreShelf:
    """The store's own documents."""

    def __init__(self, place: Place) -> None:
        """Stand in an open store."""
        self._place = place

    def content(self, key: DocumentKey, *, version: int | None) -> tuple[Document, bytes] | None:
        """As Shelf."""
        return self._place.backend.document(key, version=version)

    def put(self, key: DocumentKey, data: bytes, *, expect: int | None) -> Document:
        """As Shelf."""
        return self._place.backend.put_document(key, data, expect=expect)

    def documents(self, category: str | None) -> tuple[Document, ...]:
        """As Shelf."""
        return self._place.backend.documents(category)

    def versions(self, key: DocumentKey) -> tuple[Document, ...]:
        """As Shelf."""
        return self._place.backend.document_versions(key)

    def delete(self, key: DocumentKey, *, expect: int | None, history: bool) -> bool:
        """As Shelf."""
        return self._place.backend.delete_document(key, expect=expect, history=history)

    def __repr__(self) -> str:
        return f"a {self._place.name} store"
