"""What an append must meet to be taken, each rule by itself: who may write now, which seqs it may name, how much it may hold.

Pure. Every function returns if its rule is met, and raises what the caller of the append gets if not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NoReturn, TypeAlias

from ..codec import values
from ..codec.line import Sealed
from ..codec.names import check_key
from ..errors import Conflict, Invalid, LeaseLost, Unsupported
from ..fold import Fold
from ..limits import (
    COMMIT_BYTES_MAX,
    ENTRY_BYTES_MAX,
    KIB,
    LABELS_BYTES_MAX,
    MIB,
    SESSION_DOCUMENTS_MAX,
    STATE_BYTES_MAX,
)
from ..model.documents import DocumentKey
from ..model.entry import Entry, Json

KindAt: TypeAlias = Callable[[int], str | None]
"""The kind of the entry with a seq, planned ones included."""


def check_understood(fold: Fold) -> None:
    """The log needs nothing that this version does not know.

    Raises:
        Unsupported: it does.
    """
    unknown = fold.unknown_needs
    if unknown:
        msg = (
            f"session {_id(fold)!r} needs {', '.join(unknown)}, which this version of Hansard does not know. "
            "Copying, checking and showing raw entries work; to append, use a version that knows it"
        )
        raise Unsupported(msg)


def check_expect(fold: Fold, expect: int, *, partly_there: bool) -> None:
    """The session's last seq is the expected one, leases after it aside, and nothing of the append is there yet.

    Raises:
        Conflict: it is not so.
    """
    if partly_there:
        msg = f"session {_id(fold)!r}: some of these entries are there already, so expect={expect} can't be met"
    elif not fold.last_counted_seq <= expect <= fold.seq:
        msg = (
            f"session {_id(fold)!r}: expected {expect} as the last seq, but it is {fold.seq}. "
            f"Read entries(after={min(expect, fold.seq)}), decide again, and append with the new seq"
        )
    else:
        return
    raise Conflict(msg, seq=fold.seq)


def check_fence(fold: Fold, fence: int) -> None:
    """The lease with this number is the newest and is held.

    Raises:
        LeaseLost: it is not.
    """
    lease = fold.lease
    if lease is None or lease.released or lease.fence != fence:
        now = "no lease is held" if lease is None or lease.released else f"{lease.owner!r} holds lease {lease.fence}"
        msg = f"session {_id(fold)!r}: lease {fence} is lost, {now}. Take a new lease and read what changed"
        raise LeaseLost(msg)


def check_references(fold: Fold, entry: Entry, kind_at: KindAt) -> None:
    """Every seq that the entry names is there and can be what its kind says.

    Raises:
        Invalid: it is not, or the body has not the shape that the kind demands.
        Conflict: somebody else was faster: what it names is off the visible path, or the lease is taken.
    """
    if entry.parent is not None and not 0 <= entry.parent <= fold.seq:
        _no_such(fold, entry.parent, "parent")
    check = _CHECKS.get(entry.kind)
    if check is None:
        return
    if not isinstance(entry.body, dict):
        msg = f"an entry of kind {entry.kind!r} has an object as its body, not {type(entry.body).__name__}"
        raise Invalid(msg)
    check(fold, entry.body, kind_at)


def check_size(sealed: Iterable[Sealed]) -> int:
    """The bytes that an append has at most, which one commit can hold.

    Raises:
        Invalid: an entry, or all together, are larger than can be.
    """
    whole = 0
    for item in sealed:
        size = item.size
        whole += size
        if size > ENTRY_BYTES_MAX:
            msg = f"entry {item.new.id!r} has {size} bytes; at most {ENTRY_BYTES_MAX // MIB} MiB. Use attach()"
            raise Invalid(msg)
    if whole > COMMIT_BYTES_MAX:
        msg = f"this append has {whole} bytes; a commit has at most {COMMIT_BYTES_MAX // MIB} MiB. Append in batches"
        raise Invalid(msg)
    return whole


def check_fields(fold: Fold, bodies: Iterable[Json]) -> None:
    """State, labels and metadata are within their bounds after these bodies of `created` and `update` entries.

    Raises:
        Invalid: they are larger.
    """
    changed = {key for body in bodies if isinstance(body, dict) for key in body}
    if "state" in changed:
        size = len(values.encode(fold.state))
        if size > STATE_BYTES_MAX:
            msg = f"the state would have {size} bytes, at most {STATE_BYTES_MAX // KIB} KiB; keep large values as documents"
            raise Invalid(msg)
    if changed & {"labels", "metadata"}:
        info = fold.info()
        size = len(values.encode(info.labels)) + len(values.encode(info.metadata))
        if size > LABELS_BYTES_MAX:
            msg = (
                f"labels and metadata would have {size} bytes, at most {LABELS_BYTES_MAX // KIB} KiB; "
                "keep large values in the state or as attachments"
            )
            raise Invalid(msg)


def _check_head(fold: Fold, body: dict[str, Json], _kind_at: KindAt) -> None:
    to = body.get("to")
    if type(to) is not int or not 0 <= to <= fold.seq:
        _no_such(fold, to, "head")


def _check_amend(fold: Fold, body: dict[str, Json], kind_at: KindAt) -> None:
    target = body.get("seq")
    if type(target) is not int or not 1 <= target <= fold.seq:
        _no_such(fold, target, "amend")
    kind = kind_at(target)
    if kind != "message":
        msg = f"session {_id(fold)!r}: entry {target} is of kind {kind!r}; only messages can be amended"
        raise Invalid(msg)


def _check_compaction(fold: Fold, body: dict[str, Json], _kind_at: KindAt) -> None:
    covers, keep = body.get("covers"), body.get("keep")
    if type(covers) is not int or covers <= 0:
        msg = f"a compaction names the last seq that it covers, not {values.shown(covers)}"
        raise Invalid(msg)
    if not fold.on_path(covers):
        msg = (
            f"session {_id(fold)!r}: entry {values.shown(covers)} is not on the visible path (any more); "
            "compact from what history() shows"
        )
        raise Conflict(msg, seq=fold.seq)
    if keep is not None and (type(keep) is not int or not 0 < keep <= covers + 1):
        msg = f"the first kept seq is 1 to {covers + 1} when {covers} is the last one covered, not {values.shown(keep)}"
        raise Invalid(msg)


def _check_lease(fold: Fold, body: dict[str, Json], _kind_at: KindAt) -> None:
    fence = body.get("fence")
    held = fold.lease is not None and not fold.lease.released
    expected = fold.fence if body.get("released") and held else fold.fence + 1
    if fence != expected or (body.get("released") and not held):
        msg = (
            f"session {_id(fold)!r}: the next lease has number {fold.fence + 1}, not {values.shown(fence)}; "
            "somebody else was faster"
        )
        raise Conflict(msg, seq=fold.seq)


def _check_document(fold: Fold, body: dict[str, Json], _kind_at: KindAt) -> None:
    key = check_key(DocumentKey(body.get("category", ""), body.get("name", ""), body.get("kind", "md")))
    there = {document.key: document.version for document in fold.documents}
    known, version = there.get(key, 0), body.get("version")
    if version != known + 1:
        msg = (
            f"session {_id(fold)!r}: document {key.name!r} has version {known}, so the next one is {known + 1}, not "
            f"{values.shown(version)}; somebody else was faster"
        )
        raise Conflict(msg, seq=known)
    digest, size = body.get("sha256"), body.get("size")
    content = isinstance(digest, str) and _SHA256.fullmatch(digest) is not None and type(size) is int and size >= 0
    if content is (body.get("deleted") is True):
        msg = f"document {key.name!r}: an entry says the sha256 and size of its content, or that it is deleted"
        raise Invalid(msg)
    if not known and len(there) >= SESSION_DOCUMENTS_MAX:
        msg = (
            f"session {_id(fold)!r} has had {len(there)} documents; at most {SESSION_DOCUMENTS_MAX} fit into one. "
            "Keep further ones as documents of the store"
        )
        raise Invalid(msg)


def _no_such(fold: Fold, seq: Json, what: str) -> NoReturn:
    msg = f"session {_id(fold)!r}: {what} names entry {values.shown(seq)}, but there are entries 1 to {fold.seq}"
    raise Invalid(msg)


def _id(fold: Fold) -> str:
    return fold.info().id


_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CHECKS: Final[dict[str, Callable[[Fold, dict[str, Json], KindAt], None]]] = {
    "head": _check_head,
    "amend": _check_amend,
    "compaction": _check_compaction,
    "lease": _check_lease,
    "document": _check_document,
}
