"""A Hypothesis state machine that does the same to any backend and to the memory backend, and compares after each step."""

# ruff: noqa: D102, S101 - the name of a rule says what it does, and asserting is what it does
from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any, TypeAlias

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ..backend import Backend, Request
from ..backends.memory import MemoryBackend
from ..codec.line import seal
from ..errors import Conflict, HansardError
from ..model.documents import DocumentKey
from ..model.entry import Entry, NewEntry, assistant, event, usage, user
from ..model.info import Attachment, SessionInfo
from ..model.references import attachments_in
from ..model.requests import Changes, Creation, Keys
from ..query import EVERYTHING, parse
from ..store.protecting import unless_protected
from .driver import MakeBackend, ManualClock

FreshMedium: TypeAlias = Callable[[], AbstractContextManager[MakeBackend]]
"""Gives an empty medium as the function that opens it, and clears it away at the end."""

_IDS = ("s", "S", "a/b", "..", "t")
_NEW = st.sampled_from(_IDS)
"""Ids to be made, taken ones among them."""
_OLD = st.integers(0, 19)
"""Which of the sessions that are there; rarely one that is not."""
_PLACE = st.integers(0, 19)
"""Which of a session's entries, counted from the newest; rarely one that is not there."""
_ENTRY_IDS = st.sampled_from(("", "", "", "x", "y"))
_TEXTS = st.sampled_from(("hello", "race condition", "数据库", "\x00"))
_SAID = st.builds(lambda make, text, id: make(text, id=id), st.sampled_from((user, assistant)), _TEXTS, _ENTRY_IDS)  # noqa: A006
_OTHER = st.sampled_from((event("step"), usage("m", input=2, cost=0.25), usage("m", input=2, call_id="c")))
_VALUES = st.sampled_from((None, 0, True, 1.5, "v", [1], {"b": 1, "a": 2}))
_KEYS = st.builds(
    lambda set, remove, replace: Keys(set=set, remove=tuple(remove), replace=replace),  # noqa: A006
    st.dictionaries(st.sampled_from("ab"), _VALUES, max_size=2), st.lists(st.sampled_from("ab"), max_size=1),
    st.booleans(),
)  # fmt: skip
_DOCUMENTS = (DocumentKey("", "a"), DocumentKey("c", "a"), DocumentKey("c/d", "..", "json"))
_FIELDS = st.dictionaries(
    st.sampled_from(("title", "status", "pinned", "persona")), st.sampled_from(("one", "two", True, None)), max_size=2
)
_CHANGES = st.none() | st.builds(
    lambda fields, clear, state, config: Changes(set=fields, clear=tuple(clear), state=state, config=config),
    _FIELDS, st.lists(st.sampled_from(("title", "persona")), max_size=1), _KEYS, _KEYS,
)  # fmt: skip


class BackendMachine(RuleBasedStateMachine):
    """Creates, appends, rewinds, forks, compacts, amends, erases, deletes, spawns and opens again, on both sides."""

    @staticmethod
    def fresh() -> AbstractContextManager[MakeBackend]:
        """An empty medium, as the function that opens it; `machine_for` puts a backend's own in place of memory's."""
        return contextlib.nullcontext(lambda clock: MemoryBackend(clock=clock))

    def __init__(self) -> None:
        """Open both on empty media."""
        super().__init__()
        self.clock = ManualClock()
        self._medium = type(self).fresh()
        self._make = self._medium.__enter__()
        self.backend = self._make(self.clock)
        self.memory = MemoryBackend(clock=self.clock)
        self._drawn = 0

    def teardown(self) -> None:
        """Close both and clear the medium away."""
        self.backend.close()
        self._medium.__exit__(None, None, None)

    @initialize()
    def begin(self) -> None:
        """Have something to work on."""
        sealed = tuple(seal(entry, now_us=self.clock()) for entry in (user("one"), assistant("two"), user("three")))
        self.both(lambda backend: backend.create(Creation(id="s"), Request(sealed=sealed), reuse=""))

    def both(self, call: Callable[[Backend], object]) -> None:
        """Do it on both sides; the results are equal, or the errors are of one type."""
        actual, expected = _outcome(call, self.backend), _outcome(call, self.memory)
        assert actual == expected, f"got {actual}, and memory gives {expected}"

    def append(self, session: str, entries: Sequence[NewEntry], **asked: Any) -> None:
        """Append the same bytes on both sides."""
        sealed = tuple(seal(entry, now_us=self.clock()) for entry in entries)
        self.both(lambda backend: backend.append(session, Request(sealed=sealed, **asked)))

    def there(self, number: int) -> str:
        """One of the sessions that are there, or one that is not."""
        page = self.memory.find(EVERYTHING, order="-touched", limit=99, cursor=None)
        ids = [info.id for info in page]
        return "nobody" if number == 19 or not ids else ids[number % len(ids)]

    def place(self, session: str, number: int, kind: str = "") -> int:
        """The number of one of a session's entries, of a kind if one is given; or one that is not there."""
        if session == "nobody" or number == 19:
            return 99
        seqs = [entry.seq for entry in self.memory.entries(session) if kind in ("", entry.kind)]
        return seqs[-1 - number % len(seqs)] if seqs else 0

    @rule(
        session=_NEW, pair=st.sampled_from(((None, None), ("a", "u"), ("a", None))), entries=st.lists(_SAID, max_size=2)
    )
    def create(self, session: str, pair: tuple[str | None, str | None], entries: list[NewEntry]) -> None:
        sealed = tuple(seal(entry, now_us=self.clock()) for entry in entries)
        creation = Creation(id=session, agent=pair[0], user=pair[1])
        self.both(lambda backend: backend.create(creation, Request(sealed=sealed), reuse=""))

    @rule(session=_NEW, agent=st.sampled_from((None, "a")))
    def get_or_create(self, session: str, agent: str | None) -> None:
        self.both(lambda backend: backend.create(Creation(id=session, agent=agent), Request(), reuse="id"))

    @rule(parent=_OLD, child=_NEW)
    def spawn(self, parent: int, child: str) -> None:
        creation = Creation(id=child, parent=self.there(parent), kind="child")
        self.both(lambda backend: backend.create(creation, Request(), reuse=""))

    @rule(parent=_OLD)
    def spawn_resident(self, parent: int) -> None:
        creation = Creation(parent=self.there(parent), name="r", kind="child")
        self.both(lambda backend: backend.create(creation, Request(), reuse=""))

    @rule(old=_OLD, entries=st.lists(_SAID | _OTHER, min_size=1, max_size=3))
    def say(self, old: int, entries: list[NewEntry]) -> None:
        self.append(self.there(old), entries)

    @rule(
        old=_OLD, entries=st.lists(_SAID | _OTHER, max_size=3), changes=_CHANGES, unit=st.booleans(),
        change_id=st.sampled_from(("", "z")), late=st.none() | st.sampled_from((0, 0, 0, 1)),
        fence=st.none() | st.integers(1, 2),
    )  # fmt: skip
    def append_as_asked(
        self, old: int, entries: list[NewEntry], changes: Changes | None, late: int | None, **asked: Any
    ) -> None:
        session = self.there(old)
        if changes is not None and not asked["change_id"]:
            # The id of an update that the store draws differs on the two sides, so it is drawn here.
            self._drawn += 1
            asked["change_id"] = f"drawn {self._drawn}"
        expect = None if late is None or session == "nobody" else self.memory.info(session).seq - late
        self.append(session, entries, changes=changes, expect=expect, **asked)

    @rule(old=_OLD, parent=_PLACE, entries=st.lists(_SAID, min_size=1, max_size=2))
    def branch(self, old: int, parent: int, entries: list[NewEntry]) -> None:
        session = self.there(old)
        first = msgspec.structs.replace(entries[0], parent=self.place(session, parent))
        self.append(session, [first, *entries[1:]])

    @rule(old=_OLD, to=_PLACE, entries=st.lists(_SAID, max_size=1))
    def rewind(self, old: int, to: int, entries: list[NewEntry]) -> None:
        session = self.there(old)
        self.append(session, [NewEntry(kind="head", body={"to": self.place(session, to)}), *entries])

    @rule(old=_OLD, covers=_PLACE, keep=st.none() | st.integers(0, 3))
    def compact(self, old: int, covers: int, keep: int | None) -> None:
        session = self.there(old)
        last = self.place(session, covers, "message")
        body = {"summary": "in short", "covers": last} | ({} if keep is None else {"keep": last + 1 - keep})
        self.append(session, [NewEntry(kind="compaction", body=body)])

    @rule(old=_OLD, amended=_PLACE, hide=st.booleans())
    def amend(self, old: int, amended: int, *, hide: bool) -> None:
        session = self.there(old)
        body = {"seq": self.place(session, amended, "message")} | ({"hide": True} if hide else {"body": user("x").body})
        self.append(session, [NewEntry(kind="amend", body=body)])

    @rule(old=_OLD, ahead=st.sampled_from((1, 1, 1, 0, 2)), released=st.booleans())
    def lease(self, old: int, ahead: int, *, released: bool) -> None:
        session = self.there(old)
        held = None if session == "nobody" else self.memory.info(session).lease
        fence = (0 if held is None else held.fence) + (0 if released else ahead)
        body = {"owner": "w", "fence": fence, "ttl_ms": 1_000} | ({"released": True} if released else {})
        self.append(session, [NewEntry(kind="lease", body=body)])

    @rule(old=_OLD, fork=_NEW, at=st.none() | _PLACE)
    def fork(self, old: int, fork: str, at: int | None) -> None:
        origin = self.there(old)
        place = None if at is None else self.place(origin, at)
        self.both(lambda backend: backend.fork(origin, Creation(id=fork), at=place))

    @rule(old=_OLD, fork=_NEW, hide=st.booleans())
    def fork_before_an_amendment(self, old: int, fork: str, *, hide: bool) -> None:
        self.amend(old, 0, hide=hide)
        origin = self.there(old)
        at = self.place(origin, 0, "message")
        self.both(lambda backend: backend.fork(origin, Creation(id=fork), at=at))

    @rule(old=_OLD, fork=_NEW, at=st.none() | _PLACE, place=_PLACE)
    def orphan_and_erase(self, old: int, fork: str, at: int | None, place: int) -> None:
        origin = self.there(old)
        self.fork(old, fork, at)
        self.both(lambda backend: backend.delete(origin))
        if fork in {info.id for info in self.memory.find(EVERYTHING, order="id", limit=99, cursor=None)}:
            seqs = [self.place(fork, place, "message")]
            self.both(lambda backend: backend.erase(fork, seqs, by=None, reason=None).seqs)

    @rule(old=_OLD, places=st.lists(_PLACE, min_size=1, max_size=2), kind=st.sampled_from(("", "message", "amend")))
    def erase(self, old: int, places: list[int], kind: str) -> None:
        session = self.there(old)
        seqs = [self.place(session, place, kind) for place in places]

        def erase(backend: Backend) -> tuple[tuple[int, ...], tuple[str, ...]]:
            erasure = backend.erase(session, seqs, by="ana", reason=None)
            return erasure.seqs, erasure.attachments

        self.both(erase)

    @rule(old=_OLD, data=st.sampled_from((b"one", b"two")), said=st.booleans())
    def attach(self, old: int, data: bytes, *, said: bool) -> None:
        if "attachments" in self.backend.capabilities:
            session = self.there(old)
            self.both(lambda backend: backend.attach(session, data, mime="text/plain"))
            part = Attachment(sha256(data).hexdigest(), len(data), "text/plain").part
            if said:
                self.append(session, [user([part])])

    @rule(old=_OLD, force=st.booleans())
    def delete(self, old: int, *, force: bool) -> None:
        session = self.there(old)
        guard = None if force else unless_protected(self.clock)
        self.both(lambda backend: backend.delete(session, guard=guard))

    @rule(old=_OLD, fence=st.integers(1, 3))
    def renew(self, old: int, fence: int) -> None:
        session = self.there(old)
        self.both(lambda backend: backend.renew(session, fence))

    @rule(
        key=st.sampled_from(_DOCUMENTS),
        data=st.sampled_from((b"", b"one", b"{}")),
        expect=st.none() | st.integers(0, 3),
    )
    def put_document(self, key: DocumentKey, data: bytes, expect: int | None) -> None:
        if "documents" in self.backend.capabilities:
            self.both(lambda backend: backend.put_document(key, data, expect=expect))

    @rule(key=st.sampled_from(_DOCUMENTS), expect=st.none() | st.integers(0, 3), history=st.booleans())
    def delete_document(self, key: DocumentKey, expect: int | None, *, history: bool) -> None:
        if "documents" in self.backend.capabilities:
            self.both(lambda backend: backend.delete_document(key, expect=expect, history=history))

    @rule(old=_OLD, name=st.sampled_from("xy"), version=st.integers(1, 3), deleted=st.booleans())
    def write_a_document(self, old: int, name: str, version: int, *, deleted: bool) -> None:
        if "attachments" not in self.backend.capabilities:
            return
        session, data = self.there(old), b"content"
        said: dict[str, Any] = {"sha256": sha256(data).hexdigest(), "size": len(data)}
        self.both(lambda backend: backend.attach(session, data, mime="text/markdown"))
        body = {"name": name, "kind": "md", "version": version} | ({"deleted": True} if deleted else said)
        self.append(session, [NewEntry(kind="document", body=body)])

    @rule()
    def reset(self) -> None:
        guard = unless_protected(self.clock)
        self.both(lambda backend: backend.reset(guard=guard))

    @rule(seconds=st.sampled_from((-5, 1, 60)))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule()
    def reopen(self) -> None:
        if "persistent" in self.backend.capabilities:
            self.backend.close()
            self.backend = self._make(self.clock)

    @rule()
    def reindex(self) -> None:
        self.backend.reindex()

    @rule(order=st.sampled_from(("activity", "-updated", "-touched", "title", "seq")), limit=st.integers(1, 3))
    def find(self, order: str, limit: int) -> None:
        def pages(backend: Backend) -> list[list[str]]:
            page = backend.find(EVERYTHING, order=order, limit=limit, cursor=None)
            found = [[info.id for info in page]]
            while page.cursor is not None:
                page = backend.find(EVERYTHING, order=order, limit=limit, cursor=page.cursor)
                found.append([info.id for info in page])
            return found

        self.both(pages)

    @rule(
        text=st.sampled_from(("hello", "two", "数据", "summary OR short", "-x", "role:user")), limit=st.integers(1, 9)
    )
    def search(self, text: str, limit: int) -> None:
        if "search" not in self.backend.capabilities:
            return

        def hits(backend: Backend) -> list[tuple[str, int, str]]:
            page = backend.search(parse(text), session=None, order="newest", limit=limit, cursor=None)
            return [(hit.session, hit.seq, hit.role) for hit in page]

        self.both(hits)

    @invariant()
    def sessions_are_the_same(self) -> None:
        self.both(
            lambda backend: [_plain(info) for info in backend.find(EVERYTHING, order="id", limit=99, cursor=None)]
        )

    @invariant()
    def logs_are_the_same(self) -> None:
        for info in self.memory.find(EVERYTHING, order="id", limit=99, cursor=None):
            session = info.id
            self.both(lambda backend, session=session: _plain(backend.info(session)))
            self.both(lambda backend, session=session: [_plain_entry(entry) for entry in backend.entries(session)])

            # What no entry names may be collected at any time, sooner by one backend than by another.
            named = {name for entry in self.memory.entries(session) for name in attachments_in(entry.body)}
            for name in named & {sha256(b"one").hexdigest(), sha256(b"two").hexdigest()}:
                if "attachments" in self.backend.capabilities:
                    self.both(lambda backend, session=session, name=name: backend.attachment(session, name))

    @invariant()
    def documents_are_the_same(self) -> None:
        if "documents" in self.backend.capabilities:
            self.both(lambda backend: backend.documents())
            for key in _DOCUMENTS:
                self.both(lambda backend, key=key: backend.document_versions(key))
                for version in (None, 1, 2):
                    self.both(lambda backend, key=key, version=version: backend.document(key, version=version))

    @invariant()
    def nothing_is_damaged(self) -> None:
        self.both(lambda backend: list(backend.check()))


def _outcome(call: Callable[[Backend], object], backend: Backend) -> object:
    try:
        return call(backend)
    except Conflict as error:
        return "Conflict", error.seq
    except HansardError as error:
        return type(error).__name__


def _plain(info: SessionInfo) -> SessionInfo:
    """The info without hashes, which salts make different on the two sides."""
    segments = tuple(msgspec.structs.replace(segment, hash="") for segment in info.segments)
    return msgspec.structs.replace(info, hash="", segments=segments)


def _plain_entry(entry: Entry) -> Entry:
    """The entry without hashes, and without the id where the store draws it."""
    body = entry.body
    if entry.kind == "created" and "segments" in body:
        body = {**body, "segments": [{**segment, "hash": ""} for segment in body["segments"]]}
    drawn = entry.kind in ("created", "amend", "erase")
    plain = {"digest": "", "hash": "", "salt": "" if entry.erased else "salt", "body": body}
    return msgspec.structs.replace(entry, **plain, **({"id": ""} if drawn else {}))


def machine_for(fresh: FreshMedium, *, examples: int = 40, steps: int = 30, explore: bool = False) -> type:
    """A `unittest.TestCase` that runs the machine on the backend whose media `fresh` gives, for pytest to collect.

    The same examples each time, so that a change is what makes it fail; with `explore` other ones.
    """
    machine = type("Machine", (BackendMachine,), {"fresh": staticmethod(fresh)})
    case: type = machine.TestCase
    case.settings = settings(  # pyright: ignore[reportAttributeAccessIssue]
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=not explore,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    return case
