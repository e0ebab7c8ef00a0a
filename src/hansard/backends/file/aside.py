"""The text index is brought up to date by a process of its own, while this one is busy appending."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

from ...errors import Unavailable

TENANT: Final = "tenant"
UNSAFE: Final = "unsafe"
_PULSE_S: Final = 0.3


@contextlib.contextmanager
def running(root: Path, flush: Callable[[], object], *, shared_unsafe: bool, tenant: bool) -> Generator[None]:
    """A process reads into the index what the catalogue says is new, until the end of this or of the caller.

    `flush` puts into the catalogue what was appended; it is called again and again meanwhile. Where no process can be
    started nothing is done, and the next search reads what it lacks, as ever.
    """
    flags = [name for name, said in ((UNSAFE, shared_unsafe), (TENANT, tenant)) if said]
    command = [sys.executable, "-m", "hansard.backends.file.aside_worker", str(root), *flags]
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)  # noqa: S603 - our own module
    except OSError:
        yield
        return
    ended = threading.Event()
    pulse = threading.Thread(target=_pulse, args=(flush, ended), name="hansard-aside", daemon=True)
    pulse.start()
    try:
        yield
    finally:
        ended.set()
        pulse.join()
        # The end of its input is the sign for it to stop; so it also stops if this process is killed.
        process.communicate()


def _pulse(flush: Callable[[], object], ended: threading.Event) -> None:
    while not ended.wait(_PULSE_S):
        with contextlib.suppress(Unavailable):
            flush()
