"""What the verbs of the PostgreSQL backend share: the tenant, the connections, and what a log is now."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, LiteralString, Protocol, TypeVar

import msgspec

from ...codec.line import decode_line
from ...errors import Corrupt, NotFound
from ...fold import FOLD_VERSION, Fold
from ...model.entry import Entry
from ...model.info import Segment, SessionInfo
from ..derive import detached
from ..memory_log import Reader, segments_of
from . import sources
from .connecting import Connection, Lost, execute
from .doubts import repeated
from .known import Known, Recalling
from .rows import DAMAGED, Head, columns, encode_state, marks_of, with_renewal
from .statements import statements

T = TypeVar("T")

SQL: Final = statements("sessions")
LINES: Final = statements("entries")
_AS_ONE: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class Rows(Protocol):
    """Runs a statement: on any connection, or on the one of a transaction."""

    def __call__(self, statement: LiteralString, parameters: dict[str, Any] | None = None) -> list[Any]:
        """The rows."""
        ...


class Core(Recalling):
    """The state that all verbs of one tenant of an open store share."""

    def head(self, session: str, rows: Rows | None = None) -> Head:
        """The row of a session.

        Raises:
            NotFound: there is none.
        """
        found = (rows or self.db.rows)(SQL["head"], self.at(session))
        if not found:
            self.unlearn(session)
            self.missing(session)
        return Head(*found[0])

    def current(self, session: str) -> tuple[Head, Fold]:
        """The row of a session and the fold of its log.

        Raises:
            NotFound: there is none.
            Corrupt: the log is damaged.
        """
        head = self.head(session)
        known = self.recall(session)
        if known is not None and (known.hash, known.version) == (head.hash, head.fold_version):
            return head, known.fold
        fold = head.folded()
        if fold is None:
            return self.refreshed(session)
        self.learn(head.session, _known(head, fold))
        return head, fold

    def known(self, session: str) -> Known:
        """What is needed to append to a session; asks the server only if this process has not seen it lately.

        Raises:
            NotFound, Corrupt: as `current`.
        """
        known = self.recall(session)
        if known is None:
            head, fold = self.current(session)
            known = _known(head, fold)
        return known

    def info(self, session: str) -> SessionInfo:
        """What a session is now; the caller may change it."""
        head, fold = self.current(session)
        return detached(with_renewal(fold.info(), head.renewed_fence, head.renewed_us))

    def locked(self, con: Connection, session: str) -> tuple[Head, Fold]:
        """The row of a session, locked until the transaction ends, and its fold; no tail is behind its log.

        Raises:
            NotFound: there is none.
            Corrupt: the log is damaged.
        """
        rows = partial(execute, con)
        head = self.lock(con, session)
        fold = head.folded()
        if fold is None:
            head, fold = self.refold(con, head)
            execute(con, LINES["set_aside"], self.at(head.session, head.root, after=head.seq, now_us=self.clock()))
        if fold.needs_tree:
            fold = self.fold_of(rows, head)
        return head, fold

    def lock(self, con: Connection, session: str) -> Head:
        """The row of a session, locked until the transaction ends, its fold as it may be.

        Raises:
            NotFound: there is none.
        """
        known = self.recall(session)
        found = [] if known is None else execute(con, SQL["lock"], self.at(session, known.root))
        if not found:
            root = execute(con, SQL["root"], self.at(session))
            found = execute(con, SQL["lock"], self.at(session, root[0][0])) if root else []
        if not found:
            self.unlearn(session)
            self.missing(session)
        return Head(*found[0])

    # -- folding anew --------------------------------------------------------------------------------------------------

    def refreshed(self, session: str) -> tuple[Head, Fold]:
        """The row and fold of a session whose row says nothing that can be used: its log is read, and the row written.

        Raises:
            NotFound: there is none.
            Corrupt: the log is damaged; the row says so then.
        """

        def work(con: Connection) -> tuple[Head, Fold] | Corrupt:
            head = self.lock(con, session)
            fold = head.folded()
            if fold is not None:
                return head, fold
            try:
                return self.refold(con, head)
            except Corrupt as damage:
                self._note_damage(con, head)
                return damage

        found = repeated(self.db, work)
        if isinstance(found, Corrupt):
            self.unlearn(session)
            raise found
        self.learn(found[0].session, _known(*found))
        return found

    def refold_now(self, session: str) -> None:
        """Read a session's log and write its row anew, whatever that says; damage and deletion meanwhile are let be."""
        with contextlib.suppress(NotFound):
            repeated(self.db, lambda con: self.reread(con, self.lock(con, session)))
        self.unlearn(session)

    def reread(self, con: Connection, head: Head) -> None:
        """Read a log whose row is locked, and have the row say what it is, or that it is damaged."""
        try:
            self.refold(con, head)
        except Corrupt:
            self._note_damage(con, head)

    def refold(self, con: Connection, head: Head) -> tuple[Head, Fold]:
        """Read a log whose row is locked, and write into the row what it is; what was indexed of it is read anew.

        Raises:
            Corrupt: the log is damaged.
        """
        rows, log = partial(execute, con), Reader(head.id)
        fold = Fold(tree=True)
        for entry in sources.entries(rows, self, head, before=head.first_seq):
            fold.apply(entry, 0)
        for entry, line in self.whole(rows, head, log):
            fold.apply(entry, len(line))
        if log.damage is not None or log.last is None:
            raise log.damage or _lost(head)
        last = log.last
        head = msgspec.structs.replace(head, seq=last.seq, hash=bytes.fromhex(last.hash), fold_version=FOLD_VERSION)
        self.put(con, head, fold, reread=True)
        return head, fold

    def whole(self, rows: Rows, head: Head, log: Reader) -> Iterator[tuple[Entry, bytes]]:
        """The entries of a session's own log as far as they count, every line verified, each with its line.

        The reader knows then what is behind them. A log of which nothing counts is damaged.
        """
        for group in log.groups(sources.own_lines(rows, self, head)):
            yield from group
        if log.last is None and log.damage is None:
            log.damage = _lost(head)

    def snapshot(self, work: Callable[[Rows], T]) -> T:
        """The result of reading by several statements as if by one, and at least as late as now."""

        def inside(con: Connection) -> T:
            execute(con, _AS_ONE)
            return work(partial(execute, con))

        try:
            return self.db.transact(inside)
        except Lost:
            return self.db.transact(inside)

    def fold_of(self, rows: Rows, head: Head, more: list[tuple[Entry, int]] | None = None) -> Fold:
        """The fold of a whole log with its tree, and of entries after it."""
        fold = Fold(tree=True)
        for entry in sources.entries(rows, self, head, before=head.first_seq):
            fold.apply(entry, 0)
        for line in sources.lines(rows, self, head):
            fold.apply(decode_line(line), len(line))
        for entry, size in more or ():
            fold.apply(entry, size)
        return fold

    def put(self, con: Connection, head: Head, fold: Fold, *, reread: bool) -> None:
        """Write what a log is into its row, and its marks; with `reread` its text is indexed anew."""
        info = fold.info()
        values = {
            **columns(info), "seq": head.seq, "hash": head.hash, "fold_version": FOLD_VERSION,
            "fold": fold.dump(state=False), "state": encode_state(info.state), "reread": reread,
        }  # fmt: skip
        here = self.at(head.session, head.root)
        execute(con, SQL["put"], {**here, **values})
        execute(con, SQL["drop_marks"], here)
        execute(con, SQL["add_marks"], {**here, "marks": marks_of(info)})
        if reread:
            self._drop_texts(con, here)

    def _drop_texts(self, con: Connection, here: dict[str, Any]) -> None:
        execute(con, SQL["drop_texts"], here)
        execute(con, SQL["drop_calls"], here)

    def _note_damage(self, con: Connection, head: Head) -> None:
        fold, log = Fold(tree=True), Reader(head.id)
        for entry, line in self.whole(partial(execute, con), head, log):
            fold.apply(entry, len(line))
        info = fold.info() if log.count else SessionInfo(head.id)
        values = {
            **columns(msgspec.structs.replace(info, damaged=True)), "seq": head.seq, "hash": head.hash,
            "fold_version": DAMAGED, "fold": fold.dump(state=False), "state": encode_state(info.state), "reread": True,
        }  # fmt: skip
        here = self.at(head.session, head.root)
        execute(con, SQL["put"], {**here, **values})
        self._drop_texts(con, here)

    def segments(self, rows: Rows, head: Head) -> tuple[Segment, ...]:
        """Of a fork: where the entries before its first lie."""
        if head.first_seq == 1:
            return ()
        found = sources.some(rows, self, head, [head.first_seq])
        try:
            return segments_of(decode_line(found[head.first_seq]))
        except (ValueError, KeyError):
            msg = f"session {head.id!r}: the first line of its log can't be read"
            raise Corrupt(msg, line=1) from None


def _lost(head: Head) -> Corrupt:
    msg = f"session {head.id!r} was here, but its log is empty or cut in the first group"
    return Corrupt(msg, line=1)


def _known(head: Head, fold: Fold) -> Known:
    return Known(head.root, head.seq, head.hash, head.first_seq, FOLD_VERSION, fold, head.has_prefix)
