"""Fault injection: fail, delay or kill at the N-th operation, above a backend's verbs or below them at the disk's calls."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from types import ModuleType
from typing import Any, Literal

import msgspec

from ..backend import Backend
from ..errors import Unavailable

Action = Literal["fail", "lose", "tear", "delay", "kill"]
"""fail: instead of doing it · lose: do it and then fail · tear (a write): do half of it and then fail · delay: wait, then
do it · kill: end the process as `kill -9` does, instead of doing it."""


class Fault(msgspec.Struct):
    """What happens at one operation. It happens once."""

    nth: int
    """1 is the next one that fits."""
    action: Action = "fail"
    name: str = ""
    """Only operations of this name count; "" is any."""
    error: Exception | None = None
    seconds: float = 0.0
    """How long a delay is."""


class _Counter:
    """The faults that are still to come, and what was called so far."""

    def __init__(self, otherwise: Callable[[str], Exception]) -> None:
        self.calls: list[str] = []
        self._faults: list[Fault] = []
        self._otherwise = otherwise
        self._mutex = threading.Lock()

    def plan(self, fault: Fault) -> None:
        """Have a fault happen."""
        with self._mutex:
            self._faults.append(fault)

    def due(self, name: str) -> Fault | None:
        """Count one call; the fault that it meets."""
        with self._mutex:
            self.calls.append(name)
            met = None
            for fault in [fault for fault in self._faults if fault.name in ("", name)]:
                fault.nth -= 1
                if fault.nth == 0:
                    self._faults.remove(fault)
                    met = fault
            return met

    def run(self, name: str, call: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """The call, or what is to happen instead."""
        fault = self.due(name)
        if fault is None:
            return call(*args, **keywords)
        if fault.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.action == "delay":
            time.sleep(fault.seconds)
            return call(*args, **keywords)
        if fault.action == "lose":
            call(*args, **keywords)
        if fault.action == "tear":
            target, data = args
            call(target, memoryview(data)[: len(data) // 2])
        raise fault.error or self._otherwise(name)


class Faults:
    """A backend whose verbs meet faults, for tests of what stands on a backend. All else is the inner backend's."""

    def __init__(self, backend: Backend) -> None:
        """Stand before `backend`."""
        self.inner = backend
        self._counter = _Counter(lambda name: Unavailable(f"{name}: a fault that a test asked for"))

    @property
    def calls(self) -> list[str]:
        """The names of the verbs that were called, in order."""
        return self._counter.calls

    def plan(
        self, action: Action, *, nth: int = 1, verb: str = "", error: Exception | None = None, seconds: float = 0
    ) -> None:
        """Have the `nth` call (of `verb`, or of any) from now on fail, lose its answer, wait, or end the process."""
        self._counter.plan(Fault(nth, action, verb, error, seconds))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found) or name.startswith("_"):
            return found
        return lambda *args, **keywords: self._counter.run(name, found, *args, **keywords)


class DiskFaults:
    """Faults in the functions of a module, such as those through which the file backend changes files.

    Callers must look the functions up in the module at each call, as the file backend does.
    """

    def __init__(self, module: ModuleType) -> None:
        """Nothing is replaced before `active`."""
        self._module = module
        self._counter = _Counter(lambda name: OSError(errno.EIO, f"{name}: a fault that a test asked for"))

    @property
    def calls(self) -> list[str]:
        """The names of the functions that were called while active, in order."""
        return self._counter.calls

    def plan(
        self, action: Action, *, nth: int = 1, name: str = "", error: Exception | None = None, seconds: float = 0
    ) -> None:
        """Have the `nth` call (of the function `name`, or of any) fail, tear, wait, or end the process."""
        self._counter.plan(Fault(nth, action, name, error, seconds))

    @contextlib.contextmanager
    def active(self) -> Generator[None]:
        """Replace the module's public functions, and put them back."""
        own = {
            name: value
            for name, value in vars(self._module).items()
            if not name.startswith("_")
            and callable(value)
            and not isinstance(value, type)
            and getattr(value, "__module__", "") == self._module.__name__
        }
        for name, function in own.items():
            setattr(self._module, name, self._watched(name, function))
        try:
            yield
        finally:
            for name, function in own.items():
                setattr(self._module, name, function)

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **keywords: self._counter.run(name, function, *args, **keywords)
