"""Each sync of the program is needed: without it some folder that a power cut may leave lacks what was acknowledged."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import judging
import msgspec
import pytest
import upkept
from disks import states
from recording import STRACE, Op, record

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"

JUDGES: dict[str, Callable[[Path, bytes], list[str]]] = {"workload": judging.violations, "upkeep": upkept.violations}

pytestmark = [
    pytest.mark.skipif(STRACE is None, reason="strace is not installed: the system calls can't be recorded"),
    pytest.mark.usefixtures("no_syncs"),
]


class Recorded:
    """What a program did, and which of its operations are syncs that a line of Hansard asked for."""

    def __init__(self, name: str, ops: list[Op], root: Path) -> None:
        self.name = name
        self.ops: list[Op] = []
        self.lines: defaultdict[str, set[int]] = defaultdict(set)
        asked: defaultdict[str, list[str]] = defaultdict(list)
        for op in ops:
            if op.what == "say":
                said = b""
                for line in op.data.splitlines(keepends=True):
                    told: dict[str, Any] = json.loads(line)
                    if "line" in told:
                        asked[os.path.relpath(told["path"], root)].append(told["line"])
                    else:
                        said += line
                if said:
                    self.ops.append(msgspec.structs.replace(op, data=said))
                continue
            if op.what == "sync" and asked[op.path]:
                self.lines[asked[op.path].pop(0)].add(len(self.ops))
            self.ops.append(op)

    def hurts(self, number: int, op: Op) -> bool:
        """Whether a power cut after this operation is among the worst: something was acknowledged, or has gone."""
        if op.what == "say":
            return b'"done"' in op.data
        return op.what in ("rename", "unlink", "truncate") and ".db" not in op.path


@pytest.fixture(scope="module", params=JUDGES)
def recorded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    program = [str(HERE / "saying.py"), request.param]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    ops = record(program, folder / "store", environment=environment, trace=folder / "trace")
    return Recorded(request.param, ops, folder / "store")


@pytest.fixture(autouse=True)
def another_boot(monkeypatch):
    from hansard.backends.file import notes

    monkeypatch.setattr(notes, "boot_id", lambda: "the one after the power cut")


def judged(recorded, state, folder):
    root = folder / "state"
    state.write(root)
    try:
        last = recorded.ops[state.place - 1]
        wrong = JUDGES[recorded.name](root, state.said)
        return [f"after {last.what} {last.path}, {state.variant}: {one}" for one in wrong]
    finally:
        shutil.rmtree(root)


def acknowledged(_number, op):
    return op.what == "say" and b'"done"' in op.data


LOST = {"data": ("none", "zeros"), "names": ("none", "all")}
"""A power cut that takes all it can of the bytes, and the names with them or not."""


def test_what_was_acknowledged_is_there_after_a_power_cut_that_takes_all_it_can(recorded, quick_path):
    count, wrong = 0, []
    for state in states(recorded.ops, cut=acknowledged, **LOST):
        count += 1
        wrong += judged(recorded, state, quick_path)
    assert wrong == []
    assert count > 50


@pytest.mark.parametrize("line", ["log.py", "attaching.py", "rewriting.py"])
def test_some_sync_that_is_left_out_is_noticed(recorded, quick_path, line):
    syncs = [numbers for asked, numbers in recorded.lines.items() if f"/{line}:" in asked]
    assert any(noticed(recorded, numbers, quick_path) for numbers in syncs)


def noticed(recorded, numbers, folder):
    """Whether something acknowledged is missing in a state that is there because these syncs were left out."""
    before = {state.key for state in states(recorded.ops, cut=acknowledged, **LOST)}
    chosen = states(recorded.ops, cut=acknowledged, ignored=lambda number, _: number in numbers, **LOST)
    return any(judged(recorded, state, folder) for state in chosen if state.key not in before)


@pytest.mark.torture
@pytest.mark.parametrize("part", range(judging.PARTS))
def test_at_no_bad_moment_a_power_cut_loses_what_was_acknowledged(recorded, quick_path, record_property, part):
    what = f"a power cut at the bad moments of {recorded.name}"
    count, wrong = judging.judged_part(
        states(recorded.ops, cut=recorded.hurts),
        lambda state: judged(recorded, state, quick_path),
        record_property,
        part=part,
        what=what,
    )
    assert wrong == []
    assert count > 100 // judging.PARTS
