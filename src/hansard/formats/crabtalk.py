"""Sessions of crabtalk: a folder each, with a file for each step, a file `meta`, and archives in a file beside them.

Steps are read in the order of their numbers, both eras of messages and both kinds of boundaries. A boundary becomes a
compaction whose summary is the archive that it names, or the text that it holds itself. Leftovers of saves that were
never finished are left aside; a step that can't be understood is kept as an event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from .bundles import Bundle, Tell
from .bundling import take_bundles
from .crabtalk_memory import MAGIC, Memories, read_memories
from .crabtalk_session import FORMAT, STEP, TEMPORARY, read_session
from .crabtalk_shelving import shelve
from .regular import beginning, contents
from .report import Damage, ExportReport, FileReport

_META: Final = re.compile(rb'\s*\{[^{}]*"(?:agent|created_by)"\s*:')
_NAMED: Final = re.compile(r"[^_]+_.+_\d+|[0-9A-HJKMNP-TV-Z]{26}")
"""Names of session folders: agent, sender and number; or a ULID."""
_LOOKED_AT_MAX: Final = 50


def recognise(folder: Path) -> bool:
    """Whether a folder is crabtalk's own, its folder of sessions, or the folder of one session."""
    if is_session(folder):
        return True
    return any(is_session(path) for path in _folders(_holder(folder))[:_LOOKED_AT_MAX])


def import_folder(store: Any, folder: Path, *, dry_run: bool, advance: Callable[[int], None]) -> list[FileReport]:
    """Bring in the sessions, with the archives of the memory file beside them, and its notes and topics as documents."""
    opened: list[tuple[Path, Memories]] = []
    claimed: set[str] = set()

    def read(folder: Path, tell: Tell) -> Iterator[Bundle]:
        opened.append(_memories(folder, tell))
        for bundle in bundles(folder, opened[0][1], tell):
            claimed.update(document.name for document in bundle.documents)
            yield bundle

    reports = take_bundles(store, folder, FORMAT, read, dry_run=dry_run, advance=advance)
    if is_session(folder):
        # One session was asked for; the notes of its surroundings are no part of it.
        return reports
    shelved = [shelve(store, path, memories, claimed, dry_run=dry_run) for path, memories in opened if memories.entries]
    return reports + [report for report in shelved if report.documents or report.skipped or report.damage]


def bundles(folder: Path, memories: Memories, tell: Tell) -> Iterator[Bundle]:
    """The sessions of a folder; those of one agent and sender in the order of their numbers."""
    places = [folder] if is_session(folder) else _folders(_holder(folder))
    for place in sorted(places, key=_order):
        if not any(place.iterdir()):
            tell(Damage(str(place), "an empty folder without meta: crabtalk finds it as the latest and can't load it"))
            continue
        bundle = read_session(place, memories)
        if bundle is not None:
            yield bundle
        elif _NAMED.fullmatch(place.name):
            tell(Damage(str(place), "neither meta nor a step in it; nothing was imported"))


def _holder(folder: Path) -> Path:
    inner = folder / "sessions"
    return inner if inner.is_dir() else folder


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []


def is_session(folder: Path) -> bool:
    """Whether a folder has steps, or a meta file of crabtalk's."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return False
    if any(name.startswith("step-") and (STEP.fullmatch(name) or TEMPORARY.fullmatch(name)) for name in names):
        return True
    if "meta" not in names:
        return False
    try:
        head = beginning(folder / "meta")
    except OSError:
        return False
    return bool(_META.match(head)) or (not head.strip() and bool(_NAMED.fullmatch(folder.name)))


def _order(place: Path) -> tuple[bool, str, int]:
    """Numbered names by their numbers, then the others: their numbers are given here as they were there."""
    pair, _, number = place.name.rpartition("_")
    numbered = bool(pair) and number.isascii() and number.isdigit() and len(number) < 19
    return (False, pair, int(number)) if numbered else (True, place.name, 0)


def _memories(folder: Path, tell: Tell) -> tuple[Path, Memories]:
    """The memory file in the folder, or in the one or two above that may be crabtalk's own, and what it holds."""
    for place in (folder, folder.parent, folder.parent.parent):
        for path in (place / "memory.db", *sorted(place.glob("*_memory.db"))):
            try:
                data = contents(path) if path.is_file() else None
            except OSError as error:
                tell(Damage(str(path), error.strerror or str(error)))
                continue
            if data is None or (data[:6] != MAGIC and data.startswith(b"SQLite")):
                continue
            found = read_memories(data)
            if found.damage:
                tell(Damage(str(path), found.damage))
            return path, found
    return folder, Memories()


def export_sessions(store: Any, ids: Iterable[str], folder: Path) -> ExportReport:
    """Write the sessions as folders that crabtalk reads, and their archives into its memory file."""
    from .crabtalk_writing import export_sessions

    return export_sessions(store, ids, folder)
