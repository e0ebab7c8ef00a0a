"""What a how-to page and an example of a framework are tested with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]


def told_by_example(framework, folder):
    """What the example prints, line by line."""
    done = subprocess.run(
        [sys.executable, TOP / "examples" / framework / "tide.py", folder],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def run_page(name, place):
    """Run the modules of a page in order, in one namespace, which is returned. Its store "agents" is at this place."""
    page = TOP / "docs" / "how-to" / f"{name}.md"
    names: dict[str, object] = {"__name__": "__main__"}
    blocks = re.findall(r"^```python file=\w+\.py\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    for code in blocks:
        exec(compile(code.replace('"agents"', repr(str(place))), str(page), "exec"), names)
    return names
