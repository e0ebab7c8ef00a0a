"""Taking sessions away: a session with its descendants, in one transaction that holds their rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ...backend import Guard
from ...errors import Corrupt
from ...model.info import SessionInfo
from ..beside import ask
from . import sources
from .connecting import Connection, execute, execute_long
from .core import SQL, Core
from .doubts import confirm, resolved
from .forking import TREES, rescue
from .rows import Head, raw, with_renewal


def delete(core: Core, session: str, guard: Guard | None) -> tuple[str, ...]:
    """As the contract says."""

    def work(con: Connection, tries: Sequence[Sequence[Head]]) -> Sequence[Head]:
        tree = _tree(core, con, session)
        for there in tries:
            if there and not (tree and _is_same(core, con, tree[0], there[0])):
                confirm(con, core.tenant)
                return there
        if tree:
            ask(guard, [info_of(core, con, head) for head in tree], f"session {session!r} was not deleted")
            remove(core, con, tree)
        return tree

    advice = "Repeat the call: it is False then, if nothing was made anew under this id"
    gone = tuple(sorted(head.id for head in resolved(core.db, work, advice=advice)))
    for one in gone:
        core.unlearn(one)
    return gone


def _tree(core: Core, con: Connection, session: str) -> list[Head]:
    """The rows of a session and its descendants, locked; none if it is not there."""
    found = execute(con, SQL["root"], core.at(session))
    if not found:
        return []
    root: bytes = found[0][0]
    execute(con, TREES["lock_root"], {"tenant": core.tenant, "root": root})
    return locked_tree(core, con, root, session)


def _is_same(core: Core, con: Connection, now: Head, was: Head) -> bool:
    """Whether a session is the one that a try took away, and not another that was made under its id since."""
    if (now.seq, now.hash) == (was.seq, was.hash):
        return True
    entry = sources.readable(sources.some(partial(execute, con), core, now, [was.seq]).get(was.seq))
    return now.seq > was.seq and (entry is None or entry.hash == was.hash.hex())


def locked_tree(core: Core, con: Connection, root: bytes, session: str) -> list[Head]:
    """The rows of a session and its descendants, parents first, locked; the root's row is locked already."""
    here = {"tenant": core.tenant, "root": root}
    found = execute(con, TREES["tree"], here)
    children: dict[bytes | None, list[bytes]] = {}
    for row in found:
        children.setdefault(row[11], []).append(row[1])
    if all(row[1] != raw(session) for row in found):
        return []
    if len(found) == 1 and found[0][1] == root:
        return [Head(*found[0][:11])]
    wanted = [raw(session)]
    for one in wanted:
        wanted += sorted(children.pop(one, ()))
    execute(con, TREES["lock_some"], {**here, "sessions": wanted})
    heads = {row[1]: Head(*row[:11]) for row in execute(con, TREES["tree"], here)}
    return [heads[one] for one in wanted if one in heads]


def info_of(core: Core, con: Connection, head: Head) -> SessionInfo:
    """What a session is, whose row is locked; of a damaged one what is known up to the damage."""
    if head.folded() is None:
        try:
            head, fold = core.refold(con, head)
            return with_renewal(fold.info(), head.renewed_fence, head.renewed_us)
        except Corrupt:
            return head.known_info()
    return head.known_info()


def remove(core: Core, con: Connection, tree: Sequence[Head]) -> None:
    """The sessions of one tree are gone; forks elsewhere keep all that they show."""
    asked = {"tenant": core.tenant, "root": tree[0].root, "sessions": [head.session for head in tree]}
    rescue(core, con, asked)
    execute(con, TREES["drop_ids"], asked)
    execute_long(con, TREES["drop_sessions"], asked)
