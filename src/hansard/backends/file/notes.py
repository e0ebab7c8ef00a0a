"""What a live process has in hand: so that after a crash a few sessions are looked at, not all of them.

Each process keeps one file in `writers/`. Its name is on the medium before the first append. It is locked while the
process lives, and names the sessions that the process has appended to since its rows were last safe in the index:

    boot <id of the running system>
    sessions/abc
    sessions/def/children/x
    = 1                 the one line above is all that was left at a clean point; what stood before it is done

The names are not synced: after a crash of the process the system still has them, and after a crash of the system the
boot id says that they can't be relied on, and everything is compared. A last line without newline is no name: the
append that it announces had not begun. Reading tolerates any content.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import subprocess
import sys
import weakref
from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

from ...errors import Unavailable
from ...limits import KIB, NOTED_SESSIONS_MAX
from . import disk, locks

_HEADER: Final = "boot "
_PLACE: Final = re.compile(r"[a-z0-9_%~-]+(?:/[a-z0-9_%~-]+){1,7}")
_COMPACT_BYTES: Final = 16 * KIB


@functools.cache
def boot_id() -> str:
    """What tells this run of the operating system from every other."""
    if sys.platform == "darwin":
        for name in ("kern.bootsessionuuid", "kern.boottime"):
            answer = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, check=False, text=True)  # noqa: S603
            if answer.returncode == 0 and answer.stdout.strip():
                return answer.stdout.strip().replace("\n", " ")
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123 - no Path is needed
            return file.read().strip()
    except OSError:
        # Never equal to another one: after any crash everything is compared, which is slow and right.
        return f"unknown {os.getpid()} {os.urandom(16).hex()}"


class WriterNote:
    """This process's note. Not safe for threads: its user holds a lock around each call."""

    def __init__(self, folder: Path, boot: str) -> None:
        """Name the folder; nothing is made before the first `add`."""
        self._folder = folder
        self._boot = boot
        self._reset()
        _notes.add(self)

    def _reset(self) -> None:
        self._fd = -1
        self._header = 0
        self._names: set[str] = set()
        self.id = ""
        """Name of the file; "" while there is none."""

    @property
    def names(self) -> Collection[str]:
        """The places noted since the last clean point."""
        return self._names

    @property
    def full(self) -> bool:
        """It is time for a clean point."""
        return len(self._names) >= NOTED_SESSIONS_MAX

    def add(self, place: str) -> None:
        """Note a place. The file exists durably; the name is written, not synced, once until the next clean point.

        Raises:
            Unavailable: the note can't be written, so that an append would be lost to the index after a crash.
        """
        if place in self._names:
            return
        try:
            if self._fd < 0:
                self._make()
            disk.write_all(self._fd, f"{place}\n".encode("ascii"))
        except OSError as error:
            msg = f"{self._folder}: can't note a writer ({error.strerror}); nothing was written. Free space or give access"
            raise Unavailable(msg) from error
        self._names.add(place)

    def _make(self) -> None:
        if not self._folder.is_dir():
            disk.make_folder(self._folder)
        # Another process may have come between making the hidden file and locking it, and taken it for a dead one's.
        while not self._announce():
            continue

    def _announce(self) -> bool:
        """Make the file under a name of its own; False if somebody has removed it before it was locked."""
        name = f"{os.getpid()}-{os.urandom(6).hex()}"
        # Under a hidden name until it is locked, so that nobody takes it for a dead one's.
        hidden = self._folder / f".{name}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = locks.open_file(hidden, flags)
        try:
            locks.acquire(fd)
            header = f"{_HEADER}{self._boot}\n".encode()
            # Not synced: a note that a crash of the system left empty says just as well that everything is to be compared.
            disk.write_all(fd, header)
            try:
                disk.rename(hidden, self._folder / name)
            except FileNotFoundError:
                locks.close(fd)
                return False
            disk.sync_folder(self._folder)
        except BaseException:
            locks.close(fd)
            for path in (hidden, self._folder / name):
                path.unlink(missing_ok=True)
            raise
        self._fd, self._header, self.id = fd, len(header), name
        return True

    def clean(self, keep: Collection[str] = ()) -> None:
        """Be rid of all names but `keep`: the rows of the others are on the medium.

        Raises:
            OSError: the file can't be written; the names in it are still a superset of what matters.
        """
        kept = [name for name in self._names if name in keep]
        if self._fd >= 0:
            if kept:
                self._replace(kept)
            else:
                disk.truncate(self._fd, self._header)
        self._names = set(kept)

    def _replace(self, kept: list[str]) -> None:
        # One write, its last line last: whenever the process is killed, a reader sees the old names or the new.
        body = "".join(f"{name}\n" for name in kept).encode("ascii") + b"= %d\n" % len(kept)
        end = os.fstat(self._fd).st_size
        disk.write_all(self._fd, body)
        if end > _COMPACT_BYTES and self._header + len(body) <= end:
            self._move_to_front(body)

    def _move_to_front(self, body: bytes) -> None:
        # The copy at the end counts until the cut; what the front held was done with.
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        fcntl.fcntl(self._fd, fcntl.F_SETFL, flags & ~os.O_APPEND)
        try:
            if os.pwrite(self._fd, body, self._header) == len(body):
                disk.truncate(self._fd, self._header + len(body))
        finally:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags)

    def close(self) -> None:
        """Remove the file if it names nothing; otherwise leave it, unlocked, for others to read."""
        if self._fd >= 0:
            if not self._names:
                # One that can't be removed names nothing, and the next process that opens the store collects it.
                with contextlib.suppress(OSError):
                    disk.unlink(self._folder / self.id)
            locks.close(self._fd)
        self._reset()

    def forget(self) -> None:
        """In a forked child: the note is the parent's. The next `add` makes one of the child's own."""
        self._reset()


_notes: weakref.WeakSet[WriterNote] = weakref.WeakSet()


def _forget_all() -> None:
    for note in list(_notes):
        note.forget()


os.register_at_fork(after_in_child=_forget_all)


class Note(msgspec.Struct):
    """A note as somebody else reads it."""

    id: str
    names: tuple[str, ...]
    boot: str
    """"" if even that can't be read."""
    dead: bool
    """Its writer is gone."""
    fd: int = -1
    """Of a dead writer's: holds its lock until `dismiss` or `keep`, so that one process at a time takes care of it."""


def scan(folder: Path, *, own: str = "") -> list[Note]:
    """The notes of all other writers, live and dead. Each dead one is locked and has to be given back."""
    notes: list[Note] = []
    try:
        names = sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return notes
    for name in names:
        if name != own:
            note = _read(folder, name)
            if note is not None:
                notes.append(note)
    return notes


def may_be_noted(folder: Path, place: str) -> bool:
    """Whether a writer, live or dead, may have noted a place and not come to a clean point since; this one too."""
    notes = scan(folder)
    for note in notes:
        keep(note)
    # What was noted before the system crashed may be lost.
    return any(place in note.names or note.boot != boot_id() for note in notes)


def _read(folder: Path, name: str) -> Note | None:
    path = folder / name
    try:
        fd = locks.open_file(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        # Gone meanwhile, or no file of ours: a note can always be opened by those who may write in its folder.
        return None
    dead = False
    try:
        dead = locks.try_acquire(fd)
        if dead and name.startswith("."):
            # Made and never announced: its writer died, or is about to find its lock taken and makes another.
            path.unlink(missing_ok=True)
            dead = False
            return None
        data = os.pread(fd, os.fstat(fd).st_size, 0)
        if dead and not path.exists():
            dead = False
            return None
        boot, names = _parse(data)
        return Note(name, names, boot, dead, fd if dead else -1)
    except OSError:
        dead = False
        return None
    finally:
        if not dead:
            locks.close(fd)


def _parse(data: bytes) -> tuple[str, tuple[str, ...]]:
    lines = data.decode("ascii", "replace").split("\n")[:-1]
    if not lines or not lines[0].startswith(_HEADER):
        return "", ()
    start, names = 1, lines[1:]
    for number in range(len(lines) - 1, 0, -1):
        if re.fullmatch(r"= [0-9]{1,6}", lines[number]):
            start = max(1, number - int(lines[number][2:]))
            names = lines[start:number] + lines[number + 1 :]
            break
    return lines[0][len(_HEADER) :], tuple(dict.fromkeys(name for name in names if _PLACE.fullmatch(name)))


def dismiss(folder: Path, note: Note) -> None:
    """Remove a dead writer's note: what it names is safe in the index."""
    if note.fd >= 0:
        try:
            with contextlib.suppress(FileNotFoundError):
                disk.unlink(folder / note.id)
        finally:
            keep(note)


def keep(note: Note) -> None:
    """Unlock a dead writer's note, as it is, for the next one who looks. Nothing happens the second time."""
    fd, note.fd = note.fd, -1
    if fd >= 0:
        locks.close(fd)
