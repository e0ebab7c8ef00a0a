"""The folder of a store: made, recognised and refused. What can't keep the promise is refused before anything is kept."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from ...codec import names, values
from ...errors import Corrupt, Invalid, NotFound, Unavailable, Unsupported
from ...limits import FORMAT
from . import disk, locks
from .layout import Layout

ABOUT: Final = "hansard.json"
"""The file that makes a folder a store."""

_NETWORK: Final = frozenset(
    (
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "smb2",
        "9p",
        "afs",
        "coda",
        "ncpfs",
        "lustre",
        "ceph",
        "glusterfs",
        "beegfs",
    )
)
_LOCAL_FUSE: Final = frozenset(("fuseblk", "fuse.fuse-overlayfs", "fuse.bindfs"))


class About(msgspec.Struct, frozen=True):
    """What `hansard.json` says."""

    format: int
    version: str
    store: str


_decoder: Final = msgspec.json.Decoder(About)


def prepare(root: Path, *, create: bool, shared_unsafe: bool) -> About:
    """What the folder says of itself, once it is a store whose locks work.

    Raises:
        NotFound: there is no store, and `create` is False.
        Invalid: it is a file, or a folder with other things in it.
        Unsupported: a newer version wrote it, or the platform or the file system is not supported.
        Unavailable: it can't be read and written.
        Corrupt: `hansard.json` can't be understood.
    """
    _refuse_windows()
    try:
        made = _make_folder(root, create=create)
        if not shared_unsafe:
            _refuse_network(root)
        about = _read(root)
        if about is None:
            about = _begin(root, create=create, made=made)
        else:
            _have_sessions(root)
        if not shared_unsafe:
            _prove_locks(root)
    except OSError as error:
        msg = f"{root}: {error.strerror or error}. A store needs a folder that this user can read and write"
        raise Unavailable(msg) from error
    return about


def look_at(root: Path) -> About:
    """What the folder says of itself; nothing in it is made or locked.

    Raises:
        NotFound: there is no store.
        Unsupported: a newer version wrote it, or the platform is not supported.
        Unavailable: it can't be read.
        Corrupt: `hansard.json` can't be understood.
    """
    _refuse_windows()
    try:
        about = _read(root)
        if about is None or not Layout(root).sessions.is_dir():
            _no_store(root)
    except OSError as error:
        msg = f"{root}: {error.strerror or error}. This user can't read it"
        raise Unavailable(msg) from error
    return about


def _refuse_windows() -> None:
    if sys.platform == "win32":
        msg = "stores in a folder need the locks of Linux or macOS; on Windows use a PostgreSQL store, or WSL"
        raise Unsupported(msg)


def _no_store(root: Path) -> NoReturn:
    if root.is_dir():
        msg = f"{root}: this folder is no store, as it has no {ABOUT}"
    else:
        msg = f"{root}: there is no store; `hansard import` or hansard.open() makes one, or set HANSARD_STORE to where it is"
    raise NotFound(msg)


def _make_folder(root: Path, *, create: bool) -> bool:
    """Make the folder, durable with its name; False if it was there."""
    if root.is_dir():
        return False
    if root.exists():
        msg = f"{root}: this is a file, not the folder of a store"
        raise Invalid(msg)
    if not create:
        _no_store(root)
    missing = [path for path in (root, *root.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=disk.FOLDER_MODE, exist_ok=True)
        disk.sync_folder(path.parent)
    return True


def _read(root: Path) -> About | None:
    path = root / ABOUT
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            msg = f"{path}: this is no file. Move it away and restore the file, or go without: it is made anew"
            raise Corrupt(msg, path=str(path))
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        about = _decoder.decode(text)
    except msgspec.MsgspecError as error:
        msg = f"{path}: {error}. Restore it from a backup, or remove it: it is made anew and the sessions stay"
        raise Corrupt(msg, path=str(path)) from None
    if about.format > FORMAT:
        msg = f"{root}: version {about.version} wrote this store in format {about.format}; this version reads {FORMAT}. Upgrade Hansard"
        raise Unsupported(msg)
    return about


def _begin(root: Path, *, create: bool, made: bool) -> About:
    if not create and not (root / "sessions").is_dir():
        _no_store(root)
    others = [
        name
        for name in sorted(path.name for path in root.iterdir())
        if not name.startswith((".", ABOUT)) and name != "lost+found"
    ]
    if others and not (root / "sessions").is_dir():
        msg = f"{root}: this folder is no store and holds other things ({others[0]!r} …); give an empty or a new folder"
        raise Invalid(msg)
    from ... import __version__

    if not made:
        # The folder may be one that somebody has just made: what is kept in it must not go with its name.
        with contextlib.suppress(PermissionError):
            disk.sync_folder(root.parent)
    # Writing the file syncs the folder, and with it these names.
    layout = Layout(root)
    for folder in (layout.sessions, layout.writers):
        disk.make_folder(folder, synced=False)
    about = About(FORMAT, __version__, names.new_id())
    disk.write_file(root / ABOUT, values.encode(msgspec.to_builtins(about)) + b"\n")
    return about


def _have_sessions(root: Path) -> None:
    """The folder of the sessions is there, durably: whoever made it may not have come to sync its name."""
    sessions = Layout(root).sessions
    if disk.make_folder(sessions):
        return
    with os.scandir(sessions) as found:
        empty = next(found, None) is None
    if empty:
        with contextlib.suppress(PermissionError):
            disk.sync_folder(root)


def _refuse_network(root: Path) -> None:
    kind = file_system(root)
    if kind in _NETWORK or (kind.startswith("fuse") and kind not in _LOCAL_FUSE):
        msg = (
            f"{root}: lies on a file system of type {kind!r}, where locks and syncs may not hold between machines. "
            "Use a local disk, or PostgreSQL for many machines; ?shared=unsafe overrides, and may lose acknowledged entries"
        )
        raise Unsupported(msg)


def file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system that a path lies on, such as `ext4`; "" where the system does not say."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    real = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = fields.split(" ")[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        inside = point in ("/", real) or real.startswith(point + "/")
        if inside and len(point) >= len(best):
            best, kind = point, rest.split(" ")[0]
    return kind


def _prove_locks(root: Path) -> None:
    """Two opens of one file must exclude each other."""
    path = root / f".lock-proof-{os.getpid()}-{os.urandom(4).hex()}"
    first = locks.open_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        second = locks.open_file(path, os.O_RDWR)
        try:
            if not locks.try_acquire(first) or locks.try_acquire(second):
                msg = f"{root}: file locks do not work there, so two processes could overwrite each other. Use a local disk"
                raise Unsupported(msg)
        finally:
            locks.close(second)
    finally:
        locks.close(first)
        path.unlink()
