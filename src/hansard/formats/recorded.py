"""What a log holds of another program's session: the stretches of its lists by their names, and its document."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from ..codec import values
from ..model.entry import NODES, Entry, Json
from .jsontext import Piece
from .record import Stretch, stretch_of

DOCUMENT: Final = "document"
COUNTED: Final = ("input", "output", "cache_read", "cache_write", "cost")
BALANCE: Final = "balance:"
CALL: Final = "usage:"


class Recorded:
    """The state of a source as the log has it, whatever was done to the session beside."""

    def __init__(self, format: str, session: Any, *, whole: bool = False) -> None:  # noqa: A002 - the field's name
        """Read the session's entries once. Only with `whole` are the elements of lists kept."""
        self._type = f"{format}.{DOCUMENT}"
        self._session = session
        self._whole = whole
        self.ids: set[str] = set()
        self.stretches: dict[str, list[Stretch]] = {}
        self.pieces: dict[Stretch, list[Piece]] = {}
        self.bodies: dict[str, dict[str, Json]] = {}
        """Of elements that are messages, by the ids of their entries."""
        self.fields: dict[str, Piece] = {}
        self.order: dict[str, list[str]] = {}
        self.files: list[str] = []
        self.facts: dict[str, str] = {}
        self.updated = ""
        self.anchors: set[str] = set()
        self.exact: dict[str, list[str]] = {}
        """By a file's path the digest of what its pieces give, and that of its own bytes, which are attached."""
        self.counted: dict[str, float] = {}
        self.own = 0
        """Nodes and moves of the head that came from elsewhere."""
        for entry in session.entries():
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        self.ids.add(entry.id)
        body = entry.body if isinstance(entry.body, dict) else {}
        if entry.kind == "usage":
            if entry.id.startswith((CALL, BALANCE)):
                self._count(body)
            return
        if entry.kind == "event" and body.get("type") == self._type:
            self._document(body)
            return
        stretch = stretch_of(entry.id) if entry.kind in ("message", "event") else None
        if stretch is not None:
            self._lay(stretch)
            if self._whole:
                self.pieces[stretch] = self._elements(entry, body)
        elif entry.kind in NODES or entry.kind in ("head", "amend"):
            self.own += 1

    def _count(self, body: dict[str, Json]) -> None:
        for name in COUNTED:
            value = body.get(name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                self.counted[name] = self.counted.get(name, 0) + value

    def _lay(self, stretch: Stretch) -> None:
        """The list is as before up to the stretch, then the stretch."""
        known = self.stretches.setdefault(stretch.list, [])
        while known and known[-1].index >= stretch.index:
            self.pieces.pop(known.pop(), None)
        if stretch.count:
            known.append(stretch)

    def _elements(self, entry: Entry, body: dict[str, Json]) -> list[Piece]:
        if entry.kind == "message":
            return []
        return pieces_of(body, self._session.attachment)

    def _document(self, body: dict[str, Json]) -> None:
        for name in _texts(body.get("remove")):
            self.fields.pop(name, None)
        exact = _object(body.get("exact"))
        for name, value in _object(body.get("set")).items():
            text = exact.get(name)
            self.fields[name] = Piece(value, text if isinstance(text, str) else None)
        for name, names in _object(body.get("order")).items():
            self.order[name] = _texts(names)
        facts = _object(body.get("facts"))
        self.facts |= {name: str(value) for name, value in facts.items() if value is not None}
        for name in [name for name, value in facts.items() if value is None]:
            self.facts.pop(name, None)
        self.files = _texts(body["files"]) if "files" in body else self.files
        self.updated = str(body.get("updated", self.updated))
        self.anchors |= {*_texts(body.get("anchors"))}
        if "verbatim" in body:
            self.exact = {name: _texts(pair) for name, pair in _object(body["verbatim"]).items()}

    def file(self, path: str, text: str) -> bytes:
        """The bytes of a file whose pieces give `text`: its own, where those were others. Errors as for attachments."""
        data = text.encode()
        kept = self.exact.get(path, ())
        return self._session.attachment(kept[1]) if len(kept) == 2 and kept[0] == sha256(data).hexdigest() else data

    def count(self, name: str) -> int:
        """How many elements of a list there are."""
        known = self.stretches.get(name)
        return known[-1].index + known[-1].count if known else 0

    def elements(self, name: str) -> list[Piece]:
        """The elements of a list; needs `whole`."""
        return [one for stretch in self.stretches.get(name, ()) for one in self.pieces[stretch]]

    def free(self, identity: str) -> str:
        """The id, or with a number behind it where an entry has it: content that comes back is a new entry."""
        number, found = 1, identity
        while found in self.ids:
            number += 1
            found = f"{identity}~{number}"
        self.ids.add(found)
        return found


def pieces_of(body: dict[str, Json], attachment: Any) -> list[Piece]:
    """The elements that the body of an event holds. Errors are those of `attachment`, which gives a hash's bytes."""
    items = body.get("items")
    if items is None and isinstance(body.get("attachment"), str):
        items = values.decode(attachment(body["attachment"]))
    exact = _object(body.get("exact"))
    texts = {place: text for place, text in exact.items() if isinstance(text, str)}
    return [Piece(value, texts.get(str(n))) for n, value in enumerate(items if isinstance(items, list) else ())]


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _texts(value: Json) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
