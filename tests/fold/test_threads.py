"""Types that JSON is read into are ready before any thread reads: planned by two at once, they crash the interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

READ_AT_ONCE = """
import sys, threading
import msgspec
from hansard.backends.file import following, home
from hansard.fold import Fold
from hansard.formats import archive, native
from hansard.model.info import Segment, SessionInfo
from hansard.store.changes import check_update

dump = Fold().dump()
READS = {
    "fold": lambda: Fold.load(dump),
    "segments": lambda: msgspec.convert([{"session": "s", "last": 1, "hash": ""}], tuple[Segment, ...]),
    "info": lambda: msgspec.convert({"id": "s"}, SessionInfo),
    "update": lambda: check_update({"set": {"x": 1}}, "entry"),
    "begin": lambda: msgspec.convert({"session": "s"}, native.Begin),
    "manifest": lambda: msgspec.convert({"format": "", "version": 1, "sessions": []}, archive.Manifest),
    "about": lambda: msgspec.convert({"format": 1, "version": "", "store": ""}, home.About),
}
sys.setswitchinterval(1e-6)
start = threading.Barrier(8)

def read():
    start.wait()
    READS[sys.argv[1]]()

threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("read")
"""


@pytest.mark.parametrize("what", ["fold", "segments", "info", "update", "begin", "manifest", "about"])
def test_threads_that_read_a_type_for_the_first_time_at_once_all_can(what):
    done = subprocess.run([sys.executable, "-c", READ_AT_ONCE, what], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr
