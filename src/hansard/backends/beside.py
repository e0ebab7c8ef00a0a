"""What stands beside a log and belongs to what is known of it: renewals of its lease, the answer of a guard. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..backend import Guard, Request
from ..errors import Conflict, Unsupported
from ..model.info import SessionInfo


def renewed(info: SessionInfo, fence: int, at_us: int) -> SessionInfo:
    """The info with a renewal laid over its lease, if it is one of the newest lease."""
    lease = info.lease
    if lease is None or lease.released or lease.fence != fence or at_us <= lease.renewed_us:
        return info
    return msgspec.structs.replace(info, lease=msgspec.structs.replace(lease, renewed_us=at_us))


def ask(guard: Guard | None, tree: Sequence[SessionInfo], what: str) -> None:
    """Return if a guard lets a tree go.

    Raises:
        Conflict: it gives a reason why not.
    """
    why = "" if guard is None else guard(tree)
    if why:
        msg = f"{what}: {why}"
        raise Conflict(msg, seq=tree[0].seq)


def refuse_documents(request: Request, backend: str) -> None:
    """Return if an append carries no documents of the store.

    Raises:
        Unsupported: it does, which needs a backend with `atomic_documents`.
    """
    if request.documents:
        msg = (
            f"the {backend} backend can't commit a session and a document of the store together (atomic_documents); "
            "save the document first, then append"
        )
        raise Unsupported(msg)
