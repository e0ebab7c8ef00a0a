"""Forks: a new root whose log continues another's numbers, and what it needs when the other goes.

The fork leaves a marker in the folder that holds the line it continues from. Whoever takes that folder away reads the
markers first and gives each fork a copy of all that it inherits.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ...backend import Request
from ...codec import names, values
from ...codec.line import Sealed, seal
from ...errors import AlreadyExists, Corrupt, Invalid, NotFound
from ...fold import Fold
from ...model.entry import Entry, NewEntry
from ...model.info import Segment, SessionInfo
from ...model.requests import Created, Creation
from ..commit import EntryAt
from ..creation import created_entry
from . import disk, inheriting, scan, sources
from .core import Core
from .creating import make_way, nothing_left_of, opened_log, taken, write_first
from .layout import ATTACHMENTS, FORKS, PREFIX, is_real_folder
from .log import Log


class Point(msgspec.Struct, frozen=True):
    """Where a fork leaves: the mark behind the line, and the segments up to it."""

    mark: scan.Mark
    segments: tuple[Segment, ...]
    at: EntryAt
    """Gives an entry up to there."""


def fork(core: Core, origin: str, creation: Creation, at: int | None) -> Created:
    """As the contract says."""
    info = core.info(origin)
    at = info.seq if at is None else at
    if type(at) is not int or not 1 <= at <= info.seq:
        msg = f"session {origin!r}: there is no entry {at!r} to fork at; it has entries 1 to {info.seq}"
        raise Invalid(msg)
    session = names.check_id(creation.id) if creation.id else names.new_id()
    if core.layout.find(session) is not None:
        # Of a creation that died before its first commit there may be a folder, which is in nobody's way.
        with contextlib.suppress(NotFound):
            core.info(session)
            raise AlreadyExists(taken(session))
    while True:
        holder = _holder(core, origin, at)
        try:
            return _fork_of(core, origin, creation, at=at, session=session, info=info, holder=holder)
        except NotFound:
            # The holder went meanwhile, and the origin has a copy of its lines by now.
            if holder in (None, origin):
                raise


def _fork_of(
    core: Core, origin: str, creation: Creation, *, at: int, session: str, info: SessionInfo, holder: str | None
) -> Created:
    if holder is None:
        # The line lies in a copy that a deleted origin left: the new fork gets its own.
        with core.held(origin) as log:
            copies, point = _amendments(core, info, log, at), _point_of(log, at)
            mark_at_holders(core, session, point.segments)
            return _begin(core, session, creation, info, point, copies=copies, prefix_of=log)
    with core.held(holder) as log:
        point = _point_of(log, at)
        log.sync_foreign()
        marked = mark(core, log, session, at)
        fold = log.fold.copy() if holder == origin and at == log.mark.seq else None
        copies = _amendments(core, info, log, at) if fold is None else []
        return _begin(core, session, creation, info, point, copies=copies, fold=fold, unsynced=marked)


def mark(core: Core, log: Log, session: str, at: int) -> tuple[Path, ...]:
    """Leave the marker of a fork in the folder of the log that holds the line it continues from, whose lock is held.

    It is durable once the paths that are returned are synced, which has to be before the fork's first line is written. A
    marker that a crash leaves in part is none.
    """
    return _mark_in(core.layout.folder(log.place) / FORKS, session, at)


def _mark_in(folder: Path, session: str, at: int) -> tuple[Path, ...]:
    disk.make_folder(folder, synced=False)
    path = folder / names.name_of(session)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, disk.FILE_MODE)
    try:
        disk.write_all(fd, values.encode({"session": session, "at": at}) + b"\n")
    finally:
        os.close(fd)
    # The names of the folders, too: another process may have made them, and not have come to sync them.
    return path, folder, folder.parent


def _holder(core: Core, origin: str, at: int) -> str | None:
    """The session whose own log holds entry `at` of the origin; None if only a copy does."""
    with core.current(origin) as log:
        if at >= log.first_seq:
            return origin
        for segment in log.segments:
            if at <= segment.last:
                found = inheriting.inherited(core.layout, log.place, log.segments)
                holds = any(s.path.name != PREFIX and s.first <= at <= s.last for s in found)
                return segment.session if holds else None
    return None


def _point_of(log: Log, at: int) -> Point:
    entry = log.entry_at(at)
    if entry is None:
        msg = f"session {log.session!r}: entry {at} is not there (any more); fork at one that is"
        raise NotFound(msg)
    kept = tuple(segment for segment in log.segments if segment.last < at)
    owner = log.session
    if at < log.first_seq:
        owner = next(segment.session for segment in log.segments if segment.last >= at)
    segments = (*kept, Segment(owner, at, entry.hash))
    return Point(scan.Mark(0, at, bytes.fromhex(entry.hash)), segments, log.entry_at)


def _begin(
    core: Core,
    session: str,
    creation: Creation,
    origin: SessionInfo,
    point: Point,
    *,
    copies: list[Entry],
    fold: Fold | None = None,
    prefix_of: Log | None = None,
    unsynced: tuple[Path, ...] = (),
) -> Created:
    """Write the fork's first commit: `created`, and the amendments in force that were made after the point."""
    inherits = {
        name: getattr(creation, name) if getattr(creation, name) is not None else getattr(origin, name)
        for name in ("agent", "user")
    }
    new = msgspec.structs.replace(creation, id=session, kind="fork", parent=None, name=None, **inherits)
    folder = core.layout.named(session)
    while True:
        if make_way(core, session):
            raise AlreadyExists(taken(session))
        if not disk.make_folder(folder, synced=False):
            with contextlib.suppress(NotFound):
                core.info(session)
                raise AlreadyExists(taken(session))
        try:
            unsynced_all = (*unsynced, folder, folder.parent)
            seq = _write(core, new, point, copies=copies, fold=fold, prefix_of=prefix_of, unsynced=unsynced_all)
        except (NotFound, FileNotFoundError):
            if not all(path.exists() for path in unsynced):
                # By hand, since its lock is held.
                msg = f"session {origin.id!r}: what it is forked from was moved away meanwhile; nothing was forked"
                raise NotFound(msg) from None
            # A deletion takes a folder away in which nothing was acknowledged yet.
            if is_real_folder(folder):
                raise
        else:
            return Created(session, seq, new=True)


def _write(
    core: Core,
    new: Creation,
    point: Point,
    *,
    copies: list[Entry],
    fold: Fold | None,
    prefix_of: Log | None,
    unsynced: tuple[Path, ...],
) -> int:
    """Write the first commit of a fork whose folder is there; its last seq."""
    session = new.id
    now_us = core.clock()
    with opened_log(core, session, f"sessions/{core.layout.named(session).name}") as log, log.held():
        if log.begun:
            raise AlreadyExists(taken(session))
        log.clear_unbegun(core.layout.quarantine)
        whole = fold is not None
        if fold is None:
            # Folded at its first read, so that the creation costs the same at any length. Until then the planner only
            # needs to know where the numbers go on.
            fold = Fold()
            fold.seq = point.mark.seq
            fold.settle(size=0, hash=point.mark.hash.hex(), touched_us=_clock_at(point))
        log.continue_from(fold, point.mark)
        core.announce(log)
        entry = created_entry(new, id=session, segments=point.segments)
        sealed: list[Sealed] = [seal(entry, now_us=now_us)]
        sealed += [seal(NewEntry(kind="amend", body=copy.body, at=copy.at), now_us=now_us) for copy in copies]
        request = Request(sealed=tuple(sealed))
        with nothing_left_of(core, log):
            if prefix_of is not None:
                log.say_unbegun()
            disk.sync_together(*unsynced)
            if prefix_of is not None:
                _copy_prefix(core, prefix_of, log.path.parent, point.mark.seq)
            seq = write_first(core, log, request, at=point.at, in_a_new_file=prefix_of is not None)
        if not whole:
            core.pool.drop(log)
    core.index.touched(log)
    return seq


def _clock_at(point: Point) -> int:
    """The clock of the last commit up to the point, before which the fork's own may not go."""
    for seq in range(point.mark.seq, 0, -1):
        entry = point.at(seq)
        if entry is not None and entry.commit is not None:
            return entry.commit[1]
    return 0


def _amendments(core: Core, origin: SessionInfo, held: Log, at: int) -> list[Entry]:
    """The amendments in force at the origin that were made after the point, with the log of the holder in hand."""
    if held.session == origin.id:
        wanted = [seq for seq, target in held.fold.info().amendments if target <= at < seq]
        found = map(held.entry_at, wanted)
    else:
        wanted = [seq for seq, target in origin.amendments if target <= at < seq]
        found = (core.entry(origin.id, seq) for seq in wanted)
    return [entry for entry in found if entry is not None and not entry.erased]


def markers(folder: Path) -> Iterator[str]:
    """The ids of the forks that left a marker in a session's folder.

    Raises:
        Corrupt: something else stands in the place of a marker.
    """
    with contextlib.suppress(FileNotFoundError):
        for path in sorted((folder / FORKS).iterdir()):
            try:
                data = disk.read_file(path)
            except disk.NotAFile:
                msg = f"{path}: not a file, so it can't be told which fork it stands for. Restore it, or move it away"
                raise Corrupt(msg, path=str(path)) from None
            with contextlib.suppress(ValueError, TypeError, KeyError):
                yield str(values.decode(data)["session"])


def rescue(core: Core, log: Log) -> list[str]:
    """Give every live fork of a session whose lock is held all that it inherits, durable. Returns the forks."""
    rescued: list[str] = []
    for session in markers(core.layout.folder(log.place)):
        with contextlib.suppress(NotFound), core.locked(session) as fork_log:
            if any(segment.session == log.session for segment in fork_log.segments):
                folder = core.layout.folder(fork_log.place)
                mark_at_holders(core, session, [one for one in fork_log.segments if one.session != log.session])
                if not (folder / PREFIX).exists():
                    _copy_prefix(core, fork_log, folder, fork_log.first_seq - 1)
                rescued.append(session)
    return rescued


def mark_at_holders(core: Core, session: str, segments: Sequence[Segment]) -> None:
    """Have those whose lines a fork is about to have a copy of know of it, durably: what they erase, it must lose, too.

    Without their locks, which would come before those that are held: who erases there looks again.
    """
    for folder, segment in inheriting.holders(core.layout, segments):
        with contextlib.suppress(FileNotFoundError):
            disk.sync_together(*_mark_in(folder / FORKS, session, segment.last))


def _copy_prefix(core: Core, log: Log, folder: Path, last: int) -> None:
    """Write `prefix.jsonl` with the inherited (or own) lines 1 to `last` of a log, and bring the attachments along."""
    beside = folder / f"{PREFIX}.new-{os.urandom(4).hex()}"
    found = [*inheriting.inherited(core.layout, log.place, log.segments), log.source()]
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, disk.FILE_MODE)
    try:
        for source in found:
            if source.first <= last:
                _copy_lines(source, last, fd)
        disk.datasync(fd)
    finally:
        os.close(fd)
    needed = [core.layout.log(log.place).parent, *(source.path.parent for source in found)]
    _bring_attachments(beside, needed, folder / ATTACHMENTS)
    disk.rename(beside, folder / PREFIX)
    disk.sync_folder(folder)


def _copy_lines(source: sources.Source, last: int, to: int) -> None:
    with sources.opened(source.path) as fd:
        start = scan.offset_of(fd, source.first, source.end)
        end = scan.offset_of(fd, min(last, source.last) + 1, source.end)
        while start < end:
            chunk = os.pread(fd, min(scan.CHUNK, end - start), start)
            disk.write_all(to, chunk)
            start += len(chunk)


def _bring_attachments(prefix: Path, folders: list[Path], target: Path) -> None:
    """Link or copy every attachment that a line of the prefix names."""
    there = {path.name: path for folder in folders for path in _files(folder / ATTACHMENTS)}
    if not there:
        return
    with sources.opened(prefix) as fd:
        named = {name for _, line in scan.raw_lines(fd, 0) for name in there if name[:64].encode() in line}
    if named:
        disk.make_folder(target)
    for name in sorted(named):
        if not (target / name).exists():
            disk.write_file(target / name, disk.read_file(there[name]))


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    except FileNotFoundError:
        return []


def erased_amendments(log: Log, targets: frozenset[int]) -> list[int]:
    """The amend entries of a log's own that replace one of the targets: they show its text, so they go with it."""
    return [seq for seq, target in log.fold.info().amendments if target in targets and seq >= log.first_seq]
