"""Documents of other programs' directories: into the store's documents and back, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ..errors import Corrupt, Invalid
from ..model.documents import Document
from .jsontext import NotJson, read
from .regular import contents
from .report import Damage, FileReport

KINDS: Final = {".md": "md", ".json": "json"}


def keep(store: Any, path: Path, report: FileReport, *, category: str, dry_run: bool) -> None:
    """The file is a document of the store, named like the file; the report says what came of it."""
    kind = KINDS[path.suffix]
    if "documents" not in store.capabilities:
        report.skipped = f"a document, and the {store.backend_name} store keeps none"
        return
    try:
        data = contents(path)
        if kind == "json":
            read(data)
    except OSError as error:
        report.damage.append(Damage("file", error.strerror or str(error)))
    except NotJson as error:
        report.damage.append(Damage(error.place, error.reason))
    else:
        put(store, path.stem, data, report, category=category, kind=kind, dry_run=dry_run)


def put(store: Any, name: str, data: bytes, report: FileReport, *, category: str, kind: str, dry_run: bool) -> None:
    """A document of the store has these bytes; the report counts it if that is new, or says why it can't be."""
    try:
        before = store.documents.get(name, category=category, kind=kind)
        if dry_run:
            report.documents += before is None or store.documents.read(name, category=category, kind=kind) != data
            return
        after = store.documents.save(name, data, category=category, kind=kind)
    except (Invalid, Corrupt) as error:
        report.damage.append(Damage(f"{category}/{name}", str(error)))
    else:
        report.documents += before is None or before.version != after.version


def documents_of(store: Any, category: str) -> list[Document]:
    """The documents of a category and of those below it; none where the store keeps none."""
    return list(store.documents.list(category)) if "documents" in store.capabilities else []


def content_of(store: Any, document: Document) -> bytes:
    """The bytes of a document."""
    key = document.key
    return store.documents.read(key.name, category=key.category, kind=key.kind)
