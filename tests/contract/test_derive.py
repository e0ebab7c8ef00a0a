from __future__ import annotations

import uuid

import pytest

from hansard.backends.derive import attachments_of, resident_id, slug_of
from hansard.errors import Invalid

ONE, TWO = "1" * 64, "2" * 64


def test_a_resident_id_is_the_same_for_ever():
    assert resident_id("root", "reviewer") == "2bfdfbea-5b6d-80ba-b895-ed2f798a632f"


def test_a_resident_id_is_a_uuid_of_version_8():
    found = uuid.UUID(resident_id("root", "reviewer"))
    assert (found.version, found.variant) == (8, uuid.RFC_4122)


def test_root_and_name_are_not_run_together():
    pairs = [("a", "bc"), ("ab", "c"), ('a","b', "c"), ("a", 'b","c'), ("A", "bc")]
    assert len({resident_id(*pair) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize("name", [""])
def test_a_resident_has_a_name(name):
    with pytest.raises(Invalid, match="name"):
        resident_id("root", name)


@pytest.mark.parametrize(
    ("agent", "user", "slug"),
    [
        ("coder", "ana", "coder-ana-3"),
        ("Co der!", None, "co-der-3"),
        (None, "数据库", "数据库-3"),
        ("../..", "", "3"),
        ("x" * 99, None, "x" * 40 + "-3"),
    ],
)
def test_a_slug_is_made_of_words(agent, user, slug):
    assert slug_of(agent, user, 3) == slug


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("attachment", {"sha256": ONE}),
        ("document", {"name": "plan", "sha256": ONE}),
        ("message", {"role": "user", "parts": [{"type": "file", "attachment": ONE}]}),
        (
            "message",
            {"role": "tool", "parts": [{"type": "tool_result", "content": [{"type": "file", "attachment": ONE}]}]},
        ),
        ("message", {"role": "user", "raw": {"format": "x", "text": "", "cut": [[3, ONE]]}}),
        ("event", {"type": "e", "raw": {"format": "x", "attachment": ONE}}),
        ("amend", {"seq": 2, "body": {"role": "user", "parts": [{"type": "file", "attachment": ONE}]}}),
    ],
)
def test_references_are_found(kind, body):
    assert attachments_of(kind, body) == {ONE}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("message", {"role": "user", "parts": [{"type": "text", "text": ONE}, {"type": "file", "url": ONE}]}),
        ("message", {"role": "tool", "parts": [{"type": "tool_result", "content": {"sha256": ONE}}]}),
        ("message", {"parts": {"type": "file", "attachment": ONE}, "raw": "x"}),
        ("message", {"raw": {"cut": [[1], "x", [1, 2]], "attachment": 7}}),
        ("event", {"type": "e", "sha256": ONE, "attachment": TWO}),
        ("usage", {"attachment": ONE}),
        ("x-acme.note", {"attachment": ONE}),
        ("attachment", {"sha256": {"not": "text"}}),
        ("message", None),
    ],
)
def test_what_only_looks_like_a_reference_is_none(kind, body):
    assert attachments_of(kind, body) == frozenset()
