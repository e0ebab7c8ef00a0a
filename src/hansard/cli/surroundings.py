"""What the program makes of the process it is started in: closed standard streams, and signals that mean to end it."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Generator
from types import FrameType
from typing import Final

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
_ENDING: Final = ("SIGTERM", "SIGHUP")


class Ended(BaseException):
    """A signal asked the program to end: what is under way is given up, and nothing of it is left by halves."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        super().__init__(number)
        self.signal = signal.Signals(number)


def have_streams() -> None:
    """Each standard stream is there, and takes any text; one that the caller has closed leads nowhere.

    Else the first files that are opened get their numbers, and what is meant for the person goes into a log. What the
    encoding of a stream lacks is written as `?`.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one, as those below it are taken.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextlib.contextmanager
def ended_by_signals() -> Generator[None]:
    """Inside, a signal that would end the process raises `Ended`; the second one ends it. What is ignored stays so."""
    names = [one for one in _ENDING if hasattr(signal, one)]
    own = {number: signal.getsignal(number) for number in (getattr(signal, one) for one in names)}
    ours = [number for number, handler in own.items() if handler is signal.SIG_DFL]
    # Only the main thread may ask for signals; elsewhere whoever runs us has them in hand.
    with contextlib.suppress(ValueError):
        for number in ours:
            signal.signal(number, _end)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            for number in ours:
                signal.signal(number, signal.SIG_DFL)


def _end(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise Ended(number)
