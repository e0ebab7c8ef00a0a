"""How sessions come to be: one transaction reserves the id, counts the (agent, user), and writes the first commit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

import msgspec

from ...backend import Request
from ...codec import names, values
from ...codec.line import GENESIS, seal
from ...errors import AlreadyExists, HansardError, Invalid, NotFound
from ...fold import FOLD_VERSION, Fold
from ...model.entry import Entry, NewEntry
from ...model.info import SessionInfo
from ...model.requests import Created, Creation
from .. import commit
from ..commit import EntryAt
from ..creation import created_entry
from ..derive import resident_id, slug_of
from . import documents, sources
from .connecting import Again, Connection, execute
from .core import SQL, Core
from .doubts import resolved
from .packing import one_by_one
from .rows import STALE, Head, clean, columns, encode_state, marks_of, raw

Reuse: TypeAlias = Literal["", "id", "pair"]

_FEW: Final = 8
"""Sessions of an (agent, user) that are looked at at once: mostly it is the first."""


class Made(msgspec.Struct, frozen=True):
    """What one try of a creation gave."""

    created: Created
    first: Entry | None = None
    """Of a log that is new."""


def made_before(core: Core, con: Connection, tries: Sequence[Made]) -> Made | None:
    """The one of these tries that was committed after all, which this transaction confirms; None if none was."""
    for made in tries:
        if made.first is None:
            continue
        try:
            head = core.lock(con, made.created.id)
        except NotFound:
            continue
        if sources.holds(partial(execute, con), core, head, made.first):
            execute(con, SQL["settle"], core.at(head.session, head.root))
            return made
    return None


def _find_out(session: str) -> str:
    return f"If so, session {session!r} is there: get() gives it, and get_or_create() with this id takes either"


def create(core: Core, creation: Creation, first: Request, reuse: Reuse) -> Created:
    """As the contract says."""
    if creation.parent is not None:
        return _create_child(core, creation, first, reuse)
    session = names.check_id(creation.id) if creation.id else names.new_id()
    pair = (creation.agent, creation.user)
    counted = pair != (None, None)

    def work(con: Connection, tries: Sequence[Made]) -> Made:
        if counted:
            # Locks the pair's row: of callers at the same time, one creates and the others find.
            note_number(core, con, *pair, 0)
            if reuse == "pair":
                there = made_before(core, con, tries) or _latest(core, con, creation)
                if there is not None:
                    return there
        if not reserve(core, con, session, session):
            return made_before(core, con, tries) or _existing(core, con, session, creation, reuse)
        number = _next_number(core, con, creation) if counted else None
        slug = None if number is None else slug_of(*pair, number)
        entry = created_entry(creation, id=session, number=number, slug=slug)
        return begin(core, con, session, session, entry=entry, first=first)

    return _done(core, resolved(core.db, work, advice=_find_out(session)))


def _create_child(core: Core, creation: Creation, first: Request, reuse: Reuse) -> Created:
    parent_id = creation.parent or ""
    if not creation.id and creation.name is None:
        creation = msgspec.structs.replace(creation, id=names.new_id())

    def work(con: Connection, tries: Sequence[Made]) -> Made:
        root, parent = lock_tree(core, con, parent_id)
        if (there := made_before(core, con, tries)) is not None:
            return there
        session = _child_id(creation, root)
        if creation.name is not None:
            rows = execute(con, SQL["residents"], core.at(session, raw(root), name=clean(creation.name)))
            for info in (Head(*row).known_info() for row in rows):
                if info.name == creation.name:
                    return Made(Created(info.id, info.seq, new=False))
        if not reserve(core, con, session, root):
            return _existing(core, con, session, creation, reuse, root=root)
        entry = created_entry(creation, id=session, parent=parent)
        return begin(core, con, session, root, entry=entry, first=first)

    advice = _find_out(creation.id) if creation.id else "Repeat the call: the same name finds it"
    return _done(core, resolved(core.db, work, advice=advice))


def _done(core: Core, made: Made) -> Created:
    if made.created.new:
        core.touched(made.created.id)
    return made.created


def lock_tree(core: Core, con: Connection, session: str) -> tuple[str, SessionInfo]:
    """The root of a session, whose row is locked so that nothing of the tree is deleted, and the session's info.

    Raises:
        NotFound: there is no such session.
    """
    found = execute(con, SQL["root"], core.at(session))
    if not found:
        core.missing(session)
    root: bytes = found[0][0]
    execute(con, SQL["lock"], core.at(root, root))
    head, fold = core.locked(con, session)
    return head.root.decode(), fold.info()


def _child_id(creation: Creation, root: str) -> str:
    if creation.name is None:
        return names.check_id(creation.id)
    if creation.id:
        msg = "name and id: the id of a resident child follows from its root and name; give one of the two"
        raise Invalid(msg)
    return resident_id(root, creation.name)


def reserve(core: Core, con: Connection, session: str, root: str) -> bool:
    """Take an id; False if somebody has it, who is waited for until that is sure."""
    return bool(execute(con, SQL["reserve"], core.at(session, raw(root))))


def taken(session: str) -> str:
    """What to say when an id is in use."""
    return f"session {session!r} exists already. Use another id, or get_or_create() to continue it"


def _existing(core: Core, con: Connection, session: str, creation: Creation, reuse: Reuse, *, root: str = "") -> Made:
    """The session that has the id, if it may be returned.

    Raises:
        AlreadyExists: it may not.
    """
    if reuse == "id":
        try:
            _, fold = core.locked(con, session)
        except NotFound:
            msg = f"session {session!r} was deleted while it was being looked at; repeat the call"
            raise Again(msg) from None
        info = fold.info()
        owned = creation.agent in (None, info.agent) and creation.user in (None, info.user)
        if owned and (not root or info.root == root):
            return Made(Created(session, info.seq, new=False))
    raise AlreadyExists(taken(session))


def _latest(core: Core, con: Connection, creation: Creation) -> Made | None:
    wanted = (creation.agent, creation.user, creation.kind, None)
    asked: dict[str, Any] = {"tenant": core.tenant, "agent": clean(creation.agent), "user": clean(creation.user)}
    asked |= {"number": None, "session": b"", "most": _FEW}
    while rows := execute(con, SQL["of_pair"], asked):
        for *head, number in rows:
            info = Head(*head).known_info()
            if (info.agent, info.user, info.kind, info.parent) == wanted:
                return Made(Created(info.id, info.seq, new=False))
            asked |= {"number": number, "session": head[1]}
    return None


def _pair(core: Core, agent: str | None, user: str | None) -> dict[str, object]:
    return {"tenant": core.tenant, "pair": sha256(values.encode([agent, user])).digest()}


def note_number(core: Core, con: Connection, agent: str | None, user: str | None, number: int) -> None:
    """A number counts as given; the row of the (agent, user) is locked until the transaction ends."""
    said = {"agent": clean(agent), "user": clean(user), "number": number}
    execute(con, SQL["number"], {**_pair(core, agent, user), **said})


def _next_number(core: Core, con: Connection, creation: Creation) -> int:
    return execute(con, SQL["next_number"], _pair(core, creation.agent, creation.user))[0][0]


def begin(core: Core, con: Connection, session: str, root: str, *, entry: NewEntry, first: Request) -> Made:
    """Write the first commit of a session whose id was taken: its `created` entry, and what `first` says."""
    sealed = (seal(entry, now_us=core.clock()), *first.sealed)
    request = msgspec.structs.replace(first, sealed=sealed, expect=None, fence=None)
    group = plan_first(core, Fold(), GENESIS, request, at=lambda _seq: None)
    if group.fold.needs_tree:
        pairs = zip(group.entries, map(len, group.lines), strict=True)
        group.fold = Fold.of(pairs, tree=True)
    write_first(core, con, session, root, group)
    if first.documents:
        documents.write_all(core, con, first.documents)
    return Made(Created(session, group.fold.seq, new=True), group.entries[0])


def plan_first(core: Core, fold: Fold, previous: bytes, request: Request, *, at: EntryAt) -> commit.Group:
    """The first group of a log.

    Raises:
        HansardError: it is refused.
    """
    group = commit.plan(fold, previous, [request], find=lambda _id: None, at=at, now_us=core.clock())
    answer = group.answers[0]
    if isinstance(answer, HansardError):
        raise answer
    return group


def write_first(
    core: Core, con: Connection, session: str, root: str, group: commit.Group, *, folded: bool = True
) -> None:
    """Write the row and the lines of a session; without `folded` its fold is made when it is read first."""
    info = group.fold.info()
    here = core.at(session, raw(root))
    row = {
        **here, **columns(info), "seq": info.seq, "hash": group.hash, "first_seq": group.entries[0].seq,
        "fold_version": FOLD_VERSION if folded else STALE, "fold": group.fold.dump(state=False) if folded else b"",
        "state": encode_state(info.state),
    }  # fmt: skip
    execute(con, SQL["make"], row)
    add_lines(core, con, session, root, entries=group.entries, lines=group.lines)
    if folded and (marks := marks_of(info)):
        execute(con, SQL["add_marks"], {**here, "marks": marks})


def add_lines(
    core: Core,
    con: Connection,
    session: str,
    root: str,
    *,
    entries: Sequence[Entry],
    lines: Sequence[bytes],
) -> None:
    """Write the lines of entries."""
    rows = one_by_one(entries, lines)
    more = {"seqs": rows.seqs, "ids": rows.keys, "lines": rows.lines}
    execute(con, SQL["add_lines"], core.at(session, raw(root), **more))
