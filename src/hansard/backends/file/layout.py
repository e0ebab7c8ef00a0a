"""Where things lie in a store's folder.

    STORE/hansard.json
    STORE/sessions/<name>/log.jsonl                      a root; <name> is a folder
    STORE/sessions/<name>                                a child: a small file that holds its root's name
    STORE/sessions/<root>/children/<name>/log.jsonl      a child of any depth, flat under its root
    STORE/pairs/<name of [agent, user]>                  numbers of the sessions of an agent and a user
    STORE/documents/<category>/<name>.md|.json           documents of the store, and beside them .versions/
    STORE/tenants/<name>/                                a tenant's store, with the same inside
    STORE/trash/ quarantine/ arriving/ writers/ index.db search.db

A *place* is the folder of a session relative to the store: `sessions/<name>` or `sessions/<root>/children/<name>`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from ...codec import values
from ...codec.names import name_of
from ...errors import Corrupt
from . import disk

LOG: Final = "log.jsonl"
PREFIX: Final = "prefix.jsonl"
POISONED: Final = "log.poisoned"
CHILDREN: Final = "children"
ATTACHMENTS: Final = "attachments"
FORKS: Final = "forks"
RENEWED: Final = "lease.renewed"


class Layout:
    """The paths of one store."""

    def __init__(self, root: Path, derived: Path | None = None) -> None:
        """Name the paths; nothing is read or made. With a folder for what is derived nothing is written below `root`."""
        self.root = root
        self.read_only = derived is not None
        self.derived = root if derived is None else derived
        """The folder of what can be made anew from the rest: the indexes, and who is writing to them."""
        self.sessions = root / "sessions"
        self.pairs = root / "pairs"
        self.trash = root / "trash"
        self.quarantine = root / "quarantine"
        self.writers = self.derived / "writers"
        self.arriving = root / "arriving"
        self.documents = root / "documents"
        self.tenants = root / "tenants"

    def folder(self, place: str) -> Path:
        """The folder of a place."""
        return self.root / place

    def log(self, place: str) -> Path:
        """The log of a place."""
        return Path(f"{self.root}/{place}/{LOG}")

    def place_of(self, path: str) -> str | None:
        """The place whose log this is, None if it is no log."""
        within, slash, name = path.removeprefix(f"{self.root}/").rpartition("/")
        return within if slash and name == LOG and within.startswith("sessions/") else None

    def named(self, session: str) -> Path:
        """What stands for an id: a folder (root), a pointer file (child), or nothing."""
        return self.sessions / name_of(session)

    def pair(self, agent: str | None, user: str | None) -> Path:
        """The file that numbers the sessions of an agent and a user."""
        return self.pairs / name_of(values.encode([agent, user]).decode())

    def find(self, session: str) -> str | None:
        """The place of an id, None if nothing stands for it or its pointer leads nowhere.

        Raises:
            Corrupt: what stands for it is neither a folder nor a file, as a symbolic link is not.
        """
        name = name_of(session)
        try:
            mode = os.lstat(f"{self.sessions}/{name}").st_mode
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(mode):
            return f"sessions/{name}"
        path = self.sessions / name
        if not stat.S_ISREG(mode):
            msg = f"{path}: neither a folder nor a file. A store holds no links; move what it names here, or remove it"
            raise Corrupt(msg, path=str(path))
        root = read_pointer(path)
        if root is None:
            return None
        place = child_place(root, path.name)
        return place if is_real_folder(self.root / place) else None


def child_place(root_name: str, name: str) -> str:
    """The place of a child."""
    return f"sessions/{root_name}/{CHILDREN}/{name}"


def root_place(place: str) -> str:
    """The place of the root that a place belongs to; a root's own."""
    return "/".join(place.split("/")[:2])


def is_child(place: str) -> bool:
    """Whether a place is a child's."""
    return place.count("/") > 1


def read_pointer(path: Path) -> str | None:
    """The name of the root that a pointer file holds; None if it holds none."""
    try:
        text = disk.read_file(path)
    except FileNotFoundError:
        return None
    name = text[:-1].decode("ascii", "replace") if text.endswith(b"\n") else ""
    return name if is_name(name) else None


def read_alias(path: Path) -> tuple[str, str] | None:
    """(root's name, child's name) that the pointer of a resident with an id of its own holds; None if it holds none."""
    try:
        text = disk.read_file(path)
    except (FileNotFoundError, disk.NotAFile):
        return None
    root, slash, child = text.decode("ascii", "replace").strip().partition("/")
    return (root, child) if slash and is_name(root) and is_name(child) else None


def is_name(text: str) -> bool:
    """Whether a text can be a name that `name_of` gives."""
    plain = text.replace("%", "").replace("~", "").replace("_", "").replace("-", "")
    return bool(text) and text.isascii() and (plain.isalnum() or not plain)


def is_real_folder(path: Path) -> bool:
    """Whether a path is a folder itself, not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
