"""What follows from what a caller gave: the id of a resident child, a slug, the attachments that an entry needs. Pure."""

from __future__ import annotations

import copy
import re
from hashlib import sha256
from typing import Final

import msgspec

from ..codec.values import encode
from ..errors import Invalid
from ..model.entry import Json
from ..model.info import SessionInfo

NEVER_ERASED: Final = frozenset(("created", "head", "lease", "erase", "upgrade"))
"""Kinds without which a log can't be understood. An erased compaction does nothing, so what it covered is shown again."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NOT_IN_SLUGS: Final = re.compile(r"[\W_]+")


def resident_id(root: str, name: str) -> str:
    """The id of the child that is called `name` under `root`: a UUIDv8 made of the two, the same on every machine.

    Raises:
        Invalid: the name is empty.
    """
    if not name:
        msg = "name: it is empty; a resident child is called something"
        raise Invalid(msg)
    digest = int.from_bytes(sha256(b"hansard resident\n" + encode([root, name])).digest()[:16])
    marked = digest & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62
    digits = f"{marked:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def slug_of(agent: str | None, user: str | None, number: int) -> str:
    """A short name for people, such as `coder-ana-3`: letters, digits and dashes. It need not be unique."""
    words = [agent or "", user or "", str(number)]
    cleaned = [_NOT_IN_SLUGS.sub("-", word.casefold()).strip("-")[:40] for word in words]
    return "-".join(word for word in cleaned if word)


def detached(info: SessionInfo) -> SessionInfo:
    """The info with dicts and lists of its own, so that whoever changes them changes nothing that is kept."""
    own = {
        name: copy.deepcopy(value)
        for name in SessionInfo.__struct_fields__
        if isinstance(value := getattr(info, name), dict | list) and value
    }
    return msgspec.structs.replace(info, **own) if own else info


def attachments_of(kind: str, body: Json) -> frozenset[str]:
    """The hashes of the attachments that must be there for an entry to be whole.

    Fewer than `hansard.model.references.attachments_in` finds: data that only looks like a reference is none.
    """
    if not isinstance(body, dict):
        return frozenset()
    if kind in ("attachment", "document"):
        found: set[Json] = {body.get("sha256")} if isinstance(body.get("sha256"), str) else set()
    elif kind == "amend":
        return attachments_of("message", body.get("body"))
    elif kind in ("message", "event"):
        found = _in_parts(body.get("parts")) | _in_raw(body.get("raw"))
    else:
        return frozenset()
    return frozenset(name for name in found if isinstance(name, str) and _SHA256.fullmatch(name))


def _in_parts(parts: Json) -> set[Json]:
    found: set[Json] = set()
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, dict):
            continue
        if part.get("type") == "file" and isinstance(part.get("attachment"), str):
            found.add(part["attachment"])
        if part.get("type") == "tool_result":
            found |= _in_parts(part.get("content"))
    return found


def _in_raw(raw: Json) -> set[Json]:
    if not isinstance(raw, dict):
        return set()
    cuts = raw.get("cut")
    pairs = [cut for cut in cuts if isinstance(cut, list) and len(cut) == 2] if isinstance(cuts, list) else []
    return {name for name in (raw.get("attachment"), *(pair[1] for pair in pairs)) if isinstance(name, str)}
