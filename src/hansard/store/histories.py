"""What a session shows, read with as few entries as its path needs, and always as of one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Final, Literal, TypeAlias

import msgspec

from ..errors import Corrupt, Invalid, NotFound, Unsupported
from ..fold import KNOWN_NEEDS, Branch, Fold, assemble, spoken, window
from ..fold import branches as branches_of
from ..model.entry import Entry
from ..model.info import Message, SessionInfo
from . import archives
from .place import Place

Damage = Literal["raise", "skip"]

Ranges: TypeAlias = "tuple[tuple[int, int | None], ...]"
"""A path as (first, last) ranges of seq in the order of reading; last None is open."""

_GAP: Final = "x-hansard.gap"


class Shown(msgspec.Struct, frozen=True):
    """What a session shows at one moment."""

    info: SessionInfo
    messages: list[Message]


def history(
    place: Place,
    session: str,
    *,
    limit: int | None,
    max_tokens: int | None,
    count: Callable[[Message], int] | None,
    live: bool,
    on_damage: Damage,
) -> list[Message]:
    """As Session.history says."""
    shown = _shown(place, session, live=live, on_damage=on_damage)
    return window(shown.messages, limit=limit, max_tokens=max_tokens, count=count)


def messages(place: Place, session: str, *, limit: int | None, to: int | None) -> list[Message]:
    """As Session.messages says. Costs what the newest `limit` cost, where the path is known without a walk."""
    if limit == 0:
        return []
    info = place.backend.info(session)
    _check_understood(info)
    ranges = info.path if to is None else _ranges_to(info, to)
    if not ranges:
        fold = _walked(place, session, "raise")
        info = fold.info()
        if to is not None:
            # The path as it would be if the head were moved there now; nothing of this is written.
            fold.apply(Entry(seq=info.seq + 1, id="", at="", kind="head", body={"to": to}))
        ranges = fold.ranges()
    newest = {target: seq for seq, target in info.amendments}

    def amended(target: int) -> Entry | None:
        seq = newest.get(target)
        if seq is None:
            return None
        return next(iter(place.backend.entries(session, after=seq - 1, before=seq + 1)), None)

    found = spoken(_backwards(place, info, ranges), amended=amended)
    return list(islice(found, limit))[::-1]


def _ranges_to(info: SessionInfo, to: int) -> Ranges:
    """The path to a node that is on the visible one; empty if it has to be walked for.

    Raises:
        Invalid: there is no such entry.
    """
    if not 0 <= to <= info.seq:
        msg = f"session {info.id!r} has no entry {to}; its last one is {info.seq}"
        raise Invalid(msg)
    if to == info.head:
        return info.path
    first = info.path[0] if info.path else (0, 0)
    visible = any(start <= to and (last is None or to <= last) for start, last in info.path)
    if first[0] == first[1] or not visible:
        return ()
    return tuple((start, to if last is None else min(last, to)) for start, last in info.path if start <= to)


def _backwards(place: Place, info: SessionInfo, ranges: Ranges) -> Iterator[Entry]:
    """The entries of a path up to the info's last, the newest first, with no compaction but the one that it starts at."""
    for number in range(len(ranges) - 1, -1, -1):
        first, last = ranges[number]
        before = (info.seq if last is None else min(last, info.seq)) + 1
        if first >= before:
            continue
        for entry in place.backend.entries(info.id, after=first - 1, before=before, newest_first=True):
            if entry.kind != "compaction":
                yield entry
            elif number == 0 and entry.seq == first:
                yield archives.resolved(place, info, entry)


def branches(place: Place, session: str) -> list[Branch]:
    """As Session.branches says."""
    _check_understood(place.backend.info(session))
    return branches_of(_walked(place, session, "raise"))


def coverable(place: Place, session: str, keep: int) -> tuple[int, int | None]:
    """The last seq that a compaction covers which keeps the newest messages, and the first kept, if that is before it.

    Raises:
        Invalid: it would cover nothing.
    """
    shown = _shown(place, session, live=True, on_damage="raise")
    info = shown.info
    said = [message for message in shown.messages if not message.synthetic]
    seqs = sorted({message.seq for message in said})
    cut = max(0, len(seqs) - keep)
    for first, last in sorted(_pairs(said), reverse=True):
        # The result stays if it is behind the cut, so its call, and all that follows it, has to stay as well.
        if (cut < len(seqs) and first < seqs[cut] <= last) or (cut == len(seqs) and last > info.seq):
            cut = seqs.index(first)
    base = info.path[0][0] if (info.summary, info.archive) != (None, None) and info.path else 0
    if cut == len(seqs) and info.head:
        return info.head, None
    if cut > 0:
        return seqs[cut - 1], None
    if base and seqs:
        return base, seqs[0] if seqs[0] < base else None
    what = "it has no visible messages" if not seqs else f"keep={keep} keeps all {len(seqs)} visible messages"
    msg = f"session {session!r}: nothing would be covered, {what}"
    raise Invalid(msg)


def _pairs(messages: list[Message]) -> Iterator[tuple[int, int]]:
    """The seqs of each message with calls and of its last result; a result that is still to come is beyond all."""
    first = last = 0
    for message in messages:
        kinds = {part.get("type") for part in message.parts}
        if "tool_call" in kinds:
            if first:
                yield first, last
            first, last = message.seq, message.seq
            if message.pending:
                last = 1 << 62
        elif "tool_result" in kinds and first:
            last = max(last, message.seq)
    if first:
        yield first, last


def _shown(place: Place, session: str, *, live: bool, on_damage: Damage) -> Shown:
    try:
        info = place.backend.info(session)
    except Corrupt:
        if on_damage == "raise":
            raise
        info = None
    if info is not None and info.path:
        _check_understood(info)
        entries = _in_spans(place, info, info.path, on_damage)
        amendments = _amendments(place, session, info, on_damage)
        return Shown(info, assemble(entries, info, amendments=amendments, live=live))
    fold = _walked(place, session, on_damage)
    info = fold.info()
    _check_understood(info)
    ranges = fold.ranges()
    entries = _in_spans(place, info, ranges, on_damage)
    amendments = _amendments(place, session, info, on_damage)
    return Shown(info, assemble(entries, info, amendments=amendments, live=live, ranges=ranges))


def _check_understood(info: SessionInfo) -> None:
    unknown = [need for need in info.needs if need not in KNOWN_NEEDS]
    if unknown:
        msg = (
            f"session {info.id!r} needs {', '.join(unknown)}, which this version of Hansard does not know. Copying, "
            "checking and reading entries() (hansard show --raw) work; for its history use a version that knows it"
        )
        raise Unsupported(msg)


def _in_spans(place: Place, info: SessionInfo, ranges: Ranges, on_damage: Damage) -> Iterator[Entry]:
    """The entries of ranges up to the info's last: what came after the look at it may be on another branch."""
    return chain.from_iterable(_spans(place, info, ranges, on_damage))


def _spans(place: Place, info: SessionInfo, ranges: Ranges, on_damage: Damage) -> Iterator[Iterable[Entry]]:
    archived = info.archive is not None and info.summary is None
    for first, last in ranges:
        before = (info.seq if last is None else min(last, info.seq)) + 1
        if first < before:
            entries = place.backend.entries(info.id, after=first - 1, before=before, on_damage=on_damage)
            yield (archives.resolved(place, info, entry) for entry in entries) if archived else entries


def _amendments(place: Place, session: str, info: SessionInfo, on_damage: Damage) -> Mapping[int, Entry]:
    """By the seq of its target, the last amendment of each."""
    newest = {target: seq for seq, target in info.amendments}
    found: dict[int, Entry] = {}
    for target, seq in newest.items():
        for entry in place.backend.entries(session, after=seq - 1, before=seq + 1, on_damage=on_damage):
            if entry.kind == "amend":
                found[target] = entry
    return found


def _walked(place: Place, session: str, on_damage: Damage) -> Fold:
    """The fold of the whole log with its tree; of a damaged one, of what can be read.

    Raises:
        NotFound: there is nothing to read.
    """
    entries = place.backend.entries(session, on_damage=on_damage)
    fold = Fold.of(((entry, 0) for entry in entries if entry.kind != _GAP), tree=True)
    if fold.seq == 0:
        msg = f"session {session!r}: nothing of its log can be read"
        raise NotFound(msg)
    return fold
