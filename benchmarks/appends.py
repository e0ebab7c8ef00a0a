"""One writer: a turn on an empty and on a long session, beside one write and one sync of the same bytes."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from pathlib import Path

import hansard

from .basics import Sizes, log_of, p99, paired, timed, turn, turning
from .report import Report

BATCH = 50


def make_long(store: hansard.Store, messages: int, *, name: str = "long") -> hansard.Session:
    """A session with so many messages, appended in batches."""
    session = store.create(id=name)
    for start in range(0, messages // 4, BATCH):
        stop = min(start + BATCH, messages // 4)
        session.append([entry for number in range(start, stop) for entry in turn(number)])
    return session


def measure(report: Report, sizes: Sizes, folder: Path, store: hansard.Store, old: hansard.Session) -> None:
    """Append to the plain file, to a new session of each round and to the long one, by turns."""
    data = _bytes_of_a_turn(folder / "store", store)
    fd = os.open(folder / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    rounds: list[list[list[float]]] = []
    try:
        for number in range(sizes.rounds):
            new = store.create(id=f"new-{number}")
            rounds.append(_one_round(sizes.turns, [_floor(fd, data), new.append, old.append], number))
    finally:
        os.close(fd)
    floor, empty, late = ([statistics.median(row[place]) for row in rounds] for place in range(3))
    size = f"{len(data)} bytes"
    report.add("floor: one write and fdatasync", statistics.median(floor), "ms", note=size)
    report.add("append p50, empty session", statistics.median(empty), "ms")
    report.add("append p50, long session", statistics.median(late), "ms", note=f"{old.info.message_count} messages")
    report.add("append, long / empty session", paired(late, empty), "x", 1.1)
    report.add("append, empty session / floor", paired(empty, floor), "x", 1.25)
    report.add("append, long session / floor", paired(late, floor), "x", 1.25)
    worst = [p99([one for row in rounds for one in row[place]]) for place in range(3)]
    report.add("append p99 / floor's p99, long session", worst[2] / worst[0], "x", 4, note=f"{worst[2]:.2f} ms")


def _bytes_of_a_turn(root: Path, store: hansard.Store) -> bytes:
    """The very bytes that a turn adds to a log."""
    session = store.create(id="size")
    before = log_of(root, "size").stat().st_size
    session.append(turn(0))
    return log_of(root, "size").read_bytes()[before:]


def _floor(fd: int, data: bytes) -> Callable[[list[hansard.NewEntry]], object]:
    def write(_: list[hansard.NewEntry]) -> None:
        if os.write(fd, data) != len(data):
            msg = "the floor wrote less than a turn"
            raise OSError(msg)
        os.fdatasync(fd)

    return write


def _one_round(turns: int, ways: list[Callable[[list[hansard.NewEntry]], object]], number: int) -> list[list[float]]:
    """Milliseconds of each turn of each way; they take turns, and none always comes first."""
    times: list[list[float]] = [[], [], []]
    for count in range(turns + 1):
        for way in turning((0, 1, 2), count):
            entries = turn(number * turns + count)
            spent = timed(lambda way=way, entries=entries: ways[way](entries))
            if count:
                times[way].append(spent)
    return times
