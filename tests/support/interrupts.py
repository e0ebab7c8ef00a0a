"""Interrupts of the main thread, as of Ctrl-C, at one moment after the other: where a function begins, where a call returns."""

from __future__ import annotations

import gc
import re
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, FunctionType
from typing import Self


class Interrupt:
    """Around what is interrupted; afterwards `hit` says whether it was, `where`, and `came` is what came out of it.

    As long as somebody has that, all frames that it came through are there, with what they hold.
    """

    def __init__(self, moment: int, but: tuple[CodeType, ...], *, keep: bool) -> None:
        self._left = moment
        self._but = but
        self._keep = keep
        self.hit = False
        self.where = ""
        self.came: BaseException | None = None

    def _moment(self, frame: FrameType, event: str, function: object) -> None:
        begins_or_returned = event == "c_return" or (event == "call" and frame.f_code not in self._but)
        if begins_or_returned and frame.f_code not in _OWN and not _NOT_THEN.search(frame.f_code.co_filename):
            self._left -= 1
            if self._left < 0:
                sys.setprofile(None)
                self.hit = True
                did = "begins" if event == "call" else f"called {getattr(function, '__name__', function)}"
                self.where = f"{frame.f_code.co_qualname}:{frame.f_lineno} {did}"
                raise KeyboardInterrupt

    def __enter__(self) -> Self:
        sys.setprofile(self._moment)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        sys.setprofile(None)
        self.came = error if self._keep else None
        return self.hit and kind is KeyboardInterrupt


_NOT_THEN = re.compile(r"weakref|_weakrefset")
"""What is called as something is dropped: what is raised there is raised to nobody."""
_OWN = (Interrupt.__enter__.__code__, Interrupt.__exit__.__code__)


def at_each_return(*, but: tuple[FunctionType, ...] = (), every: int = 1, keep: bool = False) -> Iterator[Interrupt]:
    """Interrupts, one for each moment of what is done within it, and one that comes too late; `but` some functions begin.

    `every` so many moments only; `keep` what came out.

    Meanwhile no garbage is collected, which calls what has nothing to do with it.
    """
    moment, hit = 0, True
    while hit:
        one = Interrupt(moment, tuple(function.__code__ for function in but), keep=keep)
        gc.disable()
        try:
            yield one
        finally:
            gc.enable()
        moment, hit = moment + every, one.hit
    # Else what was done within was never interrupted, and nothing is shown.
    assert moment > 10, moment


def ends(call: Callable[[], object], where: str, *, seconds: float = 60) -> None:
    """Return once the call has come to its end in another thread; fail if it waits for what nobody gives back."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - told to the caller
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"after an interrupt at {where}, the same call of another thread waits for ever"
    assert not errors, f"after an interrupt at {where}, the same call of another thread raises {errors[0]!r}"
