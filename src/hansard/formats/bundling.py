"""Bundles into sessions: the writer behind every import of a directory, over the public store API alone.

What is there is found again by the ids of its entries, so a killed import goes on where it was and a second one adds
nothing. A source that has grown is continued; a line that it has changed in its place becomes an amendment. Fields that
the source has changed are set; fields that were changed here since, and there not, stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ..errors import AlreadyExists, Conflict, Corrupt, HansardError, NotFound, Unavailable
from ..limits import ID_BYTES_MAX, MIB
from ..model.documents import DocumentKey
from ..model.entry import NODES, Entry, Json, NewEntry
from .bundles import Bundle, Damage, Head, Item, Payload, SideDocument, SideFile, Spot, Tell, View, changes_between
from .directories import size_of
from .feeding import existing
from .planning import last_name
from .raw import raw_line, raw_of
from .report import FileReport, SessionReport
from .residents import is_free, receive_resident
from .safe import encodable
from .source import line_key

HEAD: Final = "head:"
"""Entries that keep a version of a head have an id `head:<name>:<digest>`."""

_ATTEMPTS: Final = 5
_BATCH_BYTES: Final = MIB
_BATCH_ENTRIES: Final = 500


def take_bundles(
    store: Any,
    folder: Path,
    format: str,  # noqa: A002 - the field's name
    read: Callable[[Path, Tell], Iterable[Bundle]],
    *,
    dry_run: bool,
    advance: Callable[[int], None],
) -> list[FileReport]:
    """Import what `read` finds in a folder: one report a session, and one of the folder if there is more to tell."""
    whole = FileReport(str(folder), format)
    reports: list[FileReport] = []
    ids: dict[tuple[str, str], str] = {}
    done = 0

    def tell(what: Damage | str) -> None:
        if isinstance(what, str):
            whole.notes.append(what)
        else:
            whole.damage.append(Damage(what.place.removeprefix(f"{folder}/"), what.reason))

    try:
        for bundle in read(folder, tell):
            reports.append(take_bundle(store, bundle, ids, dry_run=dry_run))
            done += size_of(Path(bundle.path)) if Path(bundle.path) != folder else 0
            advance(done)
    except OSError as error:
        whole.damage.append(Damage(error.filename or str(folder), error.strerror or str(error)))
    return [*reports, whole] if whole.damage or whole.notes or not reports else reports


def take_bundle(store: Any, bundle: Bundle, ids: dict[tuple[str, str], str], *, dry_run: bool = False) -> FileReport:
    """Import one session; afterwards all of it is durable, or the report says why not.

    `ids` has, by (format, native id), the ids of what the same run has imported, and gets this one's.
    """
    report = FileReport(bundle.path, bundle.format)
    for attempt in range(_ATTEMPTS):
        report = FileReport(bundle.path, bundle.format, damage=list(bundle.damage), notes=list(bundle.notes))
        try:
            report.sessions.append(_BundleImport(store, bundle, ids, dry_run=dry_run).run())
        except (Conflict, AlreadyExists) as error:
            report.skipped = f"{error} (tried {attempt + 1} times)"
            continue
        except Unavailable:
            raise
        except (HansardError, OSError) as error:
            report.skipped = str(error)
        break
    return report


class _Logged:
    """What the log of a session holds of an import."""

    def __init__(self, session: Any) -> None:
        """Read the session's entries once."""
        self.ids: dict[str, int] = {}
        self.lines: dict[int, tuple[int, int]] = {}
        """Digest as it is now, and seq of the entry, by the number of the line."""
        self.heads: dict[str, Entry] = {}
        for entry in session.entries():
            self.ids[entry.id] = entry.seq
            key = line_key(entry.id)
            if key is not None:
                self.lines[key[0]] = key[1], entry.seq
                continue
            if entry.id.startswith(HEAD):
                self.heads[entry.id.split(":")[1]] = entry
            changed = line_key(entry.id.partition(":amend")[0]) if ":amend" in entry.id else None
            if changed is not None and changed[0] in self.lines:
                self.lines[changed[0]] = changed[1], self.lines[changed[0]][1]


class _BundleImport:
    """One attempt."""

    def __init__(self, store: Any, bundle: Bundle, ids: dict[tuple[str, str], str], *, dry_run: bool) -> None:
        self._store = store
        self._bundle = bundle
        self._ids = ids
        self._dry_run = dry_run
        self._session: Any = None
        self._logged: _Logged | None = None
        self._report = SessionReport("")
        self._batch: list[Item] = []
        self._documents: dict[DocumentKey, bytes] = {}
        self._size = 0
        self._files = {file.name: sha256(file.data).hexdigest() for file in bundle.files}

    def run(self) -> SessionReport:
        """Find the session or make it, and write what is new."""
        bundle = self._bundle
        self._open()
        report = self._report
        report.source = bundle.facts.native
        report.lines = sum(item.line is not None for item in bundle.items)
        self._ids[bundle.format, bundle.facts.native] = report.id
        mark = _mark_of(bundle)
        if self._session is not None and self._session.info.fields.get("imported") == mark:
            report.already = report.lines
            report.entries = self._session.info.entry_count
            return report
        if self._logged is None and self._session is not None:
            self._logged = _Logged(self._session)
        for document in bundle.documents:
            self._take_document(document)
        for file in bundle.files:
            self._take_file(file)
        for item in bundle.items:
            self._take(item)
        self._finish(mark)
        if self._session is not None:
            report.entries = self._session.info.entry_count
        return report

    def _open(self) -> None:
        base = identity_of(self._bundle.facts.native)
        origin = {"format": self._bundle.format, "session": self._bundle.facts.native}
        number = 1
        while True:
            self._report = SessionReport(base if number == 1 else f"{base}~{number}")
            if number > 1:
                self._report.note = f"{base} is another record; this one became {self._report.id}"
            session = existing(self._store, self._report.id)
            if session is None:
                self._begin(origin)
                return
            if session.info.source == origin:
                logged = _Logged(session)
                if self._agrees(session, logged):
                    self._session, self._logged = session, logged
                    return
            number += 1

    def _agrees(self, session: Any, logged: _Logged) -> bool:
        """Whether the session is this record: the lines of one begin with those of the other."""
        lines = [item for item in self._bundle.items if item.line is not None]
        for item, (number, (digest, seq)) in zip(lines, logged.lines.items(), strict=False):
            if item.line == (number, digest):
                continue
            if item.line is None or item.line[0] != number or item.payload is None:
                return False
            key = self._bundle.key_of(item.payload.data)
            if not key or key != self._bundle.key_of(_payload_of(session, session.entry(seq)) or b""):
                return False
        return True

    def _begin(self, origin: Json) -> None:
        if self._dry_run:
            return
        bundle, facts = self._bundle, self._bundle.facts
        parent = self._parent()
        metadata = dict(facts.metadata)
        if facts.parent is not None and parent is None:
            metadata["orphan_of"] = facts.parent
            note = f"its parent {facts.parent} is not in the store, so it is a session of its own"
            self._report.note = f"{self._report.note}; {note}" if self._report.note else note
        known: dict[str, Any] = {
            "id": self._report.id,
            "agent": bundle.agent,
            "user": bundle.user,
            "project": last_name(facts.cwd) if facts.cwd else None,
            "metadata": metadata,
            "source": origin,
            "at": facts.at,
        }
        known = {name: encodable(value) if isinstance(value, str) else value for name, value in known.items() if value}
        if parent is not None and bundle.name and is_free(parent, bundle.name):
            self._session = receive_resident(parent, name=bundle.name, **known)
            return
        maker = self._store.create if parent is None else parent.spawn
        self._session = maker(**known)

    def _parent(self) -> Any:
        native = self._bundle.facts.parent
        if native is None or native == self._bundle.facts.native:
            return None
        found = existing(self._store, self._ids.get((self._bundle.format, native), identity_of(native)))
        source = found.info.source if found is not None else None
        return found if isinstance(source, dict) and source.get("format") == self._bundle.format else None

    def _take_file(self, file: SideFile) -> None:
        digest = self._files[file.name]
        identity = f"file:{file.name}"[: ID_BYTES_MAX // 8] + f":{digest[:16]}"
        if self._known(identity):
            return
        if self._session is not None and not self._dry_run:
            self._session.attach(file.data, mime=file.mime, name=file.name, record=False)
        body: dict[str, Json] = {"sha256": digest, "mime": file.mime, "size": len(file.data), "name": file.name}
        self._add(Item(identity, "attachment", body, at=self._bundle.facts.at))

    def _take_document(self, document: SideDocument) -> None:
        """Have a document written with the next batch, unless its content is there."""
        key = DocumentKey(document.category, document.name)
        known = {one.key: one.sha256 for one in self._session.info.documents} if self._session is not None else {}
        data = document.text.encode("utf-8", "replace")
        if known.get(key) != sha256(data).hexdigest():
            self._documents[key] = data
            self._report.added += 1

    def _known(self, identity: str) -> int:
        return self._logged.ids.get(identity, 0) if self._logged is not None else 0

    def _take(self, item: Item) -> None:
        """Find an entry again, or add it."""
        there = None
        if item.line is not None and self._logged is not None:
            there = self._logged.lines.get(item.line[0])
        if item.line is None or there is None:
            seq = self._known(item.id)
            if not seq:
                self._add(item)
            elif item.spot is not None:
                item.spot.seq = seq
            return
        self._report.already += 1
        digest, seq = there
        if item.spot is not None:
            item.spot.seq = seq
        if digest != item.line[1] and item.kind == "message":
            spot = item.spot or Spot()
            spot.seq = seq
            changed = Item(self._free(f"{item.id}:amend"), "amend", {"seq": spot, "body": item.body}, at=item.at)
            changed.payload = item.payload
            self._add(changed)

    def _free(self, identity: str) -> str:
        found, number = identity, 1
        while self._known(found):
            number += 1
            found = f"{identity}~{number}"
        return found

    def _add(self, item: Item) -> None:
        self._batch.append(item)
        self._size += (len(item.payload.data) if item.payload is not None else 0) + 200
        if self._size >= _BATCH_BYTES or len(self._batch) >= _BATCH_ENTRIES:
            self._flush()

    def _finish(self, mark: Json) -> None:
        """Write the heads, what they change, and how far the import went, in one commit."""
        if self._bundle.partial and self._logged is not None and self._logged.heads:
            self._flush()
            return
        self._flush()
        new = [head for head in self._bundle.heads if not self._is_last(head)]
        for head in new:
            identity = self._free(f"{HEAD}{head.name}:{head.digest}")
            item = Item(identity, "event", {"type": head.type, **head.more}, at=self._bundle.updated)
            item.payload = head.payload
            self._add_quietly(item)
        body = changes_between(self._view_before(), self._bundle.view_now())
        body.setdefault("set", {})["imported"] = mark
        self._add_quietly(Item(self._free(f"imported:{_short(mark)}"), "update", body, at=self._bundle.updated))
        self._flush()

    def _add_quietly(self, item: Item) -> None:
        self._batch.append(item)

    def _is_last(self, head: Head) -> bool:
        last = self._logged.heads.get(head.name) if self._logged is not None else None
        return last is not None and last.id.split(":")[2].partition("~")[0] == head.digest

    def _view_before(self) -> View:
        if self._logged is None or not self._logged.heads:
            return View()
        return self._bundle.view_by(
            {name: _payload_of(self._session, entry) or b"" for name, entry in self._logged.heads.items()}
        )

    def _flush(self) -> None:
        batch, self._batch, self._size = self._batch, [], 0
        documents, self._documents = self._documents, {}
        if not batch and not documents:
            return
        self._report.added += len(batch)
        if self._dry_run or self._session is None:
            return
        base = self._session.info.seq
        for number, item in enumerate(batch, 1):
            if item.spot is not None and item.kind in NODES:
                item.spot.seq = base + number
        entries = [self._entry(item) for item in batch]
        self._session.append(entries, expect=base, documents=documents or None)

    def _entry(self, item: Item) -> NewEntry:
        body: dict[str, Json] = {
            name: (value.seq or 1) if isinstance(value, Spot) else value for name, value in item.body.items()
        }
        if item.payload is not None:
            raw = self._raw(item.payload)
            if item.kind == "amend":
                shown: dict[str, Json] = body["body"]
                body["body"] = {**shown, "raw": raw}
            else:
                body["raw"] = raw
        return NewEntry(kind=item.kind, body=body, id=item.id, at=item.at, agent=item.agent)

    def _raw(self, payload: Payload) -> dict[str, Json]:
        try:
            text = payload.data.decode("utf-8")
        except UnicodeDecodeError:
            text = None
        raw = raw_of(payload.format, text, payload.data, self._attach)
        files = [
            {"url": url, "attachment": self._files[name]}
            for url, name in payload.files.items()
            if name in self._files
        ]  # fmt: skip
        return {**raw, "files": files} if files else raw

    def _attach(self, data: bytes, mime: str) -> str:
        return self._session.attach(data, mime=mime, record=False).sha256


def _mark_of(bundle: Bundle) -> dict[str, Json]:
    """What says that all of this is in."""
    hasher = sha256()
    names = [item.id for item in bundle.items]
    names += [f"{HEAD}{head.name}:{head.digest}" for head in bundle.heads]
    names += [
        f"document:{one.category}:{one.name}:{sha256(one.text.encode('utf-8', 'replace')).hexdigest()}"
        for one in bundle.documents
    ]
    names += [f"file:{file.name}:{sha256(file.data).hexdigest()}" for file in bundle.files]
    for name in names:
        hasher.update(name.encode("utf-8", "surrogatepass"))
        hasher.update(b"\n")
    return {"lines": sum(item.line is not None for item in bundle.items), "sha256": hasher.hexdigest()}


def _short(mark: Json) -> str:
    return str(mark["sha256"])[:16]


def _payload_of(session: Any, entry: Entry) -> bytes | None:
    """The payload that an entry keeps, as it came; that of an amendment, if it has one."""
    body = entry.body
    if isinstance(body, dict) and entry.kind == "amend":
        body = body.get("body")
    try:
        return raw_line(body.get("raw"), session.attachment) if isinstance(body, dict) else None
    except (NotFound, Corrupt):
        return None


def identity_of(native: str) -> str:
    """The id in the store for an id of a source: the same, shortened where it is too long."""
    whole = native.encode("utf-8", "replace")
    if 0 < len(whole) <= ID_BYTES_MAX - 16:
        return whole.decode()
    return f"{whole[:200].decode('utf-8', 'ignore')}~{sha256(whole).hexdigest()[:32]}"
