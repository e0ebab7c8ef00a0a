"""Syncs of many turns, counted where the backend makes them, and what importing the package costs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import hansard
from hansard.backends.file import disk

from .basics import Sizes, as_installed, log_of, spread, timed, turn
from .report import Report


def syncs(report: Report, sizes: Sizes, folder: Path) -> None:
    """Syncs of the log and of anything else, from the first turn until the store is closed."""
    root = folder / "counted"
    with hansard.open(root) as store:
        session = store.create(id="counted")
        inode = log_of(root, "counted").stat().st_ino
        with _watched() as inodes:
            for number in range(sizes.counted):
                session.append(turn(number))
            store.close()
    log = inodes.count(inode)
    note = f"{sizes.counted} turns"
    report.add("syncs on the log", log, "syncs", sizes.counted, sign="==", note=note)
    report.add("syncs elsewhere", len(inodes) - log, "syncs", 50, note=f"{note}, closing; SQLite's own not seen")


@contextlib.contextmanager
def _watched() -> Generator[list[int]]:
    """The inode of each file that is synced meanwhile; 0 for a folder."""
    inodes: list[int] = []
    datasync, sync_folder = disk.datasync, disk.sync_folder

    def watched_file(fd: int) -> None:
        inodes.append(os.fstat(fd).st_ino)
        datasync(fd)

    def watched_folder(path: str | Path) -> None:
        inodes.append(0)
        sync_folder(path)

    disk.datasync, disk.sync_folder = watched_file, watched_folder
    try:
        yield inodes
    finally:
        disk.datasync, disk.sync_folder = datasync, sync_folder


def imports(report: Report, sizes: Sizes, folder: Path) -> None:
    """What `import hansard`, and reaching `open` behind it, adds to bare Python."""
    ways = (
        ["-c", "pass"],
        ["-c", "import hansard"],
        ["-c", "import hansard; hansard.open"],
        ["-m", "hansard.cli", "--help"],
    )
    times: list[list[float]] = [[] for _ in ways]
    env = as_installed(folder)
    for number in range(sizes.reads + 1):
        for way, spent in zip(ways, times, strict=True):
            command = [sys.executable, *way]
            one = timed(lambda command=command: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env))
            if number:
                spent.append(one)
    bare, package, opening, helping = times
    more = [full - base for full, base in zip(package, bare, strict=True)]
    report.add("import hansard", spread(more), "ms", 60, note="names load when used")
    more = [full - base for full, base in zip(opening, bare, strict=True)]
    report.add("import hansard and load open", spread(more), "ms")
    report.add("hansard --help", spread(helping), "ms", 150)
