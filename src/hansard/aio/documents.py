"""The async twin of documents, of a store or of a session."""

from __future__ import annotations

from ..store import Documents
from .twins import Twin, plain


class AsyncDocuments(Twin):
    """Named Markdown and JSON with versions; as Documents."""

    sync: Documents

    save = plain(Documents.save)
    load = plain(Documents.load)
    read = plain(Documents.read)
    get = plain(Documents.get)
    versions = plain(Documents.versions)
    delete = plain(Documents.delete)
    modify = plain(Documents.modify)
    list = plain(Documents.list)
