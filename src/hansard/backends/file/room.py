"""Room for many open files at once: what locks a whole tree needs a descriptor for each of its sessions."""

from __future__ import annotations

import contextlib
import resource
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Final

from ...errors import Unavailable

SPARE: Final = 200
"""Descriptors that are left for everybody else in the process."""

_raising: Final = threading.Lock()


@contextlib.contextmanager
def room_for(count: int, *, what: str) -> Generator[None]:
    """So many files can be opened meanwhile, beside those that are open; the process's own limit is raised if need be.

    Raises:
        Unavailable: the system allows the process no more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _open_files() + count + SPARE
    if soft == resource.RLIM_INFINITY or needed <= soft:
        yield
        return
    # One at a time, so that nobody lowers the limit while another still needs it.
    with _raising:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if needed > soft:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
            except (ValueError, OSError):
                msg = (
                    f"{what} has {count} sessions, and this process may have {hard} files open; "
                    "raise its limit (ulimit -n), or take parts of it away first"
                )
                raise Unavailable(msg) from None
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())
