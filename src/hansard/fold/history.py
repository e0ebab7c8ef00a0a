"""From the entries of the visible path to what a model is sent: amended, decoded, and without orphans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from ..model.entry import Entry, Json, Part
from ..model.info import Message, SessionInfo
from .meaning import obj, read_cut, read_parts
from .pairing import Pairing

_PAIRED: Final = ("tool_call", "tool_result")
_END: Final = 1 << 63
"""Beyond every seq; comparing with a number that is no int costs twice as much."""


def path_spans(info: SessionInfo) -> tuple[tuple[int, int | None], ...]:
    """The `(after, before)` with which to read the entries of the visible path, in the order of reading.

    A path with too many ranges to be in the info gives one span, the whole log: pass `Fold.ranges()` to `assemble`.
    """
    if not info.path:
        return ((0, None),)
    return tuple((first - 1, None if last is None else last + 1) for first, last in info.path)


def assemble(
    entries: Iterable[Entry],
    info: SessionInfo,
    *,
    amendments: Mapping[int, Entry],
    live: bool = False,
    ranges: Iterable[tuple[int, int | None]] | None = None,
) -> list[Message]:
    """The history: the summary of the compaction that the path starts at, then its messages, all pairs complete.

    Pass the entries of `path_spans(info)`, in that order; entries outside the ranges are left out, so too many do no
    harm. If `info.path` is empty because the path has too many ranges, pass the fold's own as `ranges`, and the
    entries in the order of those; with neither, every message counts. `amendments` has, by the seq of its target, the
    last `amend` entry of each.

    The summary is a synthetic user message. Hidden and erased messages are left out. A result goes directly behind the
    message that has its call, however late it came, and the first one counts; a result without a call is left out.
    A call without a result gets a synthetic one that says so, unless the session is `live` and nothing was said since:
    then its message is `pending`.
    """
    spans = _Spans(info.path if ranges is None else ranges)
    first, last = spans.current
    pairing = Pairing()
    add, append = pairing.add, pairing.items.append
    begun = False
    for entry in entries:
        seq = entry.seq
        if not first <= seq <= last:
            if not spans.find(seq):
                continue
            first, last = spans.current
        if entry.kind != "message":
            if entry.kind == "compaction" and not begun:
                begun = True
                pairing.items += _summary(entry)
            continue
        begun = True
        if seq not in amendments:
            # The usual message, neutral and with nothing but role and parts, on the shortest way; others raise.
            try:
                body = entry.body
                role, parts = body["role"], body["parts"]
                paired = False
                for part in parts:
                    if part["type"] in _PAIRED:
                        paired = True
                if len(body) == 2 and role.__class__ is str:
                    made = Message(seq, role, tuple(parts), entry.id, entry.at, entry.agent)
                    if paired:
                        add(made)
                    else:
                        append(made)
                    continue
            except (TypeError, KeyError):
                pass
        made = _message(entry, amendments.get(seq))
        if made is not None:
            add(made)
    return pairing.messages(live=live)


def spoken(entries: Iterable[Entry], *, amended: Callable[[int], Entry | None]) -> Iterator[Message]:
    """The messages of entries one for one, in the order given: amended and decoded, hidden and erased ones left out.

    Nothing is paired and nothing is added, but a compaction shows its summary: pass the one that the path starts at
    and no other. `amended` gives the last `amend` entry of a message.
    """
    for entry in entries:
        if entry.kind == "compaction":
            yield from _summary(entry)
        elif entry.kind == "message" and (made := _message(entry, amended(entry.seq))) is not None:
            yield made


def _summary(entry: Entry) -> list[Message]:
    """What a compaction shows: a message with its summary, or nothing."""
    cut = read_cut(entry)
    if cut is None or cut.summary is None:
        return []
    part: Part = {"type": "text", "text": cut.summary}
    said = obj(obj(entry.body).get("metadata"))
    return [Message(entry.seq, "user", (part,), entry.id, entry.at, entry.agent, metadata=said, synthetic=True)]


class _Spans:
    """Ranges of seq that are asked in the order of reading."""

    def __init__(self, ranges: Iterable[tuple[int, int | None]]) -> None:
        self._ranges = [(first, _END if last is None else last) for first, last in ranges]
        self.current: tuple[int, int] = self._ranges[0] if self._ranges else (0, _END)
        """The range that was found last; all seqs if there are no ranges."""

    def find(self, seq: int) -> bool:
        """Whether a seq is in one of them, which then is the current one."""
        for first, last in self._ranges:
            if first <= seq <= last:
                self.current = first, last
                return True
        return False


def _message(entry: Entry, amendment: Entry | None) -> Message | None:
    """The message of an entry as it shows now; None if it shows nothing."""
    body: Json = entry.body
    if amendment is not None and body is not None:
        change = obj(amendment.body)
        if change.get("hide") is True:
            return None
        if isinstance(change.get("body"), dict):
            body = change["body"]
    if not isinstance(body, dict):
        return None
    role = body.get("role")
    if not isinstance(role, str):
        return None
    parts = _cleaned(read_parts(body))
    name, model, metadata = body.get("name"), body.get("model"), body.get("metadata")
    return Message(
        entry.seq,
        role,
        parts,
        entry.id,
        entry.at,
        entry.agent,
        name if isinstance(name, str) else None,
        model if isinstance(model, str) else None,
        metadata if isinstance(metadata, dict) else {},
        body.get("raw"),
    )


def _cleaned(parts: list[Json]) -> tuple[Part, ...]:
    for part in parts:
        if not isinstance(part, dict):
            return tuple(item if isinstance(item, dict) else {"type": "json", "value": item} for item in parts)
    return tuple(parts)
