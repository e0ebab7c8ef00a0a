"""Lines made again from entries: those that a fork inherits, and those of a log that goes on under another id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ..codec import values
from ..codec.line import GENESIS, decode_line, digest_of, end_of, line_again
from ..errors import Corrupt
from ..model.entry import Entry
from ..model.info import Segment


def relined(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The lines of entries from the first one on, byte for byte as they stood in their logs.

    Raises:
        Corrupt: an entry does not give the line that its hash stands for.
    """
    previous = GENESIS
    for entry in entries:
        line, previous = line_again(entry, previous)
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
            previous = end_of(segments)[1]
            body = {**entry.body, "session": session}
            digest = digest_of(entry.salt, values.encode(body))
            entry = msgspec.structs.replace(entry, body=body, digest=digest)
            first = False
        fresh, previous = line_again(entry, previous)
        yield fresh
