"""Taking sessions away: rename, then remove. What is renamed is gone for every process; removal can be finished later."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ...backend import Guard
from ...errors import Corrupt, NotFound
from ...model.info import SessionInfo
from ..beside import ask
from . import disk, forking, leasing, locks, sources
from .core import Core
from .layout import CHILDREN, child_place, is_child, is_real_folder, read_pointer, root_place
from .log import Log
from .room import room_for


def delete(core: Core, session: str, guard: Guard | None) -> tuple[str, ...]:
    """As the contract says."""
    while True:
        place = core.layout.find(session)
        if place is None:
            return ()
        root = id_at(core, root_place(place))
        gone = _remove_rest(core, session, place, guard) if root is None else _remove(core, session, place, root, guard)
        if gone is not None:
            return gone


def _remove(core: Core, session: str, place: str, root: str, guard: Guard | None) -> tuple[str, ...] | None:
    """Remove a tree under the lock of its root. None: the session is elsewhere by now."""
    try:
        with core.locked(root) as log, contextlib.ExitStack() as held:
            if core.layout.find(session) != place:
                return None
            victims = list(tree(core, place, session))
            logs = {root: log}
            _lock_all(core, session, [one for one, _ in victims], logs, held)
            if guard is not None:
                ask(guard, infos(core, victims, logs), f"session {session!r} was not deleted")
            for _, where in victims:
                core.index.announce(where)
            for one, _ in victims:
                if one in logs:
                    forking.rescue(core, logs[one])
            if root == session:
                _take_away(core, place)
                for taken in logs.values():
                    core.pool.drop(taken)
            else:
                # Deepest first: after a crash no child is left without its parent.
                for one, where in reversed(victims):
                    _take_child(core, one, where, logs)
    except NotFound:
        return ()
    _finish(core, victims)
    return tuple(sorted(one for one, _ in victims))


def _lock_all(core: Core, session: str, members: list[str], logs: dict[str, Log], held: contextlib.ExitStack) -> None:
    """Lock the logs of a tree, however many there are.

    Nothing is appended after the guard's answer then, and nothing is forked once the forks were looked for.
    """
    held.enter_context(room_for(len(members), what=f"the tree of session {session!r}"))
    for one in members:
        if one not in logs:
            with contextlib.suppress(NotFound):
                logs[one] = held.enter_context(core.locked(one))


def id_at(core: Core, place: str) -> str | None:
    """The id of the session at a place, None if its first line can't be read."""
    first = sources.first_entry(core.layout.log(place))
    if first is None or not isinstance(first.body, dict):
        return None
    return str(first.body.get("session"))


def _remove_rest(core: Core, session: str, place: str, guard: Guard | None) -> tuple[str, ...] | None:
    """Remove what has no readable first line: a damaged session, or the rest of a creation. None: it has one by now."""
    with contextlib.ExitStack() as held:
        try:
            # Whoever is about to write that line holds this lock until then. What can't be opened can't be written to.
            with contextlib.suppress(Corrupt, PermissionError), sources.as_file(core.layout.log(place)):
                held.enter_context(locks.locked_file(core.layout.log(place)))
            if id_at(core, root_place(place)) is not None:
                return None
            return _take_rest(core, session, place, guard)
        except FileNotFoundError:
            return ()


def _take_rest(core: Core, session: str, place: str, guard: Guard | None) -> tuple[str, ...]:
    ask(guard, [SessionInfo(session, damaged=True)], f"session {session!r} was not deleted")
    was = core.was_session(session, place)
    core.index.announce(place)
    _take_away(core, place)
    _finish(core, [(session, place)])
    return (session,) if was else ()


def tree(core: Core, place: str, session: str) -> Iterator[tuple[str, str]]:
    """(id, place) of a session and all its descendants, parents before children."""
    yield session, place
    members = dict(children(core, root_place(place)))
    parents = {one: _parent_of(core, where) for one, where in members.items()}
    level = {session}
    while level:
        level = {one for one, parent in parents.items() if parent in level}
        for one in sorted(level):
            yield one, members[one]


def children(core: Core, root: str) -> Iterator[tuple[str, str]]:
    """(id, place) of every child of any depth under the root at a place."""
    folder = core.layout.folder(root) / CHILDREN
    root_name = root.split("/")[1]
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(folder.iterdir()):
            place = child_place(root_name, path.name)
            found = id_at(core, place)
            if found is not None:
                yield found, place


def _parent_of(core: Core, place: str) -> str | None:
    first = sources.first_entry(core.layout.log(place))
    return first.body.get("parent") if first is not None and isinstance(first.body, dict) else None


def infos(core: Core, members: list[tuple[str, str]], logs: dict[str, Log]) -> list[SessionInfo]:
    """What each of a tree is now, where the locks of these logs are held; of a damaged one, what is known of it."""
    found: list[SessionInfo] = []
    for session, place in members:
        with contextlib.ExitStack() as held, contextlib.suppress(NotFound):
            log = logs[session] if session in logs else held.enter_context(core.pool.using(session))
            damaged = False
            try:
                log.refresh()
            except Corrupt:
                damaged = True
            info = leasing.overlaid(core.layout.folder(place), log.fold.info())
            found.append(msgspec.structs.replace(info, id=session, damaged=True) if damaged else info)
    return found


def _take_child(core: Core, session: str, place: str, logs: dict[str, Log]) -> None:
    if session in logs:
        _take_away(core, place)
        core.pool.drop(logs[session])
        return
    with contextlib.suppress(NotFound), core.locked(session) as log:
        forking.rescue(core, log)
        _take_away(core, place)
        core.pool.drop(log)
        return
    if is_real_folder(core.layout.folder(place)):
        _take_away(core, place)


def _take_away(core: Core, place: str) -> None:
    """The rename that deletes, durable."""
    folder = core.layout.folder(place)
    disk.make_folder(core.layout.trash)
    disk.rename(folder, core.layout.trash / f"{folder.name[:100]}.{os.urandom(6).hex()}")
    disk.sync_folder(folder.parent)


def _finish(core: Core, victims: list[tuple[str, str]]) -> None:
    for session, place in victims:
        if is_child(place):
            _remove_pointer(core, session)
    # A row that is still there names a file: as long as that lies in the trash, no new log can be taken for it.
    if core.index.gone(*(place for _, place in victims)):
        empty_trash(core)


def _remove_pointer(core: Core, session: str) -> None:
    path = core.layout.named(session)
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        if not path.is_file():
            return
        with locks.locked_file(path):
            if core.layout.find(session) is None:
                disk.unlink(path)
                disk.sync_folder(path.parent)


def empty_trash(core: Core) -> None:
    """Finish the removal of what was renamed away, by whomever and however long ago."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in list(core.layout.trash.iterdir()):
            if not is_real_folder(path):
                # A reset takes away whatever stood in the place of a folder; removing a pipe as one would wait for a writer.
                disk.unlink(path)
                continue
            _remove_pointers_of(core, path)
            shutil.rmtree(path, ignore_errors=True)


def _remove_pointers_of(core: Core, trashed: Path) -> None:
    """The pointers of the children in a root that was taken away: they lead nowhere now."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for child in (trashed / CHILDREN).iterdir():
            pointer = core.layout.sessions / child.name
            root_name = read_pointer(pointer) if pointer.is_file() else None
            if root_name is None or is_real_folder(core.layout.folder(child_place(root_name, child.name))):
                continue
            with locks.locked_file(pointer):
                if not is_real_folder(core.layout.folder(child_place(root_name, child.name))):
                    disk.unlink(pointer)


def places(core: Core) -> Iterator[str]:
    """Every place that holds a log, roots first, each followed by its children."""
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(core.layout.sessions.iterdir()):
            if is_real_folder(path):
                yield f"sessions/{path.name}"
                for _, place in children(core, f"sessions/{path.name}"):
                    yield place
