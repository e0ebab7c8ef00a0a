"""The executable specification: what every backend must do, said as plainly as it can be said, and forgotten at exit.

A session is a list of lines, the same bytes as in any other backend. Everything else is computed from them under one
lock, without an index. Use it in tests and for what need not be kept; read it to learn what a verb means.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256 as hash_of
from typing import Literal, TypeVar

import msgspec

from ..backend import CAPABILITIES, Answer, Guard, Request
from ..codec import names
from ..errors import Corrupt, HansardError, Invalid, NotFound
from ..model.entry import Entry, NewEntry
from ..model.info import Attachment, Segment, SessionInfo
from ..model.references import attachments_in
from ..model.requests import Appended, Clock, Created, Creation, Erasure, Hit, Page
from ..query import Condition, Search, find_all, search_all
from . import admitting, memory_receive
from .beside import ask, refuse_documents
from .creation import created_entry
from .derive import NEVER_ERASED, resident_id, slug_of
from .memory_log import salvage
from .memory_shelf import Shelf
from .memory_upkeep import MemoryUpkeep

_T = TypeVar("_T")


class MemoryBackend(MemoryUpkeep):
    """Sessions in this process's memory."""

    name: str = "memory"
    capabilities: frozenset[str] = CAPABILITIES - {"persistent", "shared", "atomic_documents"}

    def __init__(self, clock: Clock, *, tenant: bool = False) -> None:
        """An empty store that takes the time from `clock`."""
        super().__init__(clock, tenant=tenant)
        self._waiting: dict[str, list[tuple[Request, Callable[[Answer], None]]]] = {}
        self._worker: ThreadPoolExecutor | None = None

    def create(self, creation: Creation, first: Request, *, reuse: Literal["", "id", "pair"] = "") -> Created:
        """As the contract says."""
        refuse_documents(first, self.name)
        with self._lock, self._changing() as shelf:
            parent = None if creation.parent is None else shelf.fold(creation.parent).info()
            root = "" if parent is None else parent.root or parent.id
            there = _reusable(shelf, creation, root, reuse)
            if there is not None:
                return Created(there.id, there.seq, new=False)
            session = _id_for(creation, root)
            shelf.check_free(session)
            pair = (creation.agent, creation.user)
            counted = parent is None and pair != (None, None)
            number = shelf.numbers.get(pair, 0) + 1 if counted else None
            slug = None if number is None else slug_of(*pair, number)
            entry = created_entry(creation, id=session, parent=parent, number=number, slug=slug)
            seq = shelf.begin(session, [entry], first)
            if number is not None:
                shelf.numbers[pair] = number
            return Created(session, seq, new=True)

    def append(self, session: str, request: Request) -> Appended:
        """As the contract says."""
        refuse_documents(request, self.name)
        with self._lock, self._changing() as shelf:
            answer = shelf.commit(session, [request])[0]
        if isinstance(answer, HansardError):
            raise answer
        return answer

    def submit(self, session: str, request: Request, done: Callable[[Answer], None]) -> None:
        """As the contract says: one thread commits whatever waits for a session when its turn comes."""
        refuse_documents(request, self.name)
        with self._lock, self._opened():
            if self._worker is None:
                self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hansard-memory")
            self._waiting.setdefault(session, []).append((request, done))
            self._worker.submit(self._commit_waiting, session)

    def _commit_waiting(self, session: str) -> None:
        with self._lock:
            waiting = self._waiting.pop(session, [])
            try:
                answers = self._shelf.commit(session, [request for request, _ in waiting]) if waiting else []
            except HansardError as error:
                answers: list[Answer] = [error] * len(waiting)
            self._changed.notify_all()
        for (_, done), answer in zip(waiting, answers, strict=True):
            done(answer)

    def entries(
        self,
        session: str,
        *,
        after: int = 0,
        before: int | None = None,
        newest_first: bool = False,
        on_damage: Literal["raise", "skip"] = "raise",
    ) -> Iterator[Entry]:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            reading = shelf.reading(session)
            damage = reading.damage
            own = reading.entries
            skip = on_damage == "skip"
            if damage is not None and skip:
                own, damage = list(salvage(shelf.log(session).lines)), None
            inherited = salvage(shelf.inherited_lines(session)) if skip else shelf.inherited(session)
            found = [*inherited, *own]
        if before is not None and found and before <= found[-1].seq + 1:
            damage = None
        wanted = [entry for entry in found if entry.seq > after and (before is None or entry.seq < before)]
        return _newest_first(wanted, damage) if newest_first else _oldest_first(wanted, damage)

    def lines(self, session: str, *, after: int = 0) -> Iterator[bytes]:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            reading = shelf.reading(session)
            whole = zip(reading.entries, shelf.log(session).lines, strict=False)
            return _oldest_first([line for entry, line in whole if entry.seq > after], reading.damage)

    def info(self, session: str) -> SessionInfo:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            return copy.deepcopy(shelf.info(session))

    def find(self, where: Condition, *, order: str, limit: int, cursor: str | None) -> Page[SessionInfo]:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            infos = [shelf.listed(session) for session in shelf.logs]
            return copy.deepcopy(find_all(infos, where, order=order, limit=limit, cursor=cursor))

    def search(
        self, search: Search, *, session: str | None, order: Literal["newest", "rank"], limit: int, cursor: str | None
    ) -> Page[Hit]:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            asked = [session] if session is not None else list(shelf.logs)
            sessions = [(shelf.listed(one), shelf.reading(one).entries) for one in asked]
            return search_all(sessions, search, order=order, limit=limit, cursor=cursor)

    def fork(self, origin: str, creation: Creation, *, at: int | None) -> Created:
        """As the contract says."""
        with self._lock, self._changing() as shelf:
            info = shelf.fold(origin).info()
            at = info.seq if at is None else at
            if type(at) is not int or not 1 <= at <= info.seq:
                msg = f"session {origin!r}: there is no entry {at!r} to fork at; it has entries 1 to {info.seq}"
                raise Invalid(msg)
            session = names.check_id(creation.id) if creation.id else names.new_id()
            shelf.check_free(session)
            everything = shelf.everything(origin)
            owner = next((part.session for part in info.segments if part.last >= at), origin)
            before = tuple(part for part in info.segments if part.last < at)
            created = created_entry(
                msgspec.structs.replace(
                    creation, kind="fork", parent=None, name=None,
                    agent=info.agent if creation.agent is None else creation.agent,
                    user=info.user if creation.user is None else creation.user,
                ),
                id=session,
                segments=(*before, Segment(owner, at, everything[at - 1].hash)),
            )  # fmt: skip
            later = [everything[seq - 1] for seq, target in info.amendments if target <= at < seq]
            amends = [NewEntry(kind="amend", body=entry.body, at=entry.at) for entry in later if not entry.erased]
            lines = [*shelf.inherited_lines(origin), *shelf.log(origin).lines][:at]
            seq = shelf.begin(session, [created, *amends], Request(), prefix=lines)
            if shelf.is_copied(origin, at):
                # The line lies in a copy that a deleted session left: the new fork gets its own.
                shelf.log(session).prefix = lines
                needed = {name for entry in everything[:at] for name in attachments_in(entry.body)}
                shelf.log(session).files = {name: data for name, data in shelf.files(origin).items() if name in needed}
            return Created(session, seq, new=True)

    def erase(self, session: str, seqs: Sequence[int], *, by: str | None, reason: str | None) -> Erasure:
        """As the contract says."""
        with self._lock, self._changing() as shelf:
            targets = _erasable(shelf, session, seqs)
            said = {key: value for key, value in (("by", by), ("reason", reason)) if value is not None}
            hashes = {entry.hash for entry in targets}
            forks = shelf.forks(session)
            forks += [one for one in shelf.keepers(hashes) if one not in (session, *forks)]
            changed: list[str] = []
            named = {name for entry in targets for name in attachments_in(entry.body)}
            shelf.write(session, [NewEntry(kind="erase", body={"seqs": [entry.seq for entry in targets], **said})])
            for fork in forks:
                reading = shelf.reading(fork)
                # Nothing is written to a damaged log; the copies that it keeps are cleared like any.
                own = [] if reading.damage is not None else reading.entries
                copies = _amendments_of(own, {entry.seq for entry in targets})
                if copies:
                    hashes |= {entry.hash for entry in copies}
                    shelf.write(fork, [NewEntry(kind="erase", body={"seqs": [one.seq for one in copies], **said})])
                if copies or shelf.log(fork).prefix:
                    changed.append(fork)
            shelf.clear(frozenset(hashes), (session, *forks))
            dropped = [name for name in sorted(named) if _drop_attachment(shelf, name, session, forks)]
            return Erasure(tuple(entry.seq for entry in targets), tuple(dropped), tuple(sorted(changed)))

    def renew(self, session: str, fence: int) -> None:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            admitting.check_fence(shelf.fold(session), fence)
            shelf.log(session).renewed = (fence, shelf.clock())

    def wait(self, session: str, *, after: int, timeout_s: float) -> int:
        """As the contract says."""
        end = time.monotonic() + timeout_s
        while True:
            with self._lock, self._opened() as shelf:
                seq = shelf.fold(session).seq
                left = end - time.monotonic()
                if seq > after or left <= 0:
                    return seq
                self._changed.wait(min(left, threading.TIMEOUT_MAX))

    def delete(self, session: str, *, guard: Guard | None = None) -> tuple[str, ...]:
        """As the contract says."""
        with self._lock, self._changing() as shelf:
            if session not in shelf.logs:
                return ()
            tree = shelf.tree(session)
            ask(guard, [shelf.known(one) for one in tree], f"session {session!r} was not deleted")
            for fork in {fork for one in tree for fork in shelf.forks(one)}.difference(tree):
                shelf.keep_inherited(fork)
            for one in tree:
                del shelf.logs[one]
            return tuple(sorted(tree))

    def attach(self, session: str, data: bytes, *, mime: str, name: str | None = None) -> Attachment:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            digest = hash_of(data).hexdigest()
            log = shelf.log(session)
            log.files.setdefault(digest, bytes(data))
            log.attached[digest] = shelf.clock()
            return Attachment(digest, len(data), mime, name)

    def attachment(self, session: str, sha256: str) -> bytes:
        """As the contract says."""
        with self._lock, self._opened() as shelf:
            data = shelf.files(session).get(sha256)
        if data is None:
            msg = f"session {session!r} has no attachment {sha256[:80]!r}; its entries name those it has"
            raise NotFound(msg)
        if hash_of(data).hexdigest() != sha256:
            msg = f"session {session!r}: the content of attachment {sha256} does not have this hash"
            raise Corrupt(msg)
        return data

    def receive(self, session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]) -> Created:
        """As the contract says. Lines of a fork may begin with those it inherits; they are kept as its copy."""
        self.health()
        arrived = memory_receive.arrived(session, lines, attachments)
        with self._lock, self._changing() as shelf:
            return memory_receive.take_over(shelf, session, arrived)

    def close(self) -> None:
        """As the contract says. What waits gets its answer first; then everything that was stored is gone."""
        with self._lock:
            worker, self._worker = self._worker, None
        super().close()
        if worker is not None:
            worker.shutdown()


def _id_for(creation: Creation, root: str) -> str:
    if creation.name is None:
        return names.check_id(creation.id) if creation.id else names.new_id()
    if creation.id:
        msg = "name and id: the id of a resident child follows from its root and name; give one of the two"
        raise Invalid(msg)
    return resident_id(root, creation.name)


def _reusable(shelf: Shelf, creation: Creation, root: str, reuse: str) -> SessionInfo | None:
    """The session that is returned instead of a new one, if the caller takes one and there is one."""
    if creation.parent is not None and creation.name is not None:
        # An imported resident has another id than the one that follows from its name.
        return next((info for info in _infos(shelf) if (info.root, info.name) == (root, creation.name)), None)
    if reuse == "pair":
        pair = (creation.agent, creation.user, creation.kind, None)
        own = [info for info in _infos(shelf) if (info.agent, info.user, info.kind, info.parent) == pair]
        return max((info for info in own if info.number is not None), key=lambda info: info.number or 0, default=None)
    if reuse != "id" or creation.id not in shelf.logs:
        return None
    info = shelf.fold(creation.id).info()
    owned = creation.agent in (None, info.agent) and creation.user in (None, info.user)
    return info if owned and (not root or info.root == root) else None


def _infos(shelf: Shelf) -> list[SessionInfo]:
    return [shelf.known(session) for session in shelf.logs]


def _erasable(shelf: Shelf, session: str, seqs: Sequence[int]) -> list[Entry]:
    """The entries to erase in order, with the amendments that show what their targets said instead."""
    everything = shelf.everything(session)
    first = shelf.log(session).first.seq
    for seq in seqs:
        if type(seq) is not int or not 1 <= seq <= len(everything):
            msg = f"session {session!r}: there is no entry {seq!r} to erase; it has entries 1 to {len(everything)}"
            raise Invalid(msg)
        if seq < first and not shelf.log(session).prefix:
            msg = f"session {session!r} shows entry {seq} of the session it was forked from; erase it there"
            raise Invalid(msg)
        if everything[seq - 1].kind in NEVER_ERASED:
            msg = f"session {session!r}: entry {seq} is of kind {everything[seq - 1].kind!r}, without which the log can't be read"
            raise Invalid(msg)
    wanted = set(seqs) | {entry.seq for entry in _amendments_of(everything, set(seqs)) if entry.seq >= first}
    return [everything[seq - 1] for seq in sorted(wanted)]


def _amendments_of(entries: Iterable[Entry], targets: set[int]) -> list[Entry]:
    return [entry for entry in entries if entry.kind == "amend" and not entry.erased and entry.body["seq"] in targets]


def _drop_attachment(shelf: Shelf, name: str, session: str, forks: Sequence[str]) -> bool:
    """Remove an attachment that nothing of a session and its forks names any more."""
    if not {session, *forks}.isdisjoint(shelf.readers(name)):
        return False
    held = [one for one in (session, *forks) if shelf.log(one).files.pop(name, None) is not None]
    return bool(held)


def _oldest_first(wanted: Sequence[_T], damage: Corrupt | None) -> Iterator[_T]:
    yield from wanted
    if damage is not None:
        raise damage


def _newest_first(wanted: Sequence[_T], damage: Corrupt | None) -> Iterator[_T]:
    if damage is not None:
        raise damage
    yield from reversed(wanted)
