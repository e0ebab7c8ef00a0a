"""Reading many lines at once gives what reading them one by one gives, damage and its place included."""

from __future__ import annotations

from itertools import islice

import pytest

from hansard.backends.file import FileBackend, sources
from hansard.backends.file.sources import Source
from hansard.codec.line import GENESIS, decode_line, encode_line, seal
from hansard.errors import Corrupt
from hansard.model.entry import NewEntry, event, user


def lines_of(entries):
    found, link = [], GENESIS
    for seq, new in enumerate(entries, 1):
        line, link = encode_line(seal(new, now_us=0), seq, link, parent=None, commit=(seq, 1))
        found.append(line)
    return found


def source_of(path, lines):
    path.write_bytes(b"".join(lines))
    return Source(path, 1, len(lines), sum(map(len, lines)))


ODD = [
    NewEntry("event", {"type": "x"}, extra={"later": [1, {"hash": 2}]}),
    user("\ud800 and \x00"),
    event("long", {"data": "x" * 200_000}),
    event("number", {"n": 2**70}),
]


@pytest.mark.parametrize("count", [1, 15, 16, 17, 400])
def test_many_lines_read_at_once_are_those_read_one_by_one(tmp_path, count):
    lines = lines_of([user(f"{number} " + "text " * 60) for number in range(count)] + ODD)
    source = source_of(tmp_path / "log", lines)
    expected = [decode_line(line) for line in lines]
    assert list(sources.read(source, 0, None)) == expected
    assert list(sources.read_backwards(source, 0, None)) == expected[::-1]
    for after, before in ((0, 3), (count // 2, None), (1, count), (count - 1, count + 3)):
        wanted = [entry for entry in expected if after < entry.seq < (before or 10**9)]
        assert list(sources.read(source, after, before)) == wanted
        assert list(sources.read_backwards(source, after, before)) == wanted[::-1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:-40] + b"\n",
        lambda line: line.replace(b'{"seq":', b'{"seq":1', 1),
        lambda line: b"\n" + line,
        lambda line: line.replace(b',"kind"', b',\n"kind"', 1),
        lambda line: b"\x00" * (len(line) - 1) + b"\n",
    ],
)
def test_damage_is_told_with_its_line_and_offset_after_all_that_stands_before_it(tmp_path, damage):
    lines = lines_of([user(f"{number} " + "text " * 60) for number in range(300)])
    whole = [*lines[:207], damage(lines[207]), *lines[208:]]
    path = tmp_path / "log"
    path.write_bytes(b"".join(whole))
    source = Source(path, 1, len(lines), path.stat().st_size)
    entries = sources.read(source, 0, None)
    assert [entry.seq for entry in islice(entries, 207)] == list(range(1, 208))
    with pytest.raises(Corrupt) as caught:
        next(entries)
    assert (caught.value.line, caught.value.offset) == (208, sum(map(len, lines[:207])))


def test_a_log_that_ends_too_early_is_told(tmp_path):
    lines = lines_of([user(f"{number}") for number in range(40)])
    path = tmp_path / "log"
    path.write_bytes(b"".join(lines[:30]))
    with pytest.raises(Corrupt, match="entry 31 is missing"):
        list(sources.read(Source(path, 1, 40, path.stat().st_size), 0, None))


def test_a_line_longer_than_any_piece_is_read_in_both_directions(tmp_path):
    backend = FileBackend(tmp_path / "store", clock=lambda: 0)
    backend.close()
    lines = lines_of([user("first"), event("long", {"data": "y" * 3_000_000}), *[user(str(n)) for n in range(30)]])
    source = source_of(tmp_path / "log", lines)
    assert [len(str(entry.body)) for entry in sources.read(source, 0, None)] == [
        len(str(entry.body)) for entry in reversed(list(sources.read_backwards(source, 0, None)))
    ]
