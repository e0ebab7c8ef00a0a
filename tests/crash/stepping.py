"""A call that is stopped at one of its steps, where it looks at the disk by name or takes a lock, while another runs."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import io
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from calls import LONG_S

from hansard.backends.file import locks
from hansard.backends.file.database import Database

STEPS = (
    "open", "stat", "lstat", "rename", "replace", "utime", "unlink", "mkdir", "rmdir", "listdir", "scandir", "link",
    "fsync", "fdatasync",
)  # fmt: skip

_POLLS = 20
"""Who was refused a lock so often waits for it."""


class Stepping:
    """Counts the steps of the thread that made it, and at one of them has another call run on a thread of its own.

    That call runs to its end, or until it waits for a lock that the first one has; then both go on.
    """

    def __init__(self, nth: int, between: Callable[[], None]) -> None:
        self.steps = 0
        self.met = False
        """The other call has begun: there was a step of that number."""
        self._nth = nth
        self._between = between
        self._own = threading.get_ident()
        self._inside = False
        self._refused = 0
        self._other = threading.Thread(target=self._run)
        self._halted = threading.Event()
        """The other call has ended, or waits for a lock."""

    def _run(self) -> None:
        try:
            self._between()
        finally:
            self._halted.set()

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Count while this lasts; afterwards the other call has ended, if it began."""
        with contextlib.ExitStack() as undo:
            for name in STEPS:
                self._watch(undo, os, name)
            self._watch(undo, io, "open")
            self._watch(undo, locks, "open_file")
            self._watch(undo, locks, "open_held")
            self._replace(undo, fcntl, "flock", functools.partial(self._flock, fcntl.flock))
            self._replace(undo, fcntl, "fcntl", functools.partial(self._fcntl, fcntl.fcntl))
            self._replace(undo, Database, "switch", self._switching(Database.switch))
            yield
            if self.met:
                self._other.join(LONG_S)
                assert not self._other.is_alive(), "the other call still waits although this one has ended"

    def _replace(self, undo: contextlib.ExitStack, where: Any, name: str, by: Any) -> None:
        undo.callback(setattr, where, name, getattr(where, name))
        setattr(where, name, by)

    def _watch(self, undo: contextlib.ExitStack, where: Any, name: str) -> None:
        call = getattr(where, name)

        def watched(*args: Any, **more: Any) -> Any:
            if threading.get_ident() != self._own or self._inside:
                return call(*args, **more)
            self._step()
            self._inside = True
            try:
                return call(*args, **more)
            finally:
                self._inside = False

        self._replace(undo, where, name, watched)

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self._nth:
            self.met = True
            self._other.start()
            assert self._halted.wait(LONG_S), "the other call neither ends nor waits for a lock"

    def _flock(self, call: Callable[[int, int], None], fd: int, how: int) -> None:
        if threading.get_ident() == self._own and not self._inside:
            self._step()
        if threading.current_thread() is not self._other or how & fcntl.LOCK_UN:
            call(fd, how)
            return
        try:
            call(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            self._refused += 1
            if how & fcntl.LOCK_NB and self._refused < _POLLS:
                raise
            self._halted.set()
            call(fd, how)

    def _switching(self, call: Callable[..., None]) -> Callable[..., None]:
        """Whoever puts a new index in place waits for the one who writes to it, which SQLite does out of our sight."""

        def switch(database: Database, *args: Any, **more: Any) -> None:
            if threading.current_thread() is self._other:
                self._halted.set()
            call(database, *args, **more)

        return switch

    def _fcntl(self, call: Callable[..., Any], fd: int, command: int, *rest: Any) -> Any:
        if command == getattr(fcntl, "F_OFD_SETLKW", None) and threading.current_thread() is self._other:
            try:
                return call(fd, fcntl.F_OFD_SETLK, *rest)
            except OSError:
                self._halted.set()
        return call(fd, command, *rest)
