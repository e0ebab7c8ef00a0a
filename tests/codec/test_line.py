from __future__ import annotations

import json
import re
import time
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.codec.line import (
    GENESIS,
    _decode_slowly,
    decode_line,
    digest_of,
    encode_line,
    end_of,
    erase_line,
    hash_cut,
    id_of,
    line_again,
    seal,
    seq_of,
    verify_line,
)
from hansard.codec.names import new_id
from hansard.codec.values import shown
from hansard.errors import Corrupt, HansardError, Invalid
from hansard.model.entry import KINDS, Entry, NewEntry
from hansard.model.info import Segment
from support.values import json_values, nested, same, texts

NOW = 1_795_000_000_000_000
KNOWN = {"seq", "id", "at", "kind", "agent", "run", "parent", "commit", "digest", "hash", "salt", "body", "extra"}
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
entries = st.builds(
    NewEntry,
    kind=st.sampled_from(["message", "event", "x-a.b", "x-数.注", "x-a_1.b-2.c"]),
    body=json_values,
    id=ids,
    agent=st.none() | texts,
    run=st.none() | texts,
    extra=st.dictionaries(texts.filter(lambda key: key not in KNOWN), json_values, max_size=3),
)
commits = st.none() | st.tuples(st.integers(1, 2**62), st.integers(0, 2**62))


def line_of(new, seq=1, previous=GENESIS, *, parent=None, commit=None):
    return encode_line(seal(new, now_us=NOW), seq, previous, parent=parent, commit=commit)


def log(*bodies):
    lines, previous = [], GENESIS
    for seq, body in enumerate(bodies, 1):
        line, previous = line_of(NewEntry(kind="event", body=body), seq, previous, commit=(seq, NOW))
        lines.append(line)
    return lines


def verify(lines):
    previous, found = GENESIS, []
    for seq, line in enumerate(lines, 1):
        found.append(verify_line(line, previous, seq))
        previous = bytes.fromhex(found[-1].hash)
    return found


@settings(max_examples=300)
@given(entries, st.integers(1, 2**62), st.binary(min_size=32, max_size=32), st.none() | st.integers(0, 2**62), commits)
def test_an_entry_comes_back_from_its_line_as_it_was(new, seq, previous, parent, commit):
    line, link = line_of(new, seq, previous, parent=parent, commit=commit)
    entry = verify_line(line, previous, seq)
    assert (entry.seq, entry.id, entry.kind, entry.parent, entry.commit) == (seq, new.id, new.kind, parent, commit)
    assert (entry.agent, entry.run, entry.hash) == (new.agent, new.run, link.hex())
    assert same(entry.body, new.body)
    assert same(entry.extra, new.extra)
    assert not entry.erased
    assert line.count(b"\n") == 1
    assert (seq_of(line), id_of(line)) == (seq, new.id)


@given(entries, commits)
def test_the_members_stand_in_their_order(new, commit):
    line, _ = line_of(new, parent=0, commit=commit)
    said = {"agent": new.agent, "run": new.run, "commit": commit}
    order = [
        "seq",
        "id",
        "at",
        "kind",
        "agent",
        "run",
        "parent",
        *new.extra,
        "commit",
        "digest",
        "hash",
        "salt",
        "body",
    ]
    assert list(json.loads(line)) == [key for key in order if key not in said or said[key] is not None]


@given(entries)
def test_digest_and_hash_are_what_anybody_would_compute(new):
    line, link = line_of(new)
    whole = json.loads(line)
    front, _, rest = line.partition(f',"hash":"{link.hex()}"'.encode())
    body = rest.split(b',"body":', 1)[1][:-2]
    assert re.fullmatch("[0-9a-f]{16}", whole["salt"])
    assert whole["digest"] == sha256(whole["salt"].encode() + body).hexdigest() == digest_of(whole["salt"], body)
    assert whole["hash"] == sha256(bytes(32) + front).hexdigest()


@given(entries)
def test_hostile_members_do_not_move_the_cut(new):
    line, link = line_of(new)
    assert line[hash_cut(line) :].startswith(f',"hash":"{link.hex()}","salt":"'.encode())


@pytest.mark.parametrize(
    "value",
    [{"a": 1, "hash": "x"}, [{"a": 1, "hash": "x"}], ',"hash":"x"', {"a": {"b": [1, {"c": 1, "hash": "}"}]}}, "\ud800"],
)
def test_a_member_that_looks_like_a_hash_is_none(value):
    line, _ = line_of(NewEntry(kind="event", body=value, extra={"x": value}))
    assert same(verify_line(line, GENESIS, 1).extra, {"x": value})


def test_the_cut_is_found_in_a_time_that_grows_with_the_line():
    line, _ = line_of(NewEntry(kind="event", body=None, extra={"x": [{"a": 1, "hash": "y"}] * 5_000}))
    start = time.process_time()
    verify_line(line, GENESIS, 1)
    assert time.process_time() - start < 1


BASE = log({"text": "yes"}, [1, 2.5, None, "\ud800"], "three")


@settings(max_examples=500)
@given(st.integers(0, len(BASE[1]) - 1), st.integers(1, 255))
def test_any_changed_byte_is_corrupt(place, change):
    line = bytearray(BASE[1])
    line[place] ^= change
    previous = bytes.fromhex(decode_line(BASE[0]).hash)
    with pytest.raises(Corrupt):
        verify_line(bytes(line), previous, 2)


def test_every_byte_counts():
    previous = bytes.fromhex(decode_line(BASE[0]).hash)
    for place in range(len(BASE[1])):
        for change in (0x01, 0x20, 0x80):
            line = bytearray(BASE[1])
            line[place] ^= change
            with pytest.raises(Corrupt):
                verify_line(bytes(line), previous, 2)


@settings(max_examples=300)
@given(st.integers(0, len(BASE[1])), st.binary(max_size=8), st.integers(0, 8))
def test_any_splice_is_corrupt(place, put, drop):
    line = BASE[1][:place] + put + BASE[1][place + drop :]
    if line != BASE[1]:
        with pytest.raises(Corrupt):
            verify_line(line, bytes.fromhex(decode_line(BASE[0]).hash), 2)


@pytest.mark.parametrize("lines", [BASE[1:], [BASE[0], BASE[2]], [BASE[1], BASE[0], BASE[2]], [BASE[0], *BASE]])
def test_dropped_swapped_and_doubled_lines_are_corrupt(lines):
    with pytest.raises(Corrupt):
        verify(lines)


@given(st.binary(max_size=200) | texts.map(lambda text: text.encode("utf-8", "replace")))
def test_any_other_bytes_are_corrupt(data):
    with pytest.raises(Corrupt):
        verify_line(data, GENESIS, 1)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"\n", b"null\n", b"[]\n", b"{}\n", b'{"seq":1}\n', b"[" * 100_000, b'{"seq":' + b"[" * 100_000,
        b'{"seq":true,"id":"a","at":"","kind":"event"}\n', b'{"seq":1,"id":5,"at":"","kind":"event"}\n',
    ],
    ids=lambda line: line[:30].decode(),
)  # fmt: skip
def test_what_is_no_line_is_refused_by_every_reader(line):
    with pytest.raises(ValueError):
        decode_line(line)
    with pytest.raises(ValueError):
        hash_cut(line)
    with pytest.raises(Corrupt):
        verify_line(line, GENESIS, 1)


def test_a_salt_that_can_not_be_encoded_is_corrupt():
    line = BASE[0]
    start = line.index(b'"salt":"') + 8
    with pytest.raises(Corrupt):
        verify_line(line[:start] + b"\\ud800" + line[start + 6 :], GENESIS, 1)


def test_an_erased_line_keeps_the_chain_and_tells_nothing():
    lines = [BASE[0], erase_line(BASE[1]), BASE[2]]
    entry = verify(lines)[1]
    assert entry.erased
    assert entry.body is None
    assert decode_line(BASE[1]).salt.encode() not in lines[1]
    assert erase_line(lines[1]) == lines[1]


@given(entries)
def test_any_line_can_be_erased(new):
    line, link = line_of(new)
    entry = verify_line(erase_line(line), GENESIS, 1)
    assert entry.erased
    assert (entry.hash, entry.id, entry.digest) == (link.hex(), new.id, decode_line(line).digest)


@pytest.mark.parametrize(
    "put", [b'"salt":"","body":1}\n', b'"salt":"","body":null,"x":1}\n', b'"salt":"00","body":null}\n']
)
def test_half_an_erasure_is_corrupt(put):
    line = erase_line(BASE[0])
    with pytest.raises(Corrupt):
        verify_line(line.replace(b'"salt":"","body":null}\n', put), GENESIS, 1)


def test_equal_bodies_have_different_digests():
    lines = [line_of(NewEntry(kind="event", body="yes"))[0] for _ in range(8)]
    assert len({decode_line(line).digest for line in lines}) == 8


@given(entries)
def test_fast_and_slow_reading_give_equal_entries(new):
    line, _ = line_of(new)
    fast, slow = decode_line(line), _decode_slowly(line)
    assert fast == slow
    assert same(fast.body, slow.body)
    assert type(fast) is type(slow) is Entry


def test_a_member_called_extra_comes_back():
    try:
        line, _ = line_of(NewEntry(kind="event", body=None, extra={"extra": {"a": 1}}))
    except Invalid:
        return
    assert decode_line(line).extra == {"extra": {"a": 1}}


@pytest.mark.parametrize("key", sorted(KNOWN - {"extra"}))
def test_an_unknown_member_can_not_have_a_known_name(key):
    with pytest.raises(Invalid, match=key):
        seal(NewEntry(kind="event", body=None, extra={key: 1}), now_us=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": ""}, {"kind": 5}, {"kind": "note"}, {"kind": "x-"}, {"kind": "x-note"}, {"kind": "x-a."}, {"kind": []},
        {"kind": "x-a.b\n"}, {"kind": "x-a." + "b" * 500}, {"kind": "x-hansard.gap"}, {"kind": "x-\ud800.b"},
        {"parent": -1}, {"parent": True}, {"parent": 10**5000}, {"agent": "\ud83d\ude00"}, {"at": 10**5000},
        {"extra": {"extra": 1}}, {"extra": None}, {"extra": {"x": 10**5000}}, {"extra": nested(201, "dict")}, {"id": None}, {"id": "x" * 513}, {"id": "\ud800"}, {"id": 5}, {"at": "yesterday"}, {"agent": 5},
        {"run": b"x"}, {"parent": "x"}, {"parent": 1.5}, {"extra": [1]},
        {"extra": {"x": float("nan")}}, {"extra": {1: 2}}, {"body": b""}, {"body": nested(201)},
    ],
    ids=lambda wrong: shown(wrong).replace("\\", ""),
)  # fmt: skip
def test_what_a_log_can_not_hold_is_invalid(wrong):
    fields = {"kind": "event", "body": None, **wrong}
    with pytest.raises(Invalid):
        seal(NewEntry(**fields), now_us=NOW)


@pytest.mark.parametrize("key", ["agent", "run", "extra"])
def test_nothing_beside_the_body_makes_a_line_too_large(key, monkeypatch):
    monkeypatch.setattr("hansard.codec.line.ENTRY_BYTES_MAX", 128 * 1024)
    long = "a" * 131_072
    with pytest.raises(Invalid):
        seal(NewEntry(kind="event", body=None, **{key: {"x": long} if key == "extra" else long}), now_us=NOW)


@pytest.mark.parametrize("wide", ["\x00", "\ud800", "数"])
def test_no_line_is_larger_than_its_sealed_entry_says(wide):
    new = NewEntry("x-数.注", wide, "数" * 170, agent=wide * 9, run=wide, parent=1, extra={wide: wide})
    sealed = seal(new, now_us=NOW)
    line, _ = encode_line(sealed, 2**63, GENESIS, parent=2**63, commit=(2**63, 2**63))
    assert len(line) <= sealed.size


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_the_format_can_be_sealed(kind):
    assert decode_line(line_of(NewEntry(kind=kind, body={}))[0]).kind == kind


def test_a_line_written_again_is_the_line():
    new = NewEntry("message", {"a": "\ud800"}, agent="数", run="r", extra={"x": [1.5], "\ud800": None})
    line, _ = line_of(new, 7, bytes(32), parent=3, commit=(5, NOW))
    assert line_again(decode_line(line), bytes(32))[0] == line
    assert line_again(decode_line(erase_line(line)), bytes(32))[0] == erase_line(line)


@pytest.mark.parametrize("wrong", ["", "00", "zz" * 32, "é" * 64])
def test_a_segment_without_a_hash_is_continued_by_nothing(wrong):
    with pytest.raises(ValueError):
        end_of((Segment("s", 4, wrong),))
    assert end_of(()) == (0, GENESIS)
    assert end_of((Segment("s", 1, wrong), Segment("t", 4, "01" * 32))) == (4, b"\x01" * 32)


def test_a_body_beyond_the_bound_is_invalid_with_the_way_out():
    with pytest.raises(Invalid, match=r"at most 64 MiB\. Store the large part with attach"):
        seal(NewEntry(kind="event", body="x" * (64 * 1024 * 1024)), now_us=NOW)


@given(st.text(max_size=30), st.integers(0, 27), st.characters())
def test_no_time_breaks_a_line(text, place, put):
    good = "2026-11-21T08:00:00.000000Z"
    for at in (text, good[:place] + put + good[place + 1 :]):
        if not at:
            continue
        try:
            line, _ = line_of(NewEntry(kind="event", body=None, at=at))
        except HansardError:
            continue
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", verify_line(line, GENESIS, 1).at, re.ASCII)


@pytest.mark.parametrize("line", [b"", b"{", b'{"seq":', b'{"seq":x,', b'{"seq":-1,', b'{"seq":1}', b' {"seq":1,'])
def test_a_line_that_begins_otherwise_has_no_seq(line):
    with pytest.raises(ValueError):
        seq_of(line)


@pytest.mark.parametrize("line", [b"", b'{"seq":1,"id":"', b'{"seq":1,"at":"x"}', b'{"id":"x"}'])
def test_a_line_that_begins_otherwise_has_no_id(line):
    with pytest.raises(ValueError):
        id_of(line)


def test_an_id_is_drawn_where_none_is_given():
    drawn = [seal(NewEntry(kind="event", body=None), now_us=NOW) for _ in range(3)]
    assert len({sealed.new.id for sealed in drawn}) == 3
    assert not any(sealed.given for sealed in drawn)
    assert seal(NewEntry(kind="event", body=None), now_us=NOW, id="k.0").new.id == "k.0"
    assert seal(NewEntry(kind="event", body=None, id=new_id()), now_us=NOW).given
