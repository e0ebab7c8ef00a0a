"""What the text index reads of the logs: entries as they are shown, and the tools that calls were for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from ...errors import Corrupt
from ...model.entry import Entry
from ...model.info import SessionInfo
from ...query.hits import amended
from ...query.pieces import calls_of, parts_in
from .rows import Row
from .textrows import Batch, Covered

_SHOWING: Final = frozenset(("created", "update", "message", "compaction", "amend"))
"""The kinds whose entries can have text, or change what another one shows."""


class Logs(Protocol):
    """What the text index asks of the backend. A fork's inherited entries are read, but are not the fork's hits."""

    def info(self, session: str) -> SessionInfo:
        """What a session is now; NotFound, Corrupt."""
        ...

    def entry(self, session: str, seq: int) -> Entry | None:
        """One entry, None if there is none with this number; NotFound, Corrupt."""
        ...

    def entries(
        self, session: str, *, after: int = 0, before: int | None = None, known: Row | None = None
    ) -> Iterator[Entry]:
        """The entries with `after < seq < before`; NotFound, and Corrupt at damage. `known` is the session's row."""
        ...


class Erased(Exception):
    """The log says that entries were erased whose text the index may hold."""


def own_first(info: SessionInfo) -> int:
    """The number of the first entry of a session's own log."""
    return info.segments[-1].last + 1 if info.segments else 1


def entry_of(logs: Logs, session: str, seq: int, *, known: Row | None = None) -> Entry | None:
    """One entry of a session, None if it is not there or behind damage. `known` is the session's row.

    Raises:
        NotFound: there is no such session.
    """
    try:
        if known is None:
            return logs.entry(session, seq)
        return next(iter(logs.entries(session, after=seq - 1, before=seq + 1, known=known)), None)
    except Corrupt:
        pass
    try:
        return next(iter(logs.entries(session, after=seq - 1, before=seq + 1)), None)
    except Corrupt:
        return None


class Calls(Mapping[str, str]):
    """The tools that the calls of a session were for: those met, and those that the index knows from before."""

    def __init__(self, known: Callable[[str], str | None] | None) -> None:
        """`known` looks into the index; None if it has nothing of the session."""
        self._known = known
        self._met: dict[str, str | None] = {}

    def __getitem__(self, call: str) -> str:
        """The name of the tool; KeyError for a call that nobody made."""
        if call not in self._met:
            self._met[call] = None if self._known is None else self._known(call)
        name = self._met[call]
        if name is None:
            raise KeyError(call)
        return name

    def __iter__(self) -> Iterator[str]:
        """The calls that were met."""
        return iter(self._met)

    def __len__(self) -> int:
        """How many calls were met."""
        return len(self._met)

    def meet(self, call: str, name: str) -> bool:
        """Take a call over; False if one of this id was there before, which counts."""
        if call in self:
            return False
        self._met[call] = name
        return True


class SessionText:
    """The text of one session, as far as the catalogue knows its log."""

    def __init__(self, logs: Logs, row: Row) -> None:
        """Read nothing yet."""
        info = self.info = row.info
        self._row = row
        self._logs = logs
        self._first = own_first(info)
        self._amended_by = {target: amend for amend, target in info.amendments}

    def stands(self, place: Covered) -> bool:
        """Whether the entry up to which the index has the session is still in the log."""
        if not self._first <= place.seq <= self.info.seq:
            return False
        found = entry_of(self._logs, self.info.id, place.seq, known=self._row)
        return found is not None and found.hash == place.hash

    def behind(self, start: Covered) -> Iterator[Entry]:
        """The entries behind a place that stands.

        Raises:
            Erased: one of them took away what stands before the place.
            NotFound, Corrupt: as the logs say.
        """
        after = max(start.seq, self._first - 1)
        for entry in self._logs.entries(self.info.id, after=after, before=self.info.seq + 1, known=self._row):
            if entry.kind == "erase" and entry.seq > start.clean and self._took_before(entry, start.seq):
                raise Erased
            yield entry

    def _took_before(self, erase: Entry, seq: int) -> bool:
        seqs = erase.body.get("seqs") if isinstance(erase.body, dict) else None
        if not isinstance(seqs, list):
            return seq > 0
        return any(isinstance(one, int) and self._first <= one <= seq for one in seqs)

    def put(self, entry: Entry, batch: Batch, calls: Calls, start: Covered) -> None:
        """Have a batch take what the next entry shows, or lets an earlier one show."""
        session = self.info.id
        kind = entry.kind
        if kind not in _SHOWING:
            return
        if kind == "amend":
            self._put_amended(entry, batch, calls, start)
            return
        shown = parts_in(entry)
        for call, name in calls_of(entry, shown=shown).items():
            if calls.meet(call, name):
                batch.calls.setdefault((session, call), (entry.seq, name))
        if entry.seq not in self._amended_by:
            batch.take(session, entry, calls, shown=shown)

    def _put_amended(self, amend: Entry, batch: Batch, calls: Calls, start: Covered) -> None:
        target = amend.body.get("seq") if isinstance(amend.body, dict) else None
        if not isinstance(target, int) or target < self._first or self._amended_by.get(target) != amend.seq:
            return
        if target <= start.seq:
            batch.replace(self.info.id, target)
        entry = entry_of(self._logs, self.info.id, target)
        shown = None if entry is None else amended(entry, amend)
        if shown is not None:
            batch.take(self.info.id, shown, calls)
