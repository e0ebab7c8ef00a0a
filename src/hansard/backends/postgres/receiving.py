"""Taking over a log from another store: verified first, compared under the lock, and there all at once.

Of a large log only a few megabytes are held in memory at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, Any, Final

import msgspec

from ...codec.line import decode_line, erase_line, seq_of
from ...errors import Conflict, NotFound, Unavailable
from ...fold import FOLD_VERSION, Fold
from ...limits import MIB
from ...model.entry import Entry
from ...model.info import Attachment
from ...model.requests import Created
from ..arriving import Arriving, erased_by, verified
from ..memory_log import segments_of
from . import attaching, sources
from .connecting import Connection, execute
from .core import SQL, Core
from .creating import add_lines, lock_tree, note_number, reserve
from .doubts import resolved
from .forking import TREES
from .rows import Head, columns, encode_state, marks_of, raw, unraw

_BATCH_BYTES: Final = 8 * MIB
_BATCH_LINES: Final = 500


class Arrived(msgspec.Struct):
    """A log that came in, every line of it verified, in a file that nobody else knows."""

    file: IO[bytes]
    own_at: int
    """Where its own lines begin in the file, behind those that it inherits."""
    files_at: int
    """Where they end, and the attachments begin."""
    first: Entry
    last: Entry
    erased: set[int]
    """What its erase entries name."""
    files: list[tuple[str, int]]
    """Hash and size of each attachment."""

    @property
    def inherits(self) -> bool:
        """It brought the lines that it inherits."""
        return self.own_at > 0

    def inherited(self) -> Iterator[bytes]:
        """The lines that it inherits, cleared where an erase entry says so."""
        return self._lines(0, self.own_at)

    def own(self) -> Iterator[bytes]:
        """Its own lines, likewise."""
        return self._lines(self.own_at, self.files_at)

    def _lines(self, place: int, end: int) -> Iterator[bytes]:
        while place < end:
            self.file.seek(place)
            line = self.file.readline()
            place += len(line)
            yield erase_line(line) if self.erased and seq_of(line) in self.erased else line

    def attachments(self) -> Iterator[tuple[str, bytes]]:
        """Each with its hash."""
        place = self.files_at
        for name, size in self.files:
            self.file.seek(place)
            place += size
            yield name, self.file.read(size)


def receive(
    core: Core, session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]
) -> Created:
    """As the contract says."""
    with SpooledTemporaryFile(_BATCH_BYTES) as file:
        new = _gather(session, file, lines, attachments)

        def work(con: Connection, tries: Sequence[Created]) -> Created:
            if tries and _is_here(core, con, session, new):
                return tries[-1]
            return _take_over(core, con, session, new)

        created = resolved(core.db, work, advice="Repeat the call: what is here already is compared and skipped")
    core.unlearn(session)
    core.touched(session)
    return created


def _is_here(core: Core, con: Connection, session: str, new: Arrived) -> bool:
    """Whether all of a log is here, which this transaction confirms then."""
    try:
        head = core.lock(con, session)
    except NotFound:
        return False
    there = sources.holds(partial(execute, con), core, head, new.last)
    if there:
        execute(con, SQL["settle"], core.at(session, head.root))
    return there


def _gather(
    session: str, file: IO[bytes], lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]
) -> Arrived:
    """What comes is verified, and in the file: a transaction may have to read it again, and nobody waits for it there.

    Raises:
        Corrupt: a line or an attachment does not verify, or the last line ends no group.
        Invalid: it is the log of another session, or an attachment is too large.
    """
    arriving = Arriving(session, lines)
    own_at = sum(_kept(file, line) for line in arriving.inherited())
    files_at = own_at + sum(_kept(file, line) for line in arriving.own())
    files: dict[str, int] = {}
    for attachment, data in verified(attachments):
        attaching.check_size(data)
        if attachment.sha256 not in files:
            files[attachment.sha256] = _kept(file, data)
    return Arrived(file, own_at, files_at, arriving.first, arriving.last, arriving.erased, list(files.items()))


def _kept(file: IO[bytes], data: bytes) -> int:
    try:
        return file.write(data)
    except OSError as error:
        msg = f"no room for what arrives in {gettempdir()}: {error.strerror or error}. Name another folder by $TMPDIR"
        raise Unavailable(msg) from error


def _take_over(core: Core, con: Connection, session: str, new: Arrived) -> Created:
    if execute(con, SQL["root"], core.at(session)):
        with contextlib.suppress(NotFound):
            return _continue(core, con, session, new)
    root = _surroundings(core, con, session, new)
    if not reserve(core, con, session, root):
        # Somebody else brought it meanwhile.
        return _continue(core, con, session, new)
    fold = Fold(tree=True)
    last = new.last
    head = Head(
        raw(root), raw(session), last.seq, bytes.fromhex(last.hash), new.first.seq, FOLD_VERSION, b"", None, 0, 0,
        new.inherits,
    )  # fmt: skip
    for _ in _written(core, con, head, new.inherited()):
        pass
    for entry, size in _written(core, con, head, new.own()):
        if entry.seq == head.first_seq:
            # Which must be there to say what stands before it.
            for before in sources.entries(partial(execute, con), core, head, before=head.first_seq):
                fold.apply(before, 0)
        fold.apply(entry, size)
    _make(core, con, head, fold)
    attaching.keep_all(core, con, core.at(session, raw(root)), new.attachments())
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
    body = new.first.body
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
    if segments_of(new.first):
        _find_origin(core, con, session, new)
    return session


def _find_origin(core: Core, con: Connection, session: str, new: Arrived) -> None:
    segment = segments_of(new.first)[-1]
    try:
        origin = core.lock(con, segment.session)
    except NotFound:
        origin = None
    there: dict[int, bytes] = {}
    if origin is not None and origin.first_seq <= segment.last <= origin.seq:
        there = sources.some(partial(execute, con), core, origin, [segment.last])
    last = sources.readable(there.get(segment.last))
    if origin is not None and last is not None and last.hash == segment.hash:
        execute(con, TREES["mark"], {**core.at(origin.session, origin.root), "fork": raw(session)})
    elif not new.inherits:
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
    coming = new.own()
    same = head.first_seq == new.first.seq
    same = same and any(entry.hash == head.hash.hex() for entry in _up_to(head.seq, coming))
    if not same:
        msg = f"session {session!r} is here with another log (or a longer one). Copy it under a new id"
        raise Conflict(msg, seq=head.seq)
    here = core.at(session, head.root)
    attaching.keep_all(core, con, here, new.attachments())
    if new.last.seq == head.seq:
        execute(con, SQL["settle"], here)
        return Created(session, head.seq, new=False)
    named: set[int] = set()
    for entry, _ in _written(core, con, head, coming):
        named |= erased_by(entry)
    rows = partial(execute, con)
    late = sources.some(rows, core, head, [seq for seq in named if seq <= head.seq])
    sources.write(rows, core, head, {seq: erase_line(line) for seq, line in late.items()})
    core.refold(con, msgspec.structs.replace(head, seq=new.last.seq, hash=bytes.fromhex(new.last.hash)))
    return Created(session, new.last.seq, new=False)


def _up_to(seq: int, lines: Iterator[bytes]) -> Iterator[Entry]:
    """The entry with this number, if the lines come to it; none behind it is taken."""
    for line in lines:
        if seq_of(line) >= seq:
            yield decode_line(line)
            return


def _written(core: Core, con: Connection, head: Head, lines: Iterable[bytes]) -> Iterator[tuple[Entry, int]]:
    """The entries of lines that are written some at a time, each with the size of its line."""
    some: list[tuple[Entry, bytes]] = []
    size = 0
    for line in lines:
        some.append((decode_line(line), line))
        size += len(line)
        if size >= _BATCH_BYTES or len(some) >= _BATCH_LINES:
            yield from _write(core, con, head, some)
            some, size = [], 0
    if some:
        yield from _write(core, con, head, some)


def _write(core: Core, con: Connection, head: Head, some: list[tuple[Entry, bytes]]) -> Iterator[tuple[Entry, int]]:
    entries, lines = [entry for entry, _ in some], [line for _, line in some]
    add_lines(core, con, head.id, unraw(head.root), entries=entries, lines=lines)
    return ((entry, len(line)) for entry, line in some)
