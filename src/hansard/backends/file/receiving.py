"""Taking over a log from another store: gathered in a folder of its own, verified, and only then put in its place."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import msgspec

from ...codec.line import decode_line, erase_line
from ...errors import AlreadyExists, Conflict, Corrupt, NotFound
from ...model.entry import Entry, Json
from ...model.info import Attachment, Segment
from ...model.requests import Created
from ..arriving import Arriving, verified
from ..derive import resident_id
from . import attaching, creating, disk, forking, rewriting, scan, sources
from .core import Core
from .layout import ATTACHMENTS, CHILDREN, LOG, PREFIX, child_place
from .log import Log


class Arrived(msgspec.Struct):
    """A log that came in, every line of it verified, in a folder that nobody else knows."""

    folder: Path
    first: Entry
    last: Entry
    links: dict[int, str]
    """The hash of each commit line by its seq."""
    erased: frozenset[int]
    """What its erase entries name."""

    @property
    def body(self) -> dict[str, Json]:
        """Of the `created` entry."""
        return self.first.body

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Of a fork: where the entries before its first lie."""
        return sources.segments_of(self.first)

    @property
    def has_prefix(self) -> bool:
        """It brought the lines that it inherits."""
        return (self.folder / PREFIX).exists()

    def lines(self, *, after: int = 0) -> Iterator[bytes]:
        """Its own lines with `seq > after`, cleared where an erase entry says so."""
        with sources.opened(self.folder / LOG) as fd:
            for number, (_, line) in enumerate(scan.raw_lines(fd, 0), self.first.seq):
                if number > after:
                    yield erase_line(line) if number in self.erased else line


def receive(
    core: Core, session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]
) -> Created:
    """As the contract says."""
    folder = core.layout.arriving / os.urandom(8).hex()
    disk.make_folder(core.layout.arriving)
    folder.mkdir(mode=disk.FOLDER_MODE)
    try:
        arrived = _gather(folder, session, lines)
        _keep_attachments(folder, attachments)
        return _settle(core, session, arrived)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -- gathering ---------------------------------------------------------------------------------------------------------


def _gather(folder: Path, session: str, lines: Iterable[bytes]) -> Arrived:
    """Write what comes into files, verifying each line.

    Raises:
        Corrupt: a line does not verify, or the last one ends no group.
        Invalid: it is the log of another session.
    """
    arriving = Arriving(session, lines)
    if arriving.inherits:
        with _written(folder / PREFIX) as fd:
            rewriting.write_lines(fd, arriving.inherited())
    with _written(folder / LOG) as fd:
        rewriting.write_lines(fd, arriving.own())
    arrived = Arrived(folder, arriving.first, arriving.last, arriving.links, frozenset(arriving.erased))
    if arriving.inherits and any(seq < arrived.first.seq for seq in arrived.erased):
        rewriting.rewrite_file(folder / PREFIX, _clearing(arrived.erased))
    return arrived


@contextlib.contextmanager
def _written(path: Path) -> Generator[int]:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, disk.FILE_MODE)
    try:
        yield fd
        disk.datasync(fd)
    finally:
        os.close(fd)


def _clearing(seqs: frozenset[int]) -> rewriting.Change:
    return lambda line: erase_line(line) if decode_line(line).seq in seqs else line


def _keep_attachments(folder: Path, attachments: Iterable[tuple[Attachment, bytes]]) -> None:
    for attachment, data in verified(attachments):
        target = folder / ATTACHMENTS
        target.mkdir(mode=disk.FOLDER_MODE, exist_ok=True)
        path = target / f"{attachment.sha256}.{attaching.extension(attachment.mime)}"
        if not path.exists():
            with _written(path) as fd:
                disk.write_all(fd, data)


# -- putting in place --------------------------------------------------------------------------------------------------


def _settle(core: Core, session: str, arrived: Arrived) -> Created:
    if core.layout.find(session) is not None:
        with contextlib.suppress(NotFound):
            return _continue(core, session, arrived)
    parent = arrived.body.get("parent")
    try:
        if isinstance(parent, str):
            return _place_child(core, session, arrived, parent)
        return _place_root(core, session, arrived)
    except AlreadyExists:
        # Somebody else has brought it meanwhile, or has made one.
        with contextlib.suppress(NotFound):
            return _continue(core, session, arrived)
        raise


def _continue(core: Core, session: str, arrived: Arrived) -> Created:
    """Add the rest to a log whose beginning is here.

    Raises:
        Conflict: it is another log, or a longer one.
    """
    with core.held(session) as log:
        here = log.mark
        if arrived.links.get(here.seq) != here.hash.hex():
            msg = f"session {session!r} is here with another log (or a longer one). Copy it under a new id"
            raise Conflict(msg, seq=here.seq)
        _bring_attachments(arrived, core.layout.folder(log.place))
        if arrived.last.seq > here.seq:
            core.announce(log)
            late = frozenset(seq for seq in arrived.erased if seq <= here.seq)
            more = arrived.lines(after=here.seq)
            rewriting.rewrite(log, _clearing(late) if late else bytes, more)
            core.index.touched(log)
        else:
            log.sync_foreign()
    return Created(session, arrived.last.seq, new=False)


def _bring_attachments(arrived: Arrived, folder: Path) -> None:
    found = attaching.files(arrived.folder)
    there = attaching.files(folder) if found else {}
    if not found:
        return
    disk.make_folder(folder / ATTACHMENTS)
    for name, path in found.items():
        if name not in there:
            disk.rename(path, folder / ATTACHMENTS / path.name)
    disk.sync_folder(folder / ATTACHMENTS)


def _place_root(core: Core, session: str, arrived: Arrived) -> Created:
    with contextlib.ExitStack() as held:
        agent, user, number = (arrived.body.get(name) for name in ("agent", "user", "number"))
        if type(number) is int:
            disk.make_folder(core.layout.pairs)
            pair = held.enter_context(creating.numbers(core, _text(agent), _text(user)))
            pair.note(number, session)
        if arrived.segments:
            held.enter_context(_origin(core, session, arrived))
        place = f"sessions/{core.layout.named(session).name}"
        while True:
            if creating.make_way(core, session):
                raise AlreadyExists(creating.taken(session))
            disk.make_folder(core.layout.folder(place))
            if (created := _put(core, session, place, arrived)) is not None:
                return created


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


@contextlib.contextmanager
def _origin(core: Core, session: str, arrived: Arrived) -> Generator[None]:
    """Hold the session whose log holds the line that a fork continues, marked; nothing if the fork has its own copy.

    Raises:
        NotFound: neither is there.
    """
    segment = arrived.segments[-1]
    with contextlib.ExitStack() as held:
        log: Log | None = None
        with contextlib.suppress(NotFound, Corrupt):
            log = held.enter_context(core.held(segment.session))
        entry = None if log is None else log.entry_at(segment.last)
        if log is None or entry is None or entry.hash != segment.hash or entry.seq < log.first_seq:
            if not arrived.has_prefix:
                msg = (
                    f"session {session!r} is a fork of {segment.session!r}, which is not here up to entry {segment.last}; "
                    "copy that one first"
                )
                raise NotFound(msg)
            forking.mark_at_holders(core, session, arrived.segments)
            yield
            return
        disk.sync_together(*forking.mark(core, log, session, segment.last))
        yield


def _place_child(core: Core, session: str, arrived: Arrived, parent_id: str) -> Created:
    try:
        parent = core.info(parent_id)
    except NotFound:
        msg = f"session {session!r} is a child of {parent_id!r}, which is not here; copy that one first"
        raise NotFound(msg) from None
    root = parent.root or parent.id
    with core.held(root) as log:
        if parent.id != root:
            core.info(parent.id)
        root_name = log.path.parent.name
        place = child_place(root_name, core.layout.named(session).name)
        with creating.pointer(session, core, root_name):
            disk.make_folder(log.path.parent / CHILDREN)
            disk.make_folder(core.layout.folder(place))
            name = arrived.body.get("name")
            if isinstance(name, str) and name and (derived := resident_id(root, name)) != session:
                # Before the log, so that no crash leaves a resident that its name does not lead to; a name that leads to
                # no log yet is free.
                creating.alias(core, derived, f"{root_name}/{core.layout.named(session).name}")
            created = _put(core, session, place, arrived)
            if created is None:
                msg = f"session {session!r} was removed while it was being made"
                raise NotFound(msg)
            return created


def _put(core: Core, session: str, place: str, arrived: Arrived) -> Created | None:
    """Put what arrived where a folder waits for it; None if that was taken away, as nothing was acknowledged there."""
    folder = core.layout.folder(place)
    with contextlib.ExitStack() as held:
        try:
            log = held.enter_context(creating.opened_log(core, session, place))
            held.enter_context(log.held())
        except NotFound:
            return None
        if log.begun:
            raise AlreadyExists(creating.taken(session))
        core.check_never_was(log.session, log.place)
        log.clear_unbegun(core.layout.quarantine)
        with creating.nothing_left_of(core, log):
            if arrived.has_prefix or attaching.files(arrived.folder):
                log.say_unbegun()
            disk.sync_together(folder, folder.parent)
            core.announce(log)
            _bring_attachments(arrived, folder)
            if arrived.has_prefix:
                disk.rename(arrived.folder / PREFIX, folder / PREFIX)
            rewriting.replace(log, arrived.lines())
        core.index.touched(log)
    return Created(session, arrived.last.seq, new=True)


def finish(core: Core) -> None:
    """Remove what receivers that died left behind, if nobody has touched it for a day."""
    now = core.clock()
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in list(core.layout.arriving.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                if now - path.stat().st_mtime_ns // 1000 > 86_400_000_000:
                    shutil.rmtree(path, ignore_errors=True)
