"""Zip files as archives use them: written the same for the same content, read without trust.

A reader never makes a path of a member's name and never reads more of a member than the directory says; a file whose
members overlap, hide, are encrypted, or grow beyond all reason is refused before any of it is read.
"""

from __future__ import annotations

import contextlib
import io
import zipfile
import zlib
from collections.abc import Generator, Iterator
from typing import IO, BinaryIO, Final

from ..errors import Corrupt, Invalid
from ..limits import COMMIT_BYTES_MAX, MIB

EXPANSION_MAX: Final = 200
"""How many times its own size a file may hold, once that is more than a commit may be."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_KINDS: Final = frozenset((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
_ENCRYPTED: Final = 0x1
_ERRORS: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, IndexError,
)  # fmt: skip


class ZipOut:
    """A zip file that is written from front to end, whatever it is written to: no seeking, no times, no owners."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin; nothing is closed that was not opened here."""
        self._zip = zipfile.ZipFile(_Forward(file), "w", zipfile.ZIP_DEFLATED)  # pyright: ignore[reportArgumentType, reportCallIssue]

    @contextlib.contextmanager
    def member(self, name: str) -> Generator[IO[bytes]]:
        """Write one member; one at a time."""
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system = 3
        entry.external_attr = 0o600 << 16
        with self._zip.open(entry, "w", force_zip64=True) as out:
            yield out

    def close(self) -> None:
        """Write the directory. Without it the file is no zip file."""
        self._zip.close()


class _Forward:
    """A file that can only be written on, so that zipfile writes the same bytes to files and pipes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        self._file.write(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()


class ZipIn:
    """A zip file that somebody gave us. `sizes` says which members it has and how large each is."""

    def __init__(self, file: BinaryIO, *, place: str, expansion_max: int = EXPANSION_MAX) -> None:
        """Read the directory.

        Raises:
            Corrupt: this is no zip file, or one that we would not have written.
            Invalid: it can't be read backwards, or holds so much more than its size that it must be a bomb.
        """
        self.place = place
        try:
            length = file.seek(0, io.SEEK_END)
        except (OSError, AttributeError):
            msg = f"{place}: an archive is read from its end, so it can't come from a pipe; write it to a file first"
            raise Invalid(msg) from None
        with self.guarded():
            self._zip = zipfile.ZipFile(file)
        self._members = {entry.filename: entry for entry in self._zip.infolist()}
        self.sizes = {name: entry.file_size for name, entry in self._members.items()}
        self._check(length, expansion_max)

    def _check(self, length: int, expansion_max: int) -> None:
        members = self._zip.infolist()
        for entry in members:
            if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _KINDS:
                msg = f"{self.place}: {entry.filename!r} is encrypted or packed in a way that archives are not"
                raise Corrupt(msg, path=self.place)
        if len(self._members) != len(members):
            msg = f"{self.place}: two members have one name"
            raise Corrupt(msg, path=self.place)
        held = sum(self.sizes.values())
        if held > COMMIT_BYTES_MAX and held > length * expansion_max:
            msg = (
                f"{self.place}: {length:,} bytes claim to hold {held // MIB:,} MiB, more than {expansion_max} times "
                "as much. If you made this file yourself, read it with a larger expansion_max"
            )
            raise Invalid(msg)

    @contextlib.contextmanager
    def guarded(self) -> Generator[None]:
        """Turn what zipfile raises into Corrupt."""
        try:
            yield
        except _ERRORS as error:
            if isinstance(error, Invalid):
                raise
            msg = f"{self.place}: this zip file is damaged: {error}"
            raise Corrupt(msg, path=self.place) from None

    def lines(self, name: str, limit: int) -> Iterator[bytes]:
        """The lines of a member; one longer than `limit` comes cut behind it, and is the last one."""
        with self.guarded(), self._zip.open(self._members[name]) as raw, io.BufferedReader(raw, MIB) as member:  # pyright: ignore[reportArgumentType]
            while line := member.readline(limit + 1):
                yield line
                if len(line) > limit:
                    return

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, in pieces."""
        with self.guarded(), self._zip.open(self._members[name]) as member:
            while chunk := member.read(MIB):
                yield chunk

    def close(self) -> None:
        """Release the directory; the file stays open."""
        self._zip.close()
