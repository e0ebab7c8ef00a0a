"""Every folder that a power cut may leave is a store with all that was acknowledged; and the harness would notice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from disks import states
from judging import PARTS, judged_part, violations
from recording import STRACE, record

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
STRIDE = 12
AFTER = 6

pytestmark = pytest.mark.skipif(STRACE is None, reason="strace is not installed: the system calls can't be recorded")


@pytest.fixture(scope="module")
def ops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return record([str(HERE / "workload.py")], folder / "store", environment=environment, trace=folder / "trace")


@pytest.fixture(autouse=True)
def another_boot(monkeypatch):
    from hansard.backends.file import notes

    monkeypatch.setattr(notes, "boot_id", lambda: "the one after the power cut")


def of_the_truth(number, op):
    """Not the index, whose states are met at the same time."""
    return op.what != "say" and ".db" not in op.path


def judged(state, ops, folder):
    root = folder / "state"
    state.write(root)
    try:
        last = ops[state.place - 1]
        return [f"after {last.what} {last.path}, {state.variant}: {one}" for one in violations(root, state.said)]
    finally:
        shutil.rmtree(root)


def test_some_states_that_a_power_cut_may_leave_hold_all_that_was_acknowledged(ops, quick_path):
    chosen = [state for number, state in enumerate(states(ops, cut=of_the_truth)) if number % STRIDE == 0]
    assert len(chosen) > 40
    assert [wrong for state in chosen for wrong in judged(state, ops, quick_path)] == []


@pytest.mark.torture
@pytest.mark.parametrize("part", range(PARTS))
def test_every_state_that_a_power_cut_may_leave_holds_all_that_was_acknowledged(ops, quick_path, record_property, part):
    what = f"a power cut after each of {len(ops)} operations"
    count, wrong = judged_part(
        states(ops), lambda state: judged(state, ops, quick_path), record_property, part=part, what=what
    )
    assert wrong == []
    assert count > 500 // PARTS


def test_without_any_one_sync_of_an_append_the_harness_finds_a_violation(ops, quick_path):
    # The index's thread may come in between two steps of an append; without its files the index is made anew.
    ops = [op for op in ops if ".db" not in op.path]
    syncs = [
        number
        for number, op in enumerate(ops)
        if op.what == "sync" and op.path.endswith("log.jsonl") and b'"done": "append"' in ops[number + 1].data
    ]
    assert len(syncs) >= 8
    for sync in syncs:
        chosen = states(
            ops,
            cut=lambda number, op, sync=sync: sync < number <= sync + AFTER,
            ignored=lambda number, op, sync=sync: number == sync,
        )
        assert any(judged(state, ops, quick_path) for state in chosen), f"sync {sync} of {ops[sync].path} is not missed"
