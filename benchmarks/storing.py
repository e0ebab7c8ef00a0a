"""What a store takes on the disk, how fast transcripts come in, and what that takes in memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import hansard

from .basics import Sizes, as_installed, corpus, spread, turn
from .generating import transcript
from .report import Report

LINE_BYTES = 350
"""What a line may take beside the caller's own bytes."""

IMPORTS = 3
IMPORT = """
import json, resource, sys, time
import hansard
from hansard.formats import import_paths
began = time.perf_counter()
with hansard.open(sys.argv[1]) as store:
    import_paths(store, [sys.argv[2]])
    store.search("a word that is nowhere")
    while not store.search("assertion").complete:
        time.sleep(0.01)
    spent = time.perf_counter() - began
used = [resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([spent, sum(used)]))
"""


def disk(report: Report, sizes: Sizes, folder: Path) -> None:
    """Bytes of a store beside those that were put in and a fixed number a line."""
    path = folder / "stored"
    given = lines = 0
    with hansard.open(path) as store:
        session = store.create()
        for number in range(sizes.native):
            entries = turn(number)
            given += sum(len(json.dumps(entry.body, separators=(",", ":")).encode()) for entry in entries)
            lines += len(entries)
            session.append(entries)
    _size(report, "native turns", path, given + LINE_BYTES * lines)
    for name in ("codex", "claude-code"):
        if (corpus() / name).is_dir():
            _imported(report, name, corpus() / name, folder / f"stored-{name}")


def _imported(report: Report, name: str, source: Path, path: Path) -> None:
    files = [one for one in source.rglob("*") if one.suffix in (".jsonl", ".json")]
    given = sum(one.stat().st_size + LINE_BYTES * one.read_bytes().count(b"\n") for one in files)
    command = [sys.executable, "-m", "hansard.cli", "--store", str(path), "import", str(source), "-o", "json"]
    subprocess.run(command, check=False, capture_output=True)
    _size(report, f"imported {name}", path, given)


def _size(report: Report, name: str, path: Path, given: int) -> None:
    """Without and with the search index, after it has caught up."""
    with hansard.open(path) as store:
        while not store.search("caught up").complete:
            time.sleep(0.01)
    total = sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    search = sum(one.stat().st_size for one in path.glob("search.db*"))
    note = f"{given} bytes with {LINE_BYTES} a line"
    report.add(f"disk without search, {name}", (total - search) / given, "x", 1.2, note=note)
    report.add(f"disk with search, {name}", total / given, "x", 2.0, note=note)


def importing(report: Report, sizes: Sizes, folder: Path) -> None:
    """A large transcript imported, durable, with its text in the index: into a new store each time."""
    source, store = folder / "large.jsonl", folder / "imported"
    made, taken = transcript(source, sizes.imported)
    rates: list[float] = []
    used: list[float] = []
    for _ in range(IMPORTS):
        command = [sys.executable, "-c", IMPORT, str(store), str(source)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=as_installed(folder))
        spent, memory = json.loads(done.stdout)
        rates.append(made / 1e6 / spent)
        used.append(memory / 2**20)
        shutil.rmtree(store)
    note = f"{made / 1e6:.0f} MB, from {taken}"
    report.add("import, durable and searchable", spread(rates), "MB/s", 25, sign=">=", note=note)
    report.add("memory of an import", max(used), "MiB", 200, note="with the process that indexes")
    source.unlink()
