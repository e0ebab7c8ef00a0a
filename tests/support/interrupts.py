"""Interrupts of the main thread, as of Ctrl-C, at one moment after the other: where a function begins, where a call returns."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType
from typing import Self


class Interrupt:
    """Around what is interrupted; afterwards `hit` says whether it was."""

    def __init__(self, moment: int, but: tuple[CodeType, ...]) -> None:
        self._left = moment
        self._but = but
        self.hit = False

    def _moment(self, frame: FrameType, event: str, _arg: object) -> None:
        begins_or_returned = event == "c_return" or (event == "call" and frame.f_code not in self._but)
        if begins_or_returned and frame.f_code not in _OWN and not _NOT_THEN.search(frame.f_code.co_filename):
            self._left -= 1
            if self._left < 0:
                sys.setprofile(None)
                self.hit = True
                raise KeyboardInterrupt

    def __enter__(self) -> Self:
        sys.setprofile(self._moment)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> bool:
        sys.setprofile(None)
        return self.hit and kind is KeyboardInterrupt


_NOT_THEN = re.compile(r"weakref|_weakrefset")
"""What is called as something is dropped: what is raised there is raised to nobody."""
_OWN = (Interrupt.__enter__.__code__, Interrupt.__exit__.__code__)


def at_each_return(*, but: tuple[FunctionType, ...] = ()) -> Iterator[Interrupt]:
    """Interrupts, one for each moment of what is done within it, and one that comes too late; `but` some functions begin.

    Meanwhile no garbage is collected, which calls what has nothing to do with it.
    """
    moment, hit = 0, True
    while hit:
        one = Interrupt(moment, tuple(function.__code__ for function in but))
        gc.disable()
        try:
            yield one
        finally:
            gc.enable()
        moment, hit = moment + 1, one.hit
    # Else what was done within was never interrupted, and nothing is shown.
    assert moment > 10, moment
