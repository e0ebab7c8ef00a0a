"""Measure the file backend: one line per figure, with its target. --strict exits with 1 if one falls short."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import hansard

from . import appends, counting, crowds, page, reading, searching, storing, tasks
from .basics import FULL, QUICK, Sizes, machine
from .report import Report


def main() -> int:
    """Run everything and print it."""
    asked = _arguments()
    sizes = QUICK if asked.quick else FULL if asked.full else Sizes()
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


def _measure(report: Report, asked: argparse.Namespace, sizes: Sizes, folder: Path) -> None:
    """Everything that was asked for, in the order of the lines."""
    with hansard.open(folder / "store") as store:
        old = appends.make_long(store, sizes.messages)
        appends.measure(report, sizes, folder, store, old)
        reading.resume(report, sizes, folder / "store", old)
    tasks.measure(report, sizes, folder)
    reading.lists(report, sizes, folder)
    counting.syncs(report, sizes, folder)
    counting.imports(report, sizes, folder)
    if asked.full or asked.all:
        reading.forks(report, sizes, folder)
        crowds.measure(report, sizes, folder)
        crowds.searching(report, sizes, folder)
        searching.measure(report, sizes, folder)
        storing.disk(report, sizes, folder)
        storing.importing(report, sizes, folder)


def _arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".build"), help="a folder on the disk to measure (.build)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="see that it works; the figures mean nothing")
    size.add_argument("--full", action="store_true", help="every figure, and the sizes of the targets; takes long")
    parser.add_argument("--all", action="store_true", help="every figure, at any size")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="write a table and a plot into this Markdown page, too"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a figure falls short of its target")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
