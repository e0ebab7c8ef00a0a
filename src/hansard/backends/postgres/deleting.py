"""Taking sessions away: a session with its descendants, in one transaction that holds their rows."""

from __future__ import annotations

from collections.abc import Sequence

from ...backend import Guard
from ...errors import Corrupt
from ...model.info import SessionInfo
from ..beside import ask
from .connecting import Connection, execute
from .core import SQL, Core
from .forking import TREES, rescue
from .rows import Head, raw, with_renewal


def delete(core: Core, session: str, guard: Guard | None) -> tuple[str, ...]:
    """As the contract says."""
    gone = core.db.transact(lambda con: _delete(core, con, session, guard))
    for one in gone:
        core.unlearn(one)
    return gone


def _delete(core: Core, con: Connection, session: str, guard: Guard | None) -> tuple[str, ...]:
    found = execute(con, SQL["root"], core.at(session))
    if not found:
        return ()
    root: bytes = found[0][0]
    execute(con, TREES["lock_root"], {"tenant": core.tenant, "root": root})
    tree = locked_tree(core, con, root, session)
    if not tree:
        return ()
    ask(guard, [info_of(core, con, head) for head in tree], f"session {session!r} was not deleted")
    remove(core, con, tree)
    return tuple(sorted(head.id for head in tree))


def locked_tree(core: Core, con: Connection, root: bytes, session: str) -> list[Head]:
    """The rows of a session and its descendants, parents first, locked; the root's row is locked already."""
    here = {"tenant": core.tenant, "root": root}
    found = execute(con, TREES["tree"], here)
    parents = {row[1]: row[11] for row in found}
    if raw(session) not in parents:
        return []
    if list(parents) == [root]:
        return [Head(*found[0][:11])]
    wanted = [raw(session)]
    for one in wanted:
        wanted += sorted(child for child, parent in parents.items() if parent == one and child not in wanted)
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
    going = {head.session for head in tree}
    for head in tree:
        rescue(core, con, head, going)
    asked = {"tenant": core.tenant, "root": tree[0].root, "sessions": sorted(going)}
    execute(con, TREES["drop_ids"], asked)
    execute(con, TREES["drop_sessions"], asked)
