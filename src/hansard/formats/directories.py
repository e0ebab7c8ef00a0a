"""Formats that are whole directories: found by what lies in a folder, read and written as a whole.

One module a format. It has `recognise(folder)`, which only looks; `import_folder(store, folder, …)`, which brings all of
it in and reports file by file; and `export_sessions(store, ids, folder, …)`. Adding a format adds its line here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias, cast

from ..errors import Invalid
from .report import ExportReport, FileReport

Advance: TypeAlias = Callable[[int], None]
"""Called with the bytes of the folder that are done."""


class DirectoryFormat(Protocol):
    """What the module of a directory format offers."""

    def recognise(self, folder: Path) -> bool:
        """Whether the folder is one of this format, also where some of its files are damaged. Reads little, never raises."""
        ...

    def import_folder(self, store: Any, folder: Path, *, dry_run: bool, advance: Advance) -> list[FileReport]:
        """Bring everything in that can be; what can't be stands in the reports with place and reason."""
        ...

    def export_sessions(self, store: Any, ids: Iterable[str], folder: Path) -> ExportReport:
        """Write the sessions as a directory that the upstream program reads; what it refuses is in the report."""
        ...


_MODULES: Final[dict[str, str]] = {
    "bamboo": "bamboo",
    "crabtalk": "crabtalk",
    "oxios": "oxios",
    "a3s": "a3s",
}

DIRECTORY_FORMATS: Final = tuple(_MODULES)
"""In the order in which a folder is asked."""


def directory_format(name: str) -> DirectoryFormat:
    """The module of a format.

    Raises:
        Invalid: no directory format has this name.
    """
    module = _MODULES.get(name)
    if module is None:
        msg = f"format {name!r} is no directory format; there are {', '.join(DIRECTORY_FORMATS)}"
        raise Invalid(msg)
    return cast("DirectoryFormat", import_module(f".{module}", __package__))


def recognise(folder: str | os.PathLike[str]) -> str | None:
    """The name of the first directory format that a folder shows; None if it shows none."""
    return next(recognised(folder), None)


def recognised(folder: str | os.PathLike[str]) -> Iterator[str]:
    """The names of all directory formats that a folder shows: several programs may have been given one folder."""
    path = Path(folder)
    return (name for name in DIRECTORY_FORMATS if _shows(path, name))


def _shows(folder: Path, name: str) -> bool:
    """Whether a folder shows a format. One that can't be looked at shows none; whoever walks it says so."""
    try:
        return directory_format(name).recognise(folder)
    except OSError:
        return False


def size_of(folder: Path) -> int:
    """Bytes of all regular files in a folder, as far as they can be looked at."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(place, name).lstat().st_size
            except OSError:
                total += 0
    return total


def export_directory(
    store: Any,
    ids: Iterable[str],
    folder: str | os.PathLike[str],
    *,
    format: str,  # noqa: A002 - the field's name
) -> ExportReport:
    """Write sessions as a directory of another program; afterwards its own reading rules accept what is there.

    Every file is durable and appears whole. A session that can't be written, or would overwrite another's file, is in
    `refused` with its reason, and the others are written all the same.

    Raises:
        Invalid: the format is no directory format.
        NotFound: there is no such session.
        OSError: the folder can't be written.
    """
    return directory_format(format).export_sessions(store, list(ids), Path(folder))
