"""The zip file of a backup brought into a scratch folder: it is not trusted on the way."""

from __future__ import annotations

import errno
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Final

from ..errors import Invalid, Unavailable
from ..limits import COMMIT_BYTES_MAX, MIB

EXPANSION_MAX: Final = 200
"""How many times its own size a zip file may hold, once that is more than a commit may be."""

_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OverflowError, IndexError)
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EROFS)


def unpack(packed: Path, folder: Path) -> None:
    """Take a zip apart; nothing in it can get out of the folder, and it can't hold more than it says.

    Raises:
        Invalid: it is no zip, holds what no backup holds, or so much more than its size that it must be a bomb.
        Unavailable: there is no room for it.
    """
    folder.mkdir(mode=0o700)
    try:
        with zipfile.ZipFile(packed) as source:
            members = [item for item in source.infolist() if not item.is_dir()]
            _check(packed, members, folder)
            for item in members:
                target = folder / item.filename
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with source.open(item) as read, target.open("xb") as write:
                    shutil.copyfileobj(read, write, MIB)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise _no_room(packed, folder, error) from error
        raise _not_whole(packed, error) from error
    except Invalid:
        raise
    except _DAMAGE as error:
        raise _not_whole(packed, error) from error


def _check(packed: Path, members: list[zipfile.ZipInfo], folder: Path) -> None:
    for item in members:
        if item.filename.startswith("/") or ".." in Path(item.filename).parts or "\\" in item.filename:
            msg = f"{packed} holds {item.filename!r}, which no backup holds"
            raise Invalid(msg)
    held = sum(item.file_size for item in members)
    if held > COMMIT_BYTES_MAX and held > packed.stat().st_size * EXPANSION_MAX:
        msg = (
            f"{packed} claims to hold {held // MIB:,} MiB, more than {EXPANSION_MAX} times its size. If you made it "
            "yourself, unpack it and restore the folder"
        )
        raise Invalid(msg)
    free = shutil.disk_usage(folder).free
    if held > free:
        msg = f"{packed} needs {held // MIB:,} MiB in {folder.parent}, where {free // MIB:,} MiB are free; set TMPDIR"
        raise Unavailable(msg)


def _not_whole(packed: Path, error: Exception) -> Invalid:
    return Invalid(f"{packed} is no whole backup: {error}")


def _no_room(place: Path, folder: Path, error: OSError) -> Unavailable:
    reason = error.strerror or error
    return Unavailable(f"{place}: can't be unpacked in {folder.parent}: {reason}. Make room there, or set TMPDIR")
