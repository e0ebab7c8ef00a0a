"""The story that all the examples tell: an agent is killed in the middle of a tool call, and goes on from the store.

    python examples/killed.py examples/strands/tide.py [FOLDER]

The first run of the example is a process whose tool never comes back; it gets kill -9. The second run has nothing but
the store in the folder to go on from. At the end, what the store holds is shown.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import hansard


def kill_in_the_call(example: str, folder: str) -> None:
    """Run the example until its tool is called, then kill it."""
    command = [sys.executable, example, folder, "How high is the tide?"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "GAUGE_HANGS": "yes"}) as run:
        assert run.stdout is not None
        for line in run.stdout:
            print(line, end="")
            if line == "agent: calls its tool\n":
                break
        run.kill()
    print("killed while the tool was working", flush=True)


def show(folder: str) -> None:
    """What the store holds."""
    with hansard.open(Path(folder) / "store") as store:
        for info in store.find():
            print(f"{info.id}: {info.title} ({info.usage.calls} model calls)")
            for message in store.get(info.id).history():
                print(f"  {message.role}: {message.text or message.parts[0]['type']}")


def main(example: str, folder: str) -> None:
    """Run, kill, go on, show."""
    kill_in_the_call(example, folder)
    subprocess.run([sys.executable, example, folder, "And now?"], check=True)
    show(folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if sys.argv[2:] else tempfile.mkdtemp())
