from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote_to_bytes
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansard.codec.names import check_id, name_of, new_id
from hansard.errors import Invalid

ids = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.text(st.sampled_from("aAbB./\\%~_-0con:* é"), min_size=1, max_size=8),
    st.sampled_from(
        ["con", "CON", "nul", "com1", "lpt9", "aux.txt", ".", "..", "%", "%2e", "%2E", "~", "a~", "a%2e", "x" * 120]
    ),
)
LONG = "abc" * 100
NAMED = [
    ".", "..", "a/b", "a_b", "A", "a", "con", "a\\b", "session..1", "../../../etc/passwd", "x" * 300, "x" * 299 + "y",
    "👋", "%2e", "%63on", "CON", "com0", LONG, LONG + "d", LONG.upper(), " ", "\n", "\x00", "a:b", "a*", "é", "e\u0301",
]  # fmt: skip


@given(ids)
def test_a_short_name_leads_back_to_its_id(identifier):
    name = name_of(identifier)
    if "~" not in name:
        assert unquote_to_bytes(name) == identifier.encode()


@given(ids)
def test_a_name_is_safe_on_every_file_system(identifier):
    name = name_of(identifier)
    assert re.fullmatch(r"[a-z0-9_%-]+(~[0-9a-f]{32})?", name)
    assert len(name) <= 120
    assert name not in {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
    assert name == name.lower()


@given(st.sets(ids, min_size=2))
def test_different_ids_have_different_names_also_where_case_is_folded(identifiers):
    assert len({name_of(one).casefold() for one in identifiers}) == len(identifiers)


def test_ids_that_others_confuse_are_told_apart():
    assert len({name_of(one).casefold() for one in NAMED}) == len(NAMED)
    assert all(check_id(one) == one for one in NAMED)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=121, max_size=400))
def test_a_long_name_never_equals_a_short_one(identifier):
    name = name_of(identifier)
    assert "~" in name or unquote_to_bytes(name) == identifier.encode()


@pytest.mark.parametrize("wrong", ["", "x" * 513, "é" * 257, "\ud800", 5, None, b"a", ["a"]])
def test_what_is_no_id_is_invalid(wrong):
    with pytest.raises(Invalid):
        check_id(wrong)


@pytest.mark.parametrize("right", ["x", "x" * 512, "é" * 256, "\x00", " "])
def test_one_to_512_bytes_are_an_id(right):
    assert check_id(right) == right


def test_new_ids_are_uuids_that_rise():
    drawn = [new_id() for _ in range(10_000)]
    assert drawn == sorted(set(drawn))
    assert {(UUID(one).version, UUID(one).variant) for one in drawn} == {(7, "specified in RFC 4122")}
    assert all(str(UUID(one)) == one for one in drawn[:100])


def test_threads_draw_different_ids():
    with ThreadPoolExecutor(8) as pool:
        drawn = [one for many in pool.map(lambda _: [new_id() for _ in range(500)], range(8)) for one in many]
    assert len(set(drawn)) == 4_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where there is fork()")
def test_a_forked_child_draws_other_ids():
    inward, outward = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(outward, ",".join(new_id() for _ in range(50)).encode())
        os._exit(0)
    mine = {new_id() for _ in range(50)}
    os.waitpid(child, 0)
    os.close(outward)
    with os.fdopen(inward) as pipe:
        theirs = set(pipe.read().split(","))
    assert len(theirs) == 50
    assert not mine & theirs
