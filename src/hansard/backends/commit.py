"""What an append means, decided under the lock of one session: the planner that every backend shares. Pure.

A backend holds the lock, has the fold up to date, and hands in the requests that wait. It gets back the lines to
write as one group, the fold after them, and an answer for each request, which it passes on once the lines are durable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeAlias

import msgspec

from ..backend import Answer, Request
from ..codec import names, values
from ..codec.line import Sealed, digest_of, encode_body, encode_line
from ..codec.times import stamp
from ..errors import Conflict, HansardError, Invalid, LeaseLost, Unsupported
from ..fold import Fold
from ..limits import COMMIT_BYTES_MAX, ENTRY_BYTES_MAX, KIB, LABELS_BYTES_MAX, MIB, STATE_BYTES_MAX
from ..model.entry import NODES, Entry, Json, NewEntry
from ..model.info import SessionInfo
from ..model.requests import Appended, Changes, Keys

_INFO_FIELDS = frozenset(SessionInfo.__struct_fields__)

FindId: TypeAlias = Callable[[str], Entry | None]
"""The entry of the session (inherited ones included) with an id."""

EntryAt: TypeAlias = Callable[[int], Entry | None]
"""The entry of the session with a seq."""


class Group(msgspec.Struct):
    """What one commit writes, and what is true once it is durable."""

    fold: Fold
    """After the group. The fold that was handed in is unchanged."""
    hash: bytes
    """Of the last line."""
    answers: list[Answer]
    """One for each request, in their order."""
    lines: list[bytes] = []
    entries: list[Entry] = []
    repeats: bool = False
    """An answer says "already there": sync what is there before giving it, another process may have written it."""


class _Planned(msgspec.Struct):
    """A sealed entry at its place."""

    sealed: Sealed
    seq: int
    parent: int | None


def plan(
    fold: Fold, previous: bytes, requests: Sequence[Request], *, find: FindId, at: EntryAt, now_us: int
) -> Group:
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
        _encode(group, planning.planned, fold, now_us)
    return group


class _Planning:
    """The state while the requests of one group are decided."""

    def __init__(self, fold: Fold, find: FindId, at: EntryAt, now_us: int) -> None:
        self.fold = fold
        self.planned: list[_Planned] = []
        self.repeats = False
        self._find = find
        self._at = at
        self._now_us = now_us
        self._by_id: dict[str, _Planned] = {}
        self._first = fold.seq + 1

    @property
    def _id(self) -> str:
        return self.fold.info().id

    def admit(self, request: Request) -> Appended:
        """The answer to one request; its entries are planned and folded."""
        self._check_understood()
        present = [self._present(sealed) for sealed in request.sealed]
        if request.unit:
            repeated = self._repeat_unit(request, present)
            if repeated is not None:
                return repeated
        update = self._update(request)
        absent = sum(seq is None for seq in present) + (update is not None)
        if absent == 0:
            self.repeats |= bool(present)
            return self._answer(request.sealed, [seq or 0 for seq in present], 0)
        if request.expect is not None:
            self._check_expect(request.expect, any(seq is not None for seq in present))
        if request.fence is not None:
            self._check_fence(request.fence)
        self.repeats |= absent <= len(present) and any(seq is not None for seq in present)
        sealed = request.sealed if update is None else (*request.sealed, update)
        return self._take(sealed, present if update is None else [*present, None])

    def _check_understood(self) -> None:
        unknown = self.fold.unknown_needs
        if unknown:
            msg = (
                f"session {self._id!r} needs {', '.join(unknown)}, which this version of Hansard does not know. "
                "Copying, checking and showing raw entries work; to append, use a version that knows it"
            )
            raise Unsupported(msg)

    def _present(self, sealed: Sealed) -> int | None:
        """The seq of the entry that has this id already, None if there is none.

        Raises:
            Conflict: it has other content.
        """
        planned = self._by_id.get(sealed.new.id)
        if planned is not None:
            if not _same(planned.sealed.new, sealed.new) or planned.sealed.body != sealed.body:
                self._clash(sealed.new.id, planned.seq)
            return planned.seq
        if not sealed.given:
            return None
        entry = self._find(sealed.new.id)
        if entry is None:
            return None
        if not entry.erased and not (
            _same(entry, sealed.new) and digest_of(entry.salt, sealed.body) == entry.digest
        ):
            self._clash(sealed.new.id, entry.seq)
        return entry.seq

    def _clash(self, identity: str, seq: int) -> NoReturn:
        msg = (
            f"session {self._id!r}: entry {seq} has the id {identity!r} already, with other content. "
            "An id names one content for ever: use a new id (or key) for a new entry"
        )
        raise Conflict(msg, seq=self.fold.seq)

    def _repeat_unit(self, request: Request, present: list[int | None]) -> Appended | None:
        """The first result of a keyed append that is all there; None if nothing of it is."""
        sealed = list(request.sealed)
        seqs = list(present)
        if request.changes is not None:
            update = self._seal_update(request.changes, request.change_id)
            sealed.append(update)
            seqs.append(self._present(update))
        found = [seq for seq in seqs if seq is not None]
        if not found:
            return None
        if len(found) < len(seqs):
            msg = (
                f"session {self._id!r}: a part of this append is there under its key, a part is not. "
                "Repeat the call exactly as it was, or use a new key"
            )
            raise Conflict(msg, seq=self.fold.seq)
        self.repeats = True
        return self._answer(sealed, found, 0)

    def _check_expect(self, expect: int, partly_there: bool) -> None:  # noqa: FBT001 - private
        fold = self.fold
        if partly_there:
            msg = f"session {self._id!r}: some of these entries are there already, so expect={expect} can't be met"
        elif not fold.last_counted_seq <= expect <= fold.seq:
            msg = (
                f"session {self._id!r}: expected {expect} as the last seq, but it is {fold.seq}. "
                f"Read entries(after={min(expect, fold.seq)}), decide again, and append with the new seq"
            )
        else:
            return
        raise Conflict(msg, seq=fold.seq)

    def _check_fence(self, fence: int) -> None:
        lease = self.fold.lease
        if lease is None or lease.released or lease.fence != fence:
            now = "no lease is held" if lease is None or lease.released else f"{lease.owner!r} holds lease {lease.fence}"
            msg = f"session {self._id!r}: lease {fence} is lost, {now}. Take a new lease and read what changed"
            raise LeaseLost(msg)

    def _update(self, request: Request) -> Sealed | None:
        """The update entry to write: as given for a unit, else only what would change; None for nothing."""
        if request.changes is None:
            return None
        changes = request.changes if request.unit else effective(request.changes, self.fold)
        if not changes and not request.unit:
            return None
        return self._seal_update(changes, request.change_id)

    def _seal_update(self, changes: Changes, identity: str) -> Sealed:
        body: dict[str, Json] = {key: value for key, value in msgspec.to_builtins(changes).items() if value}
        new = NewEntry(kind="update", body=body, id=identity or names.new_id(), at=stamp(self._now_us))
        return encode_body(new, given=bool(identity))

    def _take(self, sealed: Sequence[Sealed], present: Sequence[int | None]) -> Appended:
        """Fold and plan what is absent; on a refusal everything is as it was."""
        trial = self.fold.copy()
        planned: list[_Planned] = []
        by_seq: dict[int, _Planned] = {}
        ahead: set[str] = set()
        seqs: list[int] = []
        branch_end: int | None = None
        for item, seq in zip(sealed, present, strict=True):
            if seq is not None:
                seqs.append(seq)
                continue
            new = item.new
            if new.id in ahead:
                msg = f"session {self._id!r}: the id {new.id!r} stands twice in one append; give each entry its own"
                raise Invalid(msg)
            ahead.add(new.id)
            parent = new.parent
            if new.kind in NODES:
                if parent is None:
                    parent = branch_end
                branch_end = None if parent in (None, trial.head) else trial.seq + 1
            elif new.kind == "head":
                branch_end = None
            place = _Planned(item, trial.seq + 1, parent)
            entry = _entry_of(place)
            self._check_references(trial, entry, by_seq)
            trial.apply(entry)
            planned.append(place)
            by_seq[place.seq] = place
            seqs.append(place.seq)
        self._check_bounds(trial, planned)
        self.fold = trial
        self.planned += planned
        self._by_id |= {place.sealed.new.id: place for place in planned}
        return self._answer(sealed, seqs, len(planned))

    def _answer(self, sealed: Sequence[Sealed], seqs: list[int], added: int) -> Appended:
        last = seqs[-1] if seqs else self.fold.seq
        return Appended(last, tuple(seqs), tuple(item.new.id for item in sealed), added)

    def _check_references(self, fold: Fold, entry: Entry, earlier: Mapping[int, _Planned]) -> None:
        """Refuse an entry that names a seq which is not there, or can't be what the kind says."""
        if entry.parent is not None and not 0 <= entry.parent <= fold.seq:
            _no_such(fold, entry.parent, "parent")
        check = _CHECKS.get(entry.kind)
        if check is None:
            return
        if not isinstance(entry.body, dict):
            msg = f"an entry of kind {entry.kind!r} has an object as its body, not {type(entry.body).__name__}"
            raise Invalid(msg)
        check(fold, entry.body, lambda seq: self._kind_at(seq, earlier))

    def _kind_at(self, seq: int, earlier: Mapping[int, _Planned]) -> str | None:
        if seq in earlier:
            return earlier[seq].sealed.new.kind
        if seq >= self._first:
            return next((p.sealed.new.kind for p in self.planned if p.seq == seq), None)
        entry = self._at(seq)
        return None if entry is None else entry.kind

    def _check_bounds(self, fold: Fold, planned: Sequence[_Planned]) -> None:
        size = sum(place.sealed.size for place in planned)
        if size > COMMIT_BYTES_MAX:
            msg = f"this append has {size} bytes; a commit has at most {COMMIT_BYTES_MAX // MIB} MiB. Append in batches"
            raise Invalid(msg)
        changed = {key for p in planned if p.sealed.new.kind in ("update", "created") for key in p.sealed.new.body}
        if "state" in changed:
            size = len(values.encode(fold.state))
            if size > STATE_BYTES_MAX:
                msg = f"the state would have {size} bytes, at most {STATE_BYTES_MAX // KIB} KiB; keep large values as documents"
                raise Invalid(msg)
        if changed & {"labels", "metadata"}:
            info = fold.info()
            size = len(values.encode(info.labels)) + len(values.encode(info.metadata))
            if size > LABELS_BYTES_MAX:
                msg = (
                    f"labels and metadata would have {size} bytes, at most {LABELS_BYTES_MAX // KIB} KiB; "
                    "keep large values in the state or as attachments"
                )
                raise Invalid(msg)


def _encode(group: Group, planned: Sequence[_Planned], before: Fold, now_us: int) -> None:
    """Number, chain and encode the lines; the last one carries the commit marker."""
    clock = max(now_us, before.touched_us)
    fold = before.copy()
    last = len(planned) - 1
    for index, place in enumerate(planned):
        commit = (planned[0].seq, clock) if index == last else None
        line, group.hash = encode_line(place.sealed, place.seq, group.hash, parent=place.parent, commit=commit)
        if len(line) > ENTRY_BYTES_MAX:
            msg = f"entry {place.sealed.new.id!r} has {len(line)} bytes; at most {ENTRY_BYTES_MAX // MIB} MiB. Use attach()"
            raise Invalid(msg)
        entry = _entry_of(place, commit, group.hash.hex())
        fold.apply(entry, len(line))
        group.lines.append(line)
        group.entries.append(entry)
    group.fold = fold


def _entry_of(place: _Planned, commit: tuple[int, int] | None = None, hash: str = "") -> Entry:  # noqa: A002
    sealed, new = place.sealed, place.sealed.new
    # The fold keeps values of these bodies, and a caller may change its objects later.
    body = values.decode(sealed.body) if new.kind in ("update", "created") else new.body
    return Entry(
        place.seq, new.id, new.at, new.kind, body, new.agent, new.run, place.parent, new.extra, commit,
        sealed.digest, hash, sealed.salt,
    )  # fmt: skip


def _same(there: Entry | NewEntry, new: NewEntry) -> bool:
    # The store writes a parent that follows from the append itself, so a parent that was not given equals any.
    return (
        there.kind == new.kind
        and there.agent == new.agent
        and there.run == new.run
        and (new.parent is None or there.parent == new.parent)
    )


def effective(changes: Changes, fold: Fold) -> Changes:
    """The part of `changes` that would change something now."""
    info = fold.info()
    return Changes(
        set={name: value for name, value in changes.set.items() if not _equal(_field(info, name), value)},
        clear=tuple(name for name in changes.clear if _field(info, name) is not None),
        state=_effective_keys(changes.state, info.state),
        config=_effective_keys(changes.config, info.config),
        metadata=_effective_keys(changes.metadata, info.metadata),
        labels=_effective_keys(changes.labels, info.labels),
    )


def _field(info: SessionInfo, name: str) -> Json:
    # The derived title is no given one: giving the same text is a change.
    if name == "title" and info.title_source == "derived":
        return None
    return info.fields.get(name) if name in info.fields or name not in _INFO_FIELDS else getattr(info, name)


def _effective_keys(keys: Keys, current: Mapping[str, Json]) -> Keys:
    if not keys:
        return keys
    changed = {key: value for key, value in keys.set.items() if key not in current or not _equal(current[key], value)}
    if keys.replace:
        gone = tuple(key for key in current if key not in keys.set)
        return Keys(set=changed, remove=gone)
    return Keys(set=changed, remove=tuple(key for key in keys.remove if key in current and key not in changed))


def _equal(one: Json, other: Json) -> bool:
    # == alone takes True for 1 and 1 for 1.0, which JSON tells apart.
    return one == other and values.encode(one) == values.encode(other)


_KindAt: TypeAlias = Callable[[int], str | None]


def _check_head(fold: Fold, body: dict[str, Json], _kind_at: _KindAt) -> None:
    to = body.get("to")
    if type(to) is not int or not 0 <= to <= fold.seq:
        _no_such(fold, to, "head")


def _check_amend(fold: Fold, body: dict[str, Json], kind_at: _KindAt) -> None:
    target = body.get("seq")
    if type(target) is not int or not 1 <= target <= fold.seq:
        _no_such(fold, target, "amend")
    kind = kind_at(target)
    if kind != "message":
        msg = f"session {fold.info().id!r}: entry {target} is of kind {kind!r}; only messages can be amended"
        raise Invalid(msg)


def _check_compaction(fold: Fold, body: dict[str, Json], _kind_at: _KindAt) -> None:
    covers, keep = body.get("covers"), body.get("keep")
    if type(covers) is not int or not 0 < covers:
        msg = f"a compaction names the last seq that it covers, not {covers!r}"
        raise Invalid(msg)
    if not fold.on_path(covers):
        msg = f"session {fold.info().id!r}: entry {covers} is not on the visible path (any more); compact from what history() shows"
        raise Conflict(msg, seq=fold.seq)
    if keep is not None and (type(keep) is not int or not 0 < keep <= covers + 1):
        msg = f"the first kept seq is 1 to {covers + 1} when {covers} is the last one covered, not {keep!r}"
        raise Invalid(msg)


def _check_lease(fold: Fold, body: dict[str, Json], _kind_at: _KindAt) -> None:
    fence = body.get("fence")
    held = fold.lease is not None and not fold.lease.released
    expected = fold.fence if body.get("released") and held else fold.fence + 1
    if fence != expected or (body.get("released") and not held):
        msg = f"session {fold.info().id!r}: the next lease has number {fold.fence + 1}, not {fence!r}; somebody else was faster"
        raise Conflict(msg, seq=fold.seq)


def _no_such(fold: Fold, seq: object, what: str) -> NoReturn:
    msg = f"session {fold.info().id!r}: {what} names entry {seq!r}, but there are entries 1 to {fold.seq}"
    raise Invalid(msg)


_CHECKS: dict[str, Callable[[Fold, dict[str, Json], _KindAt], None]] = {
    "head": _check_head,
    "amend": _check_amend,
    "compaction": _check_compaction,
    "lease": _check_lease,
}
