"""The process that `aside` starts: reads into the text index until its standard input ends."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from .aside import TENANT, UNSAFE
from .backend import FileBackend

_STEP_S: Final = 0.5
_REST_S: Final = 0.05


def main(arguments: list[str]) -> None:
    """Follow the catalogue of a store: its folder, and what `aside` says of it."""
    root, *flags = arguments
    ended = threading.Event()
    threading.Thread(target=_await_end, args=(ended,), daemon=True).start()
    backend = FileBackend(Path(root), clock=_now, shared_unsafe=UNSAFE in flags, create=False, tenant=TENANT in flags)
    with closing(backend):
        while not ended.is_set():
            if backend.read_into_index(_STEP_S):
                ended.wait(_REST_S)


def _await_end(ended: threading.Event) -> None:
    sys.stdin.buffer.read()
    ended.set()


def _now() -> int:
    return time.time_ns() // 1_000


if __name__ == "__main__":
    main(sys.argv[1:])
