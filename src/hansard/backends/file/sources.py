"""Reading the entries of a session from the files where they lie: its own log, and those before it (`inheriting`)."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from ...codec.line import decode_line, decode_lines, end_of
from ...errors import Corrupt
from ...model.entry import Entry
from ...model.info import Segment
from . import scan

_PASSING: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What says nothing of the file."""

_FEW: Final = 16
"""So few lines are read one by one."""


class Source(msgspec.Struct, frozen=True):
    """A file, and which of a session's entries are read from it."""

    path: Path
    first: int
    last: int
    end: int
    """Where the bytes that count end."""
    file_first: int = 1
    """Number of the file's first line."""
    damage: Corrupt | None = None
    """What stands at `end` instead of the next line."""
    inode: int = 0
    """Of the file that this was said of; 0: any."""
    begins: str = ""
    """Of a log: the hash of its first line, which tells it from that of another session of the same id."""
    limit: int | None = None
    """Lines from this number on are not the session's, though the file may have them; None where all are."""


@contextlib.contextmanager
def as_file(path: Path) -> Generator[None]:
    """Open `path` inside: what can't be opened because it is no file is damage.

    Raises:
        Corrupt: it is a link or a folder.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise _no_file(path) from None
        raise


def check_is_file(fd: int, path: Path) -> None:
    """Return if what was opened is a file.

    Raises:
        Corrupt: it is not.
    """
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise _no_file(path)


def _no_file(path: Path) -> Corrupt:
    msg = f"{path}: this is no file but a link, a folder or a pipe. Put the file back, or run `hansard check --repair`"
    return Corrupt(msg, path=str(path), line=1)


@contextlib.contextmanager
def opened(path: Path) -> Generator[int]:
    """A descriptor to read from. Each reader has its own, so none is closed under another.

    Raises:
        Corrupt: what stands there is no file: a link, a folder, a pipe.
    """
    with as_file(path):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        check_is_file(fd, path)
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def opened_as_found(source: Source) -> Generator[int]:
    """A descriptor of the very file that the source was said of.

    Raises:
        FileNotFoundError: it was taken away or replaced since.
    """
    with opened(source.path) as fd:
        # The system gives the number of a file that is gone to the next one that is made.
        if (source.inode and os.fstat(fd).st_ino != source.inode) or not _begins_so(fd, source.begins):
            raise FileNotFoundError(errno.ENOENT, "another file has taken its place", str(source.path))
        yield fd


def _begins_so(fd: int, begins: str) -> bool:
    if not begins:
        return True
    _, line = next(scan.raw_lines(fd, 0), (0, b""))
    return b'"hash":"%b"' % begins.encode() in line


def segments_of(first: Entry) -> tuple[Segment, ...]:
    """The segments that a `created` entry names: before its line, the hash of the last one.

    Raises:
        Corrupt: they can't be understood.
    """
    try:
        segments = msgspec.convert(first.body.get("segments", ()), tuple[Segment, ...])
        for segment in segments:
            end_of((segment,))
    except (msgspec.ValidationError, AttributeError, ValueError):
        msg = "the first line of the log does not say where the entries before it lie"
        raise Corrupt(msg, line=1) from None
    return segments


def read_on(
    found: Sequence[Source],
    look: Callable[[], Sequence[Source]],
    *,
    after: int,
    before: int | None,
    newest_first: bool = False,
) -> Iterator[Entry]:
    """The entries of these sources with `after < seq < before`, in order or newest first.

    A session that others are forked from may go, and an erased log is replaced, while somebody reads: where a file is no
    longer the one that was found, `look` says where its entries are now.
    """
    one = read_backwards if newest_first else read
    left = [*reversed(found)] if newest_first else [*found]
    while left:
        source = left.pop(0)
        try:
            yield from one(source, after, before)
        except FileNotFoundError:
            # It was to be opened, so nothing of it was given.
            again = look()
            check_moved(source, again)
            if newest_first:
                before = source.last + 1 if before is None else min(before, source.last + 1)
                left = [other for other in reversed(again) if other.first < before or other.damage]
            else:
                after = max(after, source.first - 1)
                left = [other for other in again if other.last > after or other.damage]


def read(source: Source, after: int, before: int | None) -> Iterator[Entry]:
    """The entries of a source with `after < seq < before`, in order.

    Raises:
        Corrupt: a line can't be read, or its number is not the next one; what came before it was given.
    """
    return chain.from_iterable(_batches(source, after, before))


def _batches(source: Source, after: int, before: int | None) -> Iterator[Iterable[Entry]]:
    """As `read`, in pieces: what stands between a long log and its reader is paid for once a piece."""
    expected = max(source.first, after + 1)
    last = source.last if before is None else min(source.last, before - 1)
    if expected <= last:
        yield from _numbered(source, expected, last)
    if source.damage is not None and (before is None or before > source.last + 1):
        raise source.damage


def check_moved(source: Source, again: Sequence[Source]) -> None:
    """Return if what could not be opened is looked for elsewhere now. Called while that error is handled.

    Raises:
        Corrupt: it is known to be damaged.
        OSError: the one that is handled: nobody has moved it.
    """
    for one in again:
        if (one.path, one.inode) == (source.path, source.inode):
            if one.damage is not None:
                raise one.damage from None
            raise  # noqa: PLE0704 - the error that the caller handles


def _numbered(source: Source, expected: int, last: int) -> Iterator[Iterable[Entry]]:
    with opened_as_found(source) as fd:
        start = scan.offset_of(fd, expected, source.end) if expected > source.file_first else 0
        if last - expected < _FEW:
            for offset, line in scan.raw_lines(fd, start, source.end):
                yield (_decoded(source, offset, line, expected),)
                if expected == last:
                    return
                expected += 1
        else:
            for offset, lines in scan.chunks(fd, start, source.end):
                entries, count = _all_decoded(source, offset, lines, expected)
                yield entries if expected + count <= last else islice(entries, last - expected + 1)
                expected += count
                if expected > last:
                    return
    _missing(source, expected, source.end)


def _all_decoded(source: Source, offset: int, lines: bytes, expected: int) -> tuple[Iterable[Entry], int]:
    """The entries of whole lines, the first of which is the expected one, and how many lines there are."""
    entries = decode_lines(lines)
    if entries is not None and _are_lines(lines, len(entries)):
        numbers = [*range(expected, expected + len(entries))]
        if [entry.seq for entry in entries] == numbers:
            return entries, len(entries)
    return _one_by_one(source, offset, lines, expected), lines.count(b"\n")


def _are_lines(lines: bytes, count: int) -> bool:
    """Whether there are so many line ends, the last one at the end: `count` looks at each byte by itself, `find` does not."""
    place = 0
    for _ in range(count):
        place = lines.find(b"\n", place) + 1
        if not place:
            return False
    return place == len(lines)


def _one_by_one(source: Source, offset: int, lines: bytes, expected: int) -> Iterator[Entry]:
    for number, line in enumerate(lines.split(b"\n")[:-1], expected):
        yield _decoded(source, offset, line, number)
        offset += len(line) + 1


def read_backwards(source: Source, after: int, before: int | None) -> Iterator[Entry]:
    """As `read`, newest first."""
    first = max(source.first, after + 1)
    last = source.last if before is None else min(source.last, before - 1)
    if source.damage is not None and (before is None or before > source.last + 1):
        raise source.damage
    if first > last:
        return
    with opened_as_found(source) as fd:
        end = source.end
        line = scan.line_at(fd, end)
        if not line.startswith(b'{"seq":%d,' % source.last):
            # An erasure has put a shorter file in its place since.
            end = scan.offset_of(fd, source.last + 1, os.fstat(fd).st_size)
        if before is not None and before <= source.last:
            end = scan.offset_of(fd, before, end)
        expected = last
        for offset, line in scan.lines_backwards(fd, end):
            yield _decoded(source, offset, line, expected)
            if expected == first:
                return
            expected -= 1
    _missing(source, expected, 0)


def _decoded(source: Source, offset: int, line: bytes, expected: int) -> Entry:
    try:
        entry = decode_line(line)
    except ValueError as error:
        _damaged(source, expected, offset, str(error))
    if entry.seq != expected:
        _damaged(source, expected, offset, f"entry {entry.seq} stands where entry {expected} belongs")
    return entry


def _damaged(source: Source, seq: int, offset: int, why: str) -> NoReturn:
    line = seq - source.file_first + 1
    msg = f"{source.path}: line {line} at byte {offset}: {why}. Run `hansard check`; read on with on_damage='skip'"
    raise Corrupt(msg, path=str(source.path), line=line, offset=offset)


def _missing(source: Source, seq: int, offset: int) -> NoReturn:
    _damaged(source, seq, offset, f"entry {seq} is missing")


def verified_lines(source: Source, previous: bytes, after: int) -> Iterator[bytes]:
    """The lines of a log behind entry `after`, all of them checked; `previous` is the hash before its first.

    Raises:
        Corrupt: at the first that does not verify, or at the damage that follows the last.
    """
    seq = source.first
    with opened_as_found(source) as fd:
        for offset, line in scan.raw_lines(fd, 0, source.end):
            try:
                previous = bytes.fromhex(scan.verify_line(line, previous, seq).hash)
            except Corrupt as error:
                _damaged(source, seq, offset, str(error))
            if seq > after:
                yield line
            seq += 1
            if seq > source.last:
                break
    if source.damage is not None:
        raise source.damage


def read_first_entry(path: Path) -> Entry:
    """The first line of a log.

    Raises:
        Corrupt: it is damaged, or what stands there is no file.
        OSError: there is no log, or it can't be read.
    """
    with opened(path) as fd:
        _, line = next(scan.raw_lines(fd, 0), (0, b""))
    try:
        return decode_line(line)
    except ValueError as error:
        msg = f"{path}: line 1 at byte 0: {error}. Restore it from a backup, or run `hansard check`"
        raise Corrupt(msg, path=str(path), line=1) from None


def first_entry(path: Path) -> Entry | None:
    """The first line of a log, if it can be read.

    Raises:
        OSError: this process can't open any file at the moment, so nothing is known.
    """
    try:
        return read_first_entry(path)
    except Corrupt:
        return None
    except OSError as error:
        if error.errno in _PASSING:
            raise
        return None
