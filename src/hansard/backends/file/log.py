"""One open log: its lock and the commit. Where a mistake would lose somebody's work.

What must hold:
- Only who holds the file lock of the file that the path names *now* writes, truncates or sets a tail aside.
- An acknowledgement follows the sync that made its bytes durable, in this process.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Final

from ...backend import Request
from ...fold import Fold
from .. import commit
from . import disk, locks, scan, unbegun
from .following import Following
from .known import identity, state, unacknowledged
from .layout import LOG, POISONED

_IN_TURN: Final = 4
"""Every so many commits of a writer go behind those who wait for the log; the others take it if it is free."""


class Log(Following):
    """The log of one session. Every method but `mutex` itself is called with `mutex` held."""

    _locked = 0
    """How often `lock` was called."""
    _behind: tuple[int, int] | None = None
    """The descriptor and the place behind the last write to it, where the next one goes on."""

    def _take(self, fd: int) -> None:
        super()._take(fd)
        self._behind = None

    def replaced(self, fd: int) -> None:
        """Go on with the file that took the place of this log's, which is locked too, and fold it anew."""
        self._take(fd)
        self._first_hash = ""
        self._forget()
        self._seen = state(fd)
        self._follow(self._seen)
        self._foreign = False

    @contextlib.contextmanager
    def locked(self) -> Generator[int]:
        """The descriptor of the log while this thread holds its lock; nothing is read.

        Raises:
            NotFound, Unavailable: the session was deleted; the log can't be opened, or nothing may be written there.
        """
        try:
            # In here, too: an interrupt may come as soon as the lock is taken.
            self._lock(locks.acquire_in_turn)
            yield self._fd
        except OSError as error:
            raise unacknowledged(self.path, error) from error
        finally:
            self.unlock()

    def lock(self, *, wait: bool = True) -> bool | None:
        """Lock the file that the path names, for `begin`: whether it is as it was; None if others hold it, and no `wait`.

        Raises:
            NotFound, Unavailable: as `locked`. The lock is not held then.
        """
        self._locked += 1
        if self._locked % _IN_TURN:
            acquire = locks.acquire_at_once if wait else locks.try_acquire
        else:
            acquire = locks.acquire_in_turn if wait else locks.try_in_turn
        try:
            return self._lock(acquire)
        except OSError as error:
            raise unacknowledged(self.path, error) from error

    def _lock(self, acquire: Callable[[int], bool | None]) -> bool | None:
        if self._poisoned:
            self._poisoned_error()
        if self._fd < 0:
            self._open()
        while True:
            fd = self._fd
            if acquire(fd) is False:
                return None
            try:
                now = self._stat()
                if now == self._seen:
                    return True
                if now[:2] == identity(fd):
                    return False
                # Erased and replaced, or deleted and made anew, while we waited.
                self._open()
            except BaseException:
                self.unlock()
                raise

    def unlock(self) -> None:
        """Give the lock back, if it is held."""
        # By now this may be another file: erasing puts a new one in place, which is locked until here.
        if self._fd >= 0 and not self._poisoned:
            locks.release(self._fd)

    @contextlib.contextmanager
    def held(self) -> Generator[int]:
        """As `locked`, with everything known and no tail behind it.

        Raises:
            NotFound, Corrupt, Unavailable: as `refresh` and `locked`; the session is poisoned.
        """
        with self.locked() as fd:
            self._know()
            yield fd

    def _know(self) -> None:
        self._refresh(locked=True)
        if self.begun:
            self._set_tail_aside()

    def sync_foreign(self) -> None:
        """Make durable what another process wrote, before anything is said on the strength of it. Lock held."""
        if self._foreign:
            disk.datasync(self._fd)
            self._foreign = False

    def begin(self, requests: Sequence[Request], *, as_before: bool) -> commit.Group:
        """Decide and write requests as one group, under the lock of `lock`, which said `as_before`. Nothing is synced.

        A group without lines is a whole commit: its answers hold, and the lock is given back, as on an error. For any
        other, `end` has to follow, and nothing may be acknowledged before it has returned.

        Raises:
            HansardError: nothing of any request was written.
        """
        written = False
        try:
            group = self._plan(requests, as_before=as_before)
            if group.lines:
                self._put(group)
                written = True
        except OSError as error:
            raise unacknowledged(self.path, error) from error
        finally:
            if not written:
                self.unlock()
        return group

    def end(self, group: commit.Group) -> None:
        """What `begin` wrote is durable when this returns. The lock is given back in any case.

        Raises:
            Unavailable: nothing of the group stays.
        """
        try:
            self._make_durable(group)
        except OSError as error:
            raise unacknowledged(self.path, error) from error
        finally:
            self.unlock()

    def end_synced(self, group: commit.Group, failed: BaseException | None) -> None:
        """As `end`, for a file that was synced together with others; `failed` is what came of it."""
        try:
            if failed is not None:
                self._take_back()
                raise failed
            self._settle(group)
        except OSError as error:
            raise unacknowledged(self.path, error) from error
        finally:
            self.unlock()

    @property
    def fd(self) -> int:
        """The descriptor of the open file."""
        return self._fd

    def _plan(self, requests: Sequence[Request], *, as_before: bool) -> commit.Group:
        if not as_before or self.tail is not None:
            self._know()
        if not self.begun:
            self._never_was()
        group = commit.plan(
            self.fold, self.mark.hash, requests, find=self.find_id, at=self.entry_at, now_us=self._around.clock()
        )
        if group.repeats and not group.lines:
            self.sync_foreign()
        return group

    def write(self, group: commit.Group) -> None:
        """Write and sync a planned group. Lock held. On a failure nothing of it stays."""
        self._put(group)
        self._make_durable(group)

    def _put(self, group: commit.Group) -> None:
        try:
            offset = self.mark.offset
            if self._behind != (self._fd, offset):
                os.lseek(self._fd, offset, os.SEEK_SET)
            self._behind = None
            disk.write_all(self._fd, b"".join(group.lines))
            self._behind = (self._fd, offset + group.size)
        except BaseException:
            self._take_back()
            raise

    def _make_durable(self, group: commit.Group) -> None:
        try:
            disk.datasync(self._fd)
        except BaseException:
            self._take_back()
            raise
        self._settle(group)

    def _settle(self, group: commit.Group) -> None:
        self.mark = scan.Mark(self.mark.offset + group.size, group.entries[-1].seq, group.hash)
        self.fold = group.fold
        self._foreign = False
        if self._ids is not None:
            self._ids.update((entry.id, entry.seq) for entry in group.entries)
        if not self._first_hash:
            self._adopt(group.entries[0])
        self._seen = state(self._fd)
        if self.fold.needs_tree:
            self._fold_anew()

    def _take_back(self) -> None:
        """After a failed write or sync: back to the last synced group, or nobody writes here any more."""
        self._seen = ()
        try:
            disk.truncate(self._fd, self.mark.offset)
            disk.datasync(self._fd)
        except OSError:
            self.poison()

    def poison(self) -> None:
        """Nobody writes here any more, until a repair. Lock held."""
        # The lock is kept until the process exits if not even the mark can be left for the others.
        self._poisoned = True
        with contextlib.suppress(OSError):
            disk.write_file(self.path.parent / POISONED, b"a write failed and could not be taken back\n")
            locks.release(self._fd)

    def _set_tail_aside(self) -> None:
        if self.tail is None:
            return
        tail, self.tail = self.tail, None
        data = os.pread(self._fd, tail.size, tail.offset)
        kept = self.path.with_name(f"{LOG}.torn-{time.strftime('%Y%m%dT%H%M%S')}-{os.urandom(3).hex()}")
        disk.write_file(kept, data)
        disk.truncate(self._fd, self.mark.offset)
        disk.datasync(self._fd)
        self._seen = state(self._fd)

    def clear_unbegun(self, quarantine: Path) -> None:
        """Move the bytes of a creation that was never acknowledged out of the way. Lock held."""
        size = os.fstat(self._fd).st_size
        if unbegun.is_said(self.path.parent):
            unbegun.remove(self.path.parent)
        elif size:
            disk.make_folder(quarantine)
            disk.write_file(quarantine / f"{self.path.parent.name}-{os.urandom(4).hex()}", os.pread(self._fd, size, 0))
        if size:
            disk.truncate(self._fd, 0)
            disk.datasync(self._fd)
        self.mark, self.fold, self.tail = scan.Mark(), Fold(), None

    def say_unbegun(self) -> None:
        """Have the empty log say that what is put beside it belongs to no session yet, durably. Lock held."""
        os.lseek(self._fd, 0, os.SEEK_SET)
        try:
            disk.write_all(self._fd, unbegun.SAID)
            disk.datasync(self._fd)
        except OSError:
            disk.truncate(self._fd, 0)
            raise

    def continue_from(self, fold: Fold, mark: scan.Mark) -> None:
        """Have the first line of this log follow another log's. Lock held, nothing begun."""
        self.fold, self.mark = fold, scan.Mark(0, mark.seq, mark.hash)
