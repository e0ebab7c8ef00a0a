"""Forks: a new root whose log continues another's numbers, and what it needs when the other goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from ...backend import Request
from ...codec import names
from ...codec.line import seal
from ...errors import AlreadyExists, Corrupt, Invalid, NotFound
from ...fold import Fold
from ...model.entry import Entry, NewEntry
from ...model.info import Segment, SessionInfo
from ...model.references import attachments_in
from ...model.requests import Created, Creation
from ..creation import created_entry
from . import sources
from .connecting import Again, Connection, execute, execute_long
from .core import SQL, Core, Rows
from .creating import Made, made_before, plan_first, reserve, taken, write_first
from .doubts import resolved
from .packing import lines_in
from .rows import Head, raw, unraw
from .statements import statements

TREES = statements("trees")


def fork(core: Core, origin: str, creation: Creation, at: int | None) -> Created:
    """As the contract says."""
    session = names.check_id(creation.id) if creation.id else names.new_id()

    def work(con: Connection, tries: Sequence[Made]) -> Made:
        if tries:
            # A try that is still under way holds the origin's row.
            with contextlib.suppress(NotFound):
                core.lock(con, origin)
            if (there := made_before(core, con, tries)) is not None:
                return there
        return _fork(core, con, origin, creation, session=session, at=at)

    advice = f"If so, get({session!r}) gives it, and a fork with this id would refuse"
    made = resolved(core.db, work, advice=advice)
    core.touched(session)
    return made.created


def _fork(core: Core, con: Connection, origin: str, creation: Creation, *, session: str, at: int | None) -> Made:
    rows = partial(execute, con)
    head, fold = core.locked(con, origin)
    info = fold.info()
    at = info.seq if at is None else at
    if type(at) is not int or not 1 <= at <= info.seq:
        msg = f"session {origin!r}: there is no entry {at!r} to fork at; it has entries 1 to {info.seq}"
        raise Invalid(msg)
    if not reserve(core, con, session, session):
        raise AlreadyExists(taken(session))
    parts = sources.stretches(rows, core, head, info.segments)
    holder = next(part for part in parts if part.first <= at <= part.last)
    # What shows lines of a session that is gone has a copy of its own, so that they can be erased there.
    copied = any(part.copied and part.first <= at for part in parts)
    if not copied and holder.session != head.session:
        # The lines lie in another session's log: that one must stay until the fork is there.
        try:
            core.lock(con, unraw(holder.session))
        except NotFound:
            msg = f"session {unraw(holder.session)!r} was deleted while {origin!r} was being forked; repeat the call"
            raise Again(msg) from None
    if not copied:
        marker = {"tenant": core.tenant, "root": holder.root, "session": holder.session, "fork": raw(session)}
        execute(con, TREES["mark"], marker)
    target = sources.entry_at(rows, core, head, at)
    if target is None:
        msg = f"session {origin!r}: entry {at} is not there (any more); fork at one that is"
        raise NotFound(msg)
    owner = next((part.session for part in info.segments if part.last >= at), origin)
    before = tuple(part for part in info.segments if part.last < at)
    segments = (*before, Segment(owner, at, target.hash))
    later = [sources.entry_at(rows, core, head, seq) for seq, aim in info.amendments if aim <= at < seq]
    sealed = _first_entries(
        core, creation, session, origin=info, segments=segments, later=[one for one in later if one is not None]
    )
    whole = at == info.seq
    if not whole:
        # Folded when it is read first, so that the creation costs the same at any length.
        fold = Fold()
        fold.seq = at
        fold.settle(size=0, hash=target.hash, touched_us=_clock_at(rows, core, head, at))
    group = plan_first(
        core, fold, bytes.fromhex(target.hash), sealed, at=lambda seq: sources.entry_at(rows, core, head, seq)
    )
    write_first(core, con, session, session, group, folded=whole and not group.fold.needs_tree)
    if copied:
        copy_prefix(core, con, session, parts, at)
    return Made(Created(session, group.fold.seq, new=True), group.entries[0])


def _first_entries(
    core: Core,
    creation: Creation,
    session: str,
    *,
    origin: SessionInfo,
    segments: tuple[Segment, ...],
    later: list[Entry],
) -> Request:
    """The fork's first commit: `created`, and the amendments in force that were made after the place."""
    new = msgspec.structs.replace(
        creation, kind="fork", parent=None, name=None,
        agent=origin.agent if creation.agent is None else creation.agent,
        user=origin.user if creation.user is None else creation.user,
    )  # fmt: skip
    now_us = core.clock()
    sealed = [seal(created_entry(new, id=session, segments=segments), now_us=now_us)]
    copies = [NewEntry(kind="amend", body=one.body, at=one.at) for one in later if not one.erased]
    sealed += [seal(copy, now_us=now_us) for copy in copies]
    return Request(sealed=tuple(sealed))


def _clock_at(rows: Rows, core: Core, head: Head, at: int) -> int:
    """The clock of the last commit up to a place, before which the fork's own may not go."""
    for entry in sources.entries(rows, core, head, before=at + 1, newest_first=True):
        if entry.commit is not None:
            return entry.commit[1]
    return 0


def copy_prefix(core: Core, con: Connection, session: str, parts: list[sources.Stretch], last: int) -> None:
    """Give a fork, by its id, its own copy of lines 1 to `last` and of the attachments that they name."""
    asked = {"tenant": core.tenant, "session": raw(session)}
    root = execute(con, SQL["root"], asked)[0][0]
    for part in parts:
        if part.first <= last:
            more = {
                "from_root": part.root, "from_session": part.session, "first": part.first,
                "last": min(part.last, last), "root": root,
            }  # fmt: skip
            execute_long(con, TREES["copy_lines"], {**asked, **more})
            _cut(con, core.at(session, root, seqs=[more["last"]]))
    holders = [part for part in parts if part.session != raw(session)]
    there = {"roots": [part.root for part in holders], "sessions": [part.session for part in holders]}
    if holders and execute(con, TREES["has_attachments"], {"tenant": core.tenant, **there}):
        needed = sorted(_named(core, con, root, raw(session), last))
        execute_long(con, TREES["copy_attachments"], {**asked, **there, "root": root, "needed": needed})


def _cut(con: Connection, at: dict[str, Any]) -> None:
    """Of the row in which a copy ends, only the lines up to there are the fork's."""
    (last,) = at["seqs"]
    for _, first, data in execute(con, sources.ENTRIES["some"], at):
        lines = lines_in(data)
        if first + len(lines) > last + 1:
            kept = b"".join(lines[: last - first + 1])
            execute(con, sources.ENTRIES["write"], {**at, "seqs": [first], "lines": [kept]})


def _named(core: Core, con: Connection, root: bytes, session: bytes, last: int) -> set[bytes]:
    found: set[bytes] = set()
    for entry in _readable(core, con, sources.Stretch(root, session, 1, last)):
        found |= {bytes.fromhex(name) for name in attachments_in(entry.body)}
    return found


def _readable(core: Core, con: Connection, part: sources.Stretch) -> Iterator[Entry]:
    for _, line in sources.raw_lines(partial(execute, con), core, part):
        if (entry := sources.readable(line)) is not None:
            yield entry


def rescue(core: Core, con: Connection, victims: dict[str, Any]) -> None:
    """Give every live fork of sessions that go its own copy of all that it inherits."""
    rows, going = partial(execute, con), set(victims["sessions"])
    for (fork_id,) in execute(con, TREES["forks_of"], victims):
        if fork_id in going:
            continue
        try:
            head = core.lock(con, unraw(fork_id))
        except NotFound:
            continue
        if head.first_seq == 1 or head.has_prefix:
            continue
        try:
            parts = sources.stretches(rows, core, head, head.known_info().segments or None)
        except Corrupt:
            # It shows nothing that could be kept: its own log does not say what, or a part of that is gone already.
            continue
        if any(part.session in going for part in parts):
            copy_prefix(core, con, head.id, parts, head.first_seq - 1)
