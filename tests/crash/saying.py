"""Runs a program that is recorded, and has it say before each sync from which line of Hansard that comes.

Called as: saying.py MODULE FOLDER. SQLite's own syncs are not among them.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hansard
from hansard.backends.file import sidebyside

SOURCE = f"{Path(hansard.__file__).parent}/"
BELOW = ("backends/file/sidebyside.py", "backends/file/disk.py")
"""Where syncs are done for others; the line that asked for them is another module's."""


def _line() -> str:
    """The line that asked for a sync, with the functions below it through which it went."""
    through: list[str] = []
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(SOURCE):
            module = path.removeprefix(SOURCE)
            if module not in BELOW:
                return " ".join([f"{module}:{frame.f_lineno}", frame.f_code.co_name, *through])
            if module == BELOW[1]:
                through.append(frame.f_code.co_name)
        frame = frame.f_back
    return "outside"


def _say(fd: int) -> None:
    said = {"line": _line(), "path": os.readlink(f"/proc/self/fd/{fd}")}  # noqa: PTH115 - beside os.write
    os.write(1, json.dumps(said).encode() + b"\n")


def _watched(call: Callable[[int], None]) -> Callable[[int], None]:
    def sync(fd: int) -> None:
        _say(fd)
        call(fd)

    return sync


def _watched_each(call: Callable[..., Any]) -> Callable[..., Any]:
    def sync(fds: Sequence[int], **how: Any) -> Any:
        for fd in fds:
            _say(fd)
        return call(fds, **how)

    return sync


if __name__ == "__main__":
    for name in ("fsync", "fdatasync"):
        setattr(os, name, _watched(getattr(os, name)))
    sidebyside.sync = _watched_each(sidebyside.sync)
    module = importlib.import_module(sys.argv[1])
    module.run(sys.argv[-1], module.on_standard_output)
