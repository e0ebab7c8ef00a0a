"""A process is killed in the middle of an import: the next run completes it as one run would, the one after adds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import hansard
from hansard.formats import import_paths
from support.directories import bamboo_home, crabtalk_home

MADE = {"bamboo": bamboo_home, "crabtalk": crabtalk_home}
PROGRAM = """
import os, signal, sys
import hansard
from hansard.formats import bundling, import_paths
from hansard.store import Session

after, place = int(sys.argv[1]), sys.argv[2]
written, append = 0, Session.append
bundling._BATCH_ENTRIES = 2

def killed(self, *given, **named):
    global written
    if written == after and place == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    done = append(self, *given, **named)
    written += 1
    if written == after + 1 and place == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return done

Session.append = killed
with hansard.open(sys.argv[3]) as store:
    import_paths(store, [sys.argv[4]])
"""


def record(store):
    """What the sessions hold, but for the ids and salts that are drawn anew each time."""
    found = {}
    for info in store.sessions(kind=("root", "child")):
        entries = [
            (e.id, e.kind, e.at, e.body) for e in store.get(info.id).entries() if e.kind not in ("created", "document")
        ]
        documents = [(one.key, one.version, one.sha256) for one in info.documents]
        found[info.id] = entries, documents, info.metadata, info.title, info.number
    return found


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("after", [0, 2, 5])
@pytest.mark.parametrize("name", MADE)
def test_a_killed_import_is_completed_as_one_run_would(name, after, place, tmp_path, monkeypatch):
    source = MADE[name](tmp_path / "source")
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(after), place, str(tmp_path / "killed"), str(source)],
        env=os.environ,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    with hansard.open(tmp_path / "whole") as whole, hansard.open(tmp_path / "killed") as store:
        import_paths(whole, [source])
        import_paths(store, [source])
        assert record(store) == record(whole)
        assert import_paths(store, [source]).added == 0
        assert [finding for finding in store.check() if finding.severity == "damage"] == []
