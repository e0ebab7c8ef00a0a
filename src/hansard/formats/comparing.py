"""What a log lacks of a record: compared by the names of stretches, so that unchanged content is never read."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec

from ..codec import values
from ..limits import KIB
from ..model.entry import Json, NewEntry
from ..store.place import place_of
from .jsontext import Piece, compact
from .raw import raw_of
from .record import Item, Record, Stretch, digest_of, digest_of_value, short
from .recorded import BALANCE, CALL, COUNTED, DOCUMENT, Recorded

_GROUP_BYTES: Final = 64 * KIB
_IMPORTED: Final = "imported:"
_INLINE_BYTES: Final = 256 * KIB
"""Elements of an event that are larger lie beside the session."""


class Draft(msgspec.Struct):
    """An entry to be, before its large parts are put beside the session."""

    entry: NewEntry
    size: int = 0
    payload: tuple[str, Piece] | None = None
    """Format and content of the raw payload of a message."""
    large: bytes = b""
    """Elements too large for a line."""
    beside: list[bytes] = []
    """Files that the body names already."""

    def made(self, session: Any) -> NewEntry:
        """The entry; what lies beside it is durable."""
        body = self.entry.body
        if self.payload is not None:
            body["raw"] = self._raw(session)
        if self.large:
            large = self._redacted(session)
            body["attachment"] = session.attach(large, mime="application/json", record=False).sha256
            body["size"] = len(large)
        for data in self.beside:
            session.attach(data, mime="application/json", record=False)
        return self.entry

    def _redacted(self, session: Any) -> bytes:
        """The large elements as the hook of the store wants them: beside the session, too, it has its say."""
        redact = place_of(session).redact
        if redact is None:
            return self.large
        found = redact(self.entry.kind, {**self.entry.body, "items": values.decode(self.large)})
        return values.encode(found.get("items") if isinstance(found, dict) else found)

    def _raw(self, session: Any) -> dict[str, Json]:
        name, piece = self.payload or ("", Piece(None))
        text = compact(piece.value) if piece.text is None else piece.text
        raw = raw_of(name, text, b"", lambda data, mime: session.attach(data, mime=mime, record=False).sha256)
        if piece.text is not None:
            raw["exact"] = True
        return raw


class Plan:
    """What is to be written so that the log holds a record."""

    def __init__(self, record: Record, recorded: Recorded | None) -> None:
        """Compare with what is recorded; None for a session that is to be."""
        self._record = record
        self._recorded = recorded
        # One that was killed says nowhere that it came to its end, and is completed as it was begun.
        self._first = recorded is None or not any(one.startswith(_IMPORTED) for one in recorded.ids)
        self.already = 0
        self.opening: list[NewEntry] = []
        """Of a new session: what goes into its first commit."""
        self.rest: list[Draft] = []
        lists: dict[str, list[Item]] = {}
        for item in record.items:
            lists.setdefault(item.list, []).append(item)
        self._lists = lists
        self.fits = recorded is None or self._same(recorded)
        self.older = False
        if not self.fits:
            return
        self._starts = {name: self._start(name) for name in {*lists, *(recorded.stretches if recorded else ())}}
        self.older = recorded is not None and self._is_older(recorded)
        if not self.older:
            self._make()

    @property
    def entries(self) -> list[Draft]:
        """All entries to be, in order."""
        return [*(Draft(entry) for entry in self.opening), *self.rest]

    def _same(self, recorded: Recorded) -> bool:
        """Whether the log is of this session: what was said is, as far as both go, the same."""
        if recorded.anchors and self._record.anchors and not recorded.anchors.intersection(self._record.anchors):
            return False
        return all(self._agrees(name, recorded) for name in self._record.conversation)

    def _agrees(self, name: str, recorded: Recorded) -> bool:
        items = self._lists.get(name, [])
        return all(
            stretch.index >= len(items) or digest_of([items[stretch.index].piece]) == stretch.digest
            for stretch in recorded.stretches.get(name, ())
        )

    def _is_older(self, recorded: Recorded) -> bool:
        shorter = any(recorded.count(name) > len(self._lists.get(name, ())) for name in self._record.conversation)
        return shorter or bool(self._record.updated and self._record.updated < recorded.updated)

    def _start(self, name: str) -> int:
        """The first element of a list that is to be written."""
        items = self._lists.get(name, [])
        for stretch in self._recorded.stretches.get(name, ()) if self._recorded else ():
            held = [item.piece for item in items[stretch.index : stretch.index + stretch.count]]
            if len(held) < stretch.count or digest_of(held) != stretch.digest:
                return stretch.index
        return min(len(items), self._recorded.count(name)) if self._recorded else 0

    def _make(self) -> None:
        document = self._document()
        update = self._update()
        if self._recorded is None and document is not None and not document.beside:
            self.opening = [document.entry, *([update] if update else [])]
        else:
            self.rest += [*([document] if document else []), *([Draft(update)] if update else [])]
        self.rest += self._cuts()
        # Usage first: what was said last is what the session's activity is told from.
        self.rest += self._usage()
        self.rest += self._stretches()
        mark: dict[str, Json] = {"set": {"imported": mark_of(self._record)}}
        self.rest.append(
            Draft(self._entry("update", mark, f"{_IMPORTED}{self._record.digest[:16]}", at=self._record.ended))
        )

    def _entry(
        self, kind: str, body: dict[str, Json], identity: str, *, at: str = "", run: str | None = None
    ) -> NewEntry:
        free = self._recorded.free(identity) if self._recorded else identity
        usual = self._record.at if self._first else self._record.ended or self._record.at
        return NewEntry(kind=kind, body=body, id=free, at=at or usual, run=run)

    def _document(self) -> Draft | None:
        """The event with the members that are other than recorded; None if all are the same."""
        record, old = self._record, self._recorded
        fields = old.fields if old else {}
        new = {name: one for name, one in record.fields.items() if not _alike(fields.get(name), one)}
        body: dict[str, Json] = {"type": f"{record.format}.{DOCUMENT}"}
        body["set"] = {name: one.value for name, one in new.items()}
        body["exact"] = {name: one.text for name, one in new.items() if one.text is not None}
        body["remove"] = [name for name in fields if name not in record.fields]
        body["order"] = {
            name: names for name, names in record.order.items() if old is None or old.order.get(name) != names
        }
        body["facts"] = self._told()
        body["files"] = record.files if old is None or old.files != record.files else None
        body["updated"] = record.updated if old is None or old.updated != record.updated else None
        body["anchors"] = [one for one in record.anchors if old is None or one not in old.anchors]
        kept = {name: value for name, value in body.items() if value}
        verbatim = {name: [digest, sha256(data).hexdigest()] for name, (digest, data) in record.exact.items()}
        if verbatim != (old.exact if old else {}):
            kept["verbatim"] = verbatim
        if len(kept) == 1:
            return None
        entry = self._entry("event", kept, f"{DOCUMENT}:{digest_of_value(kept)}")
        return Draft(entry, len(values.encode(kept)), beside=[data for _, data in record.exact.values()])

    def _told(self) -> dict[str, Json]:
        """Digests of the facts that are other than recorded; null for those that are gone."""
        now = {
            f"{section}.{name}": digest_of_value(value) for (section, name), value in self._record.facts.flat().items()
        }
        before = self._recorded.facts if self._recorded else {}
        changed: dict[str, Json] = {name: told for name, told in now.items() if before.get(name) != told}
        return changed | {name: None for name in before if name not in now}

    def _update(self) -> NewEntry | None:
        told = self._told()
        if not told:
            return None
        facts = {f"{section}.{name}": value for (section, name), value in self._record.facts.flat().items()}
        sections: dict[str, dict[str, Json]] = {}
        gone: dict[str, list[Json]] = {}
        for path in told:
            section, _, name = path.partition(".")
            if path in facts:
                sections.setdefault(section, {})[name] = facts[path]
            else:
                gone.setdefault(section, []).append(name)
        body: dict[str, Json] = {}
        if "set" in sections or "set" in gone:
            body = {"set": sections.pop("set", {}), "clear": gone.pop("set", [])}
            body = {name: value for name, value in body.items() if value}
        for section in ("labels", "metadata", "config"):
            keys: dict[str, Json] = {"set": sections.get(section), "remove": gone.get(section)}
            if any(keys.values()):
                body[section] = {name: value for name, value in keys.items() if value}
        return self._entry("update", body, f"facts:{digest_of_value(body)}")

    def _cuts(self) -> Iterator[Draft]:
        """Events that end a list before what is recorded of it."""
        old = self._recorded
        for name in old.stretches if old else ():
            size = len(self._lists.get(name, ()))
            if old is not None and self._starts[name] == size < old.count(name):
                stretch = Stretch(name, size, 0, digest_of(()))
                body = {"type": f"{self._record.format}.cut", "list": name, "index": size, "items": []}
                yield Draft(self._entry("event", body, stretch.id))

    def _stretches(self) -> Iterator[Draft]:
        """The entries of the elements that are new, in the order of the record."""
        index = dict.fromkeys(self._starts, 0)
        open_group: list[Item] = []
        first = size = 0
        for item in self._record.items:
            place = index[item.list]
            index[item.list] = place + 1
            if place < self._starts[item.list]:
                self.already += 1
                continue
            joins = bool(open_group) and bool(item.group) and open_group[-1].group == item.group
            joins = (
                joins and open_group[-1].list == item.list and open_group[-1].run == item.run and size < _GROUP_BYTES
            )
            if open_group and not joins:
                yield self._draft(open_group, first)
                open_group, size = [], 0
            if not open_group:
                first = place
            open_group.append(item)
            size += len(compact(item.piece.value)) if item.group else 0
        if open_group:
            yield self._draft(open_group, first)

    def _draft(self, items: list[Item], index: int) -> Draft:
        pieces = [item.piece for item in items]
        head = items[0]
        identity = Stretch(head.list, index, len(items), digest_of(pieces)).id
        if head.role:
            entry = self._entry("message", {"role": head.role, **head.body}, identity, at=head.at, run=head.run)
            text = pieces[0].text
            return Draft(
                entry, len(compact(pieces[0].value) if text is None else text), (self._record.format, pieces[0])
            )
        body: dict[str, Json] = {"type": head.type[:200], "list": head.list, "index": index}
        body |= head.body
        found = values.encode([one.value for one in pieces])
        exact = {str(n): one.text for n, one in enumerate(pieces) if one.text is not None}
        if exact:
            body["exact"] = exact
        large = len(found) > _INLINE_BYTES
        if not large:
            body["items"] = [one.value for one in pieces]
        entry = self._entry("event", body, identity, at=head.at, run=head.run)
        return Draft(entry, 0 if large else len(found), large=found if large else b"")

    def _usage(self) -> list[Draft]:
        """Calls that are not counted yet, and what the totals say beyond all calls; the last tells of the context."""
        drafts: list[Draft] = []
        counted = dict(self._recorded.counted) if self._recorded else {}
        for call in self._record.calls:
            identity = CALL + short(call.key)
            if self._recorded is not None and identity in self._recorded.ids:
                continue
            for name in COUNTED:
                counted[name] = counted.get(name, 0) + (call.body.get(name) or 0)
            drafts.append(Draft(self._entry("usage", call.body, identity, at=call.at)))
        missing = {name: value - counted.get(name, 0) for name, value in self._record.total.items()}
        body: dict[str, Json] = {
            name: int(gap) if name != "cost" else gap for name, gap in missing.items() if gap > 1e-9
        }
        if body:
            total = {name: self._record.total[name] for name in sorted(self._record.total)}
            drafts.append(
                Draft(self._entry("usage", {**body, "call": "balance"}, f"{BALANCE}{digest_of_value(total)}"))
            )
        if drafts and self._record.gauge is not None:
            drafts[-1].entry.body["context"] = self._record.gauge
        return drafts


def mark_of(record: Record) -> dict[str, Json]:
    """What a session says of the files that it came from, once all of them are in."""
    items: dict[str, Json] = {"items": len(record.items)} if record.clean else {}
    return {"sha256": record.digest, **items}


def _alike(one: Piece | None, other: Piece) -> bool:
    return one is not None and one.text == other.text and values.encode(one.value) == values.encode(other.value)
