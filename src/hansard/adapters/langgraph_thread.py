"""What a thread's log says: its checkpoints, where each channel's value stands, and the writes that wait.

Three kinds of entries hold a thread, and messages, which are entries of their own:

- `x-langgraph.checkpoint`: one checkpoint with the values that changed. A list is written as pieces (langgraph_lists).
- `x-langgraph.writes`: the writes of one task.
- `x-langgraph.dropped`: checkpoints that are gone, and hidden ones, which only the state of later ones still needs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from ..codec import values
from ..formats.raw import raw_line
from ..model.entry import Entry
from ..store import Session
from .langgraph_known import Frozen, Known, frozen
from .langgraph_lists import Element, Piece, elements_of, items_of, lightened
from .langgraph_values import FORMAT, Codec, key_of, message_of

CHECKPOINT: Final = "x-langgraph.checkpoint"
WRITES: Final = "x-langgraph.writes"
DROPPED: Final = "x-langgraph.dropped"
MESSAGE: Final = "x-langgraph.message"
"""A message that stands in no conversation: of a subgraph, or of another channel."""
VALUE: Final = "x-langgraph.value"
"""A large value, kept once by its content."""

SAID, KEPT, VALUED = "lg:", "lgm:", "lgv:"
"""How the ids of messages of the conversation, other messages and values begin; a hash of the content follows, and for
the first the seq of the message before it."""

_BODIES_MAX: Final = 64


class Record(msgspec.Struct):
    """One checkpoint."""

    seq: int
    parent: str | None
    run: Any = None
    hidden: bool = False


class Last(msgspec.Struct):
    """The list that a channel last had: what the next one is compared with."""

    seq: int
    keys: list[Any]
    known: Known


class Thread:
    """The fold of one thread's log."""

    def __init__(self, codec: Codec, copies: int) -> None:
        """Know nothing yet. `copies` is how many of the newest messages of a list are always given out as new objects."""
        self.codec = codec
        self._copies = copies
        self.checkpoints: dict[str, dict[str, Record]] = {}
        self.ids: dict[str, int] = {}
        """The seqs of messages and values by the ids of their entries."""
        self.messages: dict[str, list[int]] = {}
        """The seqs of messages by the hash of what they say."""
        self.usage: set[str] = set()
        self.last: dict[str, Last] = {}
        self.newest_list: dict[str, int] = {}
        self.deltas: set[str] = set()
        """Channels that had a snapshot: between two of them their state is computed from writes."""
        self._newest: dict[str, str | None] = {}
        """What `newest` has found, as far as it still holds."""
        self._children: dict[tuple[str, str], list[str]] = {}
        self._stored: dict[tuple[str, str, Any], int] = {}
        self._lists: dict[tuple[int, str], list[Piece]] = {}
        self._writes: dict[tuple[str, str], list[int]] = {}
        self._frozen: dict[int, Frozen | None] = {}
        self._raws: dict[int, Any] = {}
        self._bodies: OrderedDict[int, Any] = OrderedDict()

    def take(self, entries: Sequence[Entry]) -> None:
        """Learn what is in the log."""
        for entry in entries:
            if entry.erased:
                continue
            if entry.kind == CHECKPOINT:
                self._take_checkpoint(entry)
            elif entry.kind == WRITES:
                self._writes.setdefault((entry.body["ns"], entry.body["checkpoint"]), []).append(entry.seq)
                self._keep(entry)
            elif entry.kind == DROPPED:
                self._drop(entry.body)
            elif entry.kind == VALUE or (entry.kind in ("message", MESSAGE) and _is_ours(entry)):
                self.ids[entry.id] = entry.seq
                if entry.kind != VALUE:
                    self.messages.setdefault(entry.id.split(":")[1], []).append(entry.seq)
                    if entry.seq not in self._frozen:
                        self._raws[entry.seq] = entry.body["raw"]
            elif entry.kind == "usage":
                self.usage.add(entry.id)

    def _take_checkpoint(self, entry: Entry) -> None:
        body = entry.body
        ns, identity = body["ns"], body["id"]
        metadata = body["metadata"]
        said = metadata["j"] if "j" in metadata else self.codec.value(metadata)
        record = Record(entry.seq, body["parent"], said.get("run_id"))
        if identity not in self.checkpoints.setdefault(ns, {}) and record.parent is not None:
            self._children.setdefault((ns, record.parent), []).append(identity)
        self.checkpoints[ns][identity] = record
        if ns in self._newest:
            self._newest[ns] = max(self._newest[ns] or "", identity)
        for channel, described in body["values"].items():
            self._stored[ns, channel, body["versions"].get(channel)] = entry.seq
            if "d" in described:
                self.deltas.add(channel)
            if pieces := pieces_in(described):
                self._lists[entry.seq, channel] = lightened(pieces)
                self.newest_list[channel] = entry.seq
        self._keep(entry)

    def _drop(self, body: Any) -> None:
        self._newest.clear()
        for ns, identity in body["gone"]:
            record = self.checkpoints.get(ns, {}).pop(identity, None)
            self._writes.pop((ns, identity), None)
            if record is not None and record.parent is not None:
                self._children[ns, record.parent].remove(identity)
        for ns, identity in body["hidden"]:
            record = self.checkpoints.get(ns, {}).get(identity)
            if record is not None:
                record.hidden = True
        self.checkpoints = {ns: there for ns, there in self.checkpoints.items() if there}

    def _keep(self, entry: Entry) -> None:
        self._bodies[entry.seq] = entry.body
        if len(self._bodies) > _BODIES_MAX:
            self._bodies.popitem(last=False)

    def body(self, session: Session, seq: int) -> Any:
        """The body of an entry; the newest are at hand."""
        found = self._bodies.get(seq)
        if found is None:
            entry = session.entry(seq)
            self._keep(entry)
            found = entry.body
        else:
            self._bodies.move_to_end(seq)
        return found

    def visible(self, ns: str) -> list[str]:
        """The ids of a namespace's checkpoints, hidden ones left out."""
        return [identity for identity, record in self.checkpoints.get(ns, {}).items() if not record.hidden]

    def newest(self, ns: str) -> str | None:
        """The id of a namespace's newest checkpoint: the greatest one."""
        if ns not in self._newest:
            self._newest[ns] = max(self.visible(ns), default=None)
        return self._newest[ns]

    def children(self, ns: str, identity: str | None) -> list[str]:
        """The ids of the checkpoints that name this one as their parent."""
        return self._children.get((ns, identity), []) if identity is not None else []

    def chain(self, ns: str, identity: str | None) -> Iterator[str]:
        """A checkpoint and its ancestors, hidden ones included, as far as they are there."""
        there = self.checkpoints.get(ns, {})
        while identity is not None and identity in there:
            yield identity
            identity = there[identity].parent

    def source(self, session: Session, ns: str, seq: int, channel: str) -> tuple[int, Any] | None:
        """The record that holds a channel's value for the checkpoint in entry `seq`, and its description there."""
        body = self.body(session, seq)
        if channel in body["values"]:
            return seq, body["values"][channel]
        stored = self._stored.get((ns, channel, body["versions"].get(channel)))
        return None if stored is None else (stored, self.body(session, stored)["values"][channel])

    def value(self, session: Session, channel: str, at: tuple[int, Any]) -> Any:
        """The value that a source describes."""
        seq, described = at
        if "l" in described:
            return self.elements(session, channel, seq)
        if "v" in described:
            return self.codec.value(self.body(session, described["v"]))
        return self.codec.value(described)

    def writes(self, session: Session, ns: str, identity: str) -> list[tuple[str, str, Any]]:
        """The (task, channel, value) that wait at a checkpoint, in the order in which a run applies them."""
        found: dict[tuple[str, int], tuple[str, str, Any]] = {}
        for seq in self._writes.get((ns, identity), ()):
            body = self.body(session, seq)
            for index, channel, described in body["writes"]:
                place = body["task"], index
                if body["replaces"] or place not in found:
                    found[place] = body["path"], channel, described
        ordered = sorted(found.items(), key=lambda item: (item[1][0], *item[0]))
        return [(task, channel, self.codec.value(described)) for (task, _), (_, channel, described) in ordered]

    def writes_of(self, ns: str, identity: str) -> list[int]:
        """The seqs of the entries that hold the writes of a checkpoint."""
        return self._writes.get((ns, identity), [])

    def element_places(self, channel: str, seq: int) -> list[Element]:
        """Where the elements of a list stand."""
        return elements_of(seq, lambda at: self._lists[at, channel])

    def list_sources(self, channel: str, seq: int) -> Iterator[int]:
        """The records from which a list is put together, itself included."""
        waiting, met = [seq], {seq}
        while waiting:
            at = waiting.pop()
            yield at
            fresh = {piece[0] for piece in self._lists[at, channel] if not isinstance(piece, dict)} - met
            met |= fresh
            waiting += fresh

    def elements(self, session: Session, channel: str, seq: int) -> list[Any]:
        """The list in a record; the next list of the channel is compared with it."""
        last = self.last.get(channel)
        if last is not None and last.seq == seq:
            return last.known.messages(copies=self._copies, made=self._reading(session, channel, seq))
        places = self.element_places(channel, seq)
        self._load(session, [place for place in places if isinstance(place, int)])
        described = self._describing(session, channel)
        keys: list[Any] = []
        known = Known()
        for place in places:
            if isinstance(place, int):
                one = self._frozen.get(place)
                keys.append(place)
                known.append(one, one.thawed() if one is not None else self._message(session, place))
            else:
                description = described(place)
                value = self.codec.value(description)
                keys.append(key_of(description))
                known.append(frozen(value), value)
        self.last[channel] = Last(seq, keys, known)
        return known.values()

    def _reading(self, session: Session, channel: str, seq: int) -> Callable[[int], Any]:
        """Reads the element at a place of a list anew."""
        places: list[Element] = []
        described = self._describing(session, channel)

        def read(number: int) -> Any:
            if not places:
                places.extend(self.element_places(channel, seq))
            place = places[number]
            return self._message(session, place) if isinstance(place, int) else self.codec.value(described(place))

        return read

    def _describing(self, session: Session, channel: str) -> Callable[[tuple[int, int]], Any]:
        """Finds the descriptions of elements that stand in the lists themselves; each record is looked at once."""
        records: dict[int, list[Any]] = {}

        def described(place: tuple[int, int]) -> Any:
            seq, number = place
            if seq not in records:
                records[seq] = items_of(pieces_in(self.body(session, seq)["values"][channel]) or [])
            return records[seq][number]

        return described

    def ground(self, session: Session, channel: str) -> Last | None:
        """The list that a new one of the channel is written on the ground of."""
        if channel not in self.last and channel in self.newest_list:
            self.elements(session, channel, self.newest_list[channel])
        return self.last.get(channel)

    def remember(self, seq: int, one: Frozen | None) -> None:
        """Keep a message that was just written."""
        self._frozen[seq] = one
        self._raws.pop(seq, None)

    def _load(self, session: Session, seqs: Sequence[int]) -> None:
        for seq in seqs:
            if seq in self._frozen:
                continue
            message = self._message(session, seq)
            self._frozen[seq] = frozen(message)
            self._raws.pop(seq, None)

    def _message(self, session: Session, seq: int) -> Any:
        raw = self._raws.get(seq) or session.entry(seq).body["raw"]
        line = raw_line(raw, session.attachment) or b"null"
        return message_of(values.decode(line))


def pieces_in(described: Any) -> list[Piece] | None:
    """The pieces of a list that is described; None if it is none."""
    return described.get("l") if isinstance(described, dict) else None


def _is_ours(entry: Entry) -> bool:
    raw = entry.body.get("raw")
    return isinstance(raw, dict) and raw.get("format") == FORMAT and entry.id.startswith((SAID, KEPT))


def viewing(codec: Codec, *, copies: int) -> Callable[[], Thread]:
    """Makes the view of an empty thread."""
    return lambda: Thread(codec, copies)
