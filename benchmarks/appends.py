"""One writer: a turn on an empty and on a long session, beside one write and one sync of the same bytes."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

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
    fds = [
        os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        for name in ("floor", "format")
    ]
    rounds: list[list[list[float]]] = []
    try:
        for number in range(sizes.rounds):
            new = store.create(id=f"new-{number}")
            ways = [_floor(fds[0], data), new.append, old.append, _format_alone(fds[1])]
            rounds.append(_one_round(sizes.turns, ways, number))
    finally:
        for fd in fds:
            os.close(fd)
    floor, empty, late, least = ([statistics.median(row[place]) for row in rounds] for place in range(4))
    size = f"{len(data)} bytes"
    report.add("floor: one write and fdatasync", statistics.median(floor), "ms", note=size)
    report.add("the format's own work / floor", paired(least, floor), "x", note="encode, digest, chain, write, sync")
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


def _format_alone(fd: int) -> Callable[[list[hansard.NewEntry]], object]:
    """What the format asks of any program: encode and digest the bodies, chain the lines, one write, one sync."""
    encode = msgspec.json.Encoder().encode
    salt, link = b"0" * 16, bytes(32)
    front = b'{"seq":1,"id":"%b","at":"%b","kind":"message","digest":"' % (b"0" * 36, b"0" * 27)

    def write(entries: list[hansard.NewEntry]) -> None:
        nonlocal link
        pieces: list[bytes] = []
        for entry in entries:
            body = encode(entry.body)
            head = front + sha256(salt + body).hexdigest().encode()
            link = sha256(link + head).digest()
            pieces += (head, b'","hash":"', link.hex().encode(), b'","salt":"', salt, b'","body":', body, b"}\n")
        os.write(fd, b"".join(pieces))
        os.fdatasync(fd)

    return write


def _one_round(turns: int, ways: list[Callable[[list[hansard.NewEntry]], object]], number: int) -> list[list[float]]:
    """Milliseconds of each turn of each way; they take turns, and none always comes first."""
    times: list[list[float]] = [[] for _ in ways]
    for count in range(turns + 1):
        for way in turning(range(len(ways)), count):
            entries = turn(number * turns + count)
            spent = timed(lambda way=way, entries=entries: ways[way](entries))
            if count:
                times[way].append(spent)
    return times
