"""A log that is read without its lock while another process writes to it: what is seen by halves is looked at again."""

from __future__ import annotations

import os

import pytest

import hansard
from hansard.backends.file import scan


@pytest.fixture
def log(tmp_path):
    with hansard.open(tmp_path / "store") as store:
        session = store.create(id="s")
        for number in range(4):
            session.append([hansard.user(f"Tide {number}"), hansard.assistant("High.")])
    return tmp_path / "store" / "sessions" / "s" / "log.jsonl"


@pytest.mark.parametrize("seen", range(1, 10))
@pytest.mark.parametrize("part", [1, 40, -1])
def test_a_line_that_is_being_written_while_it_is_read_is_no_damage(log, monkeypatch, seen, part):
    real, looks = scan.raw_lines, []

    def as_it_grows(fd, offset, end=None):
        looks.append(offset)
        lines = list(real(fd, offset, end))
        if len(looks) > 1:
            yield from lines
            return
        yield from lines[: seen - 1]
        start, line = lines[seen - 1]
        yield start, line[:part]

    monkeypatch.setattr(scan, "raw_lines", as_it_grows)
    fd = os.open(log, os.O_RDONLY)
    try:
        scanner = scan.Scanner(fd, scan.Mark(), str(log))
        assert [entry.seq for group in scanner.groups() for entry, _ in group] == list(range(1, 10))
        assert scanner.tail is None
        assert scanner.mark.offset == log.stat().st_size
    finally:
        os.close(fd)


def test_a_line_that_stays_as_it_is_is_damage_where_a_whole_group_follows(log):
    lines = log.read_bytes().split(b"\n")
    log.write_bytes(b"\n".join([*lines[:3], lines[3][:40], *lines[4:]]))
    fd = os.open(log, os.O_RDONLY)
    try:
        with pytest.raises(hansard.Corrupt, match="line 4 at byte"):
            list(scan.Scanner(fd, scan.Mark(), str(log)).groups())
    finally:
        os.close(fd)
