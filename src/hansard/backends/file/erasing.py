"""Erasing: bodies that are gone for good, from every file of the store that held them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from ...backend import Request
from ...codec.line import erase_line, hash_cut, seal
from ...errors import Corrupt, HansardError, Invalid, NotFound, Unavailable
from ...model.entry import Entry, Json, NewEntry
from ...model.references import attachments_in
from ...model.requests import Erasure
from .. import commit
from ..derive import NEVER_ERASED
from . import attaching, deleting, disk, forking, rewriting, scan, sources
from .core import Core
from .layout import PREFIX
from .log import Log


class _Work(msgspec.Struct):
    """What one erasure is to do, and what it has done."""

    said: dict[str, Json]
    hashes: set[bytes]
    """Of the lines to clear, in hex: the same line may stand in several files."""
    names: set[str]
    """Attachments that the cleared bodies named."""
    seqs: frozenset[int]
    folders: list[Path] = []
    forks: list[str] = []
    unreached: list[str] = []
    """Forks that may show the text and could not be opened, in words."""

    def take(self, entries: Sequence[Entry]) -> None:
        """Have these entries cleared too."""
        self.hashes |= {entry.hash.encode() for entry in entries}
        for entry in entries:
            self.names |= attachments_in(entry.body).keys()

    def cleared(self, line: bytes) -> bytes:
        """The line as it is to stand."""
        try:
            cut = hash_cut(line)
        except ValueError:
            return line
        return erase_line(line) if line[cut + 9 : cut + 73] in self.hashes else line


def erase(core: Core, session: str, seqs: Sequence[int], *, by: str | None, reason: str | None) -> Erasure:
    """As the contract says."""
    said: dict[str, Json] = {key: value for key, value in (("by", by), ("reason", reason)) if value is not None}
    with core.held(session) as log:
        targets = _targets(core, log, seqs)
        work = _Work(said, set(), set(), frozenset(entry.seq for entry in targets))
        work.take(targets)
        core.announce(log)
        _erase_in(core, log, work, [entry.seq for entry in targets])
        _erase_in_forks(core, log, work)
        dropped = _drop_attachments(work)
        core.index.touched(log)
        own_first = log.first_seq
    if min(work.seqs, default=own_first) < own_first:
        _erase_in_copies(core, session, work)
    return Erasure(
        tuple(entry.seq for entry in targets),
        tuple(dropped),
        tuple(sorted(set(work.forks))),
        (*work.unreached, *_unreached(core)),
    )


def _targets(core: Core, log: Log, seqs: Sequence[int]) -> list[Entry]:
    """The entries to erase in order, with the amendments that show what their targets said instead."""
    last, session = log.mark.seq, log.session
    has_prefix = (core.layout.folder(log.place) / PREFIX).exists()
    for seq in seqs:
        if type(seq) is not int or not 1 <= seq <= last:
            msg = f"session {session!r}: there is no entry {seq!r} to erase; it has entries 1 to {last}"
            raise Invalid(msg)
        if seq < log.first_seq and not has_prefix:
            holder = next(segment.session for segment in log.segments if segment.last >= seq)
            msg = f"session {session!r} shows entry {seq} of {holder!r}, from which it was forked; erase it there"
            raise Invalid(msg)
    wanted = {*seqs, *forking.erased_amendments(log, frozenset(seqs))}
    found = [entry for entry in map(log.entry_at, sorted(wanted)) if entry is not None]
    for entry in found:
        if entry.kind in NEVER_ERASED:
            msg = (
                f"session {session!r}: entry {entry.seq} is of kind {entry.kind!r}, without which the log can't be read"
            )
            raise Invalid(msg)
    return found


def _erase_in(core: Core, log: Log, work: _Work, seqs: list[int]) -> None:
    """Clear what is to be cleared in a log whose lock is held; with `seqs`, say so in an entry of the same new file."""
    folder = core.layout.folder(log.place)
    more: list[bytes] = []
    if seqs:
        entry = NewEntry(kind="erase", body={"seqs": seqs, **work.said})
        more = _planned(core, log, Request(sealed=(seal(entry, now_us=core.clock()),)))
    if (folder / PREFIX).exists():
        # First: once the log says that they were erased, nobody looks here again.
        rewriting.rewrite_file(folder / PREFIX, work.cleared)
    rewriting.rewrite(log, work.cleared, more)
    rewriting.remove_leftovers(folder)
    work.folders.append(folder)


def _planned(core: Core, log: Log, request: Request) -> list[bytes]:
    group = commit.plan(log.fold, log.mark.hash, [request], find=lambda _id: None, at=log.entry_at, now_us=core.clock())
    answer = group.answers[0]
    if isinstance(answer, HansardError):
        raise answer
    return group.lines


def _erase_in_forks(core: Core, log: Log, work: _Work) -> None:
    """The same in every fork that shows the entries: its copies, its prefix, and what was derived of them."""
    reached: set[str] = set()
    while left := [one for one in forking.markers(core.layout.folder(log.place)) if one not in reached]:
        # Until there is no other: a fork that was deleted meanwhile has left copies to its own forks, and their names here.
        for session in left:
            reached.add(session)
            _reach(core, session, work, lambda fork: _erase_if_shown(core, fork, work))


def _reach(core: Core, session: str, work: _Work, do: Callable[[Log], None]) -> None:
    """Do it in a fork, held. One that is in no state to be read or written is said instead; one that is gone needs nothing."""
    with contextlib.ExitStack() as held:
        try:
            fork = held.enter_context(core.held(session))
        except NotFound:
            return
        except (Corrupt, Unavailable) as error:
            work.unreached.append(f"fork {session!r} may show what was erased: {error}")
            return
        try:
            do(fork)
        except Corrupt as error:
            work.unreached.append(f"fork {session!r} may show what was erased: {error}")


def _erase_if_shown(core: Core, fork: Log, work: _Work) -> None:
    if fork.segments and fork.segments[-1].last >= min(work.seqs):
        _erase_in_fork(core, fork, work)


def _erase_in_fork(core: Core, fork: Log, work: _Work) -> None:
    copies = [one for one in map(fork.entry_at, forking.erased_amendments(fork, work.seqs)) if one is not None]
    copies = [one for one in copies if not one.erased]
    work.take(copies)
    if copies or (core.layout.folder(fork.place) / PREFIX).exists():
        work.forks.append(fork.session)
    core.announce(fork)
    # Also without copies: in a new file nobody takes what was derived before for what is now.
    _erase_in(core, fork, work, [one.seq for one in copies])
    _erase_in_forks(core, fork, work)
    core.index.touched(fork)


def _erase_in_copies(core: Core, session: str, work: _Work) -> None:
    """The same in other forks of a session that is gone: each has a copy of its lines."""
    for path in sorted(core.layout.sessions.glob(f"*/{PREFIX}")):
        other = deleting.id_at(core, f"sessions/{path.parent.name}")
        if other in (None, session, *work.forks) or not _has_lines(path, work.hashes):
            continue
        # Under no other lock: siblings have no order among them.
        _reach(core, other, work, lambda fork: _erase_in_fork(core, fork, work))


def _has_lines(path: Path, hashes: set[bytes]) -> bool:
    with contextlib.suppress(FileNotFoundError), sources.opened(path) as fd:
        for _, line in scan.raw_lines(fd, 0):
            cut = line.find(b'"hash":"') + 8
            if line[cut : cut + 64] in hashes:
                return True
    return False


def _drop_attachments(work: _Work) -> list[str]:
    """Remove the attachments that only cleared bodies named."""
    held = {
        name: path for folder in work.folders for name, path in attaching.files(folder).items() if name in work.names
    }
    if not held:
        return []
    still = {name for folder in work.folders for name in _named(folder, frozenset(held))}
    dropped = sorted(held.keys() - still)
    for name in dropped:
        for folder in work.folders:
            path = attaching.files(folder).get(name)
            if path is not None:
                disk.unlink(path)
                disk.sync_folder(path.parent)
    return dropped


def _named(folder: Path, names: frozenset[str]) -> set[str]:
    found: set[str] = set()
    wanted = [(name, name.encode()) for name in names]
    for path in (folder / "log.jsonl", folder / PREFIX):
        with contextlib.suppress(FileNotFoundError), sources.opened(path) as fd:
            for _, line in scan.raw_lines(fd, 0):
                found |= {name for name, spelled in wanted if spelled in line}
    return found


def _unreached(core: Core) -> tuple[str, ...]:
    with contextlib.suppress(FileNotFoundError):
        if any(core.layout.quarantine.iterdir()):
            return (f"{core.layout.quarantine}: what was set aside there was not looked at",)
    return ()
