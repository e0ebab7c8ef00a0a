"""What an append means, decided under the lock of one session: the planner that every backend shares. Pure.

A backend holds the lock, has the fold up to date, and hands in the requests that wait. It gets back the lines to
write as one group, the fold after them, and an answer for each request, which it passes on once the lines are durable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NoReturn, TypeAlias

import msgspec
from msgspec.structs import force_setattr

from ..backend import Answer, Request
from ..codec import values
from ..codec.line import Sealed, digest_of, encode_line, seal
from ..errors import Conflict, HansardError, Invalid, Unavailable
from ..fold import Fold
from ..limits import COMMIT_BYTES_MAX, DEPTH_MAX, MIB
from ..model.entry import KINDS, NODES, Entry, Json, NewEntry
from ..model.requests import Appended, Changes, Keys
from . import admitting
from .effective import effective

FindId: TypeAlias = Callable[[str], Entry | None]
"""The entry of the session (inherited ones included) with an id."""

EntryAt: TypeAlias = Callable[[int], Entry | None]
"""The entry of the session with a seq."""

_FIELDS: Final = frozenset(("created", "update"))
_DECODED: Final = KINDS - {"message", "event"}
"""Kinds whose bodies decide something or are kept: taken from the bytes, as a caller may change its objects later."""

_UPDATE_LEVELS: Final = 3
"""Levels of an update's body around the values that it sets."""


class Group(msgspec.Struct):
    """What one commit writes, and what is true once it is durable."""

    fold: Fold
    """After the group. The fold that was handed in is unchanged."""
    hash: bytes
    """Of the last line."""
    answers: list[Answer]
    """One for each request, in their order."""
    lines: list[bytes] = []
    size: int = 0
    """Bytes of the lines."""
    entries: list[Entry] = []
    repeats: bool = False
    """An answer says "already there": sync what is there before giving it, another process may have written it."""


_Planned: TypeAlias = tuple[Sealed, Entry]
"""A sealed entry, and what it is at its place; its hash and the commit marker are not known yet."""


def plan(fold: Fold, previous: bytes, requests: Sequence[Request], *, find: FindId, at: EntryAt, now_us: int) -> Group:
    """Decide each request in turn, as if the ones before it were written, and encode what is to be written.

    `previous` is the hash of the last line (GENESIS before the first). A request that is refused leaves no trace.
    """
    planning = _Planning(fold, find, at, now_us)
    answers: list[Answer] = []
    for request in requests:
        try:
            answers.append(planning.admit(request))
        except HansardError as error:
            answers.append(error)
    group = Group(planning.fold, previous, answers, repeats=planning.repeats)
    if planning.planned:
        _encode(group, planning.planned, clock=max(now_us, fold.touched_us))
    return group


def _encode(group: Group, planned: Sequence[_Planned], *, clock: int) -> None:
    """Chain and encode the lines; the last one carries the commit marker."""
    # The entries are of this module's making and nobody else has seen them: what was missing is put in, not copied.
    lines, entries, link = group.lines, [entry for _, entry in planned], group.hash
    last = entries[-1]
    force_setattr(last, "commit", (entries[0].seq, clock))
    for sealed, entry in planned:
        line, link = encode_line(sealed, entry.seq, link, parent=entry.parent, commit=entry.commit)
        force_setattr(entry, "hash", link.hex())
        lines.append(line)
    group.entries, group.hash, group.size = entries, link, sum(map(len, lines))
    group.fold.settle(size=group.size, hash=last.hash, touched_us=clock)


class _Planning:
    """The state while the requests of one group are decided."""

    def __init__(self, fold: Fold, find: FindId, at: EntryAt, now_us: int) -> None:
        self.fold = fold
        """As it will be; never the one that was handed in once something is planned."""
        self.planned: list[_Planned] = []
        self.repeats = False
        self._find = find
        self._at = at
        self._now_us = now_us
        self._by_id: dict[str, _Planned] = {}
        self._first = fold.seq + 1
        self._handed_in = fold
        self._bytes = 0

    def admit(self, request: Request) -> Appended:
        """The answer to one request; its entries are planned and folded."""
        admitting.check_understood(self.fold)
        by_id = self._by_id
        if request.changes is request.expect is request.fence is None and not request.unit:
            for one in request.sealed:
                if not one.plain or one.new.id in by_id:
                    break
            else:
                return self._take_plain(request.sealed)
        present = [self._present(one) if one.given or one.new.id in by_id else None for one in request.sealed]
        if request.unit:
            repeated = self._repeat_unit(request, present)
            if repeated is not None:
                return repeated
        sealed = request.sealed
        if request.changes is not None and (update := self._update(request.changes, request)) is not None:
            sealed = (*sealed, update)
            present.append(self._present(update) if update.given else None)
        there = len(present) - present.count(None)
        if sealed and there == len(sealed):
            self.repeats = True
            return self._answer(sealed, [seq or 0 for seq in present], 0)
        if request.expect is not None:
            admitting.check_expect(self.fold, request.expect, partly_there=there > 0)
        if request.fence is not None:
            admitting.check_fence(self.fold, request.fence)
        # What would change nothing was decided on what is so now, which is what expect and fence ask for.
        if not sealed:
            return self._answer(sealed, [], 0)
        answer = self._take(sealed, present)
        self.repeats |= there > 0
        return answer

    def _present(self, sealed: Sealed) -> int | None:
        """The seq of the entry that has this id already, None if there is none.

        Raises:
            Conflict: it has other content.
        """
        planned = self._by_id.get(sealed.new.id)
        if planned is not None:
            other, entry = planned
            if not _same(other.new, sealed.new) or other.body != sealed.body:
                self._clash(entry)
            return entry.seq
        entry = self._find(sealed.new.id)
        if entry is None:
            return None
        if not entry.erased and not (_same(entry, sealed.new) and digest_of(entry.salt, sealed.body) == entry.digest):
            self._clash(entry)
        return entry.seq

    def _clash(self, there: Entry) -> NoReturn:
        self._conflict(
            f"entry {there.seq} has the id {there.id!r} already, with other content. "
            "An id names one content for ever: use a new id (or key) for a new entry"
        )

    def _conflict(self, why: str) -> NoReturn:
        msg = f"session {self.fold.info().id!r}: {why}"
        raise Conflict(msg, seq=self.fold.seq)

    def _repeat_unit(self, request: Request, present: Sequence[int | None]) -> Appended | None:
        """The first result of a keyed append that is all there; None if nothing of it is."""
        sealed, seqs = list(request.sealed), list(present)
        if request.changes is not None:
            update = self._seal_update(request.changes, request.change_id)
            sealed.append(update)
            seqs.append(self._present(update))
        found = [seq for seq in seqs if seq is not None]
        if not found:
            return None
        if len(found) < len(seqs):
            self._conflict(
                "a part of this append is there under its key, a part is not. "
                "Repeat the call exactly as it was, or use a new key"
            )
        self.repeats = True
        return self._answer(sealed, found, 0)

    def _update(self, changes: Changes, request: Request) -> Sealed | None:
        """The update entry to write: as given for a unit, else only what would change; None for nothing."""
        if not request.unit:
            for keys in (changes, changes.state, changes.config, changes.metadata, changes.labels):
                values.encode_checked(keys.set, "update", levels=DEPTH_MAX + 1)
            changes = effective(changes, self.fold)
            if not changes:
                return None
        return self._seal_update(changes, request.change_id)

    def _seal_update(self, changes: Changes, identity: str) -> Sealed:
        body: dict[str, Json] = {"set": changes.set, "clear": list(changes.clear)}
        for name in ("state", "config", "metadata", "labels"):
            keys: Keys = getattr(changes, name)
            said = {"set": keys.set, "remove": list(keys.remove), "replace": keys.replace}
            body[name] = {key: value for key, value in said.items() if value}
        new = NewEntry(kind="update", body={key: value for key, value in body.items() if value})
        return seal(new, now_us=self._now_us, id=identity, levels=DEPTH_MAX + _UPDATE_LEVELS)

    def _take_plain(self, absent: Sequence[Sealed]) -> Appended:
        """As `_take` and `_fold_in`, for entries that nothing can refuse but the room that is left."""
        self._bytes += self._check_room(absent)
        if self.fold is self._handed_in:
            self.fold = self.fold.copy()
        first, apply, by_id = self.fold.seq + 1, self.fold.apply, self._by_id
        seq = first
        for sealed in absent:
            entry = _entry_of(sealed, seq, None)
            apply(entry)
            by_id[entry.id] = place = (sealed, entry)
            self.planned.append(place)
            seq += 1
        return Appended(seq - 1, tuple(range(first, seq)), tuple([one.new.id for one in absent]), seq - first)

    def _check_room(self, absent: Sequence[Sealed]) -> int:
        size = admitting.check_size(absent)
        if self._bytes + size > COMMIT_BYTES_MAX:
            msg = f"the commit that this append waited for is full ({COMMIT_BYTES_MAX // MIB} MiB); append it again"
            raise Unavailable(msg)
        return size

    def _take(self, sealed: Sequence[Sealed], present: Sequence[int | None]) -> Appended:
        """Fold and plan what is absent; on a refusal everything is as it was."""
        absent = [item for item, seq in zip(sealed, present, strict=True) if seq is None]
        size = self._check_room(absent)
        before, mark = self.fold, len(self.planned)
        self.fold = before.copy()
        try:
            self._fold_in(absent)
            fields = [entry.body for _, entry in self.planned[mark:] if entry.kind in _FIELDS]
            if fields:
                admitting.check_fields(self.fold, fields)
        except BaseException:
            self.fold = before
            for _, entry in self.planned[mark:]:
                del self._by_id[entry.id]
            del self.planned[mark:]
            raise
        self._bytes += size
        new = iter(self.planned[mark:])
        seqs = [next(new)[1].seq if seq is None else seq for seq in present]
        return self._answer(sealed, seqs, len(absent))

    def _fold_in(self, absent: Sequence[Sealed]) -> None:
        fold, by_id, seq = self.fold, self._by_id, self.fold.seq
        branch_end: int | None = None
        for sealed in absent:
            new = sealed.new
            kind, parent = new.kind, new.parent
            seq += 1
            if kind in NODES:
                if parent is None:
                    parent = branch_end
                branch_end = None if parent is None or parent == fold.head else seq
            elif kind == "head":
                branch_end = None
            if new.id in by_id:
                self._refuse_twice(new.id)
            if kind == "created" and self.planned:
                msg = "a created entry begins a log and stands before all others; use create(), spawn() or fork()"
                raise Invalid(msg)
            entry = _entry_of(sealed, seq, parent)
            admitting.check_references(fold, entry, self._kind_at)
            fold.apply(entry)
            place = by_id[new.id] = (sealed, entry)
            self.planned.append(place)

    def _refuse_twice(self, identity: str) -> NoReturn:
        msg = (
            f"session {self.fold.info().id!r}: the id {identity!r} stands twice in one append; give each entry its own"
        )
        raise Invalid(msg)

    def _answer(self, sealed: Sequence[Sealed], seqs: Sequence[int], added: int) -> Appended:
        last = seqs[-1] if seqs else self.fold.seq
        return Appended(last, tuple(seqs), tuple([item.new.id for item in sealed]), added)

    def _kind_at(self, seq: int) -> str | None:
        if seq >= self._first:
            place = seq - self._first
            return self.planned[place][1].kind if place < len(self.planned) else None
        entry = self._at(seq)
        return None if entry is None else entry.kind


def _entry_of(sealed: Sealed, seq: int, parent: int | None) -> Entry:
    new = sealed.new
    body = values.decode(sealed.body) if new.kind in _DECODED else new.body
    return Entry(
        seq, new.id, new.at, new.kind, body, new.agent, new.run, parent, new.extra, None, sealed.digest, "", sealed.salt
    )


def _same(there: Entry | NewEntry, new: NewEntry) -> bool:
    # The store writes a parent that follows from the append itself, so a parent that was not given equals any.
    return (
        there.kind == new.kind
        and there.agent == new.agent
        and there.run == new.run
        and (new.parent is None or there.parent == new.parent)
    )
