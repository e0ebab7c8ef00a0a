from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hansard
from hansard.backend import Request
from hansard.model.requests import Creation
from support import stores

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"


class Workers:
    """Processes that work on one store."""

    def __init__(self, root):
        self.root = root
        self.processes = []

    def start(self, job, *, script="worker.py", **arguments):
        """A process that has opened the store and waits for the word."""
        process = subprocess.Popen(
            [sys.executable, str(HERE / script), str(self.root), job, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )
        self.processes.append(process)
        first = process.stdout.readline()
        assert first == '"ready"\n', first + process.stderr.read()
        return process

    def go(self, *processes):
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()

    def results(self, *processes, timeout=300):
        """Let them begin together; the last thing that each one told."""
        self.go(*processes)
        told = []
        for process in processes:
            out, err = process.communicate(timeout=timeout)
            assert process.returncode == 0, err
            assert err == ""
            told.append(json.loads(out.splitlines()[-1]))
        return told

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
            for pipe in (process.stdin, process.stdout, process.stderr):
                pipe.close()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture(params=["file", "postgresql"])
def place(request, root):
    """Where the store of a test lies that is for every store which processes can share: a folder, a database."""
    if request.param == "file":
        return root
    stores.need_server()
    with hansard.open(stores.url_of(stores.database())):
        pass
    return stores.url_of(stores.empty_database())


@pytest.fixture
def workers(request):
    workers = Workers(request.getfixturevalue("place" if "place" in request.fixturenames else "root"))
    yield workers
    workers.end()


def clock():
    return time.time_ns() // 1000


@pytest.fixture
def opened(root):
    """Opens the store in this process; closed at the end."""
    from hansard.backends.file import FileBackend

    backends = []

    def open_store(*sessions, **fields):
        backend = FileBackend(root, clock=clock)
        backends.append(backend)
        for session in sessions:
            backend.create(Creation(id=session, **fields), Request())
        return backend

    yield open_store
    for backend in backends:
        backend.close()
