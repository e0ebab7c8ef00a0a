"""Taking over a log from another store: verified first, compared under the lock, and there all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from ...codec.line import decode_line, erase_line
from ...errors import Conflict, NotFound
from ...fold import FOLD_VERSION, Fold
from ...model.entry import Entry
from ...model.info import Attachment
from ...model.requests import Created
from ..memory_receive import Arrived
from ..memory_receive import arrived as gather
from . import attaching, sources
from .connecting import Connection, execute
from .core import SQL, Core
from .creating import add_lines, lock_tree, note_number, reserve
from .forking import TREES
from .rows import Head, columns, encode_state, marks_of, raw, unraw


def receive(
    core: Core, session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]
) -> Created:
    """As the contract says."""
    new = gather(session, lines, attachments)
    for data in new.log.files.values():
        attaching.check_size(data)
    created = core.db.transact(lambda con: _take_over(core, con, session, new))
    core.unlearn(session)
    core.touched(session)
    return created


def _take_over(core: Core, con: Connection, session: str, new: Arrived) -> Created:
    if execute(con, SQL["root"], core.at(session)):
        try:
            return _continue(core, con, session, new)
        except NotFound:
            pass
    erased = _erased(new.entries)
    root = _surroundings(core, con, session, new)
    reserve(core, con, session, root)
    prefix = [decode_line(line) for line in new.log.prefix]
    own = [(entry, len(line)) for entry, line in zip(new.entries, _cleared(new, erased, 0), strict=True)]
    shown = [decode_line(line) for line in _cleared(new, erased, 0)]
    last = new.entries[-1]
    _write(core, con, session, root, entries=prefix, lines=_clear_all(new.log.prefix, prefix, erased))
    _write(core, con, session, root, entries=new.entries, lines=_cleared(new, erased, 0))
    fold = Fold(tree=True)
    head = Head(
        raw(root), raw(session), last.seq, bytes.fromhex(last.hash), new.entries[0].seq, FOLD_VERSION, b"", None, 0, 0,
        bool(prefix),
    )  # fmt: skip
    for entry in sources.entries(partial(execute, con), core, head, before=head.first_seq):
        fold.apply(entry, 0)
    for entry, (_, size) in zip(shown, own, strict=True):
        fold.apply(entry, size)
    _make(core, con, head, fold)
    attaching.keep_all(core, con, core.at(session, raw(root)), list(new.log.files.items()))
    return Created(session, last.seq, new=True)


def _make(core: Core, con: Connection, head: Head, fold: Fold) -> None:
    info = fold.info()
    here = core.at(head.session, head.root)
    row: dict[str, Any] = {
        **here, **columns(info), "seq": head.seq, "hash": head.hash, "first_seq": head.first_seq,
        "fold_version": FOLD_VERSION, "fold": fold.dump(state=False), "state": encode_state(info.state),
    }  # fmt: skip
    execute(con, SQL["make"], row)
    execute(con, SQL["add_marks"], {**here, "marks": marks_of(info)})


def _surroundings(core: Core, con: Connection, session: str, new: Arrived) -> str:
    """The root under which the session goes; its parent, origin and number are seen to.

    Raises:
        NotFound: the parent, or the origin of a fork that came without the lines it inherits, is not here.
    """
    body = new.entries[0].body
    parent, number = body.get("parent"), body.get("number")
    if type(number) is int:
        agent, user = (body.get(name) if isinstance(body.get(name), str) else None for name in ("agent", "user"))
        note_number(core, con, agent, user, number)
    if isinstance(parent, str):
        try:
            return lock_tree(core, con, parent)[0]
        except NotFound:
            msg = f"session {session!r} is a child of {parent!r}, which is not here; copy that one first"
            raise NotFound(msg) from None
    if new.log.segments:
        _find_origin(core, con, session, new)
    return session


def _find_origin(core: Core, con: Connection, session: str, new: Arrived) -> None:
    segment = new.log.segments[-1]
    try:
        origin = core.lock(con, segment.session)
    except NotFound:
        origin = None
    there: dict[int, bytes] = {}
    if origin is not None and origin.first_seq <= segment.last <= origin.seq:
        there = sources.some(partial(execute, con), core, origin, [segment.last])
    if origin is not None and there and decode_line(there[segment.last]).hash == segment.hash:
        execute(con, TREES["mark"], {**core.at(origin.session, origin.root), "fork": raw(session)})
    elif not new.log.prefix:
        msg = (
            f"session {session!r} is a fork of {segment.session!r}, which is not here up to entry {segment.last}; "
            "copy that one first"
        )
        raise NotFound(msg)


def _continue(core: Core, con: Connection, session: str, new: Arrived) -> Created:
    """Add the rest to a log whose beginning is here.

    Raises:
        Conflict: it is another log, or a longer one.
    """
    head, _ = core.locked(con, session)
    first, last = new.entries[0].seq, new.entries[-1]
    place = head.seq - first
    same = 0 <= place < len(new.entries) and new.entries[place].hash == head.hash.hex()
    if not same or head.first_seq != first:
        msg = f"session {session!r} is here with another log (or a longer one). Copy it under a new id"
        raise Conflict(msg, seq=head.seq)
    attaching.keep_all(core, con, core.at(session, head.root), list(new.log.files.items()))
    if last.seq == head.seq:
        execute(con, SQL["settle"], core.at(session, head.root))
        return Created(session, last.seq, new=False)
    rest = new.entries[place + 1 :]
    erased = _erased(rest)
    _write(core, con, session, unraw(head.root), entries=rest, lines=_cleared(new, erased, place + 1))
    rows = partial(execute, con)
    late = sources.some(rows, core, head, [seq for seq in erased if seq <= head.seq])
    sources.write(rows, core, head, {seq: erase_line(line) for seq, line in late.items()})
    core.refold(con, msgspec.structs.replace(head, seq=last.seq, hash=bytes.fromhex(last.hash)))
    return Created(session, last.seq, new=False)


def _write(
    core: Core,
    con: Connection,
    session: str,
    root: str,
    *,
    entries: Sequence[Entry],
    lines: list[bytes],
) -> None:
    step = 500
    for start in range(0, len(lines), step):
        ids = [entry.id for entry in entries[start : start + step]]
        part = lines[start : start + step]
        add_lines(core, con, session, root, first_seq=entries[start].seq, ids=ids, lines=part)


def _erased(entries: Sequence[Entry]) -> set[int]:
    """What the erase entries among these name."""
    named: set[int] = set()
    for entry in entries:
        if entry.kind == "erase" and isinstance(entry.body, dict):
            named |= {seq for seq in entry.body.get("seqs", ()) if type(seq) is int}
    return named


def _cleared(new: Arrived, erased: set[int], start: int) -> list[bytes]:
    return _clear_all(new.log.lines[start:], new.entries[start:], erased)


def _clear_all(lines: Sequence[bytes], entries: Sequence[Entry], erased: set[int]) -> list[bytes]:
    pairs = zip(lines, entries, strict=True)
    return [erase_line(line) if entry.seq in erased else line for line, entry in pairs]
