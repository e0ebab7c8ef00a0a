"""What a program costs the disk, as the system counts it: one sync for each append, and a handful for all the rest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import hansard
with hansard.open(sys.argv[1]) as store:
    session = store.create()
    for number in range(200):
        session.append([hansard.user(f"{number}.{place}") for place in range(4)])
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: system calls are not counted")
@pytest.mark.parametrize("made", [False, True])
def test_a_program_syncs_its_log_once_an_append_and_all_else_ten_times_at_most(tmp_path, made):
    trace, store = tmp_path / "trace", tmp_path / "store"
    if made:
        store.mkdir()
    calls = "trace=fsync,fdatasync,sync_file_range,msync,syncfs,io_submit"
    result = subprocess.run(
        ["strace", "-f", "-y", "-o", str(trace), "-e", calls, sys.executable, "-c", PROGRAM, str(store)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in result.stderr.lower():
        pytest.skip(f"strace may not trace here: {result.stderr.strip()[:200]}")
    assert result.returncode == 0, result.stderr
    # Those that are asked for side by side are counted one by one, too.
    paths = re.findall(r"(?:sync\(|aio_fildes=)[0-9]+<([^>]*)>", trace.read_text())
    logs = [path for path in paths if path.endswith("log.jsonl")]
    assert len(logs) == 1 + 200
    assert len(paths) - len(logs) <= 10, [path for path in paths if path not in logs]
