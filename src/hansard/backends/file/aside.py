"""The text index is brought up to date by a process of its own, while this one is busy appending."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

TENANT = "tenant"
UNSAFE = "unsafe"


@contextlib.contextmanager
def running(root: Path, *, shared_unsafe: bool, tenant: bool) -> Generator[None]:
    """A process reads into the index what the catalogue says is new, until the end of this or of the caller.

    Where none can be started nothing is done, and the next search reads what it lacks, as ever.
    """
    flags = [name for name, said in ((UNSAFE, shared_unsafe), (TENANT, tenant)) if said]
    command = [sys.executable, "-m", "hansard.backends.file.aside_worker", str(root), *flags]
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)  # noqa: S603 - our own module
    except OSError:
        yield
        return
    try:
        yield
    finally:
        # The end of its input is the sign for it to stop; so it also stops if this process is killed.
        process.communicate()
