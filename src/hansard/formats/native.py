"""The native format: a session's own lines, byte for byte, as they stand in its log.

Nothing is lost and nothing is trusted: a log that comes in is checked line by line against digest and chain, group by
group against its commit marker, and what a crash left behind the last whole group is not there, as for every reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, NoReturn

import msgspec

from ..codec.line import GENESIS, decode_line, end_of, verify_line
from ..errors import Corrupt, Invalid
from ..limits import COMMIT_BYTES_MAX, ENTRY_BYTES_MAX, MIB
from ..model.entry import Entry
from ..model.info import Segment


class Chain:
    """Checks lines as they come. `seq` and `hash` are those of the last line that held."""

    def __init__(self, place: str, *, seq: int = 0, hash: bytes = GENESIS) -> None:  # noqa: A002 - the field's name
        """Expect the line after `seq`, chained to `hash`; `place` is what errors name."""
        self.place = place
        self.seq = seq
        self.hash = hash
        self.lines = 0
        self.bytes = 0

    def take(self, line: bytes) -> Entry:
        """The entry of the next line.

        Raises:
            Corrupt: the line does not verify, or is larger than a line can be; says where.
        """
        if len(line) > ENTRY_BYTES_MAX or not line.endswith(b"\n"):
            self._refuse(f"a line ends within {ENTRY_BYTES_MAX // MIB} MiB")
        try:
            entry = verify_line(line, self.hash, self.seq + 1)
        except Corrupt as error:
            self._refuse(str(error))
        self.seq = entry.seq
        self.hash = bytes.fromhex(entry.hash)
        self.lines += 1
        self.bytes += len(line)
        return entry

    def _refuse(self, why: str) -> NoReturn:
        msg = f"{self.place}, line {self.lines + 1}: {why}"
        raise Corrupt(msg, path=self.place, line=self.lines + 1, offset=self.bytes) from None


class Begin(msgspec.Struct, frozen=True):
    """What the first line of a log says: whose log it is and what it continues."""

    session: str
    parent: str | None = None
    root: str | None = None
    segments: tuple[Segment, ...] = ()

    def chain(self, place: str) -> Chain:
        """The chain that the first line belongs to."""
        seq, link = end_of(self.segments)
        return Chain(place, seq=seq, hash=link)


# Planned here, not at the first use: two threads that plan one type at once crash the interpreter.
msgspec.json.Decoder(Begin)


def begin(line: bytes, place: str) -> Begin:
    """What a log's first line says; it is not verified.

    Raises:
        Corrupt: it is not the first line of a log.
    """
    try:
        entry = decode_line(line)
        found = msgspec.convert(entry.body, Begin)
        for segment in found.segments:
            end_of((segment,))
    except (ValueError, msgspec.ValidationError) as error:
        msg = f"{place}: this is not the log of a session: {error}"
        raise Corrupt(msg, path=place, line=1) from None
    if entry.kind != "created":
        msg = f"{place}: this is not the log of a session: it does not begin with a created entry"
        raise Corrupt(msg, path=place, line=1)
    return found


class NativeLog:
    """A log that is read from a stream. Iterate once: every line comes after its whole group was checked."""

    def __init__(self, stream: BinaryIO, place: str) -> None:
        """Read the first line.

        Raises:
            Corrupt: it is not the first line of a log.
        """
        self._stream = stream
        self._first = stream.readline(ENTRY_BYTES_MAX + 1)
        self.begin = begin(self._first, place)
        self.chain = self.begin.chain(place)
        self.tail = 0
        """Bytes behind the last whole group, known after the last line was read."""

    @property
    def session(self) -> str:
        """The id of the session."""
        return self.begin.session

    def __iter__(self) -> Iterator[bytes]:
        """The lines, byte for byte, up to the last commit.

        Raises:
            Corrupt: a line that is whole does not verify.
            Invalid: a group is larger than a commit can be.
        """
        group: list[bytes] = []
        size = 0
        for line in self._lines():
            if not line.endswith(b"\n") and len(line) <= ENTRY_BYTES_MAX:
                self.tail = size + len(line)
                return
            entry = self.chain.take(line)
            group.append(line)
            size += len(line)
            if size > COMMIT_BYTES_MAX:
                msg = f"{self.chain.place}: the group of entry {entry.seq} has more than {COMMIT_BYTES_MAX // MIB} MiB"
                raise Invalid(msg)
            if entry.commit is not None:
                yield from group
                group.clear()
                size = 0
        self.tail = size

    def _lines(self) -> Iterator[bytes]:
        line = self._first
        while line:
            yield line
            line = self._stream.readline(ENTRY_BYTES_MAX + 1)


def write_native(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The log's own lines, byte for byte, each checked against the chain.

    Raises:
        Corrupt: a line does not verify; what came before it does.
    """
    chain: Chain | None = None
    for line in lines:
        if chain is None:
            chain = begin(line, "the log").chain("the log")
        chain.take(line)
        yield line


def read_native(stream: BinaryIO, *, place: str = "the log") -> NativeLog:
    """A log from a stream, e.g. a `log.jsonl`; `place` is what errors name. Errors as for NativeLog."""
    return NativeLog(stream, place)
