"""The system's calls that change files, made to fail: the N-th that touches a folder, once."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hansard.backends.file import sidebyside

CALLS = ("open", "write", "pwrite", "fsync", "fdatasync", "ftruncate", "rename", "replace", "unlink", "mkdir", "rmdir")


class Failure(msgspec.Struct, frozen=True):
    """What happens instead of a call."""

    name: str
    """EIO, ENOSPC …: nothing is done and this error is raised · short: half is written and nothing is raised, then the
    next write is ENOSPC · late: it is done and EIO is raised all the same."""

    def happen(self, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        if self.name == "short":
            return call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2], *arguments[2:])
        if self.name == "late":
            call(*arguments, **keywords)
        number = errno.EIO if self.name == "late" else getattr(errno, self.name)
        raise OSError(number, os.strerror(number))


class Failing:
    """Counts the calls that touch a folder, and has one of them fail."""

    def __init__(self, root: str, nth: int, failure: Failure) -> None:
        self._root = root
        self._left = nth
        self._failure = failure
        self.failed = ""
        """The call that failed and its path; "" before."""

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        own = {name: getattr(os, name) for name in CALLS}
        sync = sidebyside.sync
        for name, call in own.items():
            setattr(os, name, self._watched(name, call))
        sidebyside.sync = functools.partial(self._synced, sync)
        try:
            yield
        finally:
            sidebyside.sync = sync
            for name, call in own.items():
                setattr(os, name, call)

    def _synced(self, sync: Callable[..., Any], fds: Sequence[int], **how: Any) -> list[OSError | None]:
        """Syncs side by side are calls of their own, each of which may be the one that fails."""
        found: list[OSError | None] = sync(fds, **how)
        for place in range(len(found)):
            try:
                self._watched("fdatasync", lambda _: None)(fds[place])
            except OSError as error:
                found[place] = error
        return found

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **keywords: Any) -> Any:
            if not self._counts(name, arguments):
                return call(*arguments, **keywords)
            self._left -= 1
            if self._left:
                return call(*arguments, **keywords)
            return self._failure.happen(call, arguments, keywords)

        return watched

    def _counts(self, name: str, arguments: tuple[Any, ...]) -> bool:
        if self._left <= 0 or (name == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR)):
            return False
        if self._failure.name == "short" and name not in ("write", "pwrite"):
            return False
        where = arguments[0]
        path = Path(f"/proc/self/fd/{where}").readlink() if isinstance(where, int) else where
        if not str(path).startswith(self._root):
            return False
        if self._left == 1:
            self.failed = f"{name} {path}"
        return True
