"""What callers may give as documents that are written with an append, of its session or of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from ..backends.versions import check_content
from ..codec.names import check_key
from ..errors import Invalid
from ..model.documents import DocumentKey, DocumentWrite
from .documents import Content, encoded

GivenDocuments: TypeAlias = "Mapping[str | DocumentKey, Content] | Iterable[DocumentWrite]"
"""Contents by name (at the top, of the kind that the content has) or by key; or DocumentWrites, which can `expect`."""


def writes_of(given: GivenDocuments) -> list[DocumentWrite]:
    """The documents that a caller means.

    Raises:
        Invalid: something is no document, or is named twice.
    """
    if isinstance(given, Mapping):
        found = [_write(name, content) for name, content in given.items()]
    else:
        found = list(given) if not isinstance(given, str | bytes) else []
        if not all(isinstance(one, DocumentWrite) for one in found) or isinstance(given, str | bytes):
            msg = "documents: a dict of contents by name or DocumentKey, or a list of DocumentWrite"
            raise Invalid(msg)
    for one in found:
        check_content(check_key(one.key), one.data)
    if len({one.key for one in found}) < len(found):
        msg = "documents: one document is named twice; an append writes each once"
        raise Invalid(msg)
    return found


def _write(name: object, content: Content) -> DocumentWrite:
    if isinstance(name, DocumentKey):
        data, _ = encoded(content, kind=name.kind, name=name.name)
        return DocumentWrite(name, data)
    if not isinstance(name, str):
        msg = f"documents: a name is a str or a DocumentKey, not {type(name).__name__}"
        raise Invalid(msg)
    data, kind = encoded(content, kind=None, name=name)
    return DocumentWrite(DocumentKey("", name, kind), data)
