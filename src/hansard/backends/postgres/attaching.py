"""Attachments: bytes in the database, by the hash of their content, under the session that they were given to."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable
from functools import partial
from hashlib import sha256 as hash_of
from typing import Any, Final

from ...errors import Corrupt, Invalid, NotFound
from ...limits import MIB
from ...model.info import Attachment
from . import sources
from .connecting import Connection, execute
from .core import Core, Rows
from .doubts import repeated
from .rows import Head
from .statements import statements

FILES: Final = statements("attachments")
ATTACHMENT_BYTES_MAX: Final = 64 * MIB
"""Larger ones wait for object stores, which take the place of this module's statements."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NAME_CHARS: Final = 64
_HEX: Final = re.compile(rb"[0-9a-f]{64,}")


def check_size(data: bytes) -> None:
    """Return if bytes can be kept in the database.

    Raises:
        Invalid: they are too large.
    """
    if len(data) > ATTACHMENT_BYTES_MAX:
        msg = (
            f"attachment: {len(data)} bytes; PostgreSQL stores take at most {ATTACHMENT_BYTES_MAX // MIB} MiB. "
            "Keep the file elsewhere and append its address, or use a file store"
        )
        raise Invalid(msg)


def attach(core: Core, session: str, data: bytes, *, mime: str, name: str | None) -> Attachment:
    """As the contract says."""
    check_size(data)
    digest = hash_of(data).digest()
    head = core.head(session)
    asked = core.at(session, head.root, sha256=digest, data=bytes(data), now_us=core.clock())
    if not repeated(core.db, lambda con: execute(con, FILES["keep"], asked)):
        core.missing(session)
    return Attachment(digest.hex(), len(data), mime, name)


def attachment(core: Core, session: str, sha256: str) -> bytes:
    """As the contract says."""
    rows = core.db.rows
    head = core.head(session)
    found: list[Any] = []
    if _SHA256.fullmatch(sha256):
        found = rows(FILES["one"], {**places(rows, core, head), "sha256": bytes.fromhex(sha256)})
        if not found and head.first_seq > 1:
            # The session it was forked from may have gone a moment ago, and left this one a copy.
            found = rows(FILES["one"], {**places(rows, core, core.head(session)), "sha256": bytes.fromhex(sha256)})
    if not found:
        # What it inherits may be gone, and the attachment with it.
        sources.stretches(rows, core, head)
        msg = f"session {session!r} has no attachment {sha256[:80]!r}; its entries name those it has"
        raise NotFound(msg)
    data = bytes(found[0][0])
    if hash_of(data).hexdigest() != sha256:
        msg = f"session {session!r}: the content of attachment {sha256} does not have this hash"
        raise Corrupt(msg)
    return data


def places(rows: Rows, core: Core, head: Head) -> dict[str, Any]:
    """Where the attachments that a session can read lie: with it, and with those it was forked from, if they are here."""
    keys = {(head.root, head.session): None}
    with contextlib.suppress(Corrupt):
        keys |= dict.fromkeys((part.root, part.session) for part in sources.stretches(rows, core, head))
    return {"tenant": core.tenant, "roots": [root for root, _ in keys], "sessions": [session for _, session in keys]}


def still_named(
    core: Core, con: Connection, holders: Iterable[tuple[bytes, bytes]], names: Collection[str]
) -> set[str]:
    """Those of the attachments, by their hashes, that stand anywhere in the lines under (session, root) keys."""
    found: set[str] = set()
    for session, root in holders:
        for _, line in sources.raw_lines(partial(execute, con), core, sources.Stretch(root, session, 1, sources.LAST)):
            for digits in _HEX.findall(line):
                said = digits.decode()
                found.update((said,) if len(said) == _NAME_CHARS else [name for name in names if name in said])
    return found.intersection(names)


def keep_all(core: Core, con: Connection, here: dict[str, Any], files: Iterable[tuple[str, bytes]]) -> None:
    """Keep attachments of a session whose row is there, in a transaction."""
    for name, data in files:
        check_size(data)
        execute(con, FILES["keep"], {**here, "sha256": bytes.fromhex(name), "data": data, "now_us": core.clock()})
