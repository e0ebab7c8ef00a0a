"""A disk that says it has synced and has not: entries may be missing then, but none is ever wrong, and heads name it."""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil

import pytest

import hansard

GROUPS = 6


@pytest.fixture
def written(tmp_path):
    """A store, its log after each acknowledged append, what it said, and the heads that were kept elsewhere."""
    root = tmp_path / "written"
    logs = []
    with hansard.open(root) as store:
        session = store.create(id="s")
        store.create(id="other", entries=[hansard.user("elsewhere")])
        log = root / "sessions/s/log.jsonl"
        for number in range(GROUPS):
            session.append([hansard.user(f"question {number} " + "x" * 200), hansard.assistant(f"answer {number}")])
            logs.append(log.read_bytes())
        entries = list(session.entries())
        heads = store.heads()
    return root, logs, entries, heads


def kept(logs, lost, how, draw):
    """The log when what the appends in `lost` wrote was never kept, though their syncs had returned."""
    data = bytearray(logs[-1])
    for number in lost:
        start, end = len(logs[number - 1]) if number else 0, len(logs[number])
        if how == "zeros":
            data[start:end] = bytes(end - start)
        elif how == "pages":
            first = start + draw.randrange(end - start)
            data[first:end] = bytes(end - first)
        elif how == "old":
            data[start:end] = draw.randbytes(end - start)
    if how == "short":
        del data[len(logs[lost[0] - 1]) + draw.randrange(200) :]
    return bytes(data)


@pytest.mark.parametrize("how", ["zeros", "pages", "old", "short"])
def test_what_a_lying_disk_lost_is_missing_or_named_and_nothing_that_is_read_is_wrong(written, tmp_path, how):
    root, logs, entries, heads = written
    draw = random.Random(how)
    losses = [(n,) for n in range(1, GROUPS)] + list(itertools.combinations(range(1, GROUPS), 2))
    for lost in losses:
        copy = tmp_path / "copy"
        shutil.copytree(root, copy)
        (copy / "sessions/s/log.jsonl").write_bytes(kept(logs, lost, how, draw))
        with hansard.open(copy) as store:
            read = []
            with contextlib.suppress(hansard.Corrupt):
                read.extend(store.get("s").entries())
            assert read == entries[: len(read)]
            assert len(read) >= 1 + 2 * lost[0]
            assert len(read) < len(entries)
            assert {one.session for one in store.check(heads=heads) if one.severity == "damage"} == {"s"}
            assert [message.text for message in store.get("other").history()] == ["elsewhere"]
            goes_on(store)
        shutil.rmtree(copy)


def goes_on(store):
    """After a repair what is left takes appends, and only the heads still tell that something is missing."""
    store.check(repair=True)
    assert [one for one in store.check() if one.severity == "damage"] == []
    session = store.get("s")
    assert session.append(hansard.user("goes on")) == session.seq
    assert [one for one in store.check() if one.severity == "damage"] == []


def test_a_session_whose_name_a_lying_disk_lost_is_named_by_the_heads(written):
    root, _, _, heads = written
    shutil.rmtree(root / "sessions/s")
    with hansard.open(root) as store:
        assert {one.session for one in store.check(heads=heads) if one.severity == "damage"} == {"s"}
