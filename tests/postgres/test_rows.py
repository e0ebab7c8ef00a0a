"""Lines of one append share a row: whatever is asked for, it is found as if each had its own."""

from __future__ import annotations

import psycopg
import pytest

import hansard
from hansard.backends.postgres import sources
from hansard.backends.postgres.packing import keys_of, line_at, lines_in, one_by_one, packed
from hansard.codec.names import new_ids
from hansard.model.entry import Entry
from hansard.store.place import place_of

_ROWS = "SELECT seq, line FROM hansard.entries WHERE session = %s ORDER BY seq"


def rows_of(conninfo, session):
    with psycopg.connect(conninfo, autocommit=True) as con:
        return con.execute(_ROWS, (session.encode(),)).fetchall()


def entries_of(ids, *, first):
    return [Entry(seq, one, "", "event", {}) for seq, one in enumerate(ids, first)]


def turn(number, count=4):
    return [hansard.user(f"turn {number} word{number}x{place}") for place in range(count)]


def test_lines_whose_ids_were_drawn_together_become_one_row_and_come_back():
    ids = [*new_ids(4), *new_ids(1), "given", *new_ids(3)]
    lines = [b"line %d\n" % number for number in range(len(ids))]
    rows = packed(entries_of(ids, first=11), lines)
    assert rows.seqs == [11, 15, 16, 17]
    assert [line for data in rows.lines for line in lines_in(data)] == lines
    assert [key in keys_of(ids[:4]) for key in rows.keys] == [True, False, False, False]
    assert rows.keys[2] == b"given"
    assert len(set(rows.keys)) == 4


@pytest.mark.parametrize(("count", "size"), [(17, 10), (3, 30_000)])
def test_lines_that_are_many_or_large_have_a_row_each(count, size):
    ids, lines = new_ids(count), [b"x" * size + b"\n"] * count
    entries = entries_of(ids, first=1)
    assert packed(entries, lines) == one_by_one(entries, lines)


def test_lines_are_taken_out_of_a_row_whatever_their_ends_are():
    assert lines_in(b"") == [b""]
    assert lines_in(b"torn") == [b"torn"]
    assert lines_in(b"one\ntorn") == [b"one\n", b"torn"]
    assert lines_in(b"one\r\x0b\n\ntwo\n") == [b"one\r\x0b\n", b"\n", b"two\n"]
    assert [line_at(seq, 5, b"a\nb\n") for seq in (4, 5, 6, 7)] == [None, b"a\n", b"b\n", None]


def test_each_append_is_a_row_and_every_stretch_of_entries_is_read(store, conninfo):
    session = store.create(id="s")
    for number in range(3):
        session.append(turn(number))
    assert [seq for seq, _ in rows_of(conninfo, "s")] == [1, 2, 6, 10]
    for after in range(14):
        for before in range(15):
            wanted = [seq for seq in range(1, 14) if after < seq < before]
            found = [entry.seq for entry in session.entries(after=after, before=before)]
            assert found == wanted
            newest = [entry.seq for entry in session.entries(after=after, before=before, newest_first=True)]
            assert newest == wanted[::-1]
        lines = list(place_of(store).backend.lines("s", after=after))
        assert len(lines) == max(13 - after, 0)


def test_the_last_entries_of_a_long_session_are_read_without_those_before_them(store, conninfo):
    session = store.create(id="s")
    for number in range(40):
        session.append(turn(number))
    core = place_of(store).backend._core
    fetched = []

    def rows(statement, parameters):
        found = core.db.rows(statement, parameters)
        fetched.append(sum(len(lines_in(data)) for _, data in found))
        return found

    for newest_first in (True, False):
        fetched.clear()
        found = sources.entries(rows, core, core.head("s"), newest_first=newest_first)
        assert len([next(found) for _ in range(50)]) == 50
        assert len(fetched) == 1
        assert fetched[0] < 72


def test_a_hole_in_a_log_is_no_end_for_who_reads_what_can_be_read(store, conninfo):
    session = store.create(id="s")
    for number in range(40):
        session.append(turn(number))
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("DELETE FROM hansard.entries WHERE seq BETWEEN 6 AND 120")
    readable = [1, 2, 3, 4, 5, *range(122, 162)]
    assert [entry.seq for entry in session.entries(on_damage="skip") if entry.kind == "message"] == readable[1:]
    core = place_of(store).backend._core
    part = sources.Stretch(b"s", b"s", 1, 161)
    for newest_first in (True, False):
        found = [seq for seq, _ in sources.raw_lines(core.db.rows, core, part, newest_first=newest_first)]
        assert found == (readable[::-1] if newest_first else readable)


def test_ids_of_a_shared_row_are_known_to_whoever_gives_them_again(open_store):
    session = open_store().create(id="s")
    session.append(turn(1))
    ids = [entry.id for entry in session.entries(after=1)]
    for store in (open_store(), open_store()):
        again = store.get("s")
        same = [hansard.user(f"turn 1 word1x{place}", id=ids[place]) for place in (2, 1)]
        assert again.append(same) == 3
        with pytest.raises(hansard.Conflict, match="other content"):
            again.append(hansard.user("something else", id=ids[3]))
        # What was only made to look like one of them is new.
        forged = "00000000" + ids[0][8:]
        assert again.append(hansard.user("forged", id=forged)) == 6
    assert [entry.seq for entry in session.entries()] == [1, 2, 3, 4, 5, 6]


def test_one_line_of_a_shared_row_is_erased_and_the_others_stay(store, conninfo):
    session = store.create(id="s")
    session.append(turn(1))
    session.append(turn(2))
    session.erase([4, 7])
    assert [entry.seq for entry in session.entries() if entry.erased] == [4, 7]
    kept = b"".join(line for _, line in rows_of(conninfo, "s"))
    assert [text for text in (b"word1x0", b"word1x1", b"word1x2", b"word1x3", b"word2x0", b"word2x1") if text not in kept] == [
        b"word1x2", b"word2x1",
    ]  # fmt: skip
    assert store.check() == []
    assert [hit.seq for hit in store.search("word1x3")] == [5]


def test_a_fork_in_the_middle_of_a_row_shows_what_is_before_it_even_when_the_origin_is_gone(store, conninfo):
    origin = store.create(id="s")
    origin.append(turn(1))
    fork = origin.fork(at=3, id="f")
    fork.append(turn(2))
    later = fork.fork(at=6, id="g")
    before = [entry.body for entry in fork.entries()]
    assert [entry.seq for entry in fork.entries()] == list(range(1, 9))
    origin.delete(force=True)
    assert [entry.body for entry in fork.entries()] == before
    assert [entry.seq for entry in later.entries()] == [1, 2, 3, 4, 5, 6, 7]
    for session in ("f", "g"):
        assert not any(b"word1x2" in line for _, line in rows_of(conninfo, session))
    assert store.check() == []
    fork.delete(force=True)
    assert [entry.seq for entry in later.entries()] == [1, 2, 3, 4, 5, 6, 7]
    assert not any(b"word2x2" in line for _, line in rows_of(conninfo, "g"))
    assert store.check() == []


def test_a_line_that_changed_in_a_shared_row_is_named_and_a_repair_keeps_what_is_before_its_group(store, conninfo):
    session = store.create(id="s")
    session.append(turn(1))
    session.append(turn(2))
    change = (
        "UPDATE hansard.entries SET line = overlay(line placing 'WORD' from position('word2x1' in line)) WHERE seq = 6"
    )
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute(change)
    with pytest.raises(hansard.Corrupt) as caught:
        list(place_of(store).backend.lines("s", after=0))
    assert caught.value.line == 7
    store.check(repair=True)
    assert [entry.seq for entry in session.entries()] == [1, 2, 3, 4, 5]
    assert store.check() == []
