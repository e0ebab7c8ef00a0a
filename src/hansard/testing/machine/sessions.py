"""Rules about sessions that come and go."""

# ruff: noqa: D102 - the name of a rule says what it does
from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ...backend import Request
from ...codec.line import seal
from ...model.entry import NewEntry
from ...model.requests import Creation
from ...query import EVERYTHING
from ...store.protecting import unless_protected
from .drawing import NEW, OLD, PLACE, SAID
from .entries import Entries


class Sessions(Entries):
    """Creates, spawns, forks and deletes."""

    @rule(
        session=NEW, pair=st.sampled_from(((None, None), ("a", "u"), ("a", None))), entries=st.lists(SAID, max_size=2)
    )
    def create(self, session: str, pair: tuple[str | None, str | None], entries: list[NewEntry]) -> None:
        sealed = tuple(seal(entry, now_us=self.clock()) for entry in entries)
        creation = Creation(id=session, agent=pair[0], user=pair[1])
        self.both(lambda backend: backend.create(creation, Request(sealed=sealed), reuse=""))

    @rule(session=NEW, agent=st.sampled_from((None, "a")))
    def get_or_create(self, session: str, agent: str | None) -> None:
        self.both(lambda backend: backend.create(Creation(id=session, agent=agent), Request(), reuse="id"))

    @rule(parent=OLD, child=NEW)
    def spawn(self, parent: int, child: str) -> None:
        creation = Creation(id=child, parent=self.there(parent), kind="child")
        self.both(lambda backend: backend.create(creation, Request(), reuse=""))

    @rule(parent=OLD)
    def spawn_resident(self, parent: int) -> None:
        creation = Creation(parent=self.there(parent), name="r", kind="child")
        self.both(lambda backend: backend.create(creation, Request(), reuse=""))

    @rule(old=OLD, fork=NEW, at=st.none() | PLACE)
    def fork(self, old: int, fork: str, at: int | None) -> None:
        origin = self.there(old)
        place = None if at is None else self.place(origin, at)
        self.both(lambda backend: backend.fork(origin, Creation(id=fork), at=place))

    @rule(old=OLD, fork=NEW, hide=st.booleans())
    def fork_before_an_amendment(self, old: int, fork: str, *, hide: bool) -> None:
        self.amend(old, 0, hide=hide)
        origin = self.there(old)
        at = self.place(origin, 0, "message")
        self.both(lambda backend: backend.fork(origin, Creation(id=fork), at=at))

    @rule(old=OLD, fork=NEW, at=st.none() | PLACE, place=PLACE)
    def orphan_and_erase(self, old: int, fork: str, at: int | None, place: int) -> None:
        origin = self.there(old)
        self.fork(old, fork, at)
        self.both(lambda backend: backend.delete(origin))
        if fork in {info.id for info in self.memory.find(EVERYTHING, order="id", limit=99, cursor=None)}:
            seqs = [self.place(fork, place, "message")]
            self.both(lambda backend: backend.erase(fork, seqs, by=None, reason=None).seqs)

    @rule(old=OLD, force=st.booleans())
    def delete(self, old: int, *, force: bool) -> None:
        session = self.there(old)
        guard = None if force else unless_protected(self.clock)
        self.both(lambda backend: backend.delete(session, guard=guard))

    @rule()
    def reset(self) -> None:
        guard = unless_protected(self.clock)
        self.both(lambda backend: backend.reset(guard=guard))
