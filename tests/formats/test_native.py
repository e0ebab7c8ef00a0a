from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.codec.line import decode_line
from hansard.errors import Corrupt
from hansard.formats.native import Chain, begin, read_native, write_native
from hansard.limits import ENTRY_BYTES_MAX
from support import hostile
from support.logs import log_of, says

LOG = log_of("s", says("one"), says("two"), says("three"), says("four"), groups=2)


def read(lines):
    return read_native(io.BytesIO(b"".join(lines)), place="log.jsonl")


def test_lines_come_out_byte_for_byte():
    assert list(write_native(LOG)) == LOG


def test_lines_that_were_written_are_read_again():
    log = read(LOG)
    assert log.session == "s"
    assert list(log) == LOG
    assert log.tail == 0


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_text_comes_back_as_it_was(text):
    lines = log_of("s", says(text))
    back = list(read(write_native(lines)))
    assert decode_line(back[1]).body["parts"][0]["text"] == text


def test_a_fork_is_read_from_where_it_continues():
    fork = log_of("f", says("five"), origin=LOG)
    log = read(fork)
    assert list(log) == fork
    assert log.begin.segments[0].session == "s"
    assert log.chain.seq == 7


def test_what_follows_the_last_whole_group_is_not_there():
    whole = b"".join(LOG)
    ends = [len(b"".join(LOG[:count])) for count in (2, 4, 5)]
    for cut in range(len(LOG[0]), len(whole)):
        log = read([whole[:cut]])
        kept = b"".join(log)
        assert len(kept) == max([0, *(end for end in ends if end <= cut)])
        assert len(kept) + log.tail == cut


def test_a_changed_line_is_corrupt_and_says_where():
    bad = [*LOG[:3], LOG[3].replace(b"three", b"THREE"), LOG[4]]
    with pytest.raises(Corrupt, match=r"log\.jsonl, line 4") as caught:
        list(read(bad))
    assert (caught.value.line, caught.value.offset) == (4, len(b"".join(LOG[:3])))
    with pytest.raises(Corrupt, match="line 4"):
        list(write_native(bad))


@pytest.mark.parametrize("lines", [LOG[:2] + LOG[3:], [LOG[0], LOG[2], LOG[1], *LOG[3:]], [LOG[0], *LOG]])
def test_dropped_swapped_and_doubled_lines_are_corrupt(lines):
    with pytest.raises(Corrupt):
        list(read(lines))


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b"not json\n", b"\xff\n", LOG[1], b"[1]\n", b'{"seq":1}\n'])
def test_what_is_no_log_is_refused_at_its_first_line(data):
    with pytest.raises(Corrupt, match="not the log of a session"):
        read([data])


def test_a_fork_with_a_short_hash_is_refused():
    line = log_of("f", segments=[{"session": "s", "last": 1, "hash": "ab"}])[0]
    with pytest.raises(Corrupt, match="not the log"):
        begin(line, "x")


def test_a_line_without_end_is_refused_before_it_fills_the_memory():
    class Endless(io.RawIOBase):
        asked = 0

        def readline(self, size=-1):
            self.asked += 1
            return LOG[0] if self.asked == 1 else b"x" * size

    with pytest.raises(Corrupt, match="line 2: a line ends within"):
        list(read_native(Endless()))
    with pytest.raises(Corrupt, match="a line ends within"):
        Chain("x").take(b"x" * (ENTRY_BYTES_MAX + 1))


@settings(max_examples=200)
@given(st.integers(0, len(b"".join(LOG)) - 1), st.integers(1, 255))
def test_any_changed_byte_is_found_or_is_in_a_tail(place, change):
    data = bytearray(b"".join(LOG))
    data[place] ^= change
    try:
        kept = b"".join(read_native(io.BytesIO(bytes(data))))
    except Corrupt:
        return
    assert b"".join(LOG).startswith(kept)
    assert len(kept) <= place
