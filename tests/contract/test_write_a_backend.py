"""The code of docs/how-to/write-a-backend.md, run as a reader would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/how-to/write-a-backend.md"
SOURCE = Path(__file__).parents[2] / "src"


def test_the_toy_backend_of_the_guide_passes_the_suite(tmp_path):
    for name, code in re.findall(r"```python file=(\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL):
        with (tmp_path / name).open("a") as file:
            file.write(code + "\n\n")
    paths = os.pathsep.join((str(tmp_path), str(SOURCE)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "test_toy.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
