"""Lines made again from entries: those that a fork inherits, and those of a log that goes on under another id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ..codec import values
from ..codec.line import GENESIS, Sealed, decode_line, digest_of, encode_line
from ..errors import Corrupt
from ..model.entry import Entry, NewEntry
from ..model.info import Segment


def relined(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The lines of entries from the first one on, byte for byte as they stood in their logs.

    Raises:
        Corrupt: an entry does not give the line that its hash stands for.
    """
    previous = GENESIS
    for entry in entries:
        line, previous = _line(entry, previous)
        if previous.hex() != entry.hash:
            msg = f"entry {entry.seq} can't be written as it was: its log is damaged, or had another spelling"
            raise Corrupt(msg)
        yield line


def renamed(lines: Iterable[bytes], session: str) -> Iterator[bytes]:
    """The lines of a log as those of a session with another id: ids, times, bodies, salts stay; chained anew."""
    previous = GENESIS
    first = True
    for line in lines:
        entry = decode_line(line)
        if first:
            segments = msgspec.convert(entry.body.get("segments", ()), tuple[Segment, ...])
            previous = bytes.fromhex(segments[-1].hash) if segments else GENESIS
            body = {**entry.body, "session": session}
            digest = digest_of(entry.salt, values.encode(body))
            entry = msgspec.structs.replace(entry, body=body, digest=digest)
            first = False
        fresh, previous = _line(entry, previous)
        yield fresh


def _line(entry: Entry, previous: bytes) -> tuple[bytes, bytes]:
    new = NewEntry(entry.kind, entry.body, entry.id, entry.at, entry.agent, entry.run, entry.parent, entry.extra)
    sealed = Sealed(new, values.encode(entry.body), entry.salt, entry.digest)
    return encode_line(sealed, entry.seq, previous, parent=entry.parent, commit=entry.commit)
