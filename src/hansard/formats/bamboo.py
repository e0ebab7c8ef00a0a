"""Homes of bamboo: a folder for each session, with its messages, a sidecar, a token log and attachments.

The folders are what is read; the index `sessions.json` is only compared, since it drifts. A sidecar counts if it is at
least as new as its session file. Messages that were compressed are hidden behind the conversation's summary; they stay
on record and are found by a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from .bamboo_session import SessionFolder, read_json, read_session
from .bundles import Bundle, Tell
from .bundling import take_bundles
from .crabtalk import is_session
from .planning import word
from .regular import beginning, contents
from .report import Damage, ExportReport, FileReport

FORMAT: Final = "bamboo"


class _Index(msgspec.Struct):
    sessions: dict[str, msgspec.Raw]


def recognise(folder: Path) -> bool:
    """Whether a folder is a home, its folder of sessions, or the folder of one session."""
    if _is_session(folder):
        return True
    inner = folder / "sessions"
    if inner.is_dir() and (_is_index(folder / "sessions.json") or (folder / ".runtime_sidecar_migrated").is_file()):
        return True
    holder = inner if inner.is_dir() else folder
    return any(_is_session(path) for path in _folders(holder)[:50])


def _is_session(folder: Path) -> bool:
    """Whether a folder holds a session file or a sidecar of bamboo's, however damaged."""
    if (folder / "runtime.json").is_file() or (folder / "token-usage.jsonl").is_file():
        return (folder / "session.json").exists() or (folder / "attachments").is_dir() or _looks_own(folder)
    return (folder / "session.json").is_file() and _looks_own(folder)


def _looks_own(folder: Path) -> bool:
    for name in ("session.json", "runtime.json"):
        try:
            head = beginning(folder / name)
        except OSError:
            continue
        if b'"messages"' in head or b'"root_session_id"' in head or not head.strip():
            return True
    return (folder / "attachments").is_dir() or (folder / "children").is_dir()


def _is_index(path: Path) -> bool:
    try:
        head = beginning(path)
    except OSError:
        return False
    return b'"sessions"' in head or not head.strip()


def import_folder(store: Any, folder: Path, *, dry_run: bool, advance: Callable[[int], None]) -> list[FileReport]:
    """Bring in the sessions of a home, each root before its descendants; one report a session, and one of the folder."""
    return take_bundles(store, folder, FORMAT, bundles, dry_run=dry_run, advance=advance)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []


def bundles(folder: Path, tell: Tell) -> Iterator[Bundle]:
    """The sessions of a home, each root before its descendants."""
    if _is_session(folder):
        home, roots = folder.parent.parent, [folder]
    elif (folder / "sessions").is_dir():
        home, roots = folder, _folders(folder / "sessions")
    else:
        home, roots = folder.parent, _folders(folder)
    index = _index(home / "sessions.json", tell)
    missing = dict.fromkeys(index or () if roots != [folder] else ())
    for root in roots:
        for place in (root, *_children(root)):
            bundle = read_session(SessionFolder(place, index))
            if bundle is not None:
                missing.pop(place.name, None)
                yield bundle
            elif place.name not in missing and not is_session(place):
                tell(Damage(str(place), "neither a session file nor a sidecar in it can be read; nothing was imported"))
    for name in missing:
        tell(Damage(str(home / "sessions.json"), f"it names the session {name}, of which nothing can be read"))


def _children(root: Path) -> list[Path]:
    """The folders of a root's descendants, parents before their children."""
    found = _folders(root / "children")
    parents = {path: _parent(path) for path in found}
    names = {path.name: path for path in found}

    def depth(path: Path) -> int:
        steps, parent = 0, parents[path]
        while parent in names and steps <= len(names):
            steps, parent = steps + 1, parents[names[parent]]
        return steps

    return sorted(found, key=depth)


def _parent(folder: Path) -> str | None:
    for name in ("runtime.json", "session.json"):
        header = read_json(folder / name)
        if header.get("parent_session_id"):
            return word(header["parent_session_id"])
    return None


def _index(path: Path, tell: Tell) -> dict[str, bytes] | None:
    """The text of each entry of the index, by its session; None if there is no index that can be read."""
    try:
        data = contents(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        tell(Damage(str(path), error.strerror or str(error)))
        return None
    try:
        found = msgspec.json.decode(data, type=_Index)
    except (msgspec.DecodeError, RecursionError) as error:
        tell(Damage(str(path), f"{error}; the folders were read instead"))
        return None
    return {name: bytes(entry) for name, entry in found.sessions.items()}


def export_sessions(store: Any, ids: Iterable[str], folder: Path) -> ExportReport:
    """Write the sessions, with the trees that they belong to, as a home that bamboo reads."""
    from .bamboo_writing import export_sessions

    return export_sessions(store, ids, folder)
