"""The commit: how the appends that wait for one session become lines in the database, and how doubt about them ends.

A writer that knows the head of the log sends one statement: it moves the head on and adds the lines, or changes nothing.
If somebody was faster, the head is read again and the appends are decided anew, then with the row locked. If the
connection is cut, the group may be there: its last line says so, as no other can have that hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from ...backend import Answer, Request
from ...errors import Corrupt, HansardError, NotFound, Unavailable
from ...fold import FOLD_VERSION, Fold
from ...model.documents import Document
from ...model.entry import Entry
from .. import commit
from . import appending, documents, sources
from .connecting import Again, Clashed, Connection, Lost, execute
from .core import LINES, SQL, Core
from .doubts import repeated, resolved
from .known import Known
from .packing import Rows, keys_of, lines_in, one_by_one, packed
from .rows import Head, marks_of, raw

_REPEAT: Final = "Repeat the call with the same ids or the same key: it adds nothing twice"


def commit_requests(core: Core, session: str, requests: Sequence[Request]) -> list[Answer]:
    """Decide requests and write what they add as one group, durable when this returns; an answer for each.

    Raises:
        HansardError: nothing of any request was acknowledged.
    """
    writer = _Writer(core, session, requests)
    for request in requests:
        if request.documents:
            return writer.under_lock([])
    return writer.optimistic()


class _Written(msgspec.Struct):
    """What one try wrote."""

    known: Known | None
    """What it found; None if it did not look."""
    group: commit.Group
    documents: list[Document] = []


class _Writer:
    """One group of requests on its way."""

    def __init__(self, core: Core, session: str, requests: Sequence[Request]) -> None:
        self.core = core
        self.session = session
        self.requests = requests
        self.given: list[str] = []
        for request in requests:
            for sealed in request.sealed:
                if sealed.given:
                    self.given.append(sealed.new.id)
            if request.change_id:
                self.given.append(request.change_id)
        self.there: dict[str, Entry] = {}
        """Entries that are there already, by those of the given ids that were found."""
        self.seen: bytes | None = None
        """The hash of the head that this process knew."""
        self.clashed = False
        """Lines stand behind the head, as after a restore of a part: they are set aside."""

    # -- without a lock ------------------------------------------------------------------------------------------------

    def optimistic(self) -> list[Answer]:
        """Write on top of the head that this process knows; under the lock if that is not it any more."""
        while True:
            known = self.core.known(self.session)
            self.seen = known.hash
            if known.contended:
                return self.under_lock([])
            if self.given and known.is_fork:
                head = self.core.head(self.session)
                self.there |= sources.by_ids(self.core.db.rows, self.core, head, self.given, inherited_only=True)
            group = self._plan(known.fold, known.hash, self._at(known))
            if not group.lines:
                if self._is_current(known):
                    if group.repeats:
                        self._make_sure(known)
                    return group.answers
                self.core.unlearn(self.session)
                continue
            usual = group.fold.says_as(known.fold)
            if group.fold.needs_tree or not (usual or self._keeps_marks(known.fold, group.fold)):
                return self.under_lock([])
            try:
                moved, found = self._send(known, group, usual=usual and not self.given)
            except Lost:
                return self.under_lock([group])
            except Clashed:
                self.clashed = True
                return self.under_lock([])
            except Again:
                # Where the server's default isolation undoes who waited for another's commit.
                return self.under_lock([])
            if moved:
                return group.answers
            if not found:
                self.core.unlearn(self.session)
                return self.under_lock([])
            self.there |= found

    def _at(self, known: Known) -> commit.EntryAt:
        rows = self.core.db.rows
        return lambda seq: sources.entry_at(rows, self.core, _head_of(self.session, known), seq)

    def _plan(self, fold: Fold, previous: bytes, at: commit.EntryAt) -> commit.Group:
        return commit.plan(fold, previous, self.requests, find=self.there.get, at=at, now_us=self.core.clock())

    def _is_current(self, known: Known) -> bool:
        found = self.core.db.rows(SQL["place"], self.core.at(self.session))
        if not found:
            self.core.unlearn(self.session)
            self.core.missing(self.session)
        current = (found[0][0], bytes(found[0][1]), found[0][2]) == (known.seq, known.hash, known.version)
        return current and self._looked_up(known)

    def _looked_up(self, known: Known) -> bool:
        """Whether it is known which of the given ids are there; looks it up, and says False if that changes anything."""
        missing = [one for one in self.given if one not in self.there]
        if not missing:
            return True
        head = self.core.head(self.session)
        found = sources.by_ids(self.core.db.rows, self.core, head, missing)
        self.there |= found
        return not found and head.hash == known.hash

    def _keeps_marks(self, before: Fold, after: Fold) -> bool:
        old, new = before.info(), after.info()
        same = old.labels is new.labels and old.metadata is new.metadata
        return same or marks_of(old) == marks_of(new)

    def _send(self, known: Known, group: commit.Group, *, usual: bool) -> tuple[bool, dict[str, Entry]]:
        """Whether the group was written; if not, the entries that already have ids of it."""
        here = self.core.at(self.session, known.root)
        learned: list[Known] = []
        rows = self._rows(group)
        with self.core.db.connection() as con:
            con.doubtful = False
            if usual:
                # Nothing but what every group changes, and no id that can be there.
                found: list[bytes] = []
                moved = appending.move_on(
                    con, here, known, group, rows, meanwhile=lambda: learned.append(_after(known, group))
                )
            else:
                moved, found = appending.change(con, here, known, group, rows, given=self._asked_for())
            settled = not con.doubtful
        if moved:
            if not settled:
                self._make_sure(known)
            self._learn(learned[0] if learned else _after(known, group))
            return True, {}
        # What can't be read is met again, and told, under the lock.
        there = [sources.readable(line) for row in found for line in lines_in(row)]
        return False, {entry.id: entry for entry in there if entry is not None and entry.id in self.given}

    def _rows(self, group: commit.Group) -> Rows:
        # What others gave ids, or what was refused once, is found by nothing but the ids.
        rows_of = one_by_one if self.given or self.clashed else packed
        return rows_of(group.entries, group.lines)

    def _asked_for(self) -> list[bytes]:
        return keys_of([one for one in self.given if one not in self.there])

    def _make_sure(self, known: Known) -> None:
        """What is there already is durable, whoever wrote it: a commit after it is."""
        here = self.core.at(self.session, known.root)
        repeated(self.core.db, lambda con: execute(con, SQL["settle"], here))

    def _learn(self, known: Known) -> None:
        self.core.learn(raw(self.session), known)
        self.core.touched(self.session)

    # -- under the lock ------------------------------------------------------------------------------------------------

    def under_lock(self, sent: Sequence[commit.Group]) -> list[Answer]:
        """Decide and write in a transaction that holds the row; after a cut connection, again until it is known.

        `sent` are the groups that were sent and not answered: any one of them may be there.
        """
        tries = [_Written(None, group) for group in sent]
        try:
            written = resolved(self.core.db, self._locked, sent=tries, advice=_REPEAT)
        except (NotFound, Corrupt):
            self.core.unlearn(self.session)
            raise
        if written.known is not None:
            self._learn(_after(written.known, written.group))
        return written.group.answers

    def _locked(self, con: Connection, tries: Sequence[_Written]) -> _Written:
        core, rows = self.core, partial(execute, con)
        head, fold = core.locked(con, self.session)
        contended = not tries and self.seen not in (None, head.hash)
        known = Known(head.root, head.seq, head.hash, head.first_seq, FOLD_VERSION, fold, head.has_prefix, contended)
        if self.clashed:
            aside = core.at(head.session, head.root, after=head.seq, now_us=core.clock())
            execute(con, LINES["set_aside"], aside)
        arrived = next((one.group for one in tries if self._arrived(con, head, one)), None)
        if arrived is not None:
            execute(con, SQL["settle"], core.at(self.session, head.root))
            return _Written(known, msgspec.structs.replace(arrived, fold=fold, hash=head.hash))
        if self.given:
            self.there = sources.by_ids(rows, core, head, self.given)
        group = self._plan(fold, head.hash, lambda seq: sources.entry_at(rows, core, head, seq))
        if not group.lines:
            execute(con, SQL["settle"], core.at(self.session, head.root))
            return _Written(known, group, [] if group.repeats else self._write_documents(con, group))
        if group.fold.needs_tree:
            more = [(entry, len(line)) for entry, line in zip(group.entries, group.lines, strict=True)]
            group.fold = core.fold_of(rows, head, more)
        return _Written(known, group, self._write(con, known, group))

    def _arrived(self, con: Connection, head: Head, one: _Written) -> bool:
        if not one.group.lines:
            return bool(one.documents) and all(documents.is_there(self.core, con, each) for each in one.documents)
        return sources.holds(partial(execute, con), self.core, head, one.group.entries[-1])

    def _write(self, con: Connection, known: Known, group: commit.Group) -> list[Document]:
        here = self.core.at(self.session, known.root)
        moved, _ = appending.change(con, here, known, group, self._rows(group), given=[])
        if not moved:
            msg = f"session {self.session!r}: the head moved although its row is locked; run `hansard check`"
            raise Unavailable(msg)
        if not self._keeps_marks(known.fold, group.fold):
            execute(con, SQL["drop_marks"], here)
            execute(con, SQL["add_marks"], {**here, "marks": marks_of(group.fold.info())})
        return self._write_documents(con, group)

    def _write_documents(self, con: Connection, group: commit.Group) -> list[Document]:
        written: list[Document] = []
        for request, answer in zip(self.requests, group.answers, strict=True):
            if request.documents and not isinstance(answer, HansardError):
                written += documents.write_all(self.core, con, request.documents)
        return written


def _after(known: Known, group: commit.Group) -> Known:
    """What is known of a log once a group is written."""
    fold = group.fold.light() if group.fold.tree is not None else group.fold
    return Known(
        known.root, fold.seq, group.hash, known.first_seq, FOLD_VERSION, fold, known.has_prefix, known.contended
    )


def _head_of(session: str, known: Known) -> Head:
    return Head(
        known.root,
        raw(session),
        known.seq,
        known.hash,
        known.first_seq,
        known.version,
        b"",
        None,
        0,
        0,
        known.has_prefix,
    )
