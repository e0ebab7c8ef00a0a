"""Files and results of messages on their way to another framework."""

from __future__ import annotations

import pytest

import hansard
from hansard.adapters.attached import Results, with_files

PNG = b"\x89PNG\r\n\x1a\n"
URL = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
def session():
    with hansard.open("memory:") as store:
        yield store.create()


def file(session, **fields):
    return {"type": "file", "attachment": session.attach(PNG).sha256, **fields}


def test_an_attachment_is_sent_on_as_what_its_bytes_are(session):
    given = file(session)
    expected = [{**given, "mime": "image/png", "url": URL}]
    assert with_files([given], session.attachment) == expected
    assert with_files([{**given, "mime": "image/*"}], session.attachment) == expected


def test_a_url_that_only_its_own_program_knows_gives_way_to_the_bytes(session):
    given = file(session, url="bamboo-attachment://root/pic", mime="image/png")
    result = hansard.tool_result("c", [given])
    [sent] = with_files([result], session.attachment)
    assert sent["content"][0]["url"] == URL


def test_a_file_that_the_session_does_not_have_is_named(session):
    given = {"type": "file", "mime": "image/png", "attachment": "0" * 64, "name": "pier.png"}
    assert with_files([given], session.attachment) == [given]


def test_a_call_is_answered_once_and_has_an_id_that_no_other_has():
    call = hansard.tool_call("c", "f", {})
    messages = [
        [hansard.tool_result("stray", "lost")],
        [call, call],
        [hansard.tool_result("c", "one")],
        [hansard.tool_result("c", "two"), hansard.text("well"), hansard.tool_result("c", "three")],
        [call],
        [call],
        [hansard.tool_result("c", "four"), hansard.tool_result("stray", "lost again")],
    ]

    def said(*, whole):
        results = Results(whole=whole)
        parts = [part for message in messages for part in results.wanted(message)]
        calls = [part["id"] for part in parts if part["type"] == "tool_call"]
        return calls, [(part["call_id"], part["content"]) for part in parts if part["type"] == "tool_result"]

    answers = [("c", "one"), ("c-2", "two"), ("c-4", "four")]
    assert said(whole=True) == (["c", "c-2", "c-3", "c-4"], answers)
    assert said(whole=False) == (["c"] * 4, [("stray", "lost"), ("c", "one"), ("c", "two"), ("c", "four")])


@pytest.mark.parametrize("ids", [["c", "c", "c-2"], ["c", "c-2", "c"], ["c-2", "c-2", "c", "c", "c-2-2"]])
def test_no_two_calls_have_one_id_whatever_they_had(ids):
    results = Results(whole=True)
    named = [results.wanted([hansard.tool_call(one, "f", {}), hansard.tool_result(one, "done")]) for one in ids]
    assert len({call["id"] for call, _ in named}) == len(ids)
    assert all(result["call_id"] == call["id"] for call, result in named)
