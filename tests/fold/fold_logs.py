"""Logs as lists of entries, drawn at random or written by hand, and the visible path by its plain definition."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from hansard.model.entry import NODES, Entry

CREATED = {"session": "s", "kind": "root", "format": 1, "needs": []}


def at(seq: int) -> str:
    return f"2026-11-21T08:00:00.{seq:06d}Z"


def entry(seq: int, kind: str, body=None, parent=None, *, commit=None, salt: str = "5a17") -> Entry:
    return Entry(seq, f"e{seq}", at(seq), kind, body, parent=parent, hash=f"h{seq}", salt=salt, commit=commit)


def log(*items, first: int = 1, created=None) -> list[Entry]:
    """Entries numbered from `first`: `created`, then (kind, body) or (kind, body, parent)."""
    entries = [entry(first, "created", created or CREATED)]
    entries += [entry(first + 1 + n, *item) for n, item in enumerate(items)]
    return entries


def says(role: str, text: str = "", parent=None, **more):
    return ("message", {"role": role, "parts": [{"type": "text", "text": text or role}], **more}, parent)


def calls(*ids: str, role: str = "assistant", **more):
    parts = [{"type": "tool_call", "id": name, "name": "run", "arguments": {}} for name in ids]
    return ("message", {"role": role, "parts": parts, **more})


def answers(*ids: str, role: str = "tool", text: str = "", **more):
    parts = [{"type": "tool_result", "call_id": name, "content": "done", **more} for name in ids]
    parts += [{"type": "text", "text": text}] if text else []
    return ("message", {"role": role, "parts": parts})


_place = st.integers(0, 40)
_steps = st.one_of(
    st.tuples(st.just("message"), st.sampled_from(["user", "assistant", "tool", "system", "odd"])),
    st.tuples(st.just("message"), st.sampled_from(["user", "assistant"])),
    st.tuples(st.just("branch"), st.sampled_from(["user", "assistant"]), _place),
    st.tuples(st.just("back"), st.integers(0, 4)),
    st.tuples(st.just("head"), _place),
    st.tuples(st.just("compaction"), _place, st.none() | _place, st.none() | _place),
    st.tuples(st.just("event")),
    st.tuples(st.just("amend"), _place),
    st.tuples(st.just("erased")),
)


@st.composite
def logs(draw, max_size: int = 30) -> list[Entry]:
    """A log of messages, branches, moves of the head, compactions and what lies between; now and then a fork."""
    entries = [entry(1, "created", CREATED)]
    for step in draw(st.lists(_steps, max_size=max_size)):
        seq = len(entries) + 1
        commit = (seq, seq * 7 % 50) if seq % 3 else None
        entries.append(_made(seq, step, commit))
    return entries


def _made(seq: int, step, commit) -> Entry:
    name = step[0]
    if name == "message":
        return entry(seq, "message", {"role": step[1], "parts": [{"type": "text", "text": f"t{seq}"}]}, commit=commit)
    if name == "branch":
        return entry(seq, "message", {"role": step[1], "parts": []}, step[2] % seq, commit=commit)
    if name == "back":
        return entry(seq, "head", {"to": max(0, seq - 1 - step[1])}, commit=commit)
    if name == "head":
        return entry(seq, "head", {"to": step[1] % seq}, commit=commit)
    if name == "compaction":
        body = {"summary": f"summary {seq}", "covers": step[1] % seq}
        if step[2] is not None:
            body["keep"] = step[2] % seq
        return entry(seq, "compaction", body, None if step[3] is None else step[3] % seq, commit=commit)
    if name == "amend":
        return entry(seq, "amend", {"seq": step[1] % seq, "hide": True}, commit=commit)
    if name == "erased":
        return entry(seq, "message", None, commit=commit, salt="")
    return entry(seq, "event", {"type": "step"}, commit=commit)


class Plain:
    """The visible path by definition, computed anew from the tree at each question; slow and obvious."""

    def __init__(self, entries: list[Entry] = ()) -> None:
        self.nodes: dict[int, Entry] = {}
        self.parents: dict[int, int] = {}
        self.head = 0
        self.seq = 0
        for item in entries:
            self.apply(item)

    def apply(self, item: Entry) -> None:
        if item.kind == "head":
            self.head = self.stands_for(item.body["to"])
        elif item.kind in NODES:
            parent = self.head if item.parent is None else self.stands_for(item.parent)
            follows = parent == self.head
            self.nodes[item.seq], self.parents[item.seq] = item, parent
            if follows:
                self.head = item.seq
        self.seq = item.seq

    def stands_for(self, seq: int) -> int:
        """The node that a seq means."""
        if seq in self.nodes:
            return seq
        before = max((node for node in self.nodes if node < seq), default=0)
        if seq in self.visible(through=seq):
            before = max((node for node in self.ancestry(self.head) if node <= seq), default=0)
        return before

    def ancestry(self, node: int) -> list[int]:
        found = []
        while node:
            found.append(node)
            node = self.parents[node]
        return found

    def path(self, node: int | None = None) -> tuple[int, int, list[int]]:
        """The compaction that the path starts at, the first seq it keeps, and the other nodes in order."""
        chain = self.ancestry(self.head if node is None else node)
        after = []
        for place in chain:
            if self.nodes[place].kind == "compaction":
                body = self.nodes[place].body
                keep = min(max(body.get("keep", body["covers"] + 1), 1), place)
                base, first, nodes = self.path(self.parents[place])
                # What the compaction before this one had dropped stays dropped, as far as this one reaches back.
                keep = max(keep, first) if keep <= base else keep
                return place, keep, [one for one in nodes if one >= keep] + after[::-1]
            after.append(place)
        return 0, 0, after[::-1]

    def visible(self, through: int | None = None) -> set[int]:
        """Every seq that is on the path or belongs to a node on it."""
        base, keep, nodes = self.path()
        off = sorted(set(self.nodes) - set(nodes))
        edges = [0, *off, max(self.seq, through or 0) + 1]
        found = {base} if base else set()
        for number, (start, end) in enumerate(pairwise(edges)):
            first = max(start + 1, keep) if end <= base else start + 1
            inside = range(first, end)
            trailing = number == len(edges) - 2
            if trailing or (base and start == base) or any(node in inside for node in nodes):
                found |= set(inside)
        return found

    def counts(self) -> tuple[int, int, int]:
        """Messages, user messages and exchanges of the path."""
        bodies = [self.nodes[node].body for node in self.path()[2]]
        roles = [body["role"] for body in bodies if body is not None]
        exchanges, waiting = 0, False
        for role in roles:
            if role == "user":
                waiting = True
            elif role == "assistant":
                exchanges += waiting
                waiting = False
        return len(roles), roles.count("user"), exchanges


def expanded(ranges, seq: int) -> set[int]:
    return {place for first, last in ranges for place in range(first, (seq if last is None else last) + 1)}
