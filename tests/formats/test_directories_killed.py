"""Imports of directories that are killed, and snapshots that two processes save at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hansard
from hansard.formats import import_paths
from support import a3s, oxios

SOURCE = Path(__file__).parents[2] / "src"
SAVE = """
import json, sys, hansard
with hansard.open(sys.argv[1]) as store:
    snapshots = hansard.SnapshotStore(store)
    for text in sys.stdin:
        snapshots.save(json.loads(text))
        print("saved", flush=True)
"""


def started(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )


def all_bodies(store: hansard.Store) -> dict[str, list[object]]:
    """Every entry of every session, without what differs from run to run."""
    return {
        identity: [(e.id, e.kind, e.body) for e in store.get(identity).entries(after=1)] for identity in store.heads()
    }


@pytest.mark.parametrize("made", ["oxios", "a3s"])
def test_an_import_that_was_killed_is_completed_by_the_next_as_one_run_would_have(made, tmp_path):
    folder = tmp_path / "in"
    for number in range(12):
        if made == "oxios":
            session = oxios.main_session() | {"id": f"s{number}"}
            oxios.build(folder, {f"sessions/s{number}.json": oxios.dumps(session)})
        else:
            files = a3s.legacy()
            parts = {path.replace("plain", f"s{number}"): data for path, data in files.items() if "plain" in path}
            a3s.build(folder, {path: data.replace(b'"plain"', f'"s{number}"'.encode()) for path, data in parts.items()})
    with hansard.open("memory:") as store:
        import_paths(store, [folder])
        wanted = all_bodies(store)
    assert len(wanted) == 12
    target = tmp_path / "store"
    hansard.open(target).close()
    for tries in range(4):
        process = started("-m", "hansard.cli", "-S", str(target), "import", str(folder))
        # As soon as something of the directory is in, whatever it is.
        while process.poll() is None and len(list((target / "sessions").iterdir())) < 3 * tries + 1:
            pass
        process.kill()
        process.communicate()
    with hansard.open(target) as store:
        import_paths(store, [folder])
        assert all_bodies(store) == wanted
        assert import_paths(store, [folder]).added == 0
        assert [finding for finding in store.check() if finding.severity == "damage"] == []


def test_two_processes_save_one_snapshot_and_nothing_is_doubled(tmp_path):
    target = str(tmp_path / "store")
    hansard.open(target).close()
    states = [a3s.data("s", [a3s.text("user", f"turn {n}") for n in range(count)]) for count in range(1, 9)]
    processes = [started("-c", SAVE, target) for _ in range(2)]
    lines = "".join(json.dumps(state) + "\n" for state in states)
    for process in processes:
        process.stdin.write(lines)
        process.stdin.close()
    for process in processes:
        assert process.stdout.read().count("saved") == len(states), process.stderr.read()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    with hansard.open(target) as store:
        snapshots = hansard.SnapshotStore(store)
        assert snapshots.load("s") == states[-1]
        before = store.info("s").entry_count
        snapshots.save(states[-1])
        assert store.info("s").entry_count == before
        assert [finding for finding in store.check() if finding.severity == "damage"] == []
