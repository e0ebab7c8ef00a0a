"""What is wrong with sessions: every line verified against digest and chain, every attachment against its hash."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

import msgspec

from ...codec.line import GENESIS, end_of, verify_line
from ...errors import Corrupt, NotFound
from ...model.requests import Finding
from ..derive import attachments_of
from ..memory_log import Reader
from . import documents, sources
from .attaching import FILES, places
from .connecting import Connection, execute
from .core import LINES, SQL, Core, Rows
from .doubts import repeated
from .reading import looked_at
from .rows import DAMAGED, Head, unraw

_MANY: Final = 500
_FEW: Final = 16
"""Attachments that one statement reads: together a gigabyte at the most."""


def check(core: Core, session: str | None, *, repair: bool) -> Iterator[Finding]:
    """As the contract says."""
    if session is not None:
        core.head(session)
        yield from _check(core, session, repair=repair)
        return
    for one in all_sessions(core):
        try:
            yield from _check(core, one, repair=repair)
        except NotFound:
            continue
    yield from (Finding("", "damage", wrong) for wrong in documents.damage(core))


def all_sessions(core: Core) -> Iterator[str]:
    """The ids of all sessions, a few at a time, tree by tree."""
    after = (b"", b"")
    while True:
        asked = {"tenant": core.tenant, "root": after[0], "session": after[1], "most": _MANY}
        found = core.db.rows(SQL["all"], asked)
        if not found:
            return
        for _, session in found:
            yield unraw(session)
        after = tuple(found[-1])


class _Looked(msgspec.Struct):
    """What was seen of a session."""

    head: Head
    log: Reader
    findings: list[Finding]


def _check(core: Core, session: str, *, repair: bool) -> list[Finding]:
    looked = _look(core, core.db.rows, session)
    if looked.findings:
        # Others may have written or deleted between two statements: only what is found as if by one is so.
        looked = core.snapshot(lambda rows: _look(core, rows, session))
    if (looked.log.damage is not None) != (looked.head.fold_version == DAMAGED):
        looked_at(core, session)
    if repair and looked.log.count and (looked.log.damage is not None or looked.log.tail):
        repeated(core.db, partial(_repair, core, session=session))
        core.unlearn(session)
    return looked.findings


def _look(core: Core, rows: Rows, session: str) -> _Looked:
    head = core.head(session, rows)
    log = Reader(session)
    named: dict[str, int] = {}
    for entry, _ in core.whole(rows, head, log):
        for name in attachments_of(entry.kind, entry.body):
            named.setdefault(name, entry.seq)
    found = [*_of_log(session, log), *_of_inherited(core, rows, head), *_of_attachments(core, rows, head, named)]
    return _Looked(head, log, found)


def _of_log(session: str, log: Reader) -> Iterator[Finding]:
    if log.damage is not None:
        found = log.damage
        yield Finding(session, "damage", str(found), line=found.line, offset=found.offset)
    elif log.tail:
        msg = (
            f"session {session!r}: {log.tail} bytes at byte {log.size} belong to no whole group; "
            "the next append sets them aside"
        )
        yield Finding(session, "damage" if log.broken else "note", msg, line=log.count + 1, offset=log.size)


def _repair(core: Core, con: Connection, *, session: str) -> None:
    """Set what does not count aside, and write what the rest is into the row."""
    head = core.lock(con, session)
    log = Reader(session)
    for _ in core.whole(partial(execute, con), head, log):
        pass
    if log.last is None:
        return
    here = core.at(head.session, head.root)
    execute(con, LINES["set_aside"], {**here, "after": log.last.seq, "now_us": core.clock()})
    core.reread(con, head)


def _of_inherited(core: Core, rows: Rows, head: Head) -> Iterator[Finding]:
    """What is wrong with the lines before the log: with the copy of them, or with where else they are read."""
    if head.first_seq == 1:
        return
    number, previous = 0, GENESIS
    try:
        if not head.has_prefix:
            sources.stretches(rows, core, head)
            return
        end = end_of(core.segments(rows, head))
        part = sources.Stretch(head.root, head.session, 1, head.first_seq - 1)
        for number, (_, line) in enumerate(sources.raw_lines(rows, core, part), 1):
            previous = bytes.fromhex(verify_line(line, previous, number).hash)
    except Corrupt as error:
        said = str(error) if not number else f"session {head.id!r}: inherited line {number}: {error}"
        yield Finding(head.id, "damage", said, line=number)
        return
    if (number, previous) != end:
        msg = f"session {head.id!r}: the copy of what it inherits ends with entry {number}, not as its log begins"
        yield Finding(head.id, "damage", f"{msg}. Restore it from a backup", line=number + 1)


def _of_attachments(core: Core, rows: Rows, head: Head, named: dict[str, int]) -> Iterator[Finding]:
    if not named:
        return
    asked, wanted = places(rows, core, head), [bytes.fromhex(name) for name in named]
    there: dict[str, bool] = {}
    for first in range(0, len(wanted), _FEW):
        some = rows(FILES["verified"], {**asked, "names": wanted[first : first + _FEW]})
        there |= {bytes(name).hex(): right for name, right in some}
    for name, seq in sorted(named.items(), key=lambda item: item[1]):
        if name not in there:
            yield Finding(
                head.id, "damage", f"session {head.id!r}: entry {seq} names attachment {name}, which is not there"
            )
        elif not there[name]:
            yield Finding(
                head.id, "damage", f"session {head.id!r}: the content of attachment {name} does not have this hash"
            )
