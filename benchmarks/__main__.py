"""Measure the file backend: one line per figure, with its target. --strict exits with 1 if one falls short."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import hansard

from . import appends, counting, crowds, many, page, reading, searching, storing, tasks
from .basics import FULL, QUICK, Sizes, machine, resized
from .report import Report


def main() -> int:
    """Run everything and print it."""
    asked = _arguments()
    try:
        sizes = resized(QUICK if asked.quick else FULL if asked.full else Sizes(), asked.size)
    except ValueError as error:
        print(f"--size: {error}", file=sys.stderr)
        return 2
    asked.dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=asked.dir)).absolute()
    began = time.perf_counter()
    report = Report()
    about = machine(folder)
    print(f"machine: {about['cpus']} CPUs, Python {about['python']}, {about['fs']}; {sizes.rounds} rounds")
    if about["fs"] in ("tmpfs", "ramfs"):
        print("this folder is in memory, where syncs cost nothing; give one on a disk with --dir", file=sys.stderr)
    try:
        _measure(report, asked, sizes, folder)
    finally:
        shutil.rmtree(folder)
    print(f"took {time.perf_counter() - began:.0f} s")
    if asked.json:
        report.save(asked.json, about)
    if asked.page:
        page.write(asked.page, report.figures, about)
    return int(asked.strict and report.short)


def _appends(report: Report, sizes: Sizes, folder: Path) -> None:
    """One writer beside the floor, and reading back what it wrote: these share the long session."""
    with hansard.open(folder / "store") as store:
        old = appends.make_long(store, sizes.messages)
        appends.measure(report, sizes, folder, store, old)
        last = appends.make_long(store, sizes.resumed, name="resumed")
        reading.resume(report, sizes, folder / "store", last)
        reading.last(report, sizes, old)


PARTS: Final[dict[str, Callable[[Report, Sizes, Path], None]]] = {
    "appends": _appends,
    "tasks": tasks.measure,
    "lists": many.lists,
    "syncs": counting.syncs,
    "start": counting.imports,
    "forks": reading.forks,
    "crowds": crowds.measure,
    "beside": crowds.searching,
    "search": searching.measure,
    "disk": storing.disk,
    "import": storing.importing,
    "many": many.million,
}
"""What can be measured, in the order of the lines; each in a folder of its own, which it may leave for the end."""

PAGE: Final = Path("docs/explanation/performance.md")
SOON: Final = ("appends", "tasks", "lists", "syncs", "start")
"""What `make bench` measures, in two minutes."""


def _measure(report: Report, asked: argparse.Namespace, sizes: Sizes, folder: Path) -> None:
    """Everything that was asked for, in the order of the lines."""
    wanted = asked.only or (PARTS if asked.full or asked.all else SOON)
    for name, part in PARTS.items():
        if name not in wanted:
            continue
        began = time.perf_counter()
        place = folder / name
        place.mkdir()
        part(report, sizes, place)
        shutil.rmtree(place)
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".build"), help="a folder on the disk to measure (.build)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="see that it works; the figures mean nothing")
    size.add_argument("--full", action="store_true", help="every figure, and the sizes of the targets; takes long")
    parser.add_argument("--only", choices=[*PARTS], action="append", help="this part; may be given again")
    parser.add_argument(
        "--size", metavar="NAME=NUMBER", action="append", default=[], help="such as many=100000; may be given again"
    )
    parser.add_argument("--all", action="store_true", help="every figure, at any size")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", nargs="?", const=PAGE, help=f"write a table and a plot into {PAGE}, too"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a figure falls short of its target")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
