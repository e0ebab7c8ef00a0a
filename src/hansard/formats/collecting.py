"""Which files to import, and in which order: folders walked in sorted order, sessions before their sub-agents."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from ..errors import Invalid, NotFound
from ..model.entry import Json
from .claude_code import ClaudeCodeReader
from .codex import CodexReader
from .codex_object import DOCUMENT_BYTES_MAX, DocumentReader
from .detecting import SUPPORTED, Detected, examine
from .directories import DIRECTORY_FORMATS, recognise, recognised, size_of
from .jsonl import JsonlReader
from .jsontext import NotJson, read
from .planning import Reader
from .regular import changed_at
from .report import Damage
from .source import first_values, line_of

ENDINGS: Final = (".jsonl", ".json", ".ndjson")
"""In folders, files with other endings are passed over."""

PACKED: Final = (".gz", ".zst", ".bz2", ".xz")
"""Behind one of those: told, so that nobody takes them for imported."""

_PART: Final = re.compile(r"session\.json|runtime\.json|token-usage\.jsonl|meta|step-[0-9]+")
"""Names of files that say nothing without those beside them."""


class Source(msgspec.Struct):
    """A file to look at."""

    path: Path
    format: str = ""
    size: int = 0
    refused: str = ""
    damage: list[Damage] = []
    """What shows that the file is no longer what it was."""
    names: tuple[str | None, str | None] = (None, None)
    """Native id of its session, and of that session's parent."""

    @property
    def whole(self) -> bool:
        """It is a folder that is one thing: the directory of another program."""
        return self.format in DIRECTORY_FORMATS


def collect(paths: Iterable[str | os.PathLike[str]], format: str) -> list[Source]:  # noqa: A002 - the field's name
    """The files under the paths, each once, parents before their children, otherwise in sorted order.

    A folder that is the directory of another program is one source; its files are not looked at one by one.

    Raises:
        NotFound: a path does not exist.
        Invalid: the format is not one that can be read.
    """
    if format != "auto" and format not in (*SUPPORTED, *DIRECTORY_FORMATS):
        msg = f"format {format!r} can't be read; use auto or one of {', '.join((*SUPPORTED, *DIRECTORY_FORMATS))}"
        raise Invalid(msg)
    found: dict[tuple[Path, str], Source] = {}
    for given in paths:
        path = Path(given)
        if not path.exists():
            msg = f"{path}: no such file or folder; nothing was imported"
            raise NotFound(msg)
        for source in _sources(path, format):
            found.setdefault((source.path, source.format), source)
    for source in found.values():
        if not source.refused and not source.whole:
            _look(source, format)
    return _parents_first(list(found.values()))


def _sources(path: Path, format: str) -> Iterable[Source]:  # noqa: A002 - the field's name
    if format in DIRECTORY_FORMATS:
        if not path.is_dir():
            msg = f"{path}: the format {format} is a whole directory; name the directory, not a file in it"
            raise Invalid(msg)
        return (Source(path, format, size_of(path)),)
    if path.is_dir():
        return _walk(path, format)
    whole = recognise(path.parent) if format == "auto" and _PART.fullmatch(path.name) else None
    return (Source(path, refused=f"a part of a directory of {whole}; import {path.parent}" if whole else ""),)


def _walk(root: Path, format: str) -> Iterator[Source]:  # noqa: A002 - the field's name
    inside = root.resolve()
    closed: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=closed.append):
        shown = list(recognised(folder)) if format == "auto" else []
        if shown:
            folders.clear()
            yield from (Source(Path(folder), name, size_of(Path(folder))) for name in shown)
            continue
        folders.sort()
        for name in folders:
            path = Path(folder, name)
            if path.is_symlink():
                yield Source(path, refused="a link to a folder; import the folder itself")
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix in ENDINGS or (path.suffix in PACKED and Path(path.stem).suffix in ENDINGS):
                yield Source(path, refused=_where_it_leads(path, inside) if path.is_symlink() else "")
    for error in closed:
        yield Source(Path(error.filename), refused=f"a folder that can't be looked into: {error.strerror}")


def _where_it_leads(link: Path, inside: Path) -> str:
    """Why a link is not followed; "" if it stays in the folder."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if inside in target.parents:
        return ""
    return f"a link out of the folder, to {target}; import that file by its name"


def _look(source: Source, format: str) -> None:  # noqa: A002 - the field's name
    """Fill in format, size and names, or why the file is refused."""
    try:
        status = source.path.stat()
        if not stat.S_ISREG(status.st_mode):
            source.refused = "not a regular file"
            return
        source.size = status.st_size
        found = examine(source.path) if format == "auto" or not source.size else Detected(format)
        if found.format is None:
            source.refused = found.reason
            source.damage = _damage(source)
        elif found.format == "hansard":
            source.refused = "a log of Hansard's own; bring it in with `hansard copy`"
        else:
            source.format = found.format
            source.names = _names(source)
    except OSError as error:
        source.refused = f"can't be read: {error.strerror or error}"
    except Invalid as error:
        source.refused = str(error)


def _damage(source: Source) -> list[Damage]:
    """What is wrong with a file that no reader takes, where it is certain that something is."""
    if not source.size:
        return [Damage("byte 0", "the file is empty")]
    if source.path.suffix == ".json" and source.size <= DOCUMENT_BYTES_MAX:
        try:
            read(source.path.read_bytes())
        except NotJson as error:
            return [Damage(error.place, error.reason)]
    return []


def _names(source: Source) -> tuple[str | None, str | None]:
    if source.format not in ("claude-code", "codex"):
        return None, None
    head = first_values(source.path)
    reader = reader_of(source, head)
    facts = reader.facts(reader.key(line_of(0, b"", whole=True)), line_of(0, b"", whole=True))
    own = facts.native if facts.agent is None else None
    return own, facts.parent


def _parents_first(sources: list[Source]) -> list[Source]:
    parent_of = {own: parent for own, parent in (source.names for source in sources) if own is not None}

    depths: dict[str, int] = {}

    def depth(native: str | None) -> int:
        """How many sessions stand above one whose parent is `native`; each is looked at once, also in a circle."""
        way: list[str] = []
        while native is not None and native not in depths:
            depths[native] = 0
            way.append(native)
            native = parent_of.get(native)
        steps = 0 if native is None else depths[native]
        for one in reversed(way):
            steps += 1
            depths[one] = steps
        return steps

    return sorted(sources, key=lambda source: depth(source.names[1]))


def reader_of(source: Source, head: list[dict[str, Json]]) -> Reader:
    """The reader for a file, which is told the objects at its beginning."""
    stem, start = source.path.stem, changed_at(source.path)
    if source.format == "claude-code":
        return ClaudeCodeReader(stem, head, start, spawner=_spawner(source.path))
    if source.format == "codex":
        return CodexReader(stem, head, start)
    if source.format in ("codex-json", "json"):
        data = source.path.read_bytes() if source.size <= DOCUMENT_BYTES_MAX else b""
        return DocumentReader(stem, data, start, format=source.format)
    return JsonlReader(stem, head, start)


def _spawner(path: Path) -> str | None:
    """The session in whose folder `subagents` a file lies, however deep."""
    parts = path.parts[:-1]
    if "subagents" not in parts:
        return None
    place = len(parts) - 1 - parts[::-1].index("subagents")
    return parts[place - 1] if place else None
