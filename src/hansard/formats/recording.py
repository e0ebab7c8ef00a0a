"""Records of other programs into sessions, over the public store API alone: found again, compared, and what is new appended.

An import that was killed goes on where it was: every commit holds whole entries in the order of one run, and the next
run writes those that are missing. What the session is, is in its first commit.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from ..errors import AlreadyExists, Conflict, HansardError, Invalid
from ..limits import ID_BYTES_MAX, MIB
from ..model.entry import Json, NewEntry
from ..store.place import place_of
from .comparing import Draft, Plan
from .feeding import existing
from .record import Record
from .recorded import Recorded
from .report import FileReport, SessionReport

_ATTEMPTS: Final = 5
_BATCH_BYTES: Final = MIB
_BATCH_ENTRIES: Final = 500


class Recording:
    """The records of one directory on their way into a store."""

    def __init__(self, store: Any, *, dry_run: bool) -> None:
        """With `dry_run` nothing is written, and the reports say what would be."""
        self._store = store
        self._dry = dry_run
        self.ids: dict[str, str] = {}
        """Native id of what was taken in this run → id in the store."""

    def take(self, record: Record) -> None:
        """Bring a record in; its file's report says what came of it. Only what concerns the whole store raises."""
        for attempt in range(_ATTEMPTS):
            before = len(record.report.sessions)
            try:
                self._take(record)
            except (Conflict, AlreadyExists) as error:
                del record.report.sessions[before:]
                record.report.skipped = f"{error} (tried {attempt + 1} times)"
                continue
            except HansardError as error:
                if error.code == "unavailable":
                    raise
                record.report.skipped = str(error)
                return
            record.report.skipped = ""
            return

    def passes(self, format: str, native: str, digest: str, report: FileReport) -> bool:  # noqa: A002 - the field's name
        """Whether all of these files is in, and nothing was to be told of them: then they need not be taken apart again."""
        session = existing(self._store, bounded(native)) if native else None
        info = None if session is None else session.info
        if info is None or info.source != {"format": format, "session": native}:
            return False
        mark = info.fields.get("imported")
        if not isinstance(mark, dict) or mark.get("sha256") != digest or type(mark.get("items")) is not int:
            return False
        report.sessions.append(SessionReport(info.id, source=native, already=mark["items"], entries=info.entry_count))
        self.ids[native] = info.id
        return True

    def _take(self, record: Record) -> None:
        if place_of(self._store).redact is not None:
            # A file's own bytes, kept for an export to the byte, would hold what the hook takes out.
            record.exact.clear()
        base = bounded(record.native)
        origin = {"format": record.format, "session": record.native, **record.origin}
        number = 1
        while True:
            identity = base if number == 1 else f"{base}~{number}"
            session = existing(self._store, identity)
            report = SessionReport(identity, source=record.native)
            if number > 1:
                report.note = f"{base} is another session; this one became {identity}"
            if session is None:
                self._begin(record, report, origin)
                return
            if session.info.source == origin and self._resume(record, session, report):
                return
            number += 1

    def _begin(self, record: Record, report: SessionReport, origin: dict[str, Json]) -> None:
        plan = Plan(record, None)
        self._remember(record, report)
        if self._dry:
            report.added = 1 + len(plan.entries)
            return
        parent = self._parent(record)
        known: dict[str, Any] = {
            "id": report.id, "agent": record.agent, "user": record.user, "at": record.at, "source": origin,
        }  # fmt: skip
        if parent is None:
            known["kind"] = record.kind
        if record.parent is not None and parent is None:
            known["metadata"] = {"orphan_of": record.parent}
            report.note = f"its parent {record.parent} is not here, so it is a session of its own"
        maker = self._store.create if parent is None else parent.spawn
        session = maker(**{name: value for name, value in known.items() if value}, entries=plan.opening)
        report.added = session.info.entry_count
        self._append(session, plan.rest, report)

    def _resume(self, record: Record, session: Any, report: SessionReport) -> bool:
        """Add what is new if the session is this record; False if it is another one."""
        mark = session.info.fields.get("imported")
        if isinstance(mark, dict) and mark.get("sha256") == record.digest:
            report.already = len(record.items)
            report.entries = session.info.entry_count
            self._remember(record, report)
            return True
        recorded = Recorded(record.format, session)
        plan = Plan(record, recorded)
        if not plan.fits:
            return False
        self._remember(record, report)
        report.already = plan.already
        report.entries = session.info.entry_count
        if plan.older:
            report.note = "the session here is newer; nothing was added"
        elif self._dry:
            report.added = len(plan.entries)
        else:
            self._append(session, plan.entries, report)
        return True

    def _remember(self, record: Record, report: SessionReport) -> None:
        record.report.sessions.append(report)
        self.ids[record.native] = report.id

    def _parent(self, record: Record) -> Any:
        if record.parent is None or record.parent == record.native:
            return None
        parent = existing(self._store, self.ids.get(record.parent, bounded(record.parent)))
        source = parent.info.source if parent is not None else None
        return parent if isinstance(source, dict) and source.get("format") == record.format else None

    def _append(self, session: Any, drafts: list[Draft], report: SessionReport) -> None:
        batch: list[NewEntry] = []
        size = 0
        for draft in drafts:
            batch.append(draft.made(session))
            size += draft.size
            if size >= _BATCH_BYTES or len(batch) >= _BATCH_ENTRIES:
                self._commit(session, batch, report)
                batch, size = [], 0
        self._commit(session, batch, report)
        report.entries = session.info.entry_count

    def _commit(self, session: Any, batch: list[NewEntry], report: SessionReport) -> None:
        if batch:
            session.append(batch, expect=session.info.seq)
            report.added += len(batch)


def bounded(native: str) -> str:
    """The id in the store for an id of another program.

    Raises:
        Invalid: it is empty.
    """
    whole = native.encode("utf-8", "replace")
    if not whole:
        msg = "the session has an empty id; give it one in its file"
        raise Invalid(msg)
    if len(whole) <= ID_BYTES_MAX - 16:
        return whole.decode()
    return f"{whole[:200].decode('utf-8', 'ignore')}~{sha256(whole).hexdigest()[:32]}"
