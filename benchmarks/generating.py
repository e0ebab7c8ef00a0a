"""Stores of many sessions, and large transcripts: written at once, in the exact format, since appending takes hours."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import hansard
from hansard.codec import times
from hansard.codec.line import GENESIS, encode_line, seal

from .basics import corpus

BEGIN_US = 1_700_000_000_000_000
STEP_US = 1_000_000
"""Each session is so much younger than the one before."""

PROCESSES = 2
WORDS = 20_000
RARE = "zyzzyva"
COMMON = ("w2", "w5")
RARE_IN = 3
CHECKED = 200
_PART = "import sys; from benchmarks.generating import write_sessions as w; w(sys.argv[1], *map(int, sys.argv[2:]))"


def make_store(path: Path, sessions: int) -> None:
    """A store with so many sessions of one message each, whose index knows none of them: `reindex()` comes first."""
    hansard.open(path).close()
    share = -(-sessions // PROCESSES)
    parts = [(first, min(first + share, sessions)) for first in range(0, sessions, share)]
    running = [
        subprocess.Popen([sys.executable, "-c", _PART, str(path), *map(str, part), str(sessions)]) for part in parts
    ]
    codes = [process.wait() for process in running]
    if any(codes):
        msg = "a process that wrote sessions failed"
        raise RuntimeError(msg)
    # Else the system writes them out while something else is measured.
    os.sync()


def check_sample(store: hansard.Store, sessions: int) -> None:
    """Refuse a generated store if the store's own check finds anything in some of its sessions."""
    for number in range(0, sessions, max(1, sessions // CHECKED)):
        found = [finding for finding in store.check(name_of(number)) if finding.severity != "note"]
        if found:
            msg = f"the generator writes what is no session: {found[0]}"
            raise RuntimeError(msg)


class Drawn:
    """Words drawn with falling frequency, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        """Begin anew."""
        self._draw = random.Random(seed)
        self._words = [f"w{rank}" for rank in range(WORDS)]
        self._weights = [*itertools.accumulate(1 / (rank + 10) for rank in range(WORDS))]

    def text(self, words: int, *, rare: bool) -> str:
        """A text of so many words and one that stands in every text; a rare one has a word more that hardly any has."""
        drawn = self._draw.choices(self._words, cum_weights=self._weights, k=words)
        return " ".join(["everywhere", *drawn, *([RARE, *COMMON] if rare else [])])


def name_of(number: int) -> str:
    """The id of a generated session."""
    return f"session-{number:07d}"


def write_sessions(root: str, first: int, last: int, count: int) -> None:
    """The folders and logs of a part of the sessions."""
    draw = Drawn(first)
    rare = {count * part // (RARE_IN + 1) for part in range(1, RARE_IN + 1)}
    for number in range(first, last):
        text = draw.text(12, rare=number in rare)
        folder = f"{root}/sessions/{name_of(number)}"
        os.mkdir(folder, 0o700)  # noqa: PTH102 - a million times
        fd = os.open(f"{folder}/log.jsonl", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.write(fd, _log(number, text))
        os.close(fd)


def _log(number: int, text: str) -> bytes:
    """The lines of a session: its creation, and one message."""
    now_us = BEGIN_US + number * STEP_US
    body = {"session": name_of(number), "kind": "root", "format": 1, "needs": [], "title": f"Session {number}"}
    at = times.stamp(now_us)
    entries = [hansard.NewEntry("created", body, at=at), hansard.user(text, at=at)]
    link, lines = GENESIS, b""
    for seq, entry in enumerate(entries, 1):
        line, link = encode_line(seal(entry, now_us=now_us), seq, link, parent=None, commit=(seq, now_us))
        lines += line
    return lines


def transcript(path: Path, size: int) -> tuple[int, str]:
    """A Codex rollout of about so many bytes, and what its lines were taken from.

    The lines are those of the rollouts in the corpus of real ones, else of the bundled sample, again and again, with
    other call ids each time.
    """
    header, lines, source = _rollouts()
    written = turn = 0
    with path.open("wb") as out:
        written += out.write(header)
        while written < size:
            turn += 1
            mark = b"call_%d_" % turn
            for line in lines:
                written += out.write(line.replace(b"call_", mark))
                if written >= size:
                    break
    return written, source


def _rollouts() -> tuple[bytes, Sequence[bytes], str]:
    sample = Path(hansard.__file__).parent / "samples/codex-rollout.jsonl"
    header, *own = sample.read_bytes().splitlines(keepends=True)
    folder = corpus() / "codex"
    lines = [line for path in sorted(folder.rglob("*.jsonl")) for line in _items(path)]
    return (header, lines, f"{len(lines)} lines of real rollouts") if lines else (header, own, "the bundled sample")


def _items(path: Path) -> Iterator[bytes]:
    """The lines of a rollout that are whole objects, but for those that begin a session."""
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and value.get("type") != "session_meta" and line.endswith(b"\n"):
            yield line
