"""Where a fold stands: the few values that a writer asks for before each commit, without making the whole info."""

from __future__ import annotations

from operator import attrgetter, is_
from typing import Final

from ..model.documents import Document
from ..model.entry import Json
from ..model.info import Lease, SessionInfo
from .facts import Facts
from .path import Path
from .tree import Tree

_said: Final = attrgetter(
    "state", "title", "derived", "status", "labels", "metadata", "error", "model", "provider", "pinned", "agent", "user",
    "project", "slug",
)  # fmt: skip


class Standing:
    """What can be asked of a fold at no cost."""

    __slots__ = ("_facts", "_info", "_path")

    _facts: Facts
    _path: Path
    _info: SessionInfo | None

    @property
    def seq(self) -> int:
        """Number of the last entry."""
        return self._facts.seq

    @seq.setter
    def seq(self, seq: int) -> None:
        """Have the next entry follow this one, of which nothing else is known."""
        self._facts.seq = seq
        self._info = None

    @property
    def hash(self) -> str:
        """Hash of the last entry in hex."""
        return self._facts.hash

    @property
    def last_counted_seq(self) -> int:
        """Number of the last entry that is no lease."""
        return self._facts.last_counted

    @property
    def head(self) -> int:
        """The node that the next one follows; 0 before the first."""
        return self._path.trail.head

    @property
    def state(self) -> dict[str, Json]:
        """The state; read only."""
        return self._facts.state

    @property
    def touched_us(self) -> int:
        """The largest commit clock."""
        return self._facts.touched_us

    @property
    def tally(self) -> tuple[int, int, int, str, str]:
        """Messages on the path, entries, bytes of their lines, and when the last entry and the last activity were."""
        facts = self._facts
        return self._path.trail.counts[0], facts.entry_count, facts.size, facts.updated_at, facts.activity_at

    def says_as(self, before: Standing) -> bool:
        """Whether nothing but the tally, the path and what hangs on them differs from an earlier fold of the log."""
        old, new = before._facts, self._facts
        if not all(map(is_, _said(old), _said(new))):
            return False
        # Who is empty has no message of a user.
        users = before._path.trail.counts[1], self._path.trail.counts[1]
        return bool(users[0]) == bool(users[1])

    @property
    def lease(self) -> Lease | None:
        """The newest lease, released or not."""
        return self._facts.lease

    @property
    def fence(self) -> int:
        """Number of the newest lease; 0 before the first."""
        return self._facts.fence

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents in their newest versions."""
        return self._facts.documents

    @property
    def needs(self) -> tuple[str, ...]:
        """Features that the log needs."""
        return self._facts.needs

    @property
    def unknown_needs(self) -> tuple[str, ...]:
        """Those that this version does not know. With any, only seq, hash, times and sizes are followed further."""
        return self._facts.unknown

    @property
    def tree(self) -> Tree | None:
        """The table of all nodes, to be read only; None if none is kept."""
        return self._path.tree

    @property
    def needs_tree(self) -> bool:
        """Something happened that can't be known without the tree: fold the whole log anew, `of(…, tree=True)`."""
        return self._path.trail.lost and self._path.tree is None
