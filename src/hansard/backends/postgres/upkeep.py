"""What is about the store as a whole: proof that it can be written to, a fresh start, what nothing refers to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Final

from ...backend import Guard, Progress
from ...limits import GARBAGE_AGE_S
from ...model.requests import Garbage, Health
from ..beside import ask
from . import textindex
from .attaching import FILES, still_named
from .checking import all_sessions
from .connecting import Connection, execute, execute_long
from .core import Core
from .deleting import info_of
from .doubts import confirm, resolved
from .forking import TREES
from .rows import Head, unraw
from .statements import statements

_SQL: Final = statements("upkeep")
_DROPS: Final = ("entries", "attachments", "marks", "forks", "texts", "calls", "documents", "quarantine")
_MANY: Final = 500


def health(core: Core, name: str, heard: str) -> Health:
    """As the contract says."""
    core.db.transact(lambda con: confirm(con, core.tenant))
    version, database, commit = core.db.rows(_SQL["server"])[0]
    behind = core.db.rows(textindex.TEXTS["indexed"], {"tenant": core.tenant})[0][0]
    details = {
        "server": version,
        "database": database,
        "synchronous_commit": commit,
        "text_behind": behind,
        "notifications": heard,
    }
    return Health(name, ok=True, details=details)


def reset(core: Core, guard: Guard | None) -> int:
    """As the contract says."""

    def work(con: Connection, tries: Sequence[int]) -> int:
        # Whoever creates a root of an (agent, user) waits from here on, so that no number is given twice.
        execute_long(con, _SQL["drop_pairs"], {"tenant": core.tenant})
        roots = _locked_roots(core, con)
        pages = [{"tenant": core.tenant, "roots": some} for some in _some(roots)]
        for page in pages if guard is not None else ():
            heads = [Head(*row) for row in execute_long(con, _SQL["trees"], page)]
            for _, tree in groupby(heads, key=lambda head: head.root):
                ask(guard, [info_of(core, con, head) for head in tree], "nothing was removed")
        count = 0
        for page in pages:
            sessions = [row[0] for row in execute_long(con, _SQL["drop_sessions"], page)]
            execute_long(con, TREES["drop_ids"], {"tenant": core.tenant, "sessions": sessions})
            count += len(sessions)
        for what in _DROPS:
            execute_long(con, _SQL[f"drop_{what}"], {"tenant": core.tenant})
        # What an earlier try took away is not found again.
        return max(count, *tries) if tries else count

    count = resolved(core.db, work, advice="Repeat the call: then the number is what was left to remove")
    core.forget()
    return count


def _locked_roots(core: Core, con: Connection) -> list[bytes]:
    """The roots of all sessions, their trees locked; and of forks that were made while others were not locked yet."""
    roots: list[bytes] = []
    after = b""
    while found := execute_long(con, TREES["roots"], {"tenant": core.tenant, "after": after, "most": _MANY}):
        roots += [row[0] for row in found]
        after = roots[-1]
        execute_long(con, _SQL["lock_trees"], {"tenant": core.tenant, "roots": roots[-len(found) :]})
    there = set(roots)
    for some in _some(roots):
        forks = execute_long(con, _SQL["forks"], {"tenant": core.tenant, "roots": some})
        late = [fork for (fork,) in forks if fork not in there]
        execute_long(con, _SQL["lock_trees"], {"tenant": core.tenant, "roots": late})
        roots += late
        there.update(late)
    return roots


def _some(items: list[bytes]) -> Iterator[list[bytes]]:
    """The items, some at a time, those that are added meanwhile too."""
    first = 0
    while some := items[first : first + _MANY]:
        yield some
        first += len(some)


def reindex(core: Core, progress: Progress | None) -> None:
    """As the contract says."""
    sessions = list(all_sessions(core))
    for number, session in enumerate(sessions, 1):
        core.refold_now(session)
        if progress is not None:
            progress("sessions", number, len(sessions))
    textindex.rebuild(core, progress)


def collect_garbage(core: Core, *, dry_run: bool) -> tuple[Garbage, ...]:
    """As the contract says."""
    found: list[Garbage] = []
    after = {"root": b"", "session": b"", "sha256": b""}
    before_us = core.clock() - GARBAGE_AGE_S * 1_000_000
    while True:
        asked = {**after, "tenant": core.tenant, "before_us": before_us, "most": _MANY}
        rows = core.db.rows(FILES["old"], asked)
        for (root, session), group in groupby(rows, key=lambda row: (row[0], row[1])):
            names = {bytes(name).hex(): size for _, _, name, size in group}
            work = partial(
                _collect, core, here=core.at(session, root), names=names, before_us=before_us, dry_run=dry_run
            )
            unnamed = resolved(core.db, work, advice="Repeat the call: what is gone is not found again")
            found += [Garbage(unraw(session), "attachment", name, names[name]) for name in unnamed]
        if len(rows) < _MANY:
            return tuple(sorted(found, key=lambda one: (one.session, one.name)))
        after = dict(zip(after, rows[-1][:3], strict=True))


def _collect(
    core: Core,
    con: Connection,
    tries: Sequence[list[str]],
    *,
    here: dict[str, bytes],
    names: dict[str, int],
    before_us: int,
    dry_run: bool,
) -> list[str]:
    """Those of a session's attachments that neither it nor a fork of it names; they are gone unless it is a dry run."""
    root, session = here["root"], here["session"]
    execute(con, TREES["lock_some"], {"tenant": core.tenant, "root": root, "sessions": [session]})
    there = {session: root}
    waiting = [session]
    for one in waiting:
        for (fork,) in execute(con, TREES["forks"], core.at(one, there[one])):
            found = execute(con, TREES["root_of"], core.at(fork))
            if found and fork not in there:
                there[fork] = found[0][0]
                waiting.append(fork)
    unnamed = sorted(names.keys() - still_named(core, con, there.items(), names))
    if not unnamed or dry_run:
        return unnamed
    # One that was handed in again meanwhile is young again.
    gone = {"names": [bytes.fromhex(name) for name in unnamed], "before_us": before_us}
    dropped = {bytes(row[0]).hex() for row in execute(con, FILES["drop_old"], {**here, **gone})}
    return sorted(dropped.union(*tries))
