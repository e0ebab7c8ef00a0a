"""Which attachments a body refers to: known to whoever copies, exports, erases or deletes."""

from __future__ import annotations

import re
from typing import Final

from .entry import Json
from .info import Attachment

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def attachments_in(body: Json) -> dict[str, Attachment]:
    """The attachments that a body names, by their hash, with the kind, size and name that it says.

    Looks at every `attachment` and `sha256` and at the `cut` of raw payloads, however deep. A foreign value may look
    like such a name: what is found need not exist.
    """
    found: dict[str, Attachment] = {}
    stack: list[Json] = [body]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack += reversed(item)
        elif isinstance(item, dict):
            for key in ("attachment", "sha256"):
                _add(found, item.get(key), item)
            cuts = item.get("cut")
            for cut in cuts if isinstance(cuts, list) else ():
                if isinstance(cut, list) and len(cut) > 1:
                    _add(found, cut[1], {})
            stack += reversed(item.values())
    return found


def _add(found: dict[str, Attachment], sha256: Json, said: dict[str, Json]) -> None:
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        return
    mime, size, name = said.get("mime"), said.get("size"), said.get("name")
    known = found.get(sha256)
    if known is not None and not isinstance(mime, str):
        return
    found[sha256] = Attachment(
        sha256,
        size if isinstance(size, int) and size > 0 else 0,
        mime if isinstance(mime, str) else "application/octet-stream",
        name if isinstance(name, str) else None,
    )
