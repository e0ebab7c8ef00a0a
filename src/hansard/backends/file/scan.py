"""Reading the bytes of a log: group by group with every digest and hash checked, or line by line as fast as it goes.

The log ends at its last verifying commit line. What follows is the tail of a write that was never acknowledged, unless
a whole group comes after it: then something in between was damaged.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Final, NoReturn

import msgspec

from ...codec.line import GENESIS, decode_line, digest_of, hash_cut, seq_of, verify_line
from ...errors import Corrupt
from ...model.entry import Entry

CHUNK: Final = 1 << 20
_FIRST_CHUNK: Final = 1 << 15
_FIRST_LINES: Final = 1 << 14
_PIECE: Final = 1 << 16
"""Of larger pieces, the first entries have left the processor's cache when the last ones are decoded."""
_LAST_BYTES: Final = 1 << 14


class Mark(msgspec.Struct, frozen=True):
    """A place between two lines of a log: right behind entry `seq`, whose hash is `hash`."""

    offset: int = 0
    seq: int = 0
    hash: bytes = GENESIS


class Tail(msgspec.Struct, frozen=True):
    """What follows the last commit: `size` bytes at `offset`; `why` it does not count, `ended` if a line in it ends."""

    offset: int
    size: int
    why: str = ""
    ended: bool = False
    bad_line: int = 0
    """Number and offset of the line that does not verify, if one does not."""
    bad_offset: int = 0


def raw_lines(fd: int, offset: int, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """(offset, line) from an offset on, each with its newline; a last one without it comes as it is."""
    rest = b""
    position = offset
    # Many ask for the first line alone, or read logs of a few lines.
    size = _FIRST_LINES
    while True:
        want = size if end is None else min(size, end - position - len(rest))
        size = CHUNK
        chunk = os.pread(fd, want, position + len(rest)) if want > 0 else b""
        if not chunk:
            if rest:
                yield position, rest
            return
        if b"\n" not in chunk:
            # A line longer than a chunk: gather it in one go instead of joining again and again.
            rest += _until_newline(fd, position + len(rest), chunk, end)
        else:
            rest += chunk
        start = 0
        while (stop := rest.find(b"\n", start)) >= 0:
            yield position + start, rest[start : stop + 1]
            start = stop + 1
        position += start
        rest = rest[start:]


def chunks(fd: int, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of whole lines up to `end`, small pieces first; what has no newline at the end is not given."""
    size = _FIRST_CHUNK
    while offset < end:
        chunk = os.pread(fd, min(size, end - offset), offset)
        cut = chunk.rfind(b"\n") + 1
        if not cut and chunk and offset + len(chunk) < end:
            # A line longer than a chunk.
            chunk = _until_newline(fd, offset, chunk, end)
            cut = chunk.rfind(b"\n") + 1
        if not cut:
            return
        yield offset, chunk[:cut]
        offset += cut
        size = _PIECE


def _until_newline(fd: int, position: int, chunk: bytes, end: int | None) -> bytes:
    pieces = [chunk]
    position += len(chunk)
    while chunk and b"\n" not in chunk:
        want = CHUNK if end is None else min(CHUNK, end - position)
        chunk = os.pread(fd, want, position) if want > 0 else b""
        pieces.append(chunk)
        position += len(chunk)
    return b"".join(pieces)


class Scanner:
    """Walks the groups of a log from a mark on; afterwards `mark` is where the last whole group ends."""

    def __init__(self, fd: int, mark: Mark, path: str, *, first_seq: int = 1) -> None:
        """Start at `mark`; `first_seq` is the number of the log's first line."""
        self.mark = mark
        self.tail: Tail | None = None
        self._fd = fd
        self._path = path
        self._first_seq = first_seq

    def groups(self) -> Iterator[list[tuple[Entry, int]]]:
        """The whole groups, each a list of (entry, bytes of its line).

        Raises:
            Corrupt: damage before a later whole group, with its place. What was given before it counts.
        """
        while (yield from self._groups()):
            continue

    def _groups(self) -> Generator[list[tuple[Entry, int]], None, bool]:
        """As `groups`; True if a line was read while it was being written, so that all behind the mark is to be read again."""
        group: list[tuple[Entry, int]] = []
        seq, previous, offset = self.mark.seq, self.mark.hash, self.mark.offset
        why, line = "", b""
        for start, line in raw_lines(self._fd, self.mark.offset):
            offset = start
            try:
                entry = self._verified(line, previous, seq + 1, group)
            except Corrupt as error:
                why = str(error)
                break
            seq, previous = entry.seq, bytes.fromhex(entry.hash)
            group.append((entry, len(line)))
            offset = start + len(line)
            if entry.commit is not None:
                self.mark = Mark(offset, seq, previous)
                yield group
                group = []
        followed = bool(why) and self._whole_group_after(offset)
        # In this order: what a writer was at may have come to its end after it was read, and before that look behind it.
        if why and self._reads(offset) != line:
            return True
        if followed:
            self._damaged(offset, why)
        self._end(offset, why)
        return False

    def _reads(self, offset: int) -> bytes:
        return next(raw_lines(self._fd, offset), (offset, b""))[1]

    @staticmethod
    def _verified(line: bytes, previous: bytes, seq: int, group: list[tuple[Entry, int]]) -> Entry:
        if not line.endswith(b"\n"):
            msg = "the line has no end"
            raise Corrupt(msg)
        entry = verify_line(line, previous, seq)
        if entry.commit is not None and entry.commit[0] != (group[0][0].seq if group else seq):
            msg = f"entry {seq} closes a group that begins elsewhere"
            raise Corrupt(msg)
        return entry

    def _damaged(self, offset: int, why: str) -> NoReturn:
        line = self._line_of(offset)
        msg = f"{self._path}: line {line} at byte {offset}: {why}. Run `hansard check --repair` to set the damage aside"
        raise Corrupt(msg, path=self._path, line=line, offset=offset)

    def _end(self, offset: int, why: str) -> None:
        size = os.fstat(self._fd).st_size - self.mark.offset
        if size <= 0:
            return
        ended = bool(why) and any(line.endswith(b"\n") for _, line in raw_lines(self._fd, offset))
        self.tail = Tail(self.mark.offset, size, why, ended, self._line_of(offset), offset)

    def _line_of(self, offset: int) -> int:
        """The 1-based number of the line at an offset, counted from the mark's, which is known by its seq."""
        known = self.mark.seq - self._first_seq + 1 if self.mark.offset else 0
        return known + 1 + sum(1 for start, _ in raw_lines(self._fd, self.mark.offset, offset) if start < offset)

    def _whole_group_after(self, offset: int) -> bool:
        """Whether a commit line follows whose group is complete and holds together in itself."""
        first = previous_seq = 0
        previous: bytes | None = None
        for _, line in raw_lines(self._fd, offset):
            try:
                entry = decode_line(line)
                if previous is not None and entry.seq == previous_seq + 1:
                    verify_line(line, previous, entry.seq)
                else:
                    first = entry.seq
                    verify_body(line, entry)
                # The hash of a line that nothing before it proves may be anything, also no hex.
                previous, previous_seq = bytes.fromhex(entry.hash), entry.seq
            except (Corrupt, ValueError):
                previous = None
                continue
            if entry.commit is not None and first <= entry.commit[0] <= entry.seq:
                return True
        return False


def verify_body(line: bytes, entry: Entry) -> None:
    """Check what a line says of itself, without the line before it.

    Raises:
        Corrupt: its members or its body are not as they were written.
    """
    cut = hash_cut(line)
    start = cut + len(b',"hash":"","salt":"","body":') + len(entry.hash) + len(entry.salt)
    whole = line.endswith(b"}\n") and len(entry.hash) == 64
    if not whole or not (entry.erased or digest_of(entry.salt, memoryview(line)[start:-2]) == entry.digest):
        msg = f"entry {entry.seq}: the body does not match its digest"
        raise Corrupt(msg)


def line_at(fd: int, end: int, *, limit: int = CHUNK) -> bytes:
    """The line that ends at `end` (its newline included); empty if there is none."""
    if end <= 0:
        return b""
    size = 4096
    while True:
        start = max(0, end - size)
        block = os.pread(fd, end - start, start)
        if len(block) != end - start or not block.endswith(b"\n"):
            return b""
        cut = block.rfind(b"\n", 0, -1)
        if cut >= 0:
            return block[cut + 1 :]
        if start == 0:
            return block
        size = min(size * 8, max(limit, size * 2))


def offset_of(fd: int, seq: int, end: int) -> int:
    """Where the line of `seq` begins (or the first one with a larger number), by bisection; `end` if there is none.

    Lines carry their number in front and the numbers rise, so no table of offsets is needed. Most that are asked for
    are among the last, where one look finds them.

    Raises:
        Corrupt: a line on the way does not begin as lines do.
    """
    found = _among_last(fd, seq, end)
    return _bisected(fd, seq, end) if found is None else found


def _among_last(fd: int, seq: int, end: int) -> int | None:
    """As `offset_of`, in the bytes before `end`; None if it is not there, or they are not all whole lines."""
    begin = max(0, end - _LAST_BYTES)
    block = os.pread(fd, end - begin, begin)
    if len(block) != end - begin or not block.endswith(b"\n"):
        return None
    place = block.find(b"\n") + 1 if begin else 0
    before = begin == 0
    while place < len(block):
        try:
            number = seq_of(block[place : place + 28])
        except ValueError:
            return None
        if number >= seq:
            return begin + place if before or number == seq else None
        before = True
        place = block.find(b"\n", place) + 1
    return end if before else None


def _bisected(fd: int, seq: int, end: int) -> int:
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        start = _line_start(fd, middle, high)
        if start >= high:
            # No line begins in the upper half: the answer is the line that covers `middle`, or one before it.
            high = middle
            continue
        front = os.pread(fd, 28, start)
        try:
            found = seq_of(front)
        except ValueError as error:
            msg = f"at byte {start}: {error}"
            raise Corrupt(msg, offset=start) from None
        if found < seq:
            low = start + 1
        else:
            high = min(start, middle)
        if high <= low:
            break
    return _line_start(fd, low, end)


def _line_start(fd: int, offset: int, high: int) -> int:
    """The first line start at or after `offset`, `high` if none lies before it."""
    if offset == 0:
        return 0
    position = offset - 1
    size = 512
    while position < high:
        block = os.pread(fd, min(size, high - position), position)
        if not block:
            return high
        found = block.find(b"\n")
        if found >= 0:
            return min(position + found + 1, high)
        position += len(block)
        size = min(size * 4, CHUNK)
    return high


def lines_backwards(fd: int, end: int, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """(offset, line) from `end` back to `start`, both of them line starts."""
    size = _FIRST_CHUNK
    rest = b""
    position = end
    while position > start:
        step = min(size, position - start)
        position -= step
        rest = os.pread(fd, step, position) + rest
        cut = len(rest)
        while (found := rest.rfind(b"\n", 0, cut - 1)) >= 0:
            yield position + found + 1, rest[found + 1 : cut]
            cut = found + 1
        rest = rest[:cut]
        # Who asks for a few lines pays for a few; who reads on gets larger and larger pieces.
        size = min(2 * size, CHUNK)
    if rest:
        yield position, rest
