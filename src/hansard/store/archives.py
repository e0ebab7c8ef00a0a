"""The document that stands for what was compacted away, where a compaction names one instead of carrying a summary."""

from __future__ import annotations

from typing import Final

import msgspec

from ..codec.names import check_id
from ..errors import Corrupt, Invalid, NotFound
from ..model.documents import KINDS, DocumentKey
from ..model.entry import Entry, Json
from ..model.info import SessionInfo
from .place import Place

CATEGORY: Final = "archives"
"""Of the store's documents that are archives; a session's own may stand there or at the top."""


def resolved(place: Place, info: SessionInfo, entry: Entry) -> Entry:
    """A compaction with the text of its archive as its summary, if it has none; every other entry as it is.

    An archive that is not there is replaced by words that say so; the message says it in its metadata, too.
    """
    body = entry.body
    if entry.kind != "compaction" or not isinstance(body, dict) or body.get("summary") is not None:
        return entry
    name = body.get("archive")
    if not isinstance(name, str):
        return entry
    text = _text(place, info, name)
    said: dict[str, Json] = {"archive": name}
    if text is None:
        text = f"[The archive {name!r} of the earlier conversation is missing.]"
        said["missing"] = True
    return msgspec.structs.replace(entry, body={**body, "summary": text, "metadata": said})


def _text(place: Place, info: SessionInfo, name: str) -> str | None:
    """The text of an archive: the session's own document of that name, else the store's; None if neither can be read."""
    own = {one.key: one.sha256 for one in info.documents if one.sha256}
    keys = [DocumentKey(category, name, kind) for category in (CATEGORY, "") for kind in KINDS]
    for key in keys:
        if key in own:
            try:
                return place.backend.attachment(info.id, own[key]).decode("utf-8", "replace")
            except (NotFound, Corrupt):
                return None
    if "documents" not in place.capabilities:
        return None
    try:
        check_id(name)
        found = [place.backend.document(DocumentKey(CATEGORY, name, kind)) for kind in KINDS]
    except (Corrupt, Invalid):
        return None
    return next((one[1].decode("utf-8", "replace") for one in found if one is not None), None)
