"""What a log holds of a source that was a folder, and what has been said since: the reading half of an export.

A session that was imported and not changed since is written from the bytes that the log keeps. For any other session the
way from the first message to the head counts, what a compaction covers included, each message as it shows now.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from ..codec import values
from ..errors import Corrupt, Invalid, NotFound
from ..fold import Fold
from ..model.entry import Entry, Json, Part
from ..model.info import SessionInfo
from ..payloads import parts_of
from .bundling import HEAD
from .raw import raw_line
from .source import line_key

Ranges: TypeAlias = tuple[tuple[int, int | None], ...]

ARCHIVES: Final = "archives"
"""The category of the documents that archives are."""

_SILENT: Final = frozenset(("lease", "created", "attachment"))
"""Kinds that change nothing of what an export writes."""


class Kept(msgspec.Struct):
    """The last version of a head: its bytes, and the body of the event that keeps it."""

    data: bytes
    body: dict[str, Json]


class Said(msgspec.Struct):
    """A message or a compaction on the way to the head, as it shows now."""

    entry: Entry
    body: dict[str, Json]
    payload: bytes | None = None
    """What it came as, if that was the format asked for."""
    covered: bool = False
    """A summary stands for it."""

    @property
    def parts(self) -> list[Part]:
        """The neutral parts."""
        return parts_of(self.body)


class Recorded:
    """A session as an export needs it."""

    def __init__(self, session: Any, format: str) -> None:  # noqa: A002 - the field's name
        """Read the whole session once.

        Raises:
            Corrupt: a line of its log, or an attachment, is damaged.
        """
        self.session = session
        self.format = format
        self.info: SessionInfo = session.info
        self.heads: dict[str, Kept] = {}
        self.lines: dict[int, Entry] = {}
        """Entries that hold a line of the source, by its number; an amended line is that of the amendment."""
        self.entries: list[Entry] = list(session.entries())
        self.later: list[Entry] = []
        """What was written after the last import."""
        source = self.info.source
        self.native: str | None = None
        if isinstance(source, dict) and source.get("format") == format:
            self.native = str(source.get("session"))
        for entry in self.entries:
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        body = entry.body if isinstance(entry.body, dict) else {}
        if entry.kind == "update" and "imported" in (body.get("set") or {}):
            self.later.clear()
        elif entry.kind not in _SILENT:
            self.later.append(entry)
        if self.native is None or entry.erased:
            return
        number = line_key(entry.id)
        if number is not None:
            self.lines[number[0]] = entry
        elif entry.kind == "amend" and ":amend" in entry.id:
            changed = line_key(entry.id.partition(":amend")[0])
            if changed is not None and changed[0] in self.lines:
                self.lines[changed[0]] = entry
        elif entry.id.startswith(HEAD):
            self.heads[entry.id.split(":")[1]] = Kept(self.payload(entry) or b"", body)

    @property
    def unchanged(self) -> bool:
        """It is as the last import left it."""
        return self.native is not None and bool(self.heads) and not self.later

    def payload(self, entry: Entry) -> bytes | None:
        """The payload that an entry keeps, or that an amendment brings."""
        body = entry.body
        if entry.kind == "amend" and isinstance(body, dict):
            body = body.get("body")
        return self.payload_of(body)

    def payload_of(self, body: Json) -> bytes | None:
        """The payload in a body, with its files in their places."""
        return raw_line(body.get("raw"), self.session.attachment) if isinstance(body, dict) else None

    def said(self) -> list[Said]:
        """The messages and compactions from the first one to the head, hidden and erased ones left out."""
        fold = Fold.of(((entry, 0) for entry in self.entries), tree=True)
        tree = fold.tree
        if tree is None or not len(tree):
            return []
        index = tree.before(fold.head) if fold.head else -1
        way: list[int] = []
        while index >= 0:
            way.append(tree.seqs[index])
            index = tree.parents[index]
        ranges = fold.ranges()
        by_seq = {entry.seq: entry for entry in self.entries}
        amends = {
            entry.body["seq"]: entry
            for entry in self.entries
            if entry.kind == "amend" and isinstance(entry.body, dict) and isinstance(entry.body.get("seq"), int)
        }  # fmt: skip
        found = (self._said(by_seq[seq], amends.get(seq), ranges) for seq in reversed(way) if seq in by_seq)
        return [item for item in found if item is not None]

    def _said(self, entry: Entry, amendment: Entry | None, ranges: Ranges) -> Said | None:
        body = entry.body
        if not isinstance(body, dict) or entry.erased:
            return None
        hidden = False
        if amendment is not None:
            change = amendment.body if isinstance(amendment.body, dict) else {}
            if change.get("hide") is True and change.get("archived") is not True:
                return None
            hidden = change.get("hide") is True
            number = line_key(entry.id)
            newest = self.lines.get(number[0]) if number is not None else None
            if isinstance(change.get("body"), dict):
                body = change["body"]
            elif newest is not None and newest.kind == "amend":
                body = newest.body["body"]
        raw = body.get("raw")
        payload = self.payload_of(body) if isinstance(raw, dict) and raw.get("format") == self.format else None
        visible = any(first <= entry.seq and (last is None or entry.seq <= last) for first, last in ranges)
        return Said(entry, body, payload, covered=hidden or not visible)

    def summary_of(self, said: Said) -> str | None:
        """The text that a compaction begins the history with: its own, or the document's that it names."""
        text, name = said.body.get("summary"), said.body.get("archive")
        if isinstance(text, str) and not said.body.get("missing"):
            return text
        if not isinstance(name, str):
            return None
        for category in (ARCHIVES, ""):
            try:
                found = self.session.documents.load(name, category=category)
            except (NotFound, Invalid, Corrupt):
                continue
            return found if isinstance(found, str) else values.encode(found).decode("utf-8", "replace")
        first = next(iter(self.session.history()), None)
        known = first is not None and first.seq == said.entry.seq and not first.metadata.get("missing")
        return first.text if first is not None and known else None

    def attachment(self, sha256: str) -> bytes | None:
        """The bytes of an attachment; None if it is gone."""
        try:
            return self.session.attachment(sha256)
        except (NotFound, Corrupt):
            return None
