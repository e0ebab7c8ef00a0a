"""Finding a line by its number: from any place, in logs of any length, and whatever the lines are like."""

from __future__ import annotations

import os
import random

import pytest

from hansard.backends.file import scan
from hansard.errors import Corrupt


def log(path, sizes, *, first=1):
    """Lines as long as is said, and where they begin."""
    starts, data = [], b""
    for number, size in enumerate(sizes, first):
        starts.append(len(data))
        data += b'{"seq":%d,"body":"' % number + b"x" * size + b'"}\n'
    path.write_bytes(data)
    return starts, len(data)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("first", [1, 40])
def test_every_line_is_found_by_its_number(tmp_path, seed, first):
    chosen = random.Random(seed)
    sizes = [chosen.choice((0, 5, 300, 3000, 20_000)) for _ in range(chosen.choice((1, 2, 30, 200)))]
    starts, end = log(tmp_path / "log", sizes, first=first)
    fd = os.open(tmp_path / "log", os.O_RDONLY)
    try:
        found = [scan.offset_of(fd, number, end) for number in range(first, first + len(starts))]
        assert found == starts
        assert scan.offset_of(fd, first - 1, end) == 0
        assert scan.offset_of(fd, first + len(starts), end) == end
        assert scan.offset_of(fd, first + len(starts) + 7, end) == end
    finally:
        os.close(fd)


def test_behind_the_end_nothing_is_looked_at(tmp_path):
    starts, _ = log(tmp_path / "log", [100] * 9)
    fd = os.open(tmp_path / "log", os.O_RDONLY)
    try:
        assert scan.offset_of(fd, 8, starts[5]) == starts[5]
        assert scan.offset_of(fd, 3, starts[5]) == starts[2]
        assert scan.offset_of(fd, 1, 0) == 0
    finally:
        os.close(fd)


def test_a_line_that_does_not_begin_as_lines_do_is_damage_only_on_the_way(tmp_path):
    starts, end = log(tmp_path / "log", [100] * 9)
    data = bytearray((tmp_path / "log").read_bytes())
    data[starts[8] : starts[8] + 3] = b"???"
    (tmp_path / "log").write_bytes(data)
    fd = os.open(tmp_path / "log", os.O_RDONLY)
    try:
        assert scan.offset_of(fd, 2, end) == starts[1]
        with pytest.raises(Corrupt, match=f"at byte {starts[8]}"):
            scan.offset_of(fd, 9, end)
    finally:
        os.close(fd)
