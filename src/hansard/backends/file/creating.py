"""How sessions come to be: roots with their numbers, and children under the lock of their root."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator
from pathlib import Path
from typing import Literal

from ...backend import Request
from ...codec import names, values
from ...codec.line import seal
from ...errors import AlreadyExists, Corrupt, HansardError, Invalid, NotFound
from ...model.entry import NewEntry
from ...model.info import SessionInfo
from ...model.requests import Created, Creation
from .. import commit
from ..commit import EntryAt
from ..creation import created_entry
from ..derive import resident_id, slug_of
from . import disk, locks, rewriting, sources, unbegun
from .core import Core
from .layout import CHILDREN, LOG, child_place, is_real_folder, read_alias, read_pointer
from .log import Log

Reuse = Literal["", "id", "pair"]


def create(core: Core, creation: Creation, first: Request, reuse: Reuse) -> Created:
    """As the contract says."""
    if creation.parent is not None:
        return _create_child(core, creation, first, reuse)
    if creation.agent is None and creation.user is None:
        return _create_root(core, creation, first, reuse, None)
    disk.make_folder(core.layout.pairs)
    with numbers(core, creation.agent, creation.user) as pair:
        if reuse == "pair":
            there = pair.latest(core, creation)
            if there is not None:
                return there
        return _create_root(core, creation, first, reuse, pair)


class Pair:
    """The numbers of one (agent, user), in a file that this thread has locked: a line [number, id] for each session."""

    def __init__(self, fd: int) -> None:
        size = os.fstat(fd).st_size
        data = os.pread(fd, size, 0)
        self._fd = fd
        self._end = data.rfind(b"\n") + 1
        self._lines = data[: self._end].split(b"\n")[:-1]

    def latest(self, core: Core, creation: Creation) -> Created | None:
        """The session with the highest number of those that still exist."""
        # The last line has the highest number; the others are in order but where sessions came from other stores.
        newest = [pair_line(line) for line in self._lines[-1:]]
        for _, session in newest or ():
            if (there := _of_pair(core, session, creation)) is not None:
                return there
        for _, session in sorted({pair_line(line) for line in self._lines}, reverse=True):
            if (there := _of_pair(core, session, creation)) is not None:
                return there
        return None

    def take(self, session: str) -> int:
        """The next number, durable, for a session."""
        number = pair_line(self._lines[-1])[0] + 1 if self._lines else 1
        self._add((number, session))
        return number

    def drawn(self, session: str) -> int | None:
        """The last number that was taken for a session, None if none was."""
        return max((number for number, one in map(pair_line, self._lines) if one == session), default=None)

    def note(self, number: int, session: str) -> None:
        """Have a session that was numbered elsewhere count here too; the last line keeps the highest number."""
        there = [pair_line(line) for line in self._lines]
        if (number, session) in there:
            return
        highest = there[-1:]
        self._add((number, session), *(one for one in highest if one[0] > number))

    def _add(self, *pairs: tuple[int, str]) -> None:
        disk.truncate(self._fd, self._end)
        os.lseek(self._fd, self._end, os.SEEK_SET)
        disk.write_all(self._fd, b"".join(values.encode(list(pair)) + b"\n" for pair in pairs))
        disk.datasync(self._fd)


def _of_pair(core: Core, session: str, creation: Creation) -> Created | None:
    with contextlib.suppress(NotFound):
        info = core.info(session)
        if (info.agent, info.user, info.kind) == (creation.agent, creation.user, creation.kind):
            return Created(info.id, info.seq, new=False)
    return None


def pair_line(line: bytes) -> tuple[int, str]:
    """The number and the id in a line of a pair's file.

    Raises:
        Corrupt: it is damaged.
    """
    try:
        number, session = values.decode(line)
        return int(number), str(session)
    except (ValueError, TypeError):
        msg = (
            f"a line in pairs/ is damaged: {line[:80]!r}. Restore the file from a backup, "
            "or have `hansard check --repair` go without that line"
        )
        raise Corrupt(msg) from None


@contextlib.contextmanager
def numbers(core: Core, agent: str | None, user: str | None) -> Generator[Pair]:
    """The numbers of an agent and a user, for this thread alone."""
    path = core.layout.pair(agent, user)
    with locks.locked_file(path) as fd:
        if not os.fstat(fd).st_size:
            # Whoever made the file has not come to write into it, so perhaps not to sync its name either.
            disk.sync_folder(path.parent)
        yield Pair(fd)


def _create_root(core: Core, creation: Creation, first: Request, reuse: Reuse, pair: Pair | None) -> Created:
    session = names.check_id(creation.id) if creation.id else names.new_id()
    place = f"sessions/{core.layout.named(session).name}"
    number: int | None = None
    while True:
        if make_way(core, session):
            there = _existing(core, session, creation, reuse)
            if there is None:
                raise AlreadyExists(taken(session))
            return there
        # Whoever writes the first commit syncs the name of the folder before it.
        fresh = disk.make_folder(core.layout.folder(place), synced=False)
        if not fresh and (there := _existing(core, session, creation, reuse)) is not None:
            return there
        if number is None and pair is not None:
            # Where somebody died before the first commit, the number that was drawn for it is this session's.
            number = (None if fresh else pair.drawn(session)) or pair.take(session)
        slug = None if number is None else slug_of(creation.agent, creation.user, number)
        entry = created_entry(creation, id=session, number=number, slug=slug)
        with contextlib.suppress(NotFound):
            begun = begin(core, session, place, first, entry)
            if begun is not None:
                return begun


def make_way(core: Core, session: str) -> bool:
    """Remove a pointer that leads nowhere; whether the id is a child's."""
    path = core.layout.named(session)
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        return False
    with locks.locked_file(path):
        if core.layout.find(session) is not None:
            return True
        disk.unlink(path)
        disk.sync_folder(path.parent)
    return False


def _existing(core: Core, session: str, creation: Creation, reuse: Reuse) -> Created | None:
    """The session that has the id, if it may be returned; None if nothing was ever acknowledged there.

    Raises:
        AlreadyExists: it may not.
    """
    try:
        info = core.info(session)
    except NotFound:
        return None
    if reuse == "id" and _owned(info, creation):
        return Created(session, info.seq, new=False)
    raise AlreadyExists(taken(session))


def _owned(info: SessionInfo, creation: Creation) -> bool:
    asked = ((creation.agent, info.agent), (creation.user, info.user))
    return all(wanted is None or wanted == there for wanted, there in asked)


def taken(session: str) -> str:
    """What to say when an id is in use."""
    return f"session {session!r} exists already. Use another id, or get_or_create() to continue it"


def begin(core: Core, session: str, place: str, first: Request, entry: NewEntry) -> Created | None:
    """Write the first commit of a log whose folder is there; None if another creator has done so.

    Raises:
        NotFound: the folder was removed meanwhile.
        Corrupt: what is there was a session once.
    """
    folder = core.layout.folder(place)
    with opened_log(core, session, place) as log, log.held():
        if log.begun:
            return None
        core.check_never_was(session, place)
        log.clear_unbegun(core.layout.quarantine)
        core.announce(log)
        sealed = (seal(entry, now_us=core.clock()), *first.sealed)
        request = Request(sealed=sealed, changes=first.changes, change_id=first.change_id)
        with nothing_left_of(core, log):
            disk.sync_together(folder, folder.parent)
            seq = write_first(core, log, request)
    core.index.touched(log)
    return Created(session, seq, new=True)


def write_first(
    core: Core, log: Log, request: Request, *, at: EntryAt | None = None, in_a_new_file: bool = False
) -> int:
    """Plan and write the first commit of a log whose lock is held; the last seq. `at` gives what comes before it."""
    group = commit.plan(
        log.fold, log.mark.hash, [request], find=lambda _id: None, at=at or log.entry_at, now_us=core.clock()
    )
    answer = group.answers[0]
    if isinstance(answer, HansardError):
        raise answer
    if in_a_new_file:
        rewriting.replace(log, group.lines)
    else:
        log.write(group)
    return answer.seq


@contextlib.contextmanager
def nothing_left_of(core: Core, log: Log) -> Generator[None]:
    """Write a first commit inside: if it is refused or fails, the folder that was made for it goes. Lock held."""
    try:
        yield
    except (HansardError, OSError):
        folder = log.path.parent
        with contextlib.suppress(OSError):
            # Whoever waits for the lock finds the file gone, and begins again. What is not empty stays for `check`.
            said = not log.begun and unbegun.is_said(folder)
            if said:
                unbegun.remove(folder)
            unused = said or not (log.begun or log.path.stat().st_size)
            if unused and [path.name for path in folder.iterdir()] == [LOG]:
                disk.unlink(log.path)
                folder.rmdir()
        core.pool.drop(log)
        raise


@contextlib.contextmanager
def opened_log(core: Core, session: str, place: str) -> Generator[Log]:
    """The log at a place, its file made if absent, in the pool and for this thread alone."""
    path = core.layout.log(place)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, disk.FILE_MODE)
    except (FileNotFoundError, NotADirectoryError):
        msg = f"session {session!r} was removed while it was being made"
        raise NotFound(msg) from None
    os.close(fd)
    while True:
        with core.pool.using(session) as log:
            if log.place == place:
                yield log
                return
            if core.layout.find(session) != place:
                msg = f"session {session!r} was made elsewhere meanwhile"
                raise NotFound(msg)
            # A log that is still open from a session of this id that was deleted, perhaps by another process.
            core.pool.drop(log)


def _create_child(core: Core, creation: Creation, first: Request, reuse: Reuse) -> Created:
    parent = core.info(creation.parent or "")
    root = parent.root or parent.id
    session = _child_id(creation, root)
    with core.held(root) as log:
        if creation.name is not None and (elsewhere := _aliased(core, session)) is not None:
            return elsewhere
        # Under the root's lock nothing of the tree is deleted; the parent may have been, just before.
        parent = core.info(parent.id) if parent.id != root else log.fold.info()
        name = core.layout.named(session).name
        place = child_place(log.path.parent.name, name)
        path = core.layout.sessions / name
        while True:
            with pointer(session, core, log.path.parent.name):
                if is_real_folder(core.layout.folder(place)):
                    there = _existing(core, session, creation, "id" if creation.name is not None else reuse)
                    if there is not None:
                        return there
                else:
                    disk.make_folder(log.path.parent / CHILDREN)
                    disk.make_folder(core.layout.folder(place))
                entry = created_entry(creation, id=session, parent=parent)
                with contextlib.suppress(NotFound):
                    begun = begin(core, session, place, first, entry)
                    if begun is not None:
                        return begun
                if not path.exists():
                    continue


def _aliased(core: Core, derived: str) -> Created | None:
    """The resident that has an id of its own, as one from another store may. The root's lock is held.

    Raises:
        Corrupt, OSError: it is there and damaged, or can't be read, so its name is not free.
    """
    path = core.layout.named(derived)
    names_ = read_alias(path)
    if names_ is None:
        return None
    place = child_place(*names_)
    log = core.layout.log(place)
    session = names.id_of(names_[1]) or _id_in(log)
    if session is not None and core.layout.find(session) == place:
        with contextlib.suppress(NotFound):
            info = core.info(session)
            return Created(info.id, info.seq, new=False)
    elif _size_of(log):
        msg = f"{log}: the name of a resident leads here, but its id does not. Run `hansard check --repair`"
        raise Corrupt(msg, path=str(log), line=1)
    # The resident was deleted, or never came to be, so its name is free.
    with locks.locked_file(path):
        disk.unlink(path)
        disk.sync_folder(path.parent)
    return None


def _id_in(log: Path) -> str | None:
    """The id of the session in a log whose name is too long to tell it; None where no log was begun."""
    if not _size_of(log):
        return None
    body = sources.read_first_entry(log).body
    return str(body.get("session")) if isinstance(body, dict) else ""


def _size_of(log: Path) -> int:
    try:
        return log.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def alias(core: Core, derived: str, leads_to: str) -> None:
    """Have the name of a resident lead to the child that has an id of its own. The root's lock is held."""
    disk.write_file(core.layout.named(derived), leads_to.encode() + b"\n")


def _child_id(creation: Creation, root: str) -> str:
    if creation.name is not None:
        if creation.id:
            msg = "name and id: the id of a resident child follows from its root and name; give one of the two"
            raise Invalid(msg)
        return resident_id(root, creation.name)
    return names.check_id(creation.id) if creation.id else names.new_id()


@contextlib.contextmanager
def pointer(session: str, core: Core, root_name: str) -> Generator[None]:
    """Hold the pointer file of a child, leading to its root.

    Raises:
        AlreadyExists: the id is a root's, or that of a child elsewhere.
    """
    path = core.layout.named(session)
    try:
        with locks.locked_file(path) as fd:
            there = read_pointer(path)
            if there not in (None, root_name) and core.layout.find(session) is not None:
                raise AlreadyExists(taken(session))
            if there != root_name:
                disk.truncate(fd, 0)
                os.lseek(fd, 0, os.SEEK_SET)
                disk.write_all(fd, root_name.encode() + b"\n")
                disk.datasync(fd)
                disk.sync_folder(path.parent)
            yield
    except IsADirectoryError:
        raise AlreadyExists(taken(session)) from None
