"""Erasing: bodies that are gone for good, from the session, from its forks, and from the copies that forks were left."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial

import msgspec

from ...backend import Request
from ...codec.line import erase_line, seal
from ...errors import Corrupt, HansardError, Invalid, NotFound
from ...fold import Fold
from ...model.entry import Entry, Json, NewEntry
from ...model.references import attachments_in
from ...model.requests import Erasure
from .. import commit
from ..derive import NEVER_ERASED
from . import sources
from .attaching import FILES, still_named
from .connecting import Connection, execute, execute_long
from .core import SQL, Core
from .creating import add_lines
from .doubts import resolved
from .forking import TREES
from .packing import line_at
from .rows import Head, unraw


class _Work(msgspec.Struct):
    """What one erasure is to do, and what it has done."""

    session: str
    said: dict[str, Json]
    seqs: frozenset[int] = frozenset()
    hashes: dict[str, int] = {}
    """Of the lines to clear, each with its number: the same line may stand in several sessions."""
    names: set[str] = set()
    """Attachments that the cleared bodies named."""
    done: dict[bytes, bytes] = {}
    """Sessions that were looked at, each with its root."""
    forks: list[str] = []
    dropped: list[str] = []
    unreached: tuple[str, ...] = ()
    said_in: Entry | None = None
    """The `erase` entry of the session itself."""

    def take(self, entries: Sequence[Entry]) -> None:
        """Have these entries cleared too."""
        self.hashes |= {entry.hash: entry.seq for entry in entries}
        for entry in entries:
            self.names |= attachments_in(entry.body).keys()

    def erasure(self) -> Erasure:
        """What was done, for the caller."""
        return Erasure(tuple(sorted(self.seqs)), tuple(self.dropped), tuple(sorted(set(self.forks))), self.unreached)


def erase(core: Core, session: str, seqs: Sequence[int], *, by: str | None, reason: str | None) -> Erasure:
    """As the contract says."""
    said: dict[str, Json] = {key: value for key, value in (("by", by), ("reason", reason)) if value is not None}

    def work(con: Connection, tries: Sequence[_Work]) -> _Work:
        head, fold = core.locked(con, session)
        for one in tries:
            if one.said_in is not None and sources.holds(partial(execute, con), core, head, one.said_in):
                execute(con, SQL["settle"], core.at(head.session, head.root))
                return one
        return _erase(core, con, head, fold, _Work(session, said), seqs=seqs)

    advice = "If so, an erase entry says it; to erase the same again is allowed"
    done = resolved(core.db, work, advice=advice)
    for one in map(unraw, done.done):
        core.unlearn(one)
        core.touched(one)
    return done.erasure()


def _erase(core: Core, con: Connection, head: Head, fold: Fold, work: _Work, *, seqs: Sequence[int]) -> _Work:
    targets = _targets(core, con, head, fold, seqs)
    work.seqs = frozenset(entry.seq for entry in targets)
    work.take(targets)
    _erase_in(core, con, head, fold, work, seqs=[entry.seq for entry in targets])
    _erase_in_forks(core, con, head, work)
    _erase_in_copies(core, con, work)
    work.dropped = _drop_attachments(core, con, work)
    if execute(con, SQL["has_quarantine"], {"tenant": core.tenant}):
        work.unreached = ("the table hansard.quarantine: what was set aside there was not looked at",)
    return work


def _targets(core: Core, con: Connection, head: Head, fold: Fold, seqs: Sequence[int]) -> list[Entry]:
    """The entries to erase in order, with the amendments that show what their targets said instead."""
    session = head.id
    for seq in seqs:
        if type(seq) is not int or not 1 <= seq <= head.seq:
            msg = f"session {session!r}: there is no entry {seq!r} to erase; it has entries 1 to {head.seq}"
            raise Invalid(msg)
        if seq < head.first_seq and not head.has_prefix:
            msg = f"session {session!r} shows entry {seq} of the session it was forked from; erase it there"
            raise Invalid(msg)
    given = frozenset(seqs)
    amends = {amend for amend, target in fold.info().amendments if target in given and amend >= head.first_seq}
    found = sources.some(partial(execute, con), core, head, given | amends)
    entries = [sources.decoded(line, seq, head) for seq, line in found.items()]
    for entry in entries:
        if entry.kind in NEVER_ERASED:
            msg = (
                f"session {session!r}: entry {entry.seq} is of kind {entry.kind!r}, without which the log can't be read"
            )
            raise Invalid(msg)
    # An amendment that was erased before is none.
    return [entry for entry in entries if entry.seq in given or not entry.erased]


def _erase_in(core: Core, con: Connection, head: Head, fold: Fold, work: _Work, *, seqs: list[int]) -> None:
    """Clear what is to be cleared in a log whose row is locked, and say so in an entry if there are `seqs`."""
    work.done[head.session] = head.root
    if seqs:
        entry = NewEntry(kind="erase", body={"seqs": seqs, **work.said})
        request = Request(sealed=(seal(entry, now_us=core.clock()),))
        group = commit.plan(
            fold, head.hash, [request], find=lambda _id: None,
            at=lambda seq: sources.entry_at(partial(execute, con), core, head, seq), now_us=core.clock(),
        )  # fmt: skip
        if isinstance(group.answers[0], HansardError):
            raise group.answers[0]
        added = group.entries[0]
        work.said_in = added if head.id == work.session else work.said_in
        add_lines(core, con, head.id, unraw(head.root), entries=[added], lines=group.lines)
        _clear(core, con, head, set(seqs), work)
        head = msgspec.structs.replace(head, seq=added.seq, hash=group.hash)
    if head.id == work.session:
        core.refold(con, head)
    else:
        # A fork that turns out to be damaged is listed so, and hinders nobody.
        core.reread(con, head)


def _clear(core: Core, con: Connection, head: Head, seqs: set[int], work: _Work) -> None:
    """Clear those of a session's lines that are to be cleared."""
    rows = partial(execute, con)
    found = sources.some(rows, core, head, seqs)
    entries = {seq: sources.readable(line) for seq, line in found.items()}
    lines = {
        seq: erase_line(found[seq]) for seq, entry in entries.items() if entry is not None and entry.hash in work.hashes
    }
    sources.write(rows, core, head, lines)


def _erase_in_forks(core: Core, con: Connection, head: Head, work: _Work) -> None:
    """The same in every fork that shows the entries: what it copied of them, and what was derived of them."""
    for (fork_id,) in execute(con, TREES["forks"], core.at(head.session, head.root)):
        if fork_id in work.done:
            continue
        try:
            fork, fold = core.locked(con, unraw(fork_id))
        except (NotFound, Corrupt):
            continue
        if fork.first_seq > min(work.seqs, default=0):
            _erase_in_fork(core, con, fork, fold, work)


def _erase_in_fork(core: Core, con: Connection, fork: Head, fold: Fold, work: _Work) -> None:
    amends = [amend for amend, target in fold.info().amendments if target in work.seqs and amend >= fork.first_seq]
    found = sources.some(partial(execute, con), core, fork, amends)
    copies = [entry for entry in map(sources.readable, found.values()) if entry is not None and not entry.erased]
    work.take(copies)
    if (copies or fork.has_prefix) and fork.id != work.session:
        work.forks.append(fork.id)
    if fork.has_prefix:
        _clear(core, con, fork, set(work.hashes.values()), work)
    _erase_in(core, con, fork, fold, work, seqs=sorted(entry.seq for entry in copies))
    _erase_in_forks(core, con, fork, work)


def _erase_in_copies(core: Core, con: Connection, work: _Work) -> None:
    """The same in all forks that have copies of these lines, and of the amendments that were found on the way."""
    while True:
        asked = {"tenant": core.tenant, "seqs": sorted(set(work.hashes.values()))}
        rows = execute_long(con, TREES["copies"], asked)
        entries = [(session, sources.readable(line_at(seq, first, data))) for session, seq, first, data in rows]
        holders = [
            session
            for session, entry in entries
            if entry is not None and entry.hash in work.hashes and not entry.erased
        ]
        if not holders:
            return
        for session in dict.fromkeys(holders):
            # A damaged log is not folded, but its copies are cleared like any.
            _clear(core, con, core.lock(con, unraw(session)), set(work.hashes.values()), work)
            with contextlib.suppress(Corrupt):
                _erase_in_fork(core, con, *core.locked(con, unraw(session)), work)


def _drop_attachments(core: Core, con: Connection, work: _Work) -> list[str]:
    """Remove the attachments that only cleared bodies named."""
    if not work.names:
        return []
    asked = {"tenant": core.tenant, "roots": list(work.done.values()), "sessions": list(work.done)}
    still = still_named(core, con, work.done.items(), work.names)
    unnamed = [bytes.fromhex(name) for name in sorted(work.names - still)]
    return sorted({bytes(row[0]).hex() for row in execute(con, FILES["drop"], {**asked, "names": unnamed})})
