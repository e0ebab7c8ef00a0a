"""How the sessions of a memory store are read: their lines, what they inherit, and who shows whose.

Nothing here takes a lock, and nothing changes anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from ..codec.line import decode_line
from ..errors import Corrupt, NotFound, Unsupported
from ..model.entry import Entry
from ..model.info import Segment
from ..model.references import attachments_in
from .memory_log import MemoryLog, Reading, read


class Records:
    """The logs of one memory store, for readers."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.logs: dict[str, MemoryLog] = {}

    def log(self, session: str) -> MemoryLog:
        """The log of a session.

        Raises:
            NotFound: there is no such session.
        """
        try:
            return self.logs[session]
        except KeyError:
            msg = f"session {session!r} does not exist in this memory store; find() lists those that do"
            raise NotFound(msg) from None

    def own(self, session: str) -> list[Entry]:
        """The entries of a session's own log.

        Raises:
            Corrupt: at any damage.
        """
        reading = self.reading(session)
        if reading.damage is not None:
            raise reading.damage
        return reading.entries

    def reading(self, session: str) -> Reading:
        """What a session's own log holds; one without a whole first group is damaged, as all here were acknowledged."""
        log = self.log(session)
        if log.fold is not None:
            return Reading([decode_line(line) for line in log.lines])
        reading = read(log.lines, session)
        if not reading.entries and reading.damage is None:
            msg = f"session {session!r} was here, but its log is empty or cut in the first group"
            reading.damage = Corrupt(msg, line=1)
        return reading

    def inherited_lines(self, session: str) -> list[bytes]:
        """The lines before a fork's first, from the sessions it was forked from or from the copy it was left."""
        log = self.log(session)
        if log.prefix or not log.lines:
            return log.prefix
        found: list[bytes] = []
        for segment in reversed(log.segments):
            owner = self.owner(segment)
            if owner is None:
                msg = f"session {session!r}: the entries up to {segment.last} that it shows of {segment.session!r} are gone"
                raise Corrupt(msg)
            found = owner.lines[: segment.last + 1 - owner.first.seq] + found
            if owner.prefix:
                # It shows the copy that it was left: something may have been erased in it since.
                return owner.prefix + found
        return found

    def is_copied(self, session: str, seq: int) -> bool:
        """Whether a session shows an entry from a copy that a deleted session left."""
        log = self.log(session)
        for holder in (log, *map(self.owner, reversed(log.segments))):
            if holder is None or seq >= holder.first.seq:
                return False
            if holder.prefix:
                return True
        return False

    def owner(self, segment: Segment) -> MemoryLog | None:
        """The log that holds a segment; None if it is gone, though another of the same id may be here."""
        log = self.logs.get(segment.session)
        link = b',"hash":"%s",' % segment.hash.encode()
        return log if log is not None and any(link in line for line in log.lines) else None

    def inherited(self, session: str) -> list[Entry]:
        """The entries before a fork's first.

        Raises:
            Corrupt: one of them can't be read.
        """
        found: list[Entry] = []
        for number, line in enumerate(self.inherited_lines(session), 1):
            try:
                found.append(decode_line(line))
            except ValueError as error:
                msg = f"session {session!r}: inherited line {number}: {error}"
                raise Corrupt(msg, line=number) from None
        return found

    def everything(self, session: str) -> list[Entry]:
        """All entries that a session shows: entry n stands at n - 1."""
        return [*self.inherited(session), *self.own(session)]

    def tree(self, session: str) -> list[str]:
        """A session and its descendants, parents first."""
        tree = [session]
        for one in tree:
            for other, log in self.logs.items():
                # Of one whose first line can't be read nobody can say whose child it is.
                with contextlib.suppress(Corrupt):
                    tree += [other] if log.first.body.get("parent") == one else []
        return tree

    def forks(self, session: str) -> list[str]:
        """The sessions that show entries of this one's own log, or of a copy of it."""
        mine, found = self.log(session), list[str]()
        for one, log in self.logs.items():
            # Where one shows what can't be read of its own log, nobody can say.
            with contextlib.suppress(Corrupt):
                found += [one] if any(self.owner(part) is mine for part in log.segments) else []
        return found

    def keepers(self, hashes: Collection[str]) -> list[str]:
        """The sessions that keep a copy of a line with one of these hashes, as forks of one that is gone do."""
        links = [b',"hash":"%s",' % link.encode() for link in hashes]
        return [one for one, log in self.logs.items() if any(link in line for line in log.prefix for link in links)]

    def files(self, session: str) -> dict[str, bytes]:
        """The attachments that a session can read: its own, and those of the sessions it was forked from."""
        log = self.log(session)
        owners = [self.owner(segment) for segment in log.segments]
        return {name: data for one in (*owners, log) if one is not None for name, data in one.files.items()}

    def readers(self, name: str) -> Iterator[str]:
        """The sessions that show an entry which names this attachment."""
        for session in self.logs:
            with contextlib.suppress(Corrupt, Unsupported):
                if any(name in attachments_in(entry.body) for entry in self.everything(session)):
                    yield session
