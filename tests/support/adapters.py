"""Stores and processes for the tests of the adapters. Processes are of one script, and all begin at one word."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"

BACKENDS = ("memory", "file", "postgres")


@contextlib.contextmanager
def empty_stores(backend, folder):
    """A function that opens another empty store of a backend, each closed at the end."""
    import hansard

    numbers = itertools.count(1)
    with contextlib.ExitStack() as stack:
        if backend == "postgres":
            from support import stores

            stores.need_server()
            with hansard.open(stores.url_of(stores.database())):
                pass
            shared = stack.enter_context(hansard.open(stores.url_of(stores.empty_database())))
            yield lambda: shared.tenant(f"t{next(numbers)}")
        elif backend == "file":
            yield lambda: stack.enter_context(hansard.open(folder / f"store-{next(numbers)}"))
        else:
            yield lambda: stack.enter_context(hansard.open("memory:"))


def start(script, *arguments):
    """A process of a script; its arguments are handed over as one JSON list."""
    return subprocess.Popen(
        [sys.executable, str(script), json.dumps(arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )


def together(script, *each, timeout=300):
    """Start one process for each list of arguments, let them begin at once, and give the last line that each printed."""
    processes = [start(script, *arguments) for arguments in each]
    try:
        for process in processes:
            first = process.stdout.readline()
            assert first == "ready\n", first + process.stderr.read()
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        told = []
        for process in processes:
            out, err = process.communicate(timeout=timeout)
            assert process.returncode == 0, err
            told.append(json.loads(out.splitlines()[-1]))
        return told
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


def arguments():
    """In the process: what it was given, once all of them are there."""
    given = json.loads(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    return given


def tell(value):
    """In the process: what it found out."""
    sys.stdout.write(json.dumps(value) + "\n")
