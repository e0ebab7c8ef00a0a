"""Files that can't be read, and folders that can't be written, also for the user who may do all."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hansard

PATIENCE_S = 120

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("mkdir", "rmdir", "rename", "replace", "unlink", "link", "symlink", "utime", "chmod")
_LOOKS = ("open", "stat", "lstat", "scandir", "listdir")


def _within(place: Any, root: Path) -> bool:
    return not isinstance(place, int) and Path(os.fsdecode(place)).is_relative_to(root)


def _refusing(
    monkeypatch: pytest.MonkeyPatch, name: str, number: int, refused: Callable[[tuple[Any, ...]], bool]
) -> None:
    call = getattr(os, name)

    def asked(*args: Any, **more: Any) -> Any:
        if args and refused(args):
            raise OSError(number, os.strerror(number), os.fspath(args[0]))
        return call(*args, **more)

    monkeypatch.setattr(os, name, asked)


def seal(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Have the system refuse every change below a folder, as on a medium that can only be read."""
    for name in _CHANGES:
        _refusing(monkeypatch, name, errno.EROFS, lambda args: any(_within(one, root) for one in args[:2]))
    _refusing(
        monkeypatch, "open", errno.EROFS,
        lambda args: _within(args[0], root) and len(args) > 1 and bool(args[1] & _WRITING),
    )  # fmt: skip


def close_to_all(monkeypatch: pytest.MonkeyPatch, path: Path, *, number: int = errno.EACCES) -> None:
    """Have the system refuse every look into a file, or at what is in a folder, as without the rights to it."""
    for name in _LOOKS:
        inside = name in ("stat", "lstat")
        _refusing(
            monkeypatch, name, number,
            lambda args, inside=inside: _within(args[0], path) and not (inside and Path(os.fsdecode(args[0])) == path),
        )  # fmt: skip


def listed(store: hansard.Store, *, at_least: int = 0) -> dict[str, bool]:
    """Each session by its id, and whether it is damaged, once the index is complete, or has so many of them."""
    end = time.monotonic() + PATIENCE_S
    while not store.find(limit=1).complete:
        found = {info.id: info.damaged for info in store.sessions(all_kinds=True)}
        if at_least and len(found) >= at_least:
            return found
        assert time.monotonic() < end, store.health()
        time.sleep(0.01)
    return {info.id: info.damaged for info in store.sessions(all_kinds=True)}


def searched(store: hansard.Store, query: str) -> list[hansard.Hit]:
    """The hits, once all text is indexed."""
    end = time.monotonic() + PATIENCE_S
    while not (page := store.search(query)).complete:
        assert time.monotonic() < end, store.health()
    return list(page)
