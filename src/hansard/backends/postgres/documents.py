"""The store's own documents: every version a row, the newest one compared and written under its row's lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

from ...codec.names import check_category, check_key
from ...codec.values import encode
from ...errors import Corrupt
from ...model.documents import Document, DocumentKey, DocumentWrite
from .. import versions as rules
from .connecting import Connection, execute
from .core import Core
from .doubts import confirm, resolved
from .rows import clamp, raw, unraw
from .statements import statements

_SQL: Final = statements("documents")
_FEW: Final = 64


def _at(core: Core, key: DocumentKey, **more: Any) -> dict[str, Any]:
    name = sha256(encode([key.category, key.name, key.kind])).digest()
    return {"tenant": core.tenant, "document": name, **more}


def _document(key: DocumentKey, row: Sequence[Any]) -> Document:
    version, digest, size, at = row[:4]
    return Document(key, version, "" if digest is None else bytes(digest).hex(), size, at)


def put(core: Core, key: DocumentKey, data: bytes, expect: int | None) -> Document:
    """As the contract says."""
    check_key(key)

    def work(con: Connection, tries: Sequence[Document]) -> Document:
        there = _newest(core, con, key)
        return written_before(core, con, tries) or _put(core, con, there, key, data, expect=expect)

    advice = f"Load {rules.shown(key)} to see; the same content again without a version to expect writes nothing twice"
    return resolved(core.db, work, advice=advice)


def is_there(core: Core, con: Connection, version: Document) -> bool:
    """Whether this very version of a document is there, now or before others."""
    found = execute(con, _SQL["one"], _at(core, version.key, version=version.version))
    return any(_document(version.key, row) == version for row in found)


def written_before(core: Core, con: Connection, tries: Iterable[Document]) -> Document | None:
    """The first of these versions that is there, which this transaction confirms; None if none is."""
    found = next((one for one in tries if is_there(core, con, one)), None)
    if found is not None:
        confirm(con, core.tenant)
    return found


def write_all(core: Core, con: Connection, writes: Iterable[DocumentWrite]) -> list[Document]:
    """Write documents in the transaction of an append; their versions.

    Raises:
        Conflict: one has not the version that was expected; the whole transaction is to be undone.
    """
    return [
        _put(core, con, _newest(core, con, check_key(write.key)), write.key, write.data, expect=write.expect)
        for write in writes
    ]


def _put(
    core: Core, con: Connection, there: list[Document], key: DocumentKey, data: bytes, *, expect: int | None
) -> Document:
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
    wanted = version if version is None else clamp(version)
    found = core.db.rows(_SQL["one"], _at(core, check_key(key), version=wanted))
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

    def work(con: Connection, tries: Sequence[Document | None]) -> Document | None:
        there = _newest(core, con, key)
        if (done := written_before(core, con, (one for one in tries if one is not None))) is not None:
            return done
        new = rules.deletion(there, key, expect=expect, now_us=core.clock())
        if new is not None:
            _add(core, con, new, None)
        if history:
            # The newest row stays without content: versions are never used twice.
            execute(con, _SQL["drop_all"], _at(core, key))
        return new

    advice = f"See whether {rules.shown(key)} is there; a repeated call says False of what is gone"
    return resolved(core.db, work, advice=advice) is not None


def damage(core: Core) -> Iterable[str]:
    """What is wrong with the contents, a few looked at by each statement."""
    asked: dict[str, Any] = {"tenant": core.tenant, "document": b"", "version": 0, "most": _FEW}
    while rows := core.db.rows(_SQL["verified"], asked):
        for document, version, category, name, kind, right in rows:
            asked |= {"document": document, "version": version}
            if not right:
                key = DocumentKey(unraw(category), unraw(name), unraw(kind))
                yield f"document {rules.shown(key)}: the content of version {version} does not have its hash"
