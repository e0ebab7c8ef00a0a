"""The ends of the tree of messages: what a rewind, a retry or an edit has left behind, and where it can be taken up."""

from __future__ import annotations

import msgspec

from ..errors import Invalid
from .running import Fold


class Branch(msgspec.Struct, frozen=True):
    """One end of the tree; `head` is what a head entry names to show it again."""

    head: int
    """Its last node; 0 for the visible branch of a session that was rewound to before its first message."""
    fork_point: int
    """The last node that it has in common with the visible path, which for that one itself is its head; 0 for none."""
    message_count: int
    """Messages that are visible when it is shown."""
    at: str
    """Time of its last node."""
    visible: bool
    """It is the one that the session shows."""


def branches(fold: Fold) -> list[Branch]:
    """The visible branch and every other end of the tree, in the order of their last nodes.

    Raises:
        Invalid: the fold keeps no tree.
    """
    tree = fold.tree
    if tree is None:
        msg = "branches are read from the tree: use Fold.of(entries, tree=True)"
        raise Invalid(msg)
    size = len(tree)
    if size == 0:
        return []
    shown = tree.before(fold.head)
    # The way from the head to the root, beyond a compaction too: what was covered is common all the same.
    common = bytearray(size)
    index = shown
    while index >= 0:
        common[index] = 1
        index = tree.parents[index]
    inner = bytearray(size)
    for parent in tree.parents:
        if parent >= 0:
            inner[parent] = 1
    ends = [index for index in range(size) if index == shown or not inner[index]]
    if shown < 0:
        ends.insert(0, -1)
    found: list[Branch] = []
    for end in ends:
        place = end
        while place >= 0 and not common[place]:
            place = tree.parents[place]
        at = tree.ats[end] if end >= 0 else ""
        found.append(Branch(tree.seq(end), tree.seq(place), tree.counts(end)[0], at, end == shown))
    return found
