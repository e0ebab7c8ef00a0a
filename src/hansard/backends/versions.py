"""What a document's versions allow: decided here for every backend. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from ..codec.times import stamp
from ..errors import Conflict, Invalid
from ..limits import DOCUMENT_BYTES_MAX, MIB
from ..model.documents import Document, DocumentKey


def live(versions: Sequence[Document]) -> Document | None:
    """The version that is there now; None if there is none or it was deleted."""
    return versions[-1] if versions and versions[-1].sha256 else None


def next_version(
    versions: Sequence[Document], key: DocumentKey, data: bytes, *, expect: int | None, now_us: int
) -> Document | None:
    """The version that a write makes; None if the content is there already.

    Raises:
        Conflict: `expect` is not met.
        Invalid: the content is too large.
    """
    check_content(key, data)
    now = live(versions)
    check_expect(key, now, expect)
    digest = sha256(data).hexdigest()
    if now is not None and now.sha256 == digest:
        return None
    return Document(key, _last(versions) + 1, digest, len(data), stamp(now_us))


def deletion(versions: Sequence[Document], key: DocumentKey, *, expect: int | None, now_us: int) -> Document | None:
    """The version that marks a deletion; None if there is nothing to delete.

    Raises:
        Conflict: `expect` is not the version that is there.
    """
    now = live(versions)
    if now is None:
        return None
    check_expect(key, now, expect)
    return Document(key, _last(versions) + 1, "", 0, stamp(now_us))


def _last(versions: Sequence[Document]) -> int:
    return versions[-1].version if versions else 0


def check_content(key: DocumentKey, data: bytes) -> None:
    """Return if bytes can be the content of a document.

    Raises:
        Invalid: they are too large.
    """
    if len(data) > DOCUMENT_BYTES_MAX:
        msg = (
            f"document {shown(key)}: {len(data)} bytes; at most {DOCUMENT_BYTES_MAX // MIB} MiB. "
            "Keep large files as attachments of a session"
        )
        raise Invalid(msg)


def check_expect(key: DocumentKey, now: Document | None, expect: int | None) -> None:
    """Return if a document has the version that a writer expects; 0: it must not be there.

    Raises:
        Conflict: it has another.
        Invalid: `expect` is no version.
    """
    if expect is None:
        return
    if type(expect) is not int or expect < 0:
        msg = f"expect: the version that you know of, 0 for none, not {expect!r}"
        raise Invalid(msg)
    version = 0 if now is None else now.version
    if version != expect:
        there = f"it has version {version}" if version else "it is not there"
        msg = f"document {shown(key)}: expected version {expect}, but {there}. Load it, decide again, and save with the new one"
        raise Conflict(msg, seq=version)


def shown(key: DocumentKey) -> str:
    """A document as messages name it."""
    return repr(f"{key.category}/{key.name}.{key.kind}" if key.category else f"{key.name}.{key.kind}")


def within(category: str, wanted: str | None) -> bool:
    """Whether a category is the wanted one or nested in it."""
    return not wanted or category == wanted or category.startswith(f"{wanted}/")
