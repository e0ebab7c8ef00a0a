"""What one open log says, as far as it is read: brought up to date when the file has changed, by whomever.

What must hold: `mark` and `fold` describe whole groups only. `seen` is the state of the very file that is open, which
they describe; a difference of inode, size or time from what the path names means: look again before believing them.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NoReturn, Protocol

from ...codec.line import decode_line, id_of
from ...errors import Corrupt, NotFound, Unavailable
from ...fold import Fold
from ...model.entry import Entry
from ...model.info import Segment
from ...model.requests import Clock
from . import inheriting, locks, scan, sources
from .known import Start, identity, state
from .layout import POISONED, Layout


class Surroundings(Protocol):
    """What a log needs of the backend it belongs to."""

    layout: Layout
    clock: Clock

    def remembered(self, session: str) -> Start | None:
        """The catalogue's row, if there is one that this version can use."""
        ...

    def check_never_was(self, session: str, place: str) -> None:
        """Raise Corrupt if a session was acknowledged at a place that has no whole first commit."""
        ...


class Following:
    """The reading half of a log. Every method but `mutex` itself is called with `mutex` held."""

    def __init__(self, around: Surroundings, session: str, place: str) -> None:
        """Name the log; nothing is opened."""
        self.session = session
        self.place = place
        self.path: Path = around.layout.log(place)
        self._name = str(self.path)
        self.mutex = threading.Lock()
        self.closed = False
        self.fold = Fold()
        self.mark = scan.Mark()
        self.tail: scan.Tail | None = None
        self.segments: tuple[Segment, ...] = ()
        self.first_seq = 1
        self._around = around
        self._fd = -1
        self._first_hash = ""
        self._seen: tuple[int, ...] = ()
        self._foreign = False
        self._poisoned = False
        self._ids: dict[str, int] | None = None

    def close(self) -> None:
        """Close the file. The object can't be used again."""
        self.closed = True
        if self._poisoned:
            # The lock is kept with the descriptor.
            self._fd = -1
        else:
            self._take(-1)

    @property
    def begun(self) -> bool:
        """Whether the log holds a whole first commit."""
        return self.mark.offset > 0

    @property
    def inode(self) -> int:
        """Of the file that is open; known also of one that does not begin yet, or whose first line is gone."""
        if self._seen:
            return self._seen[1]
        return identity(self._fd)[1] if self._fd >= 0 else 0

    def check_begun(self) -> None:
        """Return if a session is here. Whoever has the lock looks again.

        Raises:
            NotFound, Corrupt: there is none; the log is damaged, or what is left shows that it was a session.
        """
        self._refresh(locked=False)
        if not self.begun:
            self._never_was()
        self._seen = ()

    def is_in_place(self) -> bool:
        """Whether the file that is open is still the one that the path names."""
        try:
            found = os.lstat(self._name)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return self._fd >= 0 and (found.st_dev, found.st_ino) == identity(self._fd)

    @property
    def stamp(self) -> tuple[int, ...]:
        """(device, inode, size, mtime in ns) of the file as `mark` and `fold` describe it."""
        return self._seen

    def refresh(self) -> None:
        """Bring `fold` and `mark` up to the last whole group that any process has written.

        Raises:
            NotFound: the session was deleted.
            Corrupt: damage before a later whole group.
        """
        self._refresh(locked=False)

    def _refresh(self, *, locked: bool) -> None:
        now = self._stat()
        if now == self._seen:
            return
        if locked and (self.path.parent / POISONED).exists():
            self._poisoned_error()
        if self._fd < 0 or now[:2] != identity(self._fd):
            self._open()
            # Of the file that is open, never of one that took its place since: `seen` says which file was read.
            now = state(self._fd)
        self._follow(now)
        # A log without its first line is looked at again, whatever its state: that line may have come in between.
        self._seen = now if self.begun else ()

    def _stat(self) -> tuple[int, ...]:
        try:
            found = os.lstat(self._name)
        except (FileNotFoundError, NotADirectoryError):
            self._never_was()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _never_was(self) -> NoReturn:
        self._around.check_never_was(self.session, self.place)
        self._gone()

    def _gone(self) -> NoReturn:
        msg = f"session {self.session!r} does not exist (any more) in {self._around.layout.root}"
        raise NotFound(msg)

    def _open(self) -> None:
        """Open what the path names now, and forget what was known of another file."""
        try:
            with sources.as_file(self.path):
                flags = os.O_RDONLY | os.O_NONBLOCK if self._around.layout.read_only else os.O_RDWR
                fd = locks.open_file(self.path, flags)
        except FileNotFoundError:
            self._never_was()
        try:
            sources.check_is_file(fd, self.path)
        except BaseException:
            # Kept, it would be read at the next call: a device may have no end.
            locks.close(fd)
            raise
        self._take(fd)
        known = self._first_hash
        self._seen = ()
        self._forget()
        if known and self._first_hash != known:
            # Another session of the same id took the place: callers of this one must not write into it.
            self.closed = True
            self._gone()

    def _take(self, fd: int) -> None:
        # In this order: an interrupt must not leave the number of a closed descriptor, which is another file's soon.
        before, self._fd = self._fd, fd
        if before >= 0:
            locks.close(before)

    def _forget(self) -> None:
        """Start anew from the beginning of the file."""
        self.mark, self.fold, self._ids = scan.Mark(), Fold(), None
        self.segments, self.first_seq, self._first_hash = (), 1, ""
        _, line = next(scan.raw_lines(self._fd, 0), (0, b""))
        try:
            first = decode_line(line) if line.endswith(b"\n") else None
        except ValueError:
            first = None
        if first is not None and first.kind == "created" and isinstance(first.body, dict):
            self._adopt(first)
            previous = bytes.fromhex(self.segments[-1].hash) if self.segments else bytes(32)
            self.mark = scan.Mark(0, first.seq - 1, previous)

    def _adopt(self, first: Entry) -> None:
        """Take from the first line what the rest of the log hangs on."""
        if first.body.get("session") != self.session:
            msg = f"{self.path}: holds session {first.body.get('session')!r}, not {self.session!r}; move it to its own place"
            raise Corrupt(msg, path=str(self.path), line=1)
        self._first_hash, self.first_seq = first.hash, first.seq
        with contextlib.suppress(Corrupt):
            self.segments = sources.segments_of(first)

    def _follow(self, now: tuple[int, ...]) -> None:
        """Fold on over what was written since, by whomever."""
        if not self.begun or self._is_suspect(now) or not self._still_holds(self.mark):
            self._restart(now)
        scanner = scan.Scanner(self._fd, self.mark, str(self.path), first_seq=self.first_seq)
        for group in scanner.groups():
            if not self._first_hash:
                self._adopt(group[0][0])
            for entry, size in group:
                self.fold.apply(entry, size)
                if self._ids is not None:
                    self._ids[entry.id] = entry.seq
            self.mark = scanner.mark
            self._foreign = True
        self.tail = scanner.tail
        if self.fold.needs_tree:
            self._fold_anew()

    def _is_suspect(self, now: tuple[int, ...]) -> bool:
        """Whether the file has changed though nothing was added: not what a writer does, so all of it is read anew."""
        if len(self._seen) > 2 and self._seen[2] < now[2] == self.mark.offset:
            # It grew after the last look at it and before it was read, and all that came is read.
            return False
        return self._seen != now and now[2] <= self.mark.offset

    def _restart(self, now: tuple[int, ...]) -> None:
        """Begin with what the catalogue remembers, else with the first line."""
        if self.begun or not self._first_hash:
            # An empty file that was looked at may be a session by now, made by another process.
            self._forget()
        start = self._around.remembered(self.session) if now[2] else None
        if start is not None and start.is_of(now) and self._still_holds(start.mark):
            with contextlib.suppress(ValueError):
                self.fold, self.mark = Fold.load(start.fold), start.mark
                # Who read it then may have read what a writer did not live to sync.
                self._foreign = True
                return
        if self.first_seq > 1:
            self.fold = Fold.of((entry, 0) for entry in self.inherited())

    def _still_holds(self, mark: scan.Mark) -> bool:
        """Whether the line that ends at the mark is the one it describes."""
        line = scan.line_at(self._fd, mark.offset)
        return b',"hash":"' + mark.hash.hex().encode() + b'"' in line and line.startswith(b'{"seq":%d,' % mark.seq)

    def _fold_anew(self) -> None:
        """Fold all over with the whole tree, which an unusual move of the head asks for."""
        everything = ((entry, 0) for entry in self.inherited())
        own = ((decode_line(line), len(line)) for _, line in scan.raw_lines(self._fd, 0, self.mark.offset))
        self.fold = Fold.of(_chained(everything, own), tree=True)

    def inherited(self) -> Iterator[Entry]:
        """The entries before this log's first, from the sessions it was forked from."""
        return sources.read_on(self._before(), self._before, after=0, before=None)

    def _before(self) -> list[sources.Source]:
        try:
            return inheriting.inherited(self._around.layout, self.place, self.segments)
        except Corrupt:
            # With everything else that a reset took away.
            if not self.is_in_place():
                self._gone()
            raise

    def source(self, damage: Corrupt | None = None) -> sources.Source:
        """This log's own entries as far as they are known whole."""
        inode = self.inode
        return sources.Source(
            self.path, self.first_seq, self.mark.seq, self.mark.offset, self.first_seq, damage, inode, self._first_hash
        )

    def _poisoned_error(self) -> NoReturn:
        msg = (
            f"session {self.session!r}: a write failed and could not be taken back, so it is read-only. "
            "See to the disk, then run `hansard check --repair`"
        )
        raise Unavailable(msg)

    def find_id(self, identity: str) -> Entry | None:
        """The entry with an id, inherited ones included."""
        if self._ids is None:
            ids = {entry.id: entry.seq for entry in self.inherited()} if self.segments else {}
            for number, (_, line) in enumerate(scan.raw_lines(self._fd, 0, self.mark.offset)):
                ids[id_of(line)] = self.first_seq + number
            self._ids = ids
        seq = self._ids.get(identity)
        return None if seq is None else self.entry_at(seq)

    def entry_at(self, seq: int) -> Entry | None:
        """The entry with a number, inherited ones included; None if there is none."""
        if not 1 <= seq <= self.mark.seq:
            return None
        if seq >= self.first_seq:
            start = scan.offset_of(self._fd, seq, self.mark.offset)
            _, line = next(scan.raw_lines(self._fd, start, self.mark.offset))
            return decode_line(line)
        return next(sources.read_on(self._before(), self._before, after=seq - 1, before=seq + 1), None)


def _chained(*parts: Iterator[tuple[Entry, int]]) -> Generator[tuple[Entry, int]]:
    for part in parts:
        yield from part
