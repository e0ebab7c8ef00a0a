"""Making a store as new: everything in it is renamed away at once, under the lock that all who make something pass."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ...backend import Guard
from ..beside import ask
from . import deleting, disk, gate
from .core import Core
from .layout import Layout, root_place

_MARK: Final = "store.resetting"
"""Stands in the store's folder from the decision until all is gone, so that a crash leaves nothing half reset."""


def reset(core: Core, guard: Guard | None, renew_indexes: Callable[[], None]) -> int:
    """As the contract says. What is appended between the guard's answer and the end goes with the rest."""
    root = core.layout.root
    with gate.alone(root):
        places = list(deleting.places(core))
        for place in places if guard is not None else ():
            session = deleting.id_at(core, place) if place == root_place(place) else None
            if session is not None:
                members = list(deleting.tree(core, place, session))
                ask(guard, deleting.infos(core, members, {}), "nothing was removed")
        disk.write_file(root / _MARK, b"this store is being reset\n")
        _carry_out(core.layout, renew_indexes)
        core.pool.close()
    deleting.empty_trash(core)
    return len(places)


def is_unfinished(root: Path) -> bool:
    """Whether somebody began a reset and has not ended it yet."""
    return (root / _MARK).exists()


def finish(root: Path, renew_indexes: Callable[[], None]) -> None:
    """End the reset that somebody began and died in."""
    with gate.alone(root):
        if is_unfinished(root):
            _carry_out(Layout(root), renew_indexes)


def _carry_out(layout: Layout, renew_indexes: Callable[[], None]) -> None:
    disk.make_folder(layout.trash)
    for path in (layout.sessions, layout.documents, layout.pairs, layout.quarantine, layout.arriving):
        if path.exists():
            disk.rename(path, layout.trash / f"{path.name}.{os.urandom(6).hex()}")
    disk.make_folder(layout.sessions)
    disk.sync_folder(layout.root)
    renew_indexes()
    disk.unlink(layout.root / _MARK)
    disk.sync_folder(layout.root)
