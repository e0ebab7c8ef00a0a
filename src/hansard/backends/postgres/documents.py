"""The store's own documents: every version a row, the newest one compared and written under its row's lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, Final, TypeVar

from ...codec.names import check_category, check_key
from ...codec.values import encode
from ...errors import Corrupt
from ...model.documents import Document, DocumentKey, DocumentWrite
from .. import versions as rules
from .connecting import Clashed, Connection, execute
from .core import Core
from .rows import raw, unraw
from .statements import statements

T = TypeVar("T")

_SQL: Final = statements("documents")
_TRIES: Final = 50


def _at(core: Core, key: DocumentKey, **more: Any) -> dict[str, Any]:
    name = sha256(encode([key.category, key.name, key.kind])).digest()
    return {"tenant": core.tenant, "document": name, **more}


def _document(key: DocumentKey, row: Sequence[Any]) -> Document:
    version, digest, size, at = row[:4]
    return Document(key, version, "" if digest is None else bytes(digest).hex(), size, at)


def put(core: Core, key: DocumentKey, data: bytes, expect: int | None) -> Document:
    """As the contract says."""
    check_key(key)
    return retried(core, lambda con: _put(core, con, key, data, expect))


def retried(core: Core, work: Callable[[Connection], T]) -> T:
    """What a transaction gives; done again while other writers make the same version of a document at the same time."""
    for _ in range(_TRIES):
        with contextlib.suppress(Clashed):
            return core.db.transact(work)
    return core.db.transact(work)


def write_all(core: Core, con: Connection, writes: Iterable[DocumentWrite]) -> None:
    """Write documents in the transaction of an append.

    Raises:
        Conflict: one has not the version that was expected; the whole transaction is to be undone.
    """
    for write in writes:
        _put(core, con, check_key(write.key), write.data, write.expect)


def _put(core: Core, con: Connection, key: DocumentKey, data: bytes, expect: int | None) -> Document:
    there = _newest(core, con, key)
    new = rules.next_version(there, key, data, expect=expect, now_us=core.clock())
    if new is None:
        return there[-1]
    _add(core, con, new, bytes(data))
    return new


def _newest(core: Core, con: Connection, key: DocumentKey) -> list[Document]:
    """The newest version, locked until the transaction ends; none if there never was one."""
    execute(con, _SQL["lock"], _at(core, key))
    return [_document(key, row) for row in execute(con, _SQL["latest"], _at(core, key))]


def _add(core: Core, con: Connection, new: Document, data: bytes | None) -> None:
    key = new.key
    execute(con, _SQL["not_latest"], _at(core, key))
    said = {"category": raw(key.category), "name": raw(key.name), "kind": raw(key.kind)}
    digest = bytes.fromhex(new.sha256) if new.sha256 else None
    more = {"version": new.version, "sha256": digest, "size": new.size, "at": new.at, "data": data}
    execute(con, _SQL["add"], _at(core, key, **said, **more))


def get(core: Core, key: DocumentKey, version: int | None) -> tuple[Document, bytes] | None:
    """As the contract says."""
    found = core.db.rows(_SQL["one"], _at(core, check_key(key), version=version))
    if not found or found[0][4] is None:
        return None
    document, data = _document(key, found[0]), bytes(found[0][4])
    if sha256(data).hexdigest() != document.sha256:
        msg = f"document {rules.shown(key)}: the content of version {document.version} does not have its hash"
        raise Corrupt(msg)
    return document, data


def listed(core: Core, category: str | None) -> tuple[Document, ...]:
    """As the contract says."""
    if category is not None:
        check_category(category)
    found: list[Document] = []
    for row in core.db.rows(_SQL["list"], {"tenant": core.tenant}):
        key = DocumentKey(unraw(row[0]), unraw(row[1]), unraw(row[2]))
        if not category or key.category == category or key.category.startswith(f"{category}/"):
            found.append(_document(key, row[3:]))
    return tuple(sorted(found))


def versions(core: Core, key: DocumentKey) -> tuple[Document, ...]:
    """As the contract says."""
    return tuple(_document(key, row) for row in core.db.rows(_SQL["versions"], _at(core, check_key(key))))


def delete(core: Core, key: DocumentKey, *, expect: int | None, history: bool) -> bool:
    """As the contract says."""
    check_key(key)

    def work(con: Connection) -> bool:
        new = rules.deletion(_newest(core, con, key), key, expect=expect, now_us=core.clock())
        if new is not None:
            _add(core, con, new, None)
        if history:
            # The newest row stays without content: versions are never used twice.
            execute(con, _SQL["drop_all"], _at(core, key))
        return new is not None

    return retried(core, work)


def damage(core: Core) -> Iterable[str]:
    """What is wrong with the contents."""
    for category, name, kind, version in core.db.rows(_SQL["damaged"], {"tenant": core.tenant}):
        key = DocumentKey(unraw(category), unraw(name), unraw(kind))
        yield f"document {rules.shown(key)}: the content of version {version} does not have its hash"
