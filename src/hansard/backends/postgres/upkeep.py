"""What is about the store as a whole: proof that it can be written to, a fresh start, what nothing refers to."""

from __future__ import annotations

import os
from functools import partial
from itertools import groupby
from typing import Final

from ...backend import Guard, Progress
from ...limits import GARBAGE_AGE_S
from ...model.requests import Garbage, Health
from ..beside import ask
from . import textindex
from .attaching import FILES
from .checking import all_sessions
from .connecting import Connection, execute
from .core import Core
from .deleting import info_of
from .forking import TREES
from .rows import Head, unraw
from .statements import statements

_SQL: Final = statements("upkeep")
_DROPS: Final = (
    "sessions", "ids", "pairs", "entries", "attachments", "marks", "forks", "texts", "calls", "documents", "quarantine",
)  # fmt: skip
_MANY: Final = 500


def health(core: Core, name: str, heard: str) -> Health:
    """As the contract says."""
    asked = {"tenant": core.tenant, "probe": os.urandom(16)}
    core.db.transact(lambda con: execute(con, _SQL["probe"], asked))
    core.db.transact(lambda con: execute(con, _SQL["unprobe"], asked))
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
    asked = {"tenant": core.tenant}

    def work(con: Connection) -> int:
        execute(con, _SQL["lock_all"], asked)
        heads = [Head(*row) for row in execute(con, _SQL["trees"], asked)]
        for _, tree in groupby(heads, key=lambda head: head.root):
            ask(guard, [info_of(core, con, head) for head in tree], "nothing was removed")
        for what in _DROPS:
            execute(con, _SQL[f"drop_{what}"], asked)
        return len(heads)

    count = core.db.transact(work)
    core.forget()
    return count


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
            unnamed = core.db.transact(work)
            found += [Garbage(unraw(session), "attachment", name, names[name]) for name in unnamed]
        if len(rows) < _MANY:
            return tuple(sorted(found, key=lambda one: (one.session, one.name)))
        after = dict(zip(after, rows[-1][:3], strict=True))


def _collect(
    core: Core, con: Connection, *, here: dict[str, bytes], names: dict[str, int], before_us: int, dry_run: bool
) -> list[str]:
    """Those of a session's attachments that neither it nor a fork of it names; they are gone unless it is a dry run."""
    root, session = here["root"], here["session"]
    execute(con, TREES["lock_some"], {"tenant": core.tenant, "root": root, "sessions": [session]})
    roots, sessions = [root], [session]
    for one in sessions:
        for (fork,) in execute(con, TREES["forks"], core.at(one, roots[sessions.index(one)])):
            found = execute(con, TREES["root_of"], core.at(fork))
            if found and fork not in sessions:
                roots.append(found[0][0])
                sessions.append(fork)
    asked = {"tenant": core.tenant, "roots": roots, "sessions": sessions}
    spelled = [name.encode() for name in names]
    still = {bytes(row[0]).decode() for row in execute(con, FILES["still_named"], {**asked, "names": spelled})}
    unnamed = sorted(names.keys() - still)
    if not unnamed or dry_run:
        return unnamed
    # One that was handed in again meanwhile is young again.
    gone = {"names": [bytes.fromhex(name) for name in unnamed], "before_us": before_us}
    return [bytes(row[0]).hex() for row in execute(con, FILES["drop_old"], {**here, **gone})]
