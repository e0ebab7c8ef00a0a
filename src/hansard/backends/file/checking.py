"""Looking at every byte of a session, and setting damage aside: moved to quarantine, never deleted."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ...codec.line import GENESIS, end_of
from ...errors import Corrupt, HansardError, NotFound
from ...limits import GIB, SESSION_BYTES_WARN
from ...model.entry import Entry
from ...model.info import Segment
from ...model.requests import Finding
from ..derive import attachments_of
from . import attaching, checking_documents, checking_places, deleting, disk, inheriting, locks, scan, sources
from .core import Core
from .known import identity
from .layout import ATTACHMENTS, LOG, POISONED, PREFIX, is_real_folder

DAMAGE: Final = "damage"
NOTE: Final = "note"


def check(core: Core, session: str | None, *, repair: bool) -> Iterator[Finding]:
    """As the contract says."""
    if session is not None:
        place = core.layout.find(session)
        if place is None:
            msg = f"session {session!r} does not exist in {core.layout.root}"
            raise NotFound(msg)
        yield from _looked_at(core, place, session, repair=repair)
        return
    yield from checking_places.strangers(core)
    for place in every_place(core):
        yield from _looked_at(core, place, None, repair=repair)
    yield from checking_places.pairs(core, repair=repair)
    yield from checking_documents.check(core, repair=repair)


def every_place(core: Core) -> Iterator[str]:
    """Every folder where a session is or was, roots first, each followed by its children."""
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(core.layout.sessions.iterdir()):
            if not is_real_folder(path):
                continue
            yield f"sessions/{path.name}"
            # What can't be listed is said when the root itself is looked at.
            with contextlib.suppress(OSError):
                for child in sorted((path / "children").iterdir()):
                    if is_real_folder(child):
                        yield f"sessions/{path.name}/children/{child.name}"


def _looked_at(core: Core, place: str, session: str | None, *, repair: bool) -> Iterator[Finding]:
    """As `_check_place`; what the system does not let us read is damage of this session, and the others are looked at."""
    try:
        yield from _check_place(core, place, session, repair=repair)
    except OSError as error:
        path = str(error.filename or core.layout.log(place))
        msg = f"{path}: {error.strerror or error}, so it can't be checked. See to the disk and the permissions"
        yield Finding(session or core.layout.folder(place).name, DAMAGE, msg, path=path)


def _check_place(core: Core, place: str, session: str | None, *, repair: bool) -> Iterator[Finding]:
    folder = core.layout.folder(place)
    named = session or deleting.id_at(core, place) or folder.name
    looking = _Looking(folder, named)
    found: list[Finding] = []
    try:
        found += looking.log()
    except (FileNotFoundError, NotADirectoryError):
        if not folder.exists():
            return
        looking.empty = True
    except Corrupt as error:
        looking.broken = True
        found = [Finding(named, DAMAGE, str(error), error.path or str(folder / LOG), error.line, error.offset)]
    if found and not looking.is_in_place():
        yield from _looked_at(core, place, session, repair=repair)
        return
    yield from found
    if looking.empty:
        was = core.was_session(named, place)
        what = "a session was here and its log is empty, cut in its first group, or gone"
        never = "a creation that was never acknowledged left this behind"
        yield Finding(named, DAMAGE if was else NOTE, f"{folder}: {what if was else never}", path=str(folder))
        looking.broken = was
    core.index.looked_through(place, damaged=looking.broken)
    if (folder / POISONED).exists():
        msg = f"session {named!r}: a write failed and could not be taken back, so it is read-only until it is repaired"
        yield Finding(named, DAMAGE, msg, path=str(folder / POISONED))
        looking.broken = True
    if repair and (looking.broken or looking.tail):
        _repair(core, place, looking)
    way = [] if looking.first is None else list(checking_places.way_to(core, named, place, repair=repair))
    around = [*way, *looking.before(core, place), *_check_attachments(core, looking)]
    if around and not looking.is_in_place():
        # Something was erased meanwhile, and what it named went with it; or the session was deleted.
        yield from _looked_at(core, place, session, repair=repair)
        return
    yield from around


class _Looking:
    """What is found in one session's folder."""

    def __init__(self, folder: Path, session: str) -> None:
        self.folder = folder
        self.session = session
        self.empty = self.broken = self.tail = False
        self.file: tuple[int, ...] | None = None
        """The file that was read."""
        self.mark = scan.Mark()
        self.first: Entry | None = None
        self.segments: tuple[Segment, ...] = ()
        self.named: dict[str, int] = {}
        """The attachments that its entries need, with the seq of the first that does."""

    def log(self) -> Iterator[Finding]:
        """Read the log; what is wrong with it."""
        path = self.folder / LOG
        with sources.opened(path) as fd:
            self.file = identity(fd)
            start = self.start(path)
            scanner = scan.Scanner(fd, start, str(path), first_seq=start.seq + 1)
            try:
                self.follow(scanner)
                if scanner.tail is not None:
                    # A live writer may be in the middle of it: only under its lock is a tail one.
                    locks.acquire_shared(fd)
                    scanner = scan.Scanner(fd, scanner.mark, str(path), first_seq=start.seq + 1)
                    self.follow(scanner)
            except Corrupt as error:
                self.broken = True
                self.mark = scanner.mark
                yield Finding(self.session, DAMAGE, str(error), error.path or str(path), error.line, error.offset)
                return
            self.mark = scanner.mark
            self.empty = self.first is None
            if scanner.tail is not None and not self.empty:
                yield self._tail(scanner.tail, path)
            if self.mark.offset > SESSION_BYTES_WARN:
                msg = f"session {self.session!r} has more than {SESSION_BYTES_WARN // GIB} GiB; continue it in a fork or a child"
                yield Finding(self.session, NOTE, msg, path=str(path))

    def is_in_place(self) -> bool:
        """Whether the file that was read, if one was, is still the one that the path names."""
        if self.file is None:
            return True
        try:
            now = (self.folder / LOG).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (now.st_dev, now.st_ino) == self.file

    def start(self, path: Path) -> scan.Mark:
        """Where the chain of the log begins."""
        first = sources.first_entry(path)
        begins = first is not None and first.kind == "created"
        self.segments = sources.segments_of(first) if first is not None and begins else ()
        if first is not None and isinstance(first.body, dict) and first.body.get("session") not in (None, self.session):
            msg = f"{path}: holds session {first.body.get('session')!r}, not {self.session!r}; move it to its own place"
            raise Corrupt(msg, path=str(path), line=1)
        return scan.Mark(0, *end_of(self.segments))

    def follow(self, scanner: scan.Scanner) -> None:
        """Read the whole groups that a scanner gives."""
        for group in scanner.groups():
            for entry, _ in group:
                self.first = self.first or entry
                for name in attachments_of(entry.kind, entry.body):
                    self.named.setdefault(name, entry.seq)

    def _tail(self, tail: scan.Tail, path: Path) -> Finding:
        self.tail = True
        self.broken = tail.ended
        if tail.ended:
            msg = (
                f"session {self.session!r}: {tail.why}. With it the {tail.size} bytes from byte {tail.offset} on do not "
                "count, and the next append sets them aside"
            )
            return Finding(self.session, DAMAGE, msg, str(path), tail.bad_line, tail.bad_offset)
        msg = (
            f"session {self.session!r}: {tail.size} bytes at byte {tail.offset} belong to no whole group"
            f"{f' ({tail.why})' if tail.why else ''}; the next append sets them aside"
        )
        line = self.mark.seq - (self.first.seq if self.first else 1) + 2
        return Finding(self.session, NOTE, msg, str(path), line, tail.offset)

    def before(self, core: Core, place: str) -> Iterator[Finding]:
        """What is wrong with the lines before the log: with the copy of them, or with where else they are read."""
        path = self.folder / PREFIX
        try:
            with sources.opened(path) as fd:
                yield from self._copied(fd, path)
        except FileNotFoundError:
            try:
                inheriting.inherited(core.layout, place, self.segments)
            except Corrupt as error:
                yield Finding(self.session, DAMAGE, f"session {self.session!r}: {error}", str(path))
        except Corrupt as error:
            yield Finding(self.session, DAMAGE, f"session {self.session!r}: {error}", str(path), error.line)

    def _copied(self, fd: int, path: Path) -> Iterator[Finding]:
        """Verify the copy of all lines before the log."""
        number, previous = 0, GENESIS
        for number, (offset, line) in enumerate(scan.raw_lines(fd, 0), 1):
            try:
                previous = bytes.fromhex(scan.verify_line(line, previous, number).hash)
            except Corrupt as error:
                msg = f"session {self.session!r}: inherited line {number}: {error}"
                yield Finding(self.session, DAMAGE, msg, str(path), number, offset)
                return
        if self.segments and (number, previous) != end_of(self.segments):
            msg = f"session {self.session!r}: the copy of what it inherits ends with entry {number}, not as its log begins"
            yield Finding(self.session, DAMAGE, f"{msg}. Restore the file from a backup", str(path), number + 1)


def _check_attachments(core: Core, looking: _Looking) -> Iterator[Finding]:
    if not looking.named:
        return
    folders = [looking.folder]
    with contextlib.suppress(HansardError), core.current(looking.session) as log:
        folders += [source.path.parent for source in inheriting.inherited(core.layout, log.place, log.segments)]
    there: dict[str, Path] = {}
    for folder in reversed(folders):
        there |= attaching.files(folder)
    for name, seq in sorted(looking.named.items(), key=lambda item: item[1]):
        path = there.get(name, looking.folder / ATTACHMENTS / name)
        try:
            attaching.read(path)
        except FileNotFoundError:
            msg = f"session {looking.session!r}: entry {seq} names attachment {name}, which is not there"
            yield Finding(looking.session, DAMAGE, msg, path=str(path))
        except Corrupt as error:
            yield Finding(looking.session, DAMAGE, f"session {looking.session!r}: {error}", path=str(path))


def _repair(core: Core, place: str, looking: _Looking) -> None:
    """Copy the log to quarantine and cut it where it is whole; a folder without a whole first group goes there itself."""
    folder = core.layout.folder(place)
    disk.make_folder(core.layout.quarantine)
    kept = core.layout.quarantine / f"{folder.name[:100]}.{time.strftime('%Y%m%dT%H%M%S')}.{os.urandom(3).hex()}"
    with contextlib.suppress(NotFound), core.pool.using(looking.session) as log:
        core.pool.drop(log)
    if looking.first is None:
        core.index.announce(place)
        disk.rename(folder, kept)
        disk.sync_folder(folder.parent)
        disk.sync_folder(kept.parent)
        core.index.gone(place)
        return
    with locks.open_held(folder / LOG, os.O_RDWR) as file:
        fd = file.fileno()
        locks.acquire(fd)
        core.index.announce(place)
        # Looked at once more under the lock: only what is past the last whole group before any damage goes.
        start = looking.start(folder / LOG)
        scanner = scan.Scanner(fd, start, str(folder / LOG), first_seq=start.seq + 1)
        with contextlib.suppress(Corrupt):
            looking.follow(scanner)
        if os.fstat(fd).st_size > scanner.mark.offset:
            disk.make_folder(kept)
            disk.write_file(kept / LOG, disk.read_file(folder / LOG))
            disk.truncate(fd, scanner.mark.offset)
        disk.datasync(fd)
        (folder / POISONED).unlink(missing_ok=True)
        disk.sync_folder(folder)
        looking.mark = scanner.mark
    with contextlib.suppress(HansardError), core.current(looking.session) as log:
        core.index.touched(log)
