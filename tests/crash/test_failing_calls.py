"""Each call that changes a file fails once: a typed error, nothing acknowledged lost, and the store goes on."""

from __future__ import annotations

import itertools

import pytest
import workload
from failing import Failing, Failure
from judging import violations


def failed_once(root, nth, kind):
    """The call that failed, what the program said, and what it raised that is not an error of the store."""
    said: list[bytes] = []
    failing = Failing(str(root), nth, Failure(kind))
    with failing.active():
        workload.run(str(root), said.append)
    return failing.failed, b"".join(said)


def judged(root, said):
    """What is wrong: before a repair only that the store asks for one, after it nothing."""
    wrong = violations(root, said)
    if not wrong:
        return []
    asks = [one for one in wrong if "repair" in one]
    return violations(root, said, repair=True) if asks else wrong


def every(numbers, quick_path, kind):
    for nth in numbers:
        root = quick_path / f"{kind}-{nth}"
        failed, said = failed_once(root, nth, kind)
        if not failed:
            return nth
        assert judged(root, said) == [], f"{kind} at call {nth}: {failed}"
    return None


@pytest.mark.parametrize("kind", ["EIO", "ENOSPC", "late", "short"])
def test_some_failing_calls_lose_nothing_that_was_acknowledged(kind, quick_path):
    every(range(5, 200, 23), quick_path, kind)


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["EIO", "ENOSPC", "EINTR", "late", "short"])
def test_no_failing_call_loses_what_was_acknowledged(kind, quick_path):
    tried = every(itertools.count(1), quick_path, kind)
    assert tried is not None
    assert tried > 30


def test_a_failure_that_never_comes_changes_nothing(quick_path):
    failed, said = failed_once(quick_path / "store", 1_000_000, "EIO")
    assert (failed, violations(quick_path / "store", said)) == ("", [])
    assert b"failed" not in said
